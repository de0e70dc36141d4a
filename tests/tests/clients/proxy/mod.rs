//! The same tools, told nothing but a proxy and whom to trust.

mod claude_code;
mod codex;
mod everyday;
mod names;
mod town;
