//! The same tools, told nothing but a proxy and whom to trust.

#[cfg(feature = "browser")]
mod browser;
mod claude_code;
mod codex;
#[cfg(feature = "proxy-clients")]
mod copilot;
#[cfg(feature = "proxy-clients")]
mod copilot_server;
mod everyday;
#[cfg(feature = "proxy-clients")]
mod github;
pub mod names;
mod town;
