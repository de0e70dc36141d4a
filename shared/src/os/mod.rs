//! What differs between operating systems, one concern a folder, one system a file.

pub mod account;
pub(crate) mod dirs;
pub mod listener;
pub(crate) mod owner;
pub(crate) mod policy;
pub mod socket;
pub mod sockets;
