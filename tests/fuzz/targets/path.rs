//! Where a path leads.
#![no_main]

libfuzzer_sys::fuzz_target!(|text: &str| aigw_daemon::fuzzed::path(text));
