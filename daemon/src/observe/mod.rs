//! What can be seen from outside: logs, and findings.

pub mod distrust;
pub mod health;
pub mod log;
pub mod proof;
mod rotated;
pub mod settings;
