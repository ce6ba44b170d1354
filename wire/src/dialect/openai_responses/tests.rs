//! What a vendor sends and a caller gets, in both directions.

mod caller;
mod history;
mod listing;
mod request;
mod vendor;
mod vendor_request;

use crate::chat::seal::tests::SEAL;
use serde_json::Value;

use crate::chat::{Target, Traits};
use crate::dialect::{Dialect, Echo};
use crate::document::Document;
use crate::json::Json;

const DIALECT: Dialect = Dialect::OpenAiResponses;

/// A request body; one that cannot be parsed is an empty one, which no test expects.
fn document(body: &Value) -> Document {
    let empty = || Document::parse("{}".into());
    Document::parse(body.to_string().into())
        .or_else(|_| empty())
        .unwrap_or_else(|error| unreachable!("{error}"))
}

fn echo(request: &Document) -> Echo<'_> {
    Echo {
        model: "public",
        id: "0123456789abcdef",
        created: 1_700_000_000,
        asks_usage: true,
        estimated_input: 42,
        seal: &SEAL,
        timing: crate::dialect::timing::Timing::default(),
        request,
    }
}

fn target() -> Target<'static> {
    Target {
        model: "gpt",
        traits: Traits {
            takes_custom_tools: true,
            ..Traits::default()
        },
    }
}

fn value(json: &Json<'_>) -> Value {
    serde_json::from_slice(&json.to_bytes()).unwrap_or_default()
}
