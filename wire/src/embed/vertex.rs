//! Vertex AI's `:predict`, and `:embedContent` for the second generation of Gemini's.
//!
//! Source: google-genai 3.6.1 `models.py` (`_embed_content`, `t_is_vertex_embed_content_model`)
//! and @ai-sdk/google-vertex 4.0.208 `google-vertex-embedding-model.ts` (read 2026-11).

use serde::Deserialize;
use serde_json::value::RawValue;

use super::gemini::{normalize, task_type};
use super::{EmbedRequest, Embedded, Written, in_parts, purpose_dropped};
use crate::chat::Unsupported;
use crate::json::{Json, Object};
use crate::usage::Usage;

/// Most texts in one request to the older models, whose bound of 250 texts comes with one of
/// 20,000 tokens.
const MAX_TEXTS: usize = 25;

/// Whether the model is asked by `:embedContent`.
pub(super) fn embeds_content(model: &str) -> bool {
    model.contains("gemini-embedding-2")
}

pub(super) fn write<'a>(
    request: &EmbedRequest<'a>,
    model: &'a str,
) -> Result<Written<'a>, Unsupported> {
    let texts = request.texts()?;
    let size = request.dimensions;
    if embeds_content(model) {
        let parts = in_parts(texts, 1, |texts| {
            let parts = texts
                .iter()
                .map(|it| Object::new().with("text", it.clone()));
            let parts: Vec<Json<'a>> = parts.map(Json::from).collect();
            let config = size.map(|it| Object::new().with("outputDimensionality", it));
            Object::new()
                .with("content", Object::new().with("parts", parts))
                .with_some("embedContentConfig", config)
                .into()
        });
        let dropped = purpose_dropped(request);
        return Ok(Written { parts, dropped });
    }
    let purpose = request.purpose.map(task_type);
    // Gemini's first takes a text at a time.
    let most = if model.contains("gemini") {
        1
    } else {
        MAX_TEXTS
    };
    let parts = in_parts(texts, most, |texts| {
        let instances = texts.iter().map(|text| {
            Object::new()
                .with("content", text.clone())
                .with_some("task_type", purpose)
                .into()
        });
        let instances: Vec<Json<'a>> = instances.collect();
        let parameters = size.map(|it| Object::new().with("outputDimensionality", it));
        Object::new()
            .with("instances", instances)
            .with_some("parameters", parameters)
            .into()
    });
    Ok(Written {
        parts,
        dropped: Vec::new(),
    })
}

/// The answer of either method.
#[derive(Deserialize)]
struct Answer<'a> {
    #[serde(borrow, default)]
    predictions: Vec<Prediction<'a>>,
    #[serde(default)]
    embedding: Option<Values>,
    #[serde(borrow, default, rename = "usageMetadata")]
    usage: Option<Counted<'a>>,
}

#[derive(Deserialize)]
struct Prediction<'a> {
    #[serde(borrow)]
    embeddings: Predicted<'a>,
}

#[derive(Deserialize)]
struct Predicted<'a> {
    values: Vec<f32>,
    #[serde(borrow, default)]
    statistics: Option<Counted<'a>>,
}

#[derive(Deserialize)]
struct Values {
    values: Vec<f32>,
}

#[derive(Deserialize)]
struct Counted<'a> {
    #[serde(borrow, default, rename = "promptTokenCount", alias = "token_count")]
    tokens: Option<&'a RawValue>,
}

pub(super) fn read(request: &EmbedRequest<'_>, body: &[u8]) -> Option<Embedded> {
    let answer: Answer<'_> = serde_json::from_slice(body).ok()?;
    let counted = |it: Option<&Counted<'_>>| {
        let tokens = it?.tokens?;
        Some(Usage::of_input("token_count", tokens.get()))
    };
    let mut usage = counted(answer.usage.as_ref());
    let mut vectors: Vec<Vec<f32>> = answer.embedding.into_iter().map(|it| it.values).collect();
    for (index, Prediction { embeddings }) in answer.predictions.into_iter().enumerate() {
        let one = counted(embeddings.statistics.as_ref());
        usage = match (usage, one) {
            (None, one) if index == 0 => one,
            (Some(Ok(sum)), Some(Ok(one))) => Some(Ok(Usage {
                input: sum.input.saturating_add(one.input),
                ..sum
            })),
            (Some(Err(anomaly)), _) | (_, Some(Err(anomaly))) => Some(Err(anomaly)),
            // A count that is missing makes the sum unknown.
            (None, _) | (_, None) => None,
        };
        vectors.push(embeddings.values);
    }
    if request.dimensions.is_some() {
        for vector in &mut vectors {
            normalize(vector);
        }
    }
    Some(Embedded { vectors, usage })
}
