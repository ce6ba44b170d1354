//! Google's `:batchEmbedContents`.
//!
//! Source: google-genai 3.6.1 `models.py` (`_embed_content`), which uses it for every model of
//! the Gemini API; ai.google.dev/gemini-api/docs/embeddings (read 2026-11).

use serde::Deserialize;
use serde_json::value::RawValue;

use super::{EmbedRequest, Embedded, Purpose, Written, in_parts, purpose_dropped};
use crate::chat::Unsupported;
use crate::json::{Json, Object};
use crate::usage::Usage;

/// Most texts in one request.
const MAX_TEXTS: usize = 100;
/// How far the length of a vector may be from one to count as one.
const ROUNDING: f64 = 1e-3;

pub(super) fn write<'a>(
    request: &EmbedRequest<'a>,
    model: &'a str,
) -> Result<Written<'a>, Unsupported> {
    let name = model.strip_prefix("models/").unwrap_or(model);
    // The second generation is told by the text what it is for, and ignores the field.
    let takes_purpose = !name.contains("embedding-2");
    let purpose = request.purpose.filter(|_| takes_purpose).map(task_type);
    let parts = in_parts(request.texts()?, MAX_TEXTS, |texts| {
        let requests = texts.iter().map(|text| {
            let part = Object::new().with("text", text.clone());
            Object::new()
                .with("model", format!("models/{name}"))
                .with("content", Object::new().with("parts", vec![part.into()]))
                .with_some("taskType", purpose)
                .with_some("outputDimensionality", request.dimensions)
                .into()
        });
        let requests: Vec<Json<'a>> = requests.collect();
        Object::new().with("requests", requests).into()
    });
    Ok(Written {
        parts,
        dropped: if takes_purpose {
            Vec::new()
        } else {
            purpose_dropped(request)
        },
    })
}

pub(super) const fn task_type(purpose: Purpose) -> &'static str {
    match purpose {
        Purpose::Document => "RETRIEVAL_DOCUMENT",
        Purpose::Query => "RETRIEVAL_QUERY",
        Purpose::Classification => "CLASSIFICATION",
        Purpose::Clustering => "CLUSTERING",
    }
}

#[derive(Deserialize)]
struct Answer<'a> {
    embeddings: Vec<Content>,
    #[serde(borrow, default, rename = "usageMetadata")]
    usage: Option<Counted<'a>>,
}

#[derive(Deserialize)]
struct Content {
    values: Vec<f32>,
}

#[derive(Deserialize)]
struct Counted<'a> {
    #[serde(borrow, default, rename = "promptTokenCount")]
    tokens: Option<&'a RawValue>,
}

/// The first generation reports no tokens.
pub(super) fn read(request: &EmbedRequest<'_>, body: &[u8]) -> Option<Embedded> {
    let answer: Answer<'_> = serde_json::from_slice(body).ok()?;
    let mut vectors: Vec<_> = answer.embeddings.into_iter().map(|it| it.values).collect();
    if request.dimensions.is_some() {
        for vector in &mut vectors {
            normalize(vector);
        }
    }
    let tokens = answer.usage.and_then(|it| it.tokens);
    Some(Embedded {
        vectors,
        usage: tokens.map(|it| Usage::of_input("promptTokenCount", it.get())),
    })
}

/// Brings a vector to the length one that `OpenAI`'s have. A shortened one of Google's first
/// generation has another (recording of 2026-08: 0.57), and is to be brought there by who asked.
pub(super) fn normalize(vector: &mut [f32]) {
    let square: f64 = vector.iter().map(|it| f64::from(*it).powi(2)).sum();
    let length = square.sqrt();
    if length == 0.0 || (length - 1.0).abs() <= ROUNDING {
        return;
    }
    for number in vector {
        #[expect(
            clippy::cast_possible_truncation,
            reason = "back to the width it came in"
        )]
        let scaled = (f64::from(*number) / length) as f32;
        *number = scaled;
    }
}
