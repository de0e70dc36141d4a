//! Tools after `aigwctl setup`, with nothing in their environment that leads to us: their own files are enough, and `undo` puts
//! those back.

mod codex;
mod files;
mod result;
mod tools;
mod trial;
