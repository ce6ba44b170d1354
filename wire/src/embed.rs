//! Embeddings: the one request and the one answer in which all vendors' forms meet.
//!
//! Callers write as to `OpenAI` ([`openai`]), or as to Ollama, which is put into that.
//! A vendor with a form of its own is an [`EmbedDialect`]: it writes the request, as
//! several where one may not hold all texts, and reads what comes back. Chats, which
//! have streams, are elsewhere ([`crate::chat`]); a relayed call never comes here.

mod bedrock;
mod cohere;
mod gemini;
mod ollama;
pub mod openai;
#[cfg(test)]
mod tests;
mod vertex;

use std::borrow::Cow;

use crate::chat::Unsupported;
use crate::fault::Fault;
use crate::json::Json;
use crate::usage::{Usage, UsageAnomaly};

/// Most texts in one call of a caller's, as at `OpenAI`.
pub const MAX_INPUTS: usize = 2048;

/// A vendor's own form of embeddings.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum EmbedDialect {
    /// Cohere's `/v2/embed`.
    Cohere,
    /// Bedrock's `/model/{id}/invoke`, whose body depends on whose model it is.
    Bedrock,
    /// Google's `:batchEmbedContents`.
    Gemini,
    /// Vertex AI's `:predict` or `:embedContent`, as the model wants it.
    Vertex,
    /// Ollama's `/api/embed`.
    Ollama,
}

/// A caller's request.
#[derive(Clone, Debug, PartialEq)]
pub struct EmbedRequest<'a> {
    /// What is to be embedded.
    pub inputs: Inputs<'a>,
    /// Length of each vector; `None` leaves it to the model.
    pub dimensions: Option<u64>,
    /// How the caller wants the numbers.
    pub encoding: Encoding,
    /// What the vectors are for, if the caller says so.
    pub purpose: Option<Purpose>,
    /// Names of the fields that nobody here knows.
    pub rest: Vec<Cow<'a, str>>,
}

/// What is to be embedded; never empty.
#[derive(Clone, Debug, PartialEq)]
pub enum Inputs<'a> {
    /// Texts.
    Texts(Vec<Cow<'a, str>>),
    /// Token ids of `OpenAI`'s own tokenizers.
    Tokens,
}

/// How the numbers of an answer are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encoding {
    /// As JSON numbers.
    Float,
    /// As base64 of little-endian 32-bit floats, which `OpenAI`'s Python SDK asks for unasked.
    Base64,
}

/// What vectors are for. Some models embed a question differently from what it is to find.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// To be found.
    Document,
    /// To find by.
    Query,
    /// To be told apart by a classifier.
    Classification,
    /// To be grouped.
    Clustering,
}

/// A request as a vendor wants it.
#[derive(Debug)]
pub struct Written<'a> {
    /// The bodies, in the order of the texts; never empty.
    pub parts: Vec<Part<'a>>,
    /// Fields of the caller that were left out.
    pub dropped: Vec<Cow<'a, str>>,
}

/// One of the bodies of a request.
#[derive(Debug)]
pub struct Part<'a> {
    /// The body.
    pub body: Json<'a>,
    /// How many texts are in it.
    pub texts: usize,
}

/// A vendor's answer to one body.
#[derive(Clone, Copy, Debug)]
pub struct Reply<'r> {
    /// The answer's body.
    pub body: &'r [u8],
    /// What the header says that [`EmbedDialect::count_header`] names.
    pub counted: Option<&'r str>,
    /// How many texts the request had.
    pub texts: usize,
}

/// What a vendor answered to one body.
#[derive(Clone, Debug, PartialEq)]
pub struct Embedded {
    /// The vectors, in the order of the texts; all numbers are finite.
    pub vectors: Vec<Vec<f32>>,
    /// The vendor's token count; `None` if it told none.
    pub usage: Option<Result<Usage, UsageAnomaly>>,
}

