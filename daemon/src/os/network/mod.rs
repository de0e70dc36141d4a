//! Whether the machine's network has changed: other addresses, other routes. What was connected before may then lead nowhere,
//! without a word.

#[cfg(target_os = "linux")]
mod linux;
#[cfg(target_os = "linux")]
pub use linux::Watch;
#[cfg(not(target_os = "linux"))]
mod other;
#[cfg(not(target_os = "linux"))]
pub use other::Watch;
