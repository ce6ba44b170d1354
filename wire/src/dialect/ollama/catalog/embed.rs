//! `/api/embed` and the older `/api/embeddings`, by way of `OpenAI`'s embeddings.

use std::borrow::Cow;
use std::collections::BTreeMap;

use bytes::Bytes;
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::chat::fields::Fields;
use crate::dialect::Echo;
use crate::document::{Document, FieldError};
use crate::fault::Fault;
use crate::json::{Json, Object, escape_into};
use crate::usage::Usage;

/// A request in `OpenAI`'s words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EmbedRequest {
    /// The body for `/v1/embeddings`.
    pub body: Bytes,
    /// Fields of the caller's that were left out.
    pub dropped: Vec<&'static str>,
}

/// Whether a request has nothing to embed: the client only wants the model in memory.
pub fn embeds_nothing(request: &Document) -> bool {
    ["input", "prompt"].into_iter().all(|field| {
        let value = request.raw(field).and_then(Json::parse);
        value.is_none_or(|it| match it {
            Json::Null => true,
            Json::String(text) => text.is_empty(),
            Json::Array(items) => items.is_empty(),
            Json::Bool(_) | Json::Number(_) | Json::Object(_) | Json::Joined(_) => false,
        })
    })
}

/// The answer of `/api/embed` to such a request.
pub fn nothing_embedded(echo: &Echo<'_>) -> Bytes {
    let it = Object::new()
        .with("model", echo.model)
        .with("embeddings", Vec::new());
    Json::from(it).to_bytes()
}

/// The answer of `/api/embeddings` to such a request.
pub fn nothing_embedded_legacy() -> Bytes {
    Bytes::from_static(b"{\"embedding\":[]}")
}

/// A request to `/api/embed` in `OpenAI`'s words.
///
/// # Errors
/// [`FieldError`] naming the first field that cannot be understood.
pub fn embed_request(request: &Document) -> Result<EmbedRequest, FieldError> {
    let mut fields = fields(request)?;
    let model = fields.need_text("model")?;
    let input = match fields.any("input") {
        Some(text @ Json::String(_)) => text,
        Some(Json::Array(items)) if items.iter().all(|it| it.as_str().is_some()) => items.into(),
        _ => return Err(FieldError::new("input", "a string or an array of strings")),
    };
    let dimensions = fields.whole("dimensions")?.filter(|it| *it > 0);
    let body = openai(model, input).with_some("dimensions", dimensions);
    // What does not fit is refused elsewhere.
    let cuts = fields.flag("truncate")? == Some(true);
    Ok(EmbedRequest {
        body: Json::from(body).to_bytes(),
        dropped: if cuts { vec!["truncate"] } else { Vec::new() },
    })
}

/// A request to `/api/embeddings` in `OpenAI`'s words.
///
/// # Errors
/// [`FieldError`] naming the first field that cannot be understood.
pub fn embeddings_request(request: &Document) -> Result<EmbedRequest, FieldError> {
    let mut fields = fields(request)?;
    let model = fields.need_text("model")?;
    let prompt = fields.need_text("prompt")?;
    Ok(EmbedRequest {
        body: Json::from(openai(model, prompt.into())).to_bytes(),
        dropped: Vec::new(),
    })
}

fn fields(request: &Document) -> Result<Fields<'_>, FieldError> {
    let value = Json::trusted(request.bytes())
        .ok_or_else(|| FieldError::new("", "JSON whose strings are valid Unicode"))?;
    Fields::of(value)
}

fn openai<'a>(model: Cow<'a, str>, input: Json<'a>) -> Object<'a> {
    Object::new()
        .with("model", model)
        .with("input", input)
        .with("encoding_format", "float")
}

/// `OpenAI`'s answer. The numbers are handed on in their digits.
#[derive(Deserialize)]
struct Answer<'a> {
    #[serde(borrow)]
    data: Vec<Item<'a>>,
    #[serde(borrow, default)]
    usage: Option<&'a RawValue>,
}

#[derive(Deserialize)]
struct Item<'a> {
    #[serde(default)]
    index: Option<usize>,
    #[serde(borrow)]
    embedding: &'a RawValue,
}

/// An answer of `/api/embed` from `OpenAI`'s.
///
/// # Errors
/// [`Fault::Protocol`] if `body` is no list of embeddings.
pub fn embed_answer(body: &[u8], echo: &Echo<'_>) -> Result<Bytes, Fault> {
    let answer = read(body)?;
    let mut out = b"{\"model\":".to_vec();
    escape_into(echo.model, &mut out);
    out.extend_from_slice(b",\"embeddings\":[");
    for (at, embedding) in in_order(&answer)?.into_iter().enumerate() {
        if at > 0 {
            out.push(b',');
        }
        out.extend_from_slice(embedding.as_bytes());
    }
    let usage = answer
        .usage
        .and_then(|it| Usage::from_openai_input(it.get().as_bytes()).ok());
    let it = Object::new()
        .with("total_duration", echo.timing.since(echo.timing.now()))
        .with("load_duration", 0_u64)
        .with_some("prompt_eval_count", usage.map(|it| it.input));
    let text = Json::from(it).to_bytes();
    out.extend_from_slice(b"],");
    out.extend_from_slice(text.get(1..).unwrap_or_default());
    Ok(out.into())
}

/// An answer of `/api/embeddings` from `OpenAI`'s.
///
/// # Errors
/// [`Fault::Protocol`] if `body` has no embedding.
pub fn embeddings_answer(body: &[u8]) -> Result<Bytes, Fault> {
    let answer = read(body)?;
    let embedding = in_order(&answer)?
        .into_iter()
        .next()
        .ok_or(Fault::Protocol)?;
    Ok([b"{\"embedding\":", embedding.as_bytes(), b"}"]
        .concat()
        .into())
}

fn read(body: &[u8]) -> Result<Answer<'_>, Fault> {
    serde_json::from_slice(body).map_err(|_| Fault::Protocol)
}

/// The embeddings in the order of their texts, which need not be the order they came in.
fn in_order<'a>(answer: &Answer<'a>) -> Result<Vec<&'a str>, Fault> {
    let mut found = BTreeMap::new();
    for (at, item) in answer.data.iter().enumerate() {
        let text = item.embedding.get();
        if !text.starts_with('[') || found.insert(item.index.unwrap_or(at), text).is_some() {
            return Err(Fault::Protocol);
        }
    }
    Ok(found.into_values().collect())
}
