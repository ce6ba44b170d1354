//! What the gateway acts on in a request, and nothing else.
//!
//! Every other field is the vendor's business and passes unread. Adding a field here
//! needs a reason: each one is decoded for every request.

pub mod bounded;
pub mod content;
mod contents;
mod letters;
pub mod needs;
pub mod services;
#[cfg(test)]
mod tests;

use serde::Deserialize;
use serde_json::Value;

use crate::document::{Document, FieldError};
use crate::form::Form;
use crate::operation::Operation;
use crate::walk::Walker;

/// Most messages in one chat request.
pub const MAX_MESSAGES: usize = 2048;
/// Most tools in one chat request.
pub const MAX_TOOLS: usize = 512;
/// Most choices one request may ask for.
pub const MAX_CHOICES: u32 = 128;
/// Longest model name, in bytes.
pub const MAX_MODEL_BYTES: usize = 128;
/// Largest output bound that is taken for a number of tokens.
const MAX_OUTPUT: u64 = 1 << 31;

/// The model that judges where none is named.
const DEFAULT_MODERATION: &str = "omni-moderation-latest";

/// What the address of a request says, where an API has there what others have in the body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Address {
    /// The model asked for, not checked yet.
    pub model: String,
    /// Whether the answer is to be streamed.
    pub is_stream: bool,
}

/// The fields of a request that decide how it is served.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestView {
    /// The public model name asked for.
    pub model: String,
    /// Whether the answer is to be streamed.
    pub is_stream: bool,
    /// Whether the caller asked for the usage chunk at the end of the stream.
    pub asks_usage: bool,
    /// The caller's bound on output tokens per choice, the larger where there are two; `None` leaves it to the model.
    pub max_output: Option<u64>,
    /// How many choices are asked for (`n`) of each prompt, at least 1.
    pub choices: u32,
    /// How many are written, whether or not all are returned, for all prompts: at least 1. Of pictures, how many.
    pub written: u32,
}

impl RequestView {
    /// Reads and checks the fields that `operation` needs, all of them in the body.
    ///
    /// # Errors
    /// [`FieldError`] naming the first field that is missing, of a wrong type or out of range.
    pub fn read(operation: Operation, document: &Document) -> Result<RequestView, FieldError> {
        Self::read_at(None, operation, document)
    }

    /// The same of a request whose address says some of it; the body is then not asked for that.
    ///
    /// # Errors
    /// As of [`Self::read`].
    pub fn read_at(
        address: Option<Address>,
        operation: Operation,
        document: &Document,
    ) -> Result<RequestView, FieldError> {
        letters::check(document)?;
        let (model, addressed) = match address {
            Some(address) => (checked(address.model)?, Some(address.is_stream)),
            // The one operation whose callers often leave it out (openai-python 3.57
            // `types/moderation_create_params.py`: optional, with this default).
            None if operation == Operation::Moderations && !document.has("model") => {
                (DEFAULT_MODERATION.to_owned(), None)
            }
            None => (model(document)?, None),
        };
        match operation {
            Operation::Chat | Operation::Messages | Operation::OllamaChat => check_chat(document)?,
            Operation::Completions => check_present(document, "prompt", "a prompt")?,
            Operation::Embeddings => check_present(document, "input", "text or tokens to embed")?,
            Operation::Rerank => check_ranking(document)?,
            // A prompt that the vendor keeps may be all there is.
            Operation::Responses if document.has("prompt") => {}
            Operation::Responses => check_present(document, "input", "a text or items")?,
            Operation::OllamaGenerate => check_present(document, "prompt", "a prompt")?,
            Operation::GenerateContent => contents::check(document)?,
            Operation::ImageGenerations => check_present(document, "prompt", "a prompt")?,
            Operation::Speech => check_present(document, "input", "a text to read aloud")?,
            Operation::Moderations => check_present(document, "input", "a text or parts")?,
            // What they need is a file, as a rule, and in a form.
            Operation::ImageEdits
            | Operation::ImageVariations
            | Operation::Transcriptions
            | Operation::Translations
            | Operation::Realtime
            | Operation::Passthrough => {}
        }
        let is_stream = match addressed {
            Some(is_stream) => is_stream,
            None => operation.streams() && is_stream(operation, document)?,
        };
        if operation == Operation::Messages && !document.has("max_tokens") {
            return Err(FieldError::new("max_tokens", "a number of tokens"));
        }
        let choices = choices(operation, document)?;
        Ok(RequestView {
            model,
            is_stream,
            asks_usage: has_usage_anyway(operation) || asks_usage(document, is_stream)?,
            max_output: max_output(operation, document)?,
            choices,
            written: written(operation, document, choices)?,
        })
    }

