//! `OpenAI`'s older completions, as callers use them.
//!
//! A prompt becomes one message of a user, and the words of the answer become text again.
//! What a chat has nothing like is refused: several prompts, tokens for words, a suffix,
//! the prompt echoed, a choice of the best. Source: openai-python 3.54
//! `types/completion_create_params.py` (read 2026-11).

mod emit;
mod read;
#[cfg(test)]
mod tests;

pub(crate) use self::emit::{write_answer, writer};
pub(crate) use self::read::read_request;
