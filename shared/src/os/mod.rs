//! What differs between operating systems, one concern a folder, one system a file.

pub mod socket;
