//! Anthropic's Messages.
//!
//! Source: anthropic-python 2.12 `types` and 1.17 for the fields of version 2023-06-01
//! (read 2026-11). Callers send either version; vendors are sent 2023-06-01.

mod answer;
mod citation;
mod emit;
pub mod error;
mod events;
pub mod invoke;
mod messages;
mod plan;
mod read;
mod schema;
#[cfg(test)]
mod tests;
mod thinking;
mod thought;
mod tools;
mod turns;
mod usage;
mod write;

pub(crate) use self::answer::{read_answer, write_answer};
pub(crate) use self::emit::writer;
pub(crate) use self::events::{Blocks, reader};
pub(crate) use self::plan::{holds_to_grammar, is_allowed, with_type};
pub(crate) use self::read::read_request;
pub(crate) use self::schema::closed;
pub(crate) use self::thinking::{Orders, lacks_thought, orders};
pub use self::thought::without_disguised;
pub(crate) use self::write::write_request;
