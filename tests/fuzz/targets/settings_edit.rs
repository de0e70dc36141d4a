//! Changes in our own settings.
#![no_main]

libfuzzer_sys::fuzz_target!(|text: &str| aigw_shared::config::fuzzed::edits(text));
