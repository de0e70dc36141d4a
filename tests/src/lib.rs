//! What the tests share: a scratch machine with real binaries, a raw HTTP client, gateways, and waiting on conditions.

pub mod eventually;
pub mod live;
pub mod machine;
pub mod raw;
pub mod scene;
pub mod wire;
