//! The Gemini API (<https://ai.google.dev/api/generate-content>), as its clients really write and read it.

pub mod answer;
mod calls;
mod config;
mod cut;
pub mod error;
pub mod fields;
pub mod models;
pub mod request;
mod schema;
mod settle;
pub mod stream;
mod turns;