    /// What a form says.
    ///
    /// # Errors
    /// [`FieldError`] if its model's name cannot be one.
    pub fn of_form(form: &Form) -> Result<RequestView, FieldError> {
        Ok(RequestView {
            model: checked(form.model())?,
            is_stream: form.is_stream(),
            asks_usage: true,
            max_output: None,
            choices: 1,
            written: 1,
        })
    }

    /// What is passed through: it is asked of no model.
    pub fn of_nothing() -> RequestView {
        RequestView {
            model: String::new(),
            is_stream: false,
            asks_usage: true,
            max_output: None,
            choices: 1,
            written: 1,
        }
    }

    /// Reads what is needed of a request that is only to be counted: the model, and no bound on
    /// output, which such a request may leave out.
    ///
    /// # Errors
    /// [`FieldError`] if there is no model, or its name cannot be one.
    pub fn for_count(
        address: Option<Address>,
        document: &Document,
    ) -> Result<RequestView, FieldError> {
        Ok(RequestView {
            model: match address {
                Some(address) => checked(address.model)?,
                None => model(document)?,
            },
            is_stream: false,
            asks_usage: true,
            max_output: None,
            choices: 1,
            written: 1,
        })
    }
}

fn model(document: &Document) -> Result<String, FieldError> {
    let name = document.get("model").map_err(|_| no_model())?;
    checked(name.ok_or_else(no_model)?)
}

fn checked(name: String) -> Result<String, FieldError> {
    if is_model_name(&name) {
        Ok(name)
    } else {
        Err(no_model())
    }
}

fn no_model() -> FieldError {
    FieldError::new(
        "model",
        "a model name of 1 to 128 characters out of A-Z a-z 0-9 . _ : / @ -",
    )
}

/// Whether `name` can be a model's public name: plain ASCII, so that no two names look alike.
pub fn is_model_name(name: &str) -> bool {
    (1..=MAX_MODEL_BYTES).contains(&name.len())
        && name
            .bytes()
            .all(|it| it.is_ascii_alphanumeric() || b"._:/@-".contains(&it))
}

fn check_chat(document: &Document) -> Result<(), FieldError> {
    let error = || FieldError::new("messages", "a non-empty array of message objects");
    let raw = document.raw("messages").ok_or_else(error)?;
    let messages = Walker::new(raw).array().ok_or_else(error)?;
    let mut count = 0;
    for (message, _) in messages {
        if count == MAX_MESSAGES {
            return Err(FieldError::new("messages", "at most 2048 messages"));
        }
        let mut members = Walker::new(message).object().ok_or_else(error)?;
        let has_role = members.any(|it| it.key == b"role" && is_role(it.value));
        if !has_role && !has_escaped_role(message) {
            return Err(FieldError::new(
                format!("messages[{count}].role"),
                "a role such as \"user\"",
            ));
        }
        count += 1;
    }
    if count == 0 {
        return Err(error());
    }
    check_tools(document)
}

/// Whether a value is a string that is not empty.
fn is_role(value: &[u8]) -> bool {
    value.len() > 2 && value.starts_with(b"\"")
}

