//! The `OpenAI` error object, read from whatever shape an upstream wraps it in.
//!
//! Servers that claim compatibility do not agree on errors: some drop the `error`
//! wrapper, some send text, some a list, some another error as a string. All of them
//! become one [`ErrorBody`], so that a caller can rely on `code` and `param`.

#[cfg(test)]
mod tests;

use bytes::Bytes;
use serde_json::{Map, Value, json};

/// Longest message kept, in bytes; the rest of a longer one is cut.
pub const MAX_MESSAGE_BYTES: usize = 1024;

/// Longest finding of filters that is kept, in bytes; a longer one is left out. One of all of Azure's
/// filters has a few hundred.
const MAX_FILTERED_BYTES: usize = 4 * 1024;

/// How often an error may be wrapped in another one before we stop looking.
const MAX_WRAPPERS: u32 = 4;

/// An error as the `OpenAI` API states it.
///
/// Source: <https://platform.openai.com/docs/guides/error-codes> and the `ErrorObject`
/// of openai-python 3.54 (read 2026-11).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ErrorBody {
    /// What went wrong, for a person.
    pub message: String,
    /// The error's class; `type` in JSON.
    pub kind: String,
    /// The request field at fault, if there is one.
    pub param: Option<String>,
    /// The machine-readable code; a numeric one as its digits.
    pub code: Option<String>,
    /// What Azure's filters found in a prompt, as it stands in its `innererror`.
    pub filtered: Option<Box<Value>>,
}

impl ErrorBody {
    /// Reads an error in any of the known shapes; `None` if there is none in `body`.
    ///
    /// Known: `{"error":{…}}`, `{"error":"…"}`, the same object without wrapper (vLLM,
    /// Mistral), `{"detail":…}` as text, list or JSON in a string (`FastAPI`), and any of
    /// these inside a one-element list (Google).
    pub fn parse(body: &[u8]) -> Option<ErrorBody> {
        let value = serde_json::from_slice(body).ok()?;
        from_value(&value, MAX_WRAPPERS)
    }

    /// The error as a response body.
    pub fn to_json(&self) -> Bytes {
        let mut error = json!({
            "message": self.message,
            "type": self.kind,
            "param": self.param,
            "code": self.code,
        });
        if let (Some(found), Value::Object(fields)) = (&self.filtered, &mut error) {
            fields.insert("innererror".to_owned(), Value::clone(found));
        }
        Bytes::from(json!({ "error": error }).to_string())
    }

    /// The error as the last event of a stream; no `[DONE]` follows it.
    pub fn to_event(&self) -> Bytes {
        crate::sse::data_event(&self.to_json())
    }
}

