//! Messages in both directions.

mod choices;
mod emitting;
mod reading;
mod streams;
mod thinking;
mod writing;

use serde_json::Value;

use crate::chat::Traits;
use crate::dialect::Dialect;
use crate::dialect::tests::{Sent, write};

/// From a caller of `OpenAI`'s to Anthropic.
const WAY: (Dialect, Dialect) = (Dialect::OpenAiChat, Dialect::Anthropic);

fn chat(request: &Value, traits: Traits) -> Sent {
    write(WAY, request, traits)
}

/// A Claude from before schemas and efforts.
fn older() -> Traits {
    Traits {
        takes_schema: false,
        takes_strict_tools: false,
        thinks_by_effort: false,
        takes_both_sampling: false,
        ..Traits::default()
    }
}
