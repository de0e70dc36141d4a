//! The conversation between `aigwctl` and `aigwd`, on a Unix socket or a named pipe.
//!
//! 1. Both sides send a [`hello`]: twelve bytes that never change, with the newest and the oldest version each
//!    speaks. They use the lower of the two newest.
//! 2. `aigwctl` sends one [`Request`](message::Request) at a time, `aigwd` answers each with one
//!    [`Response`](message::Response). Each travels in a [`frame`]: a length and that many bytes, which [`codec`]
//!    turns into values.
//!
//! The first requests and responses are frozen for ever, and are answered even when the versions have nothing in
//! common: so any `aigwctl` can describe, stop and replace any `aigwd`. Everything else is append-only: new data is a
//! new struct in a new variant at the end, and a released struct keeps its fields. `tests/fixtures/ipc` holds the
//! released bytes.

pub mod client;
pub mod codec;
pub mod frame;
pub mod hello;
pub mod message;
pub mod payload;
