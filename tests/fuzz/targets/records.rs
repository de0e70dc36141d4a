//! The ledger and the journal.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| aigw_ctl::fuzzed::records(bytes));
