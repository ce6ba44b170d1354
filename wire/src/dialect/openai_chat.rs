//! `OpenAI`'s chat completions.
//!
//! Both directions: callers of any vendor, and vendors of the family for callers of
//! another dialect. Source: openai-python 3.54 `types/chat` (read 2026-11); what the
//! family does differently is noted where it is read.

mod answer;
mod emit;
mod events;
mod left_out;
mod messages;
mod parts;
mod read;
mod terms;
#[cfg(test)]
mod tests;
mod tools;
mod write;

pub(crate) use self::answer::{read_answer, read_text_answer, write_answer};
pub(crate) use self::emit::{chunk_head, usage_object, writer};
pub(crate) use self::events::{reader, text_reader};
pub(crate) use self::read::read_request;
pub(crate) use self::terms::{empty_schema, input_schema};
pub(crate) use self::write::{tool_names, write_request};
