//! Ollama's own API: `/api/chat` and `/api/generate`.
//!
//! Callers use both, vendors are asked by `/api/chat`. A stream is one JSON object per
//! line and ends with the one that says `done`; nothing in it is a server-sent event.
//! What its clients ask besides is in [`catalog`] and [`load`].
//!
//! Source: `api/types.go`, `server/routes.go`, `server/prompt.go` and `openai/openai.go` of
//! ollama/ollama at fb3076099 (read 2026-11).

mod answer;
pub mod catalog;
mod emit;
pub mod error;
mod events;
mod lines;
pub mod load;
mod messages;
mod options;
mod read;
#[cfg(test)]
mod tests;
mod turns;
mod write;

pub(crate) use self::answer::{read_answer, write_answer};
pub(crate) use self::emit::writer;
pub(crate) use self::lines::reader;
pub(crate) use self::read::{read_chat, read_generate};
pub(crate) use self::write::write_request;

/// Which of the two endpoints; they differ in where the words are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Endpoint {
    /// `/api/chat`: a message.
    Chat,
    /// `/api/generate`: a text.
    Generate,
}
