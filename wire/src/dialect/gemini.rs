//! Google's `generateContent`, on the Gemini API and on Vertex AI.
//!
//! The model and whether to stream are in the URL, so not in the body; a stream is server-sent
//! events (`alt=sse`) and ends where the body ends. Source: google-genai 3.4.0 and 3.6.1 `types`
//! (read 2026-11). Pictures and recordings in an answer have no place in a chat's events and are
//! left out, as are the traces of code that the vendor ran.

mod answer;
mod base64;
mod carrier;
mod contents;
mod declared;
mod emit;
mod ending;
pub(crate) mod error;
mod events;
mod generation;
mod grounding;
mod logprobs;
mod media;
mod names;
mod openapi;
mod partial;
mod read;
mod settings;
#[cfg(test)]
mod tests;
mod thinking;
mod tools;
mod turns;
mod usage;
mod write;

pub(crate) use self::answer::{read_answer, write_answer};
pub use self::carrier::without_disguised;
pub(crate) use self::emit::writer;
pub(crate) use self::events::{Candidates, reader};
pub(crate) use self::read::read_request;
pub(crate) use self::write::write_request;
