//! What the tests share: a scratch machine with real binaries, a raw HTTP client, and waiting on conditions.

pub mod eventually;
pub mod machine;
pub mod raw;
