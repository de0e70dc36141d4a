//! What a corporate proxy says to CONNECT.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| aigw_daemon::fuzzed::proxy_answer(bytes));