fn from_value(value: &Value, wrappers: u32) -> Option<ErrorBody> {
    let wrappers = wrappers.checked_sub(1)?;
    match value {
        Value::Array(items) => from_value(items.first()?, wrappers),
        Value::Object(fields) => from_fields(fields, wrappers),
        Value::String(text) => {
            // An error that was serialised into a string on its way here.
            let inner = text
                .trim_start()
                .starts_with(['{', '['])
                .then(|| serde_json::from_str(text).ok())
                .flatten();
            inner
                .and_then(|it| from_value(&it, wrappers))
                .or_else(|| plain(text))
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => None,
    }
}

fn from_fields(fields: &Map<String, Value>, wrappers: u32) -> Option<ErrorBody> {
    if let Some(error) = fields.get("error").filter(|it| is_truthy(it)) {
        let mut body = from_value(error, wrappers).or_else(|| plain("upstream error"))?;
        // TGI puts the class beside the text, some gateways the code beside the object.
        if let Some(kind) = text(fields, "error_type").filter(|_| error.is_string()) {
            body.kind = kind;
        }
        body.code = body.code.or_else(|| scalar(fields.get("code")));
        return Some(body);
    }
    if let Some(message) = fields.get("message") {
        return Some(object(fields, message, wrappers));
    }
    match fields.get("detail").or_else(|| fields.get("errors"))? {
        Value::Array(items) => validation(items),
        detail => from_value(detail, wrappers),
    }
}

/// The error object itself, with or without its wrapper.
fn object(fields: &Map<String, Value>, message: &Value, wrappers: u32) -> ErrorBody {
    let inner = match message {
        Value::String(_) => None,
        other => from_value(other, wrappers),
    };
    let message_text = match (message, &inner) {
        (Value::String(text), _) => text.clone(),
        (_, Some(inner)) => inner.message.clone(),
        (other, None) => other.to_string(),
    };
    let metadata = fields.get("metadata").and_then(Value::as_object);
    let error_type = metadata.and_then(|it| text(it, "error_type"));
    // Anthropic states the exact class in details.
    let details = fields.get("details").and_then(Value::as_object);
    let named_code = text(fields, "code")
        .or_else(|| error_type.clone())
        .or_else(|| details.and_then(|it| text(it, "error_code")))
        // OpenRouter's moderation comes as a bare 403.
        .or_else(|| {
            let is_flagged = metadata.is_some_and(|it| it.contains_key("flagged_input"));
            is_flagged.then(|| "moderation".to_owned())
        });
    ErrorBody {
        message: cut(message_text),
        kind: text(fields, "type")
            .or_else(|| text(fields, "status"))
            .or(error_type)
            .or_else(|| inner.as_ref().map(|it| it.kind.clone()))
            .unwrap_or_else(default_kind),
        param: text(fields, "param").or_else(|| inner.as_ref().and_then(|it| it.param.clone())),
        code: named_code
            .or_else(|| scalar(fields.get("code")))
            .or_else(|| inner.and_then(|it| it.code)),
        filtered: fields.get("innererror").and_then(found_by_filters),
    }
}

/// Of Azure's `innererror` what its filters found, and no more of it.
///
/// Source: the error in <https://github.com/openai/openai-dotnet/issues/55> (read 2026-11).
fn found_by_filters(inner: &Value) -> Option<Box<Value>> {
    let found = inner.get("content_filter_result")?.as_object()?;
    let code = inner.get("code").and_then(Value::as_str);
    let kept = json!({ "code": code, "content_filter_result": found });
    (kept.to_string().len() <= MAX_FILTERED_BYTES).then(|| Box::new(kept))
}

/// `FastAPI`'s list of validation errors: the first one, with its place as `param`.
fn validation(items: &[Value]) -> Option<ErrorBody> {
    let first = items.first()?.as_object()?;
    let place = first.get("loc").and_then(Value::as_array).map(|steps| {
        let steps = steps.iter().filter_map(|it| scalar(Some(it)));
        let steps: Vec<String> = steps.filter(|it| it != "body").collect();
        steps.join(".")
    });
    Some(ErrorBody {
        message: cut(text(first, "msg").or_else(|| text(first, "message"))?),
        kind: "invalid_request_error".to_owned(),
        param: place.filter(|it| !it.is_empty()),
        code: text(first, "type"),
        filtered: None,
    })
}

fn plain(message: &str) -> Option<ErrorBody> {
    let message = message.trim();
    (!message.is_empty()).then(|| ErrorBody {
        message: cut(message.to_owned()),
        kind: default_kind(),
        param: None,
        code: None,
        filtered: None,
    })
}

fn default_kind() -> String {
    "upstream_error".to_owned()
}

fn text(fields: &Map<String, Value>, name: &str) -> Option<String> {
    let text = fields.get(name)?.as_str()?;
    (!text.is_empty()).then(|| cut(text.to_owned()))
}

fn scalar(value: Option<&Value>) -> Option<String> {
    match value? {
        Value::String(text) if !text.is_empty() => Some(cut(text.clone())),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

fn is_truthy(value: &Value) -> bool {
    match value {
        Value::Null | Value::Bool(false) => false,
        Value::String(text) => !text.is_empty(),
        Value::Array(items) => !items.is_empty(),
        Value::Object(fields) => !fields.is_empty(),
        Value::Bool(true) => true,
        Value::Number(number) => number.as_f64() != Some(0.0),
    }
}

fn cut(mut text: String) -> String {
    if text.len() > MAX_MESSAGE_BYTES {
        let end = (0..=MAX_MESSAGE_BYTES)
            .rev()
            .find(|at| text.is_char_boundary(*at))
            .unwrap_or(0);
        text.truncate(end);
    }
    text
}
