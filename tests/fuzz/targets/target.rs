//! A request's target, and that of CONNECT.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| aigw_daemon::fuzzed::target(bytes));
