//! Ollama's `/api/embed`, as a vendor's. Callers of it are met in `dialect::ollama::catalog`.
//!
//! Source: ollama `api/types.go` (`EmbedRequest`, `EmbedResponse`) at fb3076099 (read 2026-11).

use serde::Deserialize;
use serde_json::value::RawValue;

use super::{EmbedRequest, Embedded, Written, in_parts, list, purpose_dropped};
use crate::chat::Unsupported;
use crate::json::Object;
use crate::usage::Usage;

/// Texts in one request. It takes any number, but its answer grows with them.
const MAX_TEXTS: usize = 64;

pub(super) fn write<'a>(
    request: &EmbedRequest<'a>,
    model: &'a str,
) -> Result<Written<'a>, Unsupported> {
    let parts = in_parts(request.texts()?, MAX_TEXTS, |texts| {
        Object::new()
            .with("model", model)
            .with("input", list(texts))
            // A text that is too long is an error, and not cut in silence.
            .with("truncate", false)
            .with_some("dimensions", request.dimensions)
            .into()
    });
    Ok(Written {
        parts,
        dropped: purpose_dropped(request),
    })
}

#[derive(Deserialize)]
struct Answer<'a> {
    embeddings: Vec<Vec<f32>>,
    #[serde(borrow, default)]
    prompt_eval_count: Option<&'a RawValue>,
}

pub(super) fn read(body: &[u8]) -> Option<Embedded> {
    let answer: Answer<'_> = serde_json::from_slice(body).ok()?;
    let tokens = answer.prompt_eval_count;
    Some(Embedded {
        vectors: answer.embeddings,
        usage: tokens.map(|it| Usage::of_input("prompt_eval_count", it.get())),
    })
}
