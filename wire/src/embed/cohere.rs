//! Cohere's `/v2/embed`.
//!
//! Source: cohere 7.3.1 `v2/raw_client.py`, `types/embed_by_type_response.py`; docs.cohere.com
//! `/reference/embed`: at most 96 texts, `output_dimension` from embed-v4 on (read 2026-11).

use serde::Deserialize;
use serde_json::value::RawValue;

use super::{EmbedRequest, Embedded, Purpose, Written, in_parts, list};
use crate::chat::Unsupported;
use crate::json::{Json, Object};
use crate::usage::Usage;

/// Most texts in one request.
pub(super) const MAX_TEXTS: usize = 96;

pub(super) fn write<'a>(
    request: &EmbedRequest<'a>,
    model: &'a str,
) -> Result<Written<'a>, Unsupported> {
    refuse_dimensions(request, model)?;
    let parts = in_parts(request.texts()?, MAX_TEXTS, |texts| {
        Object::new()
            .with("model", model)
            .with("texts", list(texts))
            .with("input_type", input_type(request))
            .with("embedding_types", vec![Json::from("float")])
            .with_some("output_dimension", request.dimensions)
            .with("truncate", NO_CUT)
            .into()
    });
    Ok(Written {
        parts,
        dropped: Vec::new(),
    })
}

/// A text that is too long is an error, as it is at `OpenAI`, and not cut in silence.
pub(super) const NO_CUT: &str = "NONE";

/// What the vectors are for, which Cohere must know: to be found, if nobody says.
pub(super) fn input_type(request: &EmbedRequest<'_>) -> &'static str {
    match request.purpose {
        None | Some(Purpose::Document) => "search_document",
        Some(Purpose::Query) => "search_query",
        Some(Purpose::Classification) => "classification",
        Some(Purpose::Clustering) => "clustering",
    }
}

/// Models before the fourth generation have one length.
pub(super) fn refuse_dimensions(
    request: &EmbedRequest<'_>,
    model: &str,
) -> Result<(), Unsupported> {
    let is_old = model.contains("embed-") && ["-v2", "-v3"].iter().any(|it| model.contains(it));
    if request.dimensions.is_some() && is_old {
        let reason = "vectors of this model have one length; embed-v4 can shorten them";
        return Err(Unsupported::new("dimensions", reason));
    }
    Ok(())
}

#[derive(Deserialize)]
struct Answer<'a> {
    embeddings: ByType,
    #[serde(borrow, default)]
    meta: Option<Meta<'a>>,
}

/// Vectors by the type of their numbers.
#[derive(Deserialize)]
pub(super) struct ByType {
    pub(super) float: Vec<Vec<f32>>,
}

#[derive(Deserialize)]
struct Meta<'a> {
    #[serde(borrow, default)]
    billed_units: Option<Billed<'a>>,
}

#[derive(Deserialize)]
struct Billed<'a> {
    #[serde(borrow, default)]
    input_tokens: Option<&'a RawValue>,
}

pub(super) fn read(body: &[u8]) -> Option<Embedded> {
    let answer: Answer<'_> = serde_json::from_slice(body).ok()?;
    let billed = answer.meta.and_then(|it| it.billed_units);
    let tokens = billed.and_then(|it| it.input_tokens);
    Some(Embedded {
        vectors: answer.embeddings.float,
        usage: tokens.map(|it| Usage::of_input("input_tokens", it.get())),
    })
}