/// Whether a message has a role under a key that is spelt with escapes.
fn has_escaped_role(message: &[u8]) -> bool {
    let message: Option<Value> = serde_json::from_slice(message).ok();
    let role = message.as_ref().and_then(|it| it.get("role")?.as_str());
    role.is_some_and(|it| !it.is_empty())
}

fn check_tools(document: &Document) -> Result<(), FieldError> {
    let Some(raw) = document.raw("tools").filter(|it| *it != b"null") else {
        return Ok(());
    };
    let tools = Walker::new(raw)
        .array()
        .ok_or_else(|| FieldError::new("tools", "an array of tools"))?;
    if tools.take(MAX_TOOLS + 1).count() > MAX_TOOLS {
        return Err(FieldError::new("tools", "at most 512 tools"));
    }
    Ok(())
}

/// The query may be a list of parts where a model ranks pictures; no query can be empty.
fn check_ranking(document: &Document) -> Result<(), FieldError> {
    check_present(document, "query", "a query")?;
    let documents = document
        .raw("documents")
        .and_then(|raw| Walker::new(raw).array());
    if documents.is_some_and(|mut it| it.next().is_some()) {
        Ok(())
    } else {
        Err(FieldError::new(
            "documents",
            "a non-empty array of documents",
        ))
    }
}

fn check_present(
    document: &Document,
    field: &'static str,
    expected: &'static str,
) -> Result<(), FieldError> {
    let raw = document.raw(field).unwrap_or_default();
    let is_usable = raw.starts_with(b"\"")
        || Walker::new(raw)
            .array()
            .is_some_and(|mut it| it.next().is_some());
    if is_usable {
        Ok(())
    } else {
        Err(FieldError::new(field, expected))
    }
}

fn flag(document: &Document, field: &'static str) -> Result<bool, FieldError> {
    document
        .get(field)
        .map(Option::unwrap_or_default)
        .map_err(|_| FieldError::new(field, "true or false"))
}

/// Ollama streams unless it is told not to.
fn is_stream(operation: Operation, document: &Document) -> Result<bool, FieldError> {
    let streams_by_default = matches!(operation, Operation::OllamaChat | Operation::OllamaGenerate);
    if streams_by_default && !document.has("stream") {
        return Ok(true);
    }
    flag(document, "stream")
}

/// Whether the caller's dialect always ends in usage, and knows no `n`.
fn has_usage_anyway(operation: Operation) -> bool {
    matches!(
        operation,
        Operation::Messages
            | Operation::Responses
            | Operation::OllamaChat
            | Operation::OllamaGenerate
            | Operation::GenerateContent
    )
}

/// Ollama's bound on output; a negative one means none.
fn num_predict(document: &Document) -> Result<Option<u64>, FieldError> {
    let Some(options) = document.object("options") else {
        return Ok(None);
    };
    let expected = || FieldError::new("options.num_predict", "a number of tokens");
    match options.raw(document, "num_predict") {
        None | Some(b"null") => Ok(None),
        Some(raw) => {
            let number: i64 = serde_json::from_slice(raw).map_err(|_| expected())?;
            Ok(u64::try_from(number).ok())
        }
    }
}

fn asks_usage(document: &Document, is_stream: bool) -> Result<bool, FieldError> {
    #[derive(Deserialize)]
    struct StreamOptions {
        include_usage: Option<bool>,
    }
    if !document.has("stream_options") {
        return Ok(false);
    }
    if !is_stream {
        return Err(FieldError::new(
            "stream_options",
            "left out unless `stream` is true",
        ));
    }
    let options: Option<StreamOptions> = document.get("stream_options").map_err(|_| {
        FieldError::new(
            "stream_options",
            "an object whose `include_usage` is true or false",
        )
    })?;
    Ok(options.and_then(|it| it.include_usage).unwrap_or_default())
}

