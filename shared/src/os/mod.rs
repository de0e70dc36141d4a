//! What differs between operating systems, one concern a folder, one system a file.

pub(crate) mod dirs;
pub mod listener;
pub(crate) mod owner;
pub mod socket;
