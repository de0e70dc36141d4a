//! The same tools, told nothing but a proxy and whom to trust.

#[cfg(feature = "browser")]
mod browser;
mod claude_code;
mod codex;
mod everyday;
pub mod names;
mod town;
