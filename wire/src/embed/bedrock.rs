//! Bedrock's `InvokeModel`, whose bodies are those of the model's maker.
//!
//! Amazon's own models take one text a request. Source: recorded exchanges of 2025-10 to
//! 2026-08, langchain-aws 1.9.1 `embeddings/bedrock.py`, the model parameters of the
//! Bedrock user guide (read 2026-11).

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::value::RawValue;

use super::{EmbedRequest, Embedded, Purpose, Written, cohere, in_parts, list, purpose_dropped};
use crate::chat::Unsupported;
use crate::json::Object;
use crate::usage::Usage;

/// Whose embeddings a model makes.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Maker {
    Titan,
    Nova,
    Cohere,
}

impl Maker {
    /// Ids of inference profiles have a region before the model's, ARNs more.
    fn of(model: &str) -> Option<Self> {
        let is = |word: &str| model.contains(word);
        if is("titan-embed") {
            Some(Self::Titan)
        } else if is("cohere.embed") {
            Some(Self::Cohere)
        } else {
            (is("nova") && is("embed")).then_some(Self::Nova)
        }
    }
}

pub(super) fn serves(model: &str) -> bool {
    Maker::of(model).is_some()
}

pub(super) fn write<'a>(
    request: &EmbedRequest<'a>,
    model: &'a str,
) -> Result<Written<'a>, Unsupported> {
    let texts = request.texts()?;
    match Maker::of(model) {
        Some(Maker::Titan) => titan(request, texts, model),
        Some(Maker::Cohere) => from_cohere(request, texts, model),
        Some(Maker::Nova) => Ok(nova(request, texts)),
        None => {
            let reason = "only embedding models of Amazon and Cohere are known at Bedrock";
            Err(Unsupported::new("model", reason))
        }
    }
}

fn titan<'a>(
    request: &EmbedRequest<'a>,
    texts: &[Cow<'a, str>],
    model: &str,
) -> Result<Written<'a>, Unsupported> {
    if request.dimensions.is_some() && !model.contains("text-v2") {
        let reason = "vectors of this model have one length; titan-embed-text-v2 can shorten them";
        return Err(Unsupported::new("dimensions", reason));
    }
    let parts = in_parts(texts, 1, |text| {
        Object::new()
            .with_some("inputText", text.first().cloned())
            .with_some("dimensions", request.dimensions)
            .into()
    });
    Ok(Written {
        parts,
        dropped: purpose_dropped(request),
    })
}

fn from_cohere<'a>(
    request: &EmbedRequest<'a>,
    texts: &[Cow<'a, str>],
    model: &str,
) -> Result<Written<'a>, Unsupported> {
    cohere::refuse_dimensions(request, model)?;
    let parts = in_parts(texts, cohere::MAX_TEXTS, |texts| {
        Object::new()
            .with("texts", list(texts))
            .with("input_type", cohere::input_type(request))
            .with_some("output_dimension", request.dimensions)
            .with("truncate", cohere::NO_CUT)
            .into()
    });
    Ok(Written {
        parts,
        dropped: Vec::new(),
    })
}

fn nova<'a>(request: &EmbedRequest<'a>, texts: &[Cow<'a, str>]) -> Written<'a> {
    let purpose = match request.purpose {
        None | Some(Purpose::Document) => "GENERIC_INDEX",
        Some(Purpose::Query) => "GENERIC_RETRIEVAL",
        Some(Purpose::Classification) => "CLASSIFICATION",
        Some(Purpose::Clustering) => "CLUSTERING",
    };
    let parts = in_parts(texts, 1, |text| {
        let text = Object::new()
            .with_some("value", text.first().cloned())
            .with("truncationMode", cohere::NO_CUT);
        let params = Object::new()
            .with("embeddingPurpose", purpose)
            .with_some("embeddingDimension", request.dimensions)
            .with("text", text);
        Object::new()
            .with("taskType", "SINGLE_EMBEDDING")
            .with("singleEmbeddingParams", params)
            .into()
    });
    Written {
        parts,
        dropped: Vec::new(),
    }
}

/// The answers of all makers: their fields have different names.
#[derive(Deserialize)]
struct Answer<'a> {
    /// Titan's.
    #[serde(default)]
    embedding: Option<Vec<f32>>,
    /// Titan's.
    #[serde(borrow, default, rename = "inputTextTokenCount")]
    titan_tokens: Option<&'a RawValue>,
    /// Nova's.
    #[serde(borrow, default, rename = "inputTokenCount")]
    nova_tokens: Option<&'a RawValue>,
    /// Cohere's, and those of Nova.
    #[serde(borrow, default)]
    embeddings: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct NovaVector {
    embedding: Vec<f32>,
}

/// Cohere's count comes in a header, which is not read here; Nova's there as well.
pub(super) fn read(body: &[u8]) -> Option<Embedded> {
    let answer: Answer<'_> = serde_json::from_slice(body).ok()?;
    let count = |field, raw: &RawValue| Usage::of_input(field, raw.get());
    if let Some(vector) = answer.embedding {
        return Some(Embedded {
            vectors: vec![vector],
            usage: answer
                .titan_tokens
                .map(|it| count("inputTextTokenCount", it)),
        });
    }
    Some(Embedded {
        vectors: vectors(answer.embeddings?.get())?,
        usage: answer.nova_tokens.map(|it| count("inputTokenCount", it)),
    })
}

/// By type from Cohere's fourth generation on, plain before it, one object each from Nova.
fn vectors(raw: &str) -> Option<Vec<Vec<f32>>> {
    if raw.starts_with('{') {
        let by_type: cohere::ByType = serde_json::from_str(raw).ok()?;
        return Some(by_type.float);
    }
    if let Ok(vectors) = serde_json::from_str(raw) {
        return Some(vectors);
    }
    let vectors: Vec<NovaVector> = serde_json::from_str(raw).ok()?;
    Some(vectors.into_iter().map(|it| it.embedding).collect())
}
