//! Local keys in every place.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| aigw_daemon::fuzzed::keys(bytes));
