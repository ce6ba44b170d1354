//! `OpenAI`'s Responses.
//!
//! Both directions: callers of any vendor, and models that take tools nowhere else. An
//! answer here is a list of items, a request repeats those of earlier answers. Source:
//! openai-python 3.54 `types/responses` (read 2026-11).

mod emit;
mod error;
mod events;
mod failure;
mod frames;
mod input;
mod item;
pub mod listing;
mod namespace;
mod open;
mod output;
mod parts;
mod read;
mod response;
pub mod state;
#[cfg(test)]
mod tests;
mod tools;
mod usage;
mod vendor_input;
mod whole;
mod write;

pub(crate) use self::emit::writer;
pub(crate) use self::error::event as error_event;
pub(crate) use self::events::{Items, read_answer, reader};
pub(crate) use self::read::read_request;
pub use self::whole::output_items;
pub(crate) use self::whole::write_answer;
pub(crate) use self::write::write_request;
