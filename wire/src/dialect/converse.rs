//! Amazon Bedrock's Converse, for vendors: no caller speaks it.
//!
//! The model is named in the URL and so is whether to stream; bodies say neither. Streams
//! are binary frames, see [`crate::eventstream`]. What only one family of models takes
//! stands in `additionalModelRequestFields`.
//!
//! Source: botocore 1.44.5 `bedrock-runtime/2023-09-30` (read 2026-11); what the families
//! take beyond it from `@ai-sdk/amazon-bedrock` at vercel/ai `ed857f50f1`.

mod answer;
mod blocks;
pub mod error;
mod events;
mod extras;
mod family;
mod identity;
mod media;
#[cfg(test)]
mod tests;
mod tools;
mod turns;
mod usage;
mod write;

pub(crate) use self::answer::read_answer;
pub(crate) use self::events::reader;
pub(crate) use self::write::write_request;
