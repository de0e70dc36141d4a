//! aigwd, built where `cargo test` builds it: it does not build another package's binaries.

fn main() -> std::process::ExitCode {
    aigw_daemon::main()
}
