//! The way out of this machine: through a company's proxy, or past it.

// Functions of a test may fail as the test itself may.
#![allow(clippy::unwrap_used)]

mod corporate;
mod gateways;
mod refusals;