fn max_output(operation: Operation, document: &Document) -> Result<Option<u64>, FieldError> {
    let fields: &[&'static str] = match operation {
        Operation::Chat => &["max_completion_tokens", "max_tokens"],
        Operation::Responses => &["max_output_tokens"],
        Operation::Completions | Operation::Messages => &["max_tokens"],
        Operation::OllamaChat | Operation::OllamaGenerate => return num_predict(document),
        Operation::GenerateContent => return contents::max_output(document),
        Operation::Embeddings
        | Operation::Rerank
        | Operation::ImageGenerations
        | Operation::ImageEdits
        | Operation::ImageVariations
        | Operation::Speech
        | Operation::Transcriptions
        | Operation::Translations
        | Operation::Moderations
        | Operation::Realtime
        | Operation::Passthrough => &[],
    };
    let mut bound = None;
    for field in fields {
        let value = integer(document, field, "a number of tokens")?;
        let least = u64::from(operation == Operation::Chat);
        if value.is_some_and(|it| !(least..=MAX_OUTPUT).contains(&it)) {
            return Err(FieldError::new(*field, "a number of tokens within reason"));
        }
        bound = bound.max(value);
    }
    Ok(bound)
}

fn choices(operation: Operation, document: &Document) -> Result<u32, FieldError> {
    if operation == Operation::GenerateContent {
        return contents::choices(document);
    }
    if !operation.streams() || operation.is_only_relayed() || has_usage_anyway(operation) {
        return Ok(1);
    }
    Ok(count(document, "n")?.unwrap_or(1))
}

/// A number of choices.
fn count(document: &Document, field: &'static str) -> Result<Option<u32>, FieldError> {
    let expected = "an integer from 1 to 128";
    let Some(number) = integer(document, field, expected)? else {
        return Ok(None);
    };
    let count = u32::try_from(number).ok();
    let count = count.filter(|it| (1..=MAX_CHOICES).contains(it));
    count
        .map(Some)
        .ok_or_else(|| FieldError::new(field, expected))
}

/// Of several prompts each has its choices, and the best of more than are returned were written.
fn written(operation: Operation, document: &Document, choices: u32) -> Result<u32, FieldError> {
    let best_of = match operation {
        // Servers of completions take it for chats as well.
        Operation::Completions | Operation::Chat => count(document, "best_of")?,
        Operation::ImageGenerations => return Ok(count(document, "n")?.unwrap_or(1)),
        _ => return Ok(choices),
    };
    let best_of = best_of.unwrap_or(1);
    // A list of numbers is one prompt, in tokens.
    let is_prompt = |it: &[u8]| matches!(it.first(), Some(b'"' | b'['));
    let prompts = document
        .raw("prompt")
        .filter(|_| operation == Operation::Completions);
    let prompts = prompts.and_then(|it| Walker::new(it).array());
    let prompts = prompts.map_or(1, |it| it.filter(|(raw, _)| is_prompt(raw)).count());
    let prompts = u32::try_from(prompts.max(1)).unwrap_or(u32::MAX);
    Ok(choices.max(best_of).saturating_mul(prompts))
}

fn integer(
    document: &Document,
    field: &'static str,
    expected: &'static str,
) -> Result<Option<u64>, FieldError> {
    integer_of(document.raw(field)).map_err(|NoInteger| FieldError::new(field, expected))
}

struct NoInteger;

/// An integer as JSON writes it; `1000.0` counts, `1e3`, `"5"` and `5.5` do not.
fn integer_of(raw: Option<&[u8]>) -> Result<Option<u64>, NoInteger> {
    let Some(raw) = raw.filter(|it| *it != b"null") else {
        return Ok(None);
    };
    let text = std::str::from_utf8(raw).unwrap_or_default();
    let digits = match text.split_once('.') {
        Some((whole, fraction)) if fraction.bytes().all(|it| it == b'0') => whole,
        _ => text,
    };
    digits.parse().map(Some).map_err(|_| NoInteger)
}
