//! Chat completions in both directions.

mod emitting;
mod family;
mod reading;
mod streams;
mod writing;

use serde_json::Value;

/// A stream of these chunks, with its end.
fn sse(chunks: &[Value]) -> String {
    let chunks = chunks.iter().map(|it| format!("data: {it}\n\n"));
    chunks.collect::<String>() + "data: [DONE]\n\n"
}
