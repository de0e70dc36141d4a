//! The first bytes inside a tunnel that is opened.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| aigw_daemon::fuzzed::greeting(bytes));