impl<'a> EmbedRequest<'a> {
    /// The texts.
    ///
    /// # Errors
    /// [`Unsupported`] if the caller sent token ids: every other model has a tokenizer of its own.
    pub fn texts(&self) -> Result<&[Cow<'a, str>], Unsupported> {
        match &self.inputs {
            Inputs::Texts(texts) => Ok(texts),
            Inputs::Tokens => Err(Unsupported::new("input", "send text instead of token ids")),
        }
    }
}

impl EmbedDialect {
    /// The word used in documents.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Cohere => "cohere",
            Self::Bedrock => "bedrock_invoke",
            Self::Gemini => "gemini",
            Self::Vertex => "vertex",
            Self::Ollama => "ollama",
        }
    }

    /// Whether `model` can be asked in this form.
    pub fn serves(self, model: &str) -> bool {
        match self {
            Self::Cohere | Self::Gemini | Self::Vertex | Self::Ollama => true,
            Self::Bedrock => bedrock::serves(model),
        }
    }

    /// Writes a request for the vendor's `model`.
    ///
    /// # Errors
    /// [`Unsupported`] if the vendor cannot do what the caller would miss.
    pub fn write<'a>(
        self,
        request: &EmbedRequest<'a>,
        model: &'a str,
    ) -> Result<Written<'a>, Unsupported> {
        let mut written = match self {
            Self::Cohere => cohere::write(request, model),
            Self::Bedrock => bedrock::write(request, model),
            Self::Gemini => gemini::write(request, model),
            Self::Vertex => vertex::write(request, model),
            Self::Ollama => ollama::write(request, model),
        }?;
        written.dropped.extend(request.rest.iter().cloned());
        Ok(written)
    }

    /// The header in which the vendor counts input tokens, where the body of some models does not.
    pub const fn count_header(self) -> Option<&'static str> {
        match self {
            Self::Bedrock => Some("x-amzn-bedrock-input-token-count"),
            Self::Cohere | Self::Gemini | Self::Vertex | Self::Ollama => None,
        }
    }

    /// Reads the answer to one body.
    ///
    /// # Errors
    /// [`Fault::Protocol`] if it is none, has another number of vectors than there were texts, or
    /// vectors of several lengths.
    pub fn read(self, request: &EmbedRequest<'_>, reply: Reply<'_>) -> Result<Embedded, Fault> {
        let mut embedded = match self {
            Self::Cohere => cohere::read(reply.body),
            Self::Bedrock => bedrock::read(reply.body),
            Self::Gemini => gemini::read(request, reply.body),
            Self::Vertex => vertex::read(request, reply.body),
            Self::Ollama => ollama::read(reply.body),
        }
        .ok_or(Fault::Protocol)?;
        let vectors = &embedded.vectors;
        let length = vectors.first().map_or(0, Vec::len);
        let is_sound = |it: &Vec<f32>| it.len() == length && it.iter().all(|it| it.is_finite());
        if vectors.len() != reply.texts || length == 0 || !vectors.iter().all(is_sound) {
            return Err(Fault::Protocol);
        }
        let counted = reply.counted.map(|it| Usage::of_input("input tokens", it));
        embedded.usage = embedded.usage.or(counted);
        Ok(embedded)
    }
}

/// The method of Vertex AI by which `model` embeds.
pub fn vertex_method(model: &str) -> &'static str {
    if vertex::embeds_content(model) {
        "embedContent"
    } else {
        "predict"
    }
}

/// Bodies of at most `most` texts each.
fn in_parts<'a>(
    texts: &[Cow<'a, str>],
    most: usize,
    body: impl Fn(&[Cow<'a, str>]) -> Json<'a>,
) -> Vec<Part<'a>> {
    let parts = texts.chunks(most).map(|texts| Part {
        body: body(texts),
        texts: texts.len(),
    });
    parts.collect()
}

/// Texts as a JSON array.
fn list<'a>(texts: &[Cow<'a, str>]) -> Json<'a> {
    Json::Array(texts.iter().cloned().map(Json::from).collect())
}

/// The purpose as a field that was left out.
fn purpose_dropped<'a>(request: &EmbedRequest<'_>) -> Vec<Cow<'a, str>> {
    let named = request.purpose.map(|_| "input_type".into());
    named.into_iter().collect()
}
