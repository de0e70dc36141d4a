//! Our own settings and the policy.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| aigw_shared::config::fuzzed::settings(bytes));
