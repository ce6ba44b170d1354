//! Google's `generateContent`, on the Gemini API and on Vertex AI.
//!
//! One direction: vendors for callers of another dialect. The model and whether to stream
//! are in the URL, so not in the body; a stream is server-sent events (`alt=sse`) and ends
//! where the body ends. Source: google-genai 3.4.0 `types` (read 2026-11). Pictures and
//! recordings in an answer have no place in a chat's events and are left out, as are the
//! traces of code that the vendor ran.

mod answer;
mod events;
mod generation;
mod grounding;
mod logprobs;
mod media;
mod partial;
#[cfg(test)]
mod tests;
mod thinking;
mod tools;
mod turns;
mod usage;
mod write;

pub(crate) use self::answer::read_answer;
pub(crate) use self::events::{Candidates, reader};
pub(crate) use self::write::write_request;
