//! Which fields travel on.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| aigw_daemon::fuzzed::fields(bytes));
