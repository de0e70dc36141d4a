//! The same tools, told nothing but a proxy and whom to trust.

#[cfg(feature = "browser")]
mod browser;
mod claude_code;
mod codex;
mod copilot;
#[cfg(feature = "heavy-clients")]
mod copilot_server;
mod everyday;
pub mod github;
pub mod names;
pub mod town;
