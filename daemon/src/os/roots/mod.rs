//! The roots that this system trusts, whatever `SSL_CERT_FILE` says: that may name a file of ours, which is made of them.

#[cfg(target_os = "linux")]
mod linux;
#[cfg(target_os = "linux")]
pub use linux::system;
#[cfg(not(target_os = "linux"))]
mod other;
#[cfg(not(target_os = "linux"))]
pub use other::system;
