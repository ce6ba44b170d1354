//! The caller's side: `OpenAI`'s `/v1/embeddings`, and the fields that others add to it.
//!
//! `input_type` and the length and type of the numbers in other words come from Cohere and
//! Voyage; their SDKs and gateways of the kind send them.
//! Source: openai-python 3.54.0 `types/embedding_create_params.py`, `resources/embeddings.py`
//! (read 2026-11).

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;

use super::{EmbedRequest, Encoding, Inputs, MAX_INPUTS, Purpose};
use crate::chat::fields::Fields;
use crate::document::{Document, FieldError};
use crate::json::{Json, escape_into};

/// Reads a request.
///
/// # Errors
/// [`FieldError`] naming the first field that cannot be understood.
pub fn read(request: &Document) -> Result<EmbedRequest<'_>, FieldError> {
    let value = Json::trusted(request.bytes())
        .ok_or_else(|| FieldError::new("", "JSON whose strings are valid Unicode"))?;
    let mut fields = Fields::of(value)?;
    fields.any("model");
    let dimensions = fields.whole("dimensions")?;
    let cohere_dimensions = fields.whole("output_dimension")?;
    only_floats(&mut fields)?;
    Ok(EmbedRequest {
        inputs: inputs(fields.any("input"))?,
        dimensions: dimensions.or(cohere_dimensions),
        encoding: match fields.text("encoding_format")?.as_deref() {
            None | Some("float") => Encoding::Float,
            Some("base64") => Encoding::Base64,
            Some(_) => return Err(FieldError::new("encoding_format", "float or base64")),
        },
        purpose: fields
            .text("input_type")?
            .map(|it| purpose(&it))
            .transpose()?,
        rest: fields.rest(),
    })
}

/// Cohere's and Voyage's words for the type of the numbers: the answer has room for one, floats.
fn only_floats(fields: &mut Fields<'_>) -> Result<(), FieldError> {
    for name in ["embedding_types", "output_dtype"] {
        let is_other = |it: &Json<'_>| it.as_str() != Some("float");
        let asks_other = match fields.any(name) {
            None => false,
            Some(Json::Array(types)) => types.iter().any(is_other),
            Some(one) => is_other(&one),
        };
        if asks_other {
            return Err(FieldError::new(name, "float"));
        }
    }
    Ok(())
}

fn inputs(input: Option<Json<'_>>) -> Result<Inputs<'_>, FieldError> {
    let wrong = || FieldError::new("input", "a text, texts, token ids or arrays of them");
    let items = match input {
        Some(Json::String(text)) => return Ok(Inputs::Texts(vec![text])),
        Some(Json::Array(items)) if !items.is_empty() => items,
        _ => return Err(wrong()),
    };
    let is_id = |it: &Json<'_>| it.as_u64().is_some();
    let is_ids = |it: &Json<'_>| it.as_array().is_some_and(|it| it.iter().all(is_id));
    if items.iter().all(is_id) || items.iter().all(is_ids) {
        return Ok(Inputs::Tokens);
    }
    if items.len() > MAX_INPUTS {
        return Err(FieldError::new("input", "at most 2048 texts"));
    }
    let texts = items.into_iter().map(|it| match it {
        Json::String(text) => Ok(text),
        _ => Err(wrong()),
    });
    texts.collect::<Result<_, _>>().map(Inputs::Texts)
}

/// The words of Cohere, Voyage and NVIDIA for the same things.
fn purpose(text: &str) -> Result<Purpose, FieldError> {
    match text {
        "search_document" | "document" | "passage" => Ok(Purpose::Document),
        "search_query" | "query" => Ok(Purpose::Query),
        "classification" => Ok(Purpose::Classification),
        "clustering" => Ok(Purpose::Clustering),
        _ => {
            let known = "search_document, search_query, classification or clustering";
            Err(FieldError::new("input_type", known))
        }
    }
}

/// Writes an answer. Floats are written in as few digits as name the same 32-bit number.
pub fn write(model: &str, encoding: Encoding, vectors: &[Vec<f32>], input_tokens: u64) -> Bytes {
    let mut out = b"{\"object\":\"list\",\"data\":[".to_vec();
    for (at, vector) in vectors.iter().enumerate() {
        let head = if at == 0 { "" } else { "," };
        let head = format!("{head}{{\"object\":\"embedding\",\"index\":{at},\"embedding\":");
        out.extend_from_slice(head.as_bytes());
        match encoding {
            // Writing numbers to memory cannot fail.
            Encoding::Float => drop(serde_json::to_writer(&mut out, vector)),
            Encoding::Base64 => {
                let bytes: Vec<u8> = vector.iter().flat_map(|it| it.to_le_bytes()).collect();
                escape_into(&STANDARD.encode(bytes), &mut out);
            }
        }
        out.push(b'}');
    }
    out.extend_from_slice(b"],\"model\":");
    escape_into(model, &mut out);
    let usage = format!("{{\"prompt_tokens\":{input_tokens},\"total_tokens\":{input_tokens}}}");
    out.extend_from_slice(format!(",\"usage\":{usage}}}").as_bytes());
    out.into()
}
