//! What the tests share: a scratch machine with real binaries, a raw HTTP client, TLS inside a CONNECT, a browser, gateways,
//! and waiting on conditions.

pub mod browser;
pub mod eventually;
#[cfg(target_os = "linux")]
pub mod host;
pub mod inside;
pub mod live;
pub mod load;
pub mod machine;
pub mod port;
pub mod raw;
pub mod scene;
pub mod wire;
