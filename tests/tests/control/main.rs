//! The control socket as any peer meets it, byte by byte: who may speak, what is refused, and that nothing said there
//! ends the daemon or disturbs others.

#![cfg(unix)]

mod bytes;
mod limits;
mod place;
mod secrets;
mod talk;
mod versions;
