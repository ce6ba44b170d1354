//! The command line's client-side commands.
pub mod chat;
pub mod client;
pub mod console;
pub mod key;
pub mod models;
pub mod pull;
pub mod span;
pub mod usage;
