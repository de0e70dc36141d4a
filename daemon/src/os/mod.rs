//! What differs between operating systems, one concern a folder, one system a file.

pub mod keyring;
pub mod limits;
pub mod peer;
pub mod roots;
pub mod shell;
pub mod signal;
