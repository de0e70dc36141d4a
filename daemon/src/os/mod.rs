//! What differs between operating systems, one concern a folder, one system a file.

pub mod handed;
pub mod handover;
pub mod journal;
pub mod keyring;
pub mod limits;
pub mod network;
pub mod notify;
pub mod peer;
pub mod roots;
pub mod shell;
pub mod signal;
pub mod sleep;
