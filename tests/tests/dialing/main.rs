//! The way out of this machine: through a company's proxy, or past it.

mod corporate;
mod gateways;
mod refusals;
