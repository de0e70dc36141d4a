//! A tool's settings in this format: set, read again, undone.
#![no_main]

libfuzzer_sys::fuzz_target!(|text: &str| aigw_ctl::fuzzed::json(text));
