//! Anthropic Messages (<https://docs.anthropic.com/en/api/messages>).

pub mod read;
pub mod traits;
pub mod write;
