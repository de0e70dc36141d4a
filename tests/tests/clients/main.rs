//! The real tools, driven headless through the real daemon to a practice gateway, as a person would set them up.
//!
//! They are installed by `.ci/clients`, which also runs these tests in a namespace with nothing but a loopback interface.

mod claude_code;
mod codex;
mod constraints;
mod desk;
mod doctor;
mod failures;
mod gemini;
mod jvm;
mod own_plans;
mod proxy;
mod recovers;
mod sdks;
mod setup;
mod tap;
