//! The program `aigwctl`; everything is in the library, where tests can call it.
fn main() -> std::process::ExitCode {
    aigw_ctl::main()
}
