//! What `aigwd` and `aigwctl` must agree on. Nothing here listens, knows a tool, or asks the system outside `os/`.
//!
//! | module | holds |
//! | --- | --- |
//! | [`provider`] | the table of provider names |
//! | [`fault`] | the one list of failure kinds |
//! | [`secret`], [`key`] | strings that must not be seen; the local keys that tools show |
//! | [`config`], [`paths`], [`files`] | the settings, where things live, and how files are written |
//! | [`pause`] | whether tools go to their vendors' own hosts for a while |
//! | [`finding`] | what is wrong without being an error, as data |

pub mod config;
pub mod fault;
pub mod files;
pub mod finding;
pub mod ipc;
pub mod key;
pub mod os;
pub mod paths;
pub mod pause;
pub mod provider;
pub mod secret;
