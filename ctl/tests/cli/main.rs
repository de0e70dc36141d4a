//! The real binary against a little daemon made of the shared crate: what is sent, what is printed, what it exits with.

// Clippy's setting for tests covers test functions only, not what they share.
#![allow(clippy::unwrap_used)]

mod env;
mod failures;
mod fake;
mod lifecycle;
mod login;
mod show;
#[cfg(unix)]
mod ways;
