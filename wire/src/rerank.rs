//! Rankings of documents by a query, in the words of Cohere and Jina.
//!
//! Most servers take those words, and are relayed. A [`RerankDialect`] is one that does
//! not, or not quite: its request is written anew, and its answer is put into the common
//! form ([`answer`]). A model that ranks has no output to meter; Cohere counts searches.

pub mod answer;
#[cfg(test)]
mod tests;

use std::borrow::Cow;

use crate::chat::Unsupported;
use crate::chat::fields::{Fields, within};
use crate::document::{Document, FieldError};
use crate::json::{Json, Object};

/// A vendor's own form of rankings.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RerankDialect {
    /// Cohere's `/v2/rerank`, which takes texts and does not repeat them.
    Cohere,
    /// Bedrock's `/model/{id}/invoke` for Cohere's models.
    Bedrock,
    /// `SGLang`'s `/v1/rerank`, which answers with a bare list.
    Sglang,
    /// `/rerank` of Text Embeddings Inference, which has one model and no bound on the answer.
    Tei,
}

/// A caller's request.
#[derive(Clone, Debug, PartialEq)]
pub struct RerankRequest<'a> {
    /// What the documents are compared with.
    pub query: Cow<'a, str>,
    /// The documents' texts; never empty.
    pub documents: Vec<Cow<'a, str>>,
    /// How many of the best are wanted; `None` for all.
    pub top_n: Option<u64>,
    /// Whether the answer is to repeat the documents.
    pub returns_documents: bool,
    /// Where a document is cut, in tokens; `None` leaves it to the vendor.
    pub max_tokens_per_doc: Option<u64>,
    /// What fits, in words for the model: a field of `SGLang`'s.
    pub instruct: Option<Cow<'a, str>>,
    /// How urgent the call is: a field of Cohere's, 0 being the most.
    pub priority: Option<u64>,
    /// Names of the fields that nobody here knows.
    pub rest: Vec<Cow<'a, str>>,
}

/// A request as a vendor wants it.
#[derive(Debug)]
pub struct Written<'a> {
    /// The body.
    pub body: Json<'a>,
    /// Fields of the caller that were left out.
    pub dropped: Vec<Cow<'a, str>>,
}

/// Reads a caller's request.
///
/// # Errors
/// [`FieldError`] naming the first field that cannot be understood.
pub fn read(request: &Document) -> Result<RerankRequest<'_>, FieldError> {
    let value = Json::trusted(request.bytes())
        .ok_or_else(|| FieldError::new("", "JSON whose strings are valid Unicode"))?;
    let mut fields = Fields::of(value)?;
    fields.any("model");
    let documents = fields.each("documents", document)?;
    if documents.is_empty() {
        return Err(FieldError::new("documents", "a non-empty array of texts"));
    }
    if fields.any("relevant_spans").is_some() {
        let never = "left out: no answer here has such spans";
        return Err(FieldError::new("relevant_spans", never));
    }
    let top_n = fields.whole("top_n")?;
    if top_n == Some(0) {
        return Err(FieldError::new("top_n", "at least 1"));
    }
    Ok(RerankRequest {
        query: fields.need_text("query")?,
        documents,
        top_n,
        returns_documents: fields.flag("return_documents")? == Some(true),
        max_tokens_per_doc: fields.whole("max_tokens_per_doc")?,
        instruct: fields.text("instruct")?,
        priority: fields.whole("priority")?,
        rest: fields.rest(),
    })
}

/// A text, or an object that holds one. A document of several fields must be one text first:
/// which of them count is for its owner to say.
fn document(value: Json<'_>) -> Result<Cow<'_, str>, FieldError> {
    match value {
        Json::String(text) => Ok(text),
        Json::Object(_) => {
            let mut fields = Fields::of(value)?;
            let text = fields.need_text("text")?;
            match fields.rest().first() {
                None => Ok(text),
                Some(other) => Err(within(other, FieldError::new("", "no more than `text`"))),
            }
        }
        _ => Err(FieldError::new("", "a text, or an object with a `text`")),
    }
}

impl RerankDialect {
    /// The word used in documents.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Cohere => "cohere",
            Self::Bedrock => "bedrock_invoke",
            Self::Sglang => "sglang",
            Self::Tei => "tei",
        }
    }

    /// Whether `model` can be asked in this form.
    pub fn serves(self, model: &str) -> bool {
        match self {
            Self::Cohere | Self::Sglang | Self::Tei => true,
            Self::Bedrock => model.contains("cohere.") && model.contains("rerank"),
        }
    }

    /// Whether the vendor bills searches, also where its answer does not say how many.
    pub const fn bills_searches(self) -> bool {
        matches!(self, Self::Cohere | Self::Bedrock)
    }

    /// Writes a request for the vendor's `model`.
    ///
    /// Source: cohere 7.3.1 `v2/raw_client.py`; a recorded exchange with Bedrock of 2025-10;
    /// sglang 0.5.23 `entrypoints/openai/protocol.py`; text-embeddings-inference at 0d124dc
    /// `router/src/http/types.rs` (read 2026-11).
    ///
    /// # Errors
    /// [`Unsupported`] if the vendor cannot do what the caller would miss.
    pub fn write<'a>(
        self,
        request: &RerankRequest<'a>,
        model: &'a str,
    ) -> Result<Written<'a>, Unsupported> {
        let documents: Vec<_> = request.documents.iter().cloned().map(Json::from).collect();
        let common = Object::new()
            .with("query", request.query.clone())
            .with("documents", documents)
            .with_some("top_n", request.top_n);
        let cut = request.max_tokens_per_doc;
        let mut dropped = request.rest.clone();
        if self != Self::Cohere && request.priority.is_some() {
            dropped.push("priority".into());
        }
        if self != Self::Sglang && request.instruct.is_some() {
            let reason = "the model takes no instruction; write it into the query";
            return Err(Unsupported::new("instruct", reason));
        }
        let body = match self {
            Self::Cohere => common
                .with("model", model)
                .with_some("max_tokens_per_doc", cut)
                .with_some("priority", request.priority),
            Self::Bedrock => common
                .with("api_version", 2_u64)
                .with_some("max_tokens_per_doc", cut),
            Self::Sglang | Self::Tei if cut.is_some() => {
                let reason = "documents are not cut";
                return Err(Unsupported::new("max_tokens_per_doc", reason));
            }
            Self::Sglang => common
                .with("model", model)
                .with("return_documents", false)
                .with_some("instruct", request.instruct.clone()),
            Self::Tei => {
                let texts = request.documents.iter().cloned().map(Json::from);
                Object::new()
                    .with("query", request.query.clone())
                    .with("texts", texts.collect::<Vec<_>>())
            }
        };
        Ok(Written {
            body: body.into(),
            dropped,
        })
    }
}
