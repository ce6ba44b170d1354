//! OpenAI document → generation request; what the engine cannot do is refused by name.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;
use tollward_engine::{ChatMessage, GenerateRequest, Input, Sampling};
use tollward_providers::Call;
use tollward_wire::document::{Document, FieldError};
use tollward_wire::operation::Operation;

/// A field that the engine cannot honour.
pub(super) struct Unsupported {
    pub(super) param: String,
    pub(super) reason: String,
}

impl From<FieldError> for Unsupported {
    fn from(error: FieldError) -> Self {
        Self {
            param: error.field.clone(),
            reason: error.to_string(),
        }
    }
}

/// A request for the engine, and what the answer must repeat.
pub(super) struct Wanted {
    pub(super) generate: GenerateRequest,
    /// The prompt, when a completion is to begin with it.
    pub(super) echo: Option<String>,
}

/// Fields that do not change an answer of this engine.
const HARMLESS: [&str; 13] = [
    "model",
    "stream",
    "stream_options",
    "user",
    "metadata",
    "store",
    "service_tier",
    "safety_identifier",
    "prompt_cache_key",
    "prompt_cache_options",
    "prompt_cache_retention",
    "parallel_tool_calls",
    "prediction",
];

/// Fields that are read below.
const READ: [&str; 22] = [
    "messages",
    "prompt",
    "temperature",
    "top_p",
    "top_k",
    "seed",
    "stop",
    "max_tokens",
    "max_completion_tokens",
    "n",
    "presence_penalty",
    "frequency_penalty",
    "logit_bias",
    "logprobs",
    "top_logprobs",
    "tools",
    "tool_choice",
    "response_format",
    "modalities",
    "echo",
    "best_of",
    "suffix",
];

#[derive(Deserialize)]
struct Message<'a> {
    role: String,
    #[serde(borrow, default)]
    content: Option<&'a RawValue>,
}

#[derive(Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Part {
    Text {
        text: String,
    },
    #[serde(other)]
    Other,
}

/// Reads the call.
///
/// `defaults` holds the sampling of a request that does not say.
pub(super) fn read(call: &Call<'_>, defaults: &Sampling) -> Result<Wanted, Unsupported> {
    let document = call.document;
    refuse_unknown(document)?;
    refuse_unsupported(document)?;
    let (input, logprobs, echo) = match call.operation {
        Operation::Completions => {
            let prompt = prompt(document)?;
            let echo = document
                .get::<bool>("echo")?
                .unwrap_or(false)
                .then(|| prompt.clone());
            (Input::Text(prompt), document.get::<u8>("logprobs")?, echo)
        }
        Operation::Embeddings | Operation::Rerank => {
            return Err(refuse("model", "the embedded engine generates text only"));
        }
        // Calls in other dialects come as chats.
        _ => (chat(document)?, chat_logprobs(document)?, None),
    };
    let max_tokens = match (
        document.get::<u32>("max_completion_tokens")?,
        document.get::<u32>("max_tokens")?,
    ) {
        (Some(wanted), _) | (None, Some(wanted)) => Some(wanted),
        // OpenAI's default for completions; chats go on to the end of the context.
        (None, None) => (call.operation == Operation::Completions).then_some(16),
    };
    let sampling = Sampling {
        temperature: document.get("temperature")?.unwrap_or(defaults.temperature),
        top_p: document.get("top_p")?.unwrap_or(defaults.top_p),
        top_k: document.get("top_k")?,
        seed: document.get::<i64>("seed")?.map(i64::cast_unsigned),
        presence_penalty: document
            .get("presence_penalty")?
            .unwrap_or(defaults.presence_penalty),
        frequency_penalty: document
            .get("frequency_penalty")?
            .unwrap_or(defaults.frequency_penalty),
        logit_bias: logit_bias(document)?,
        logprobs,
    };
    let generate = GenerateRequest {
        input,
        sampling,
        max_tokens,
        stop: stop(document)?,
        n: call.view.choices,
    };
    Ok(Wanted { generate, echo })
}

fn refuse(param: &str, reason: &str) -> Unsupported {
    Unsupported {
        param: param.to_owned(),
        reason: reason.to_owned(),
    }
}

fn refuse_unknown(document: &Document) -> Result<(), Unsupported> {
    let is_known = |field: &str| HARMLESS.contains(&field) || READ.contains(&field);
    match document.fields().find(|field| !is_known(field)) {
        Some(field) => Err(Unsupported {
            param: field.to_owned(),
            reason: format!("`{field}` is not supported by the embedded engine"),
        }),
        None => Ok(()),
    }
}

fn refuse_unsupported(document: &Document) -> Result<(), Unsupported> {
    if document
        .get::<Vec<&RawValue>>("tools")?
        .is_some_and(|tools| !tools.is_empty())
    {
        return Err(refuse(
            "tools",
            "the embedded engine does not call tools yet",
        ));
    }
    if document
        .get::<Value>("tool_choice")?
        .is_some_and(|choice| choice != "none" && choice != "auto")
    {
        return Err(refuse(
            "tool_choice",
            "the embedded engine does not call tools yet",
        ));
    }
    let format = document.get::<Value>("response_format")?;
    if format.is_some_and(|format| format.get("type").is_none_or(|kind| kind != "text")) {
        return Err(refuse(
            "response_format",
            "the embedded engine writes text only",
        ));
    }
    if document
        .get::<Vec<String>>("modalities")?
        .is_some_and(|modalities| modalities != ["text"])
    {
        return Err(refuse("modalities", "the embedded engine writes text only"));
    }
    if document
        .get::<u32>("best_of")?
        .is_some_and(|best_of| best_of > 1)
    {
        return Err(refuse(
            "best_of",
            "the embedded engine does not rank completions",
        ));
    }
    if document
        .get::<String>("suffix")?
        .is_some_and(|suffix| !suffix.is_empty())
    {
        return Err(refuse("suffix", "the embedded engine does not fill in"));
    }
    Ok(())
}

fn chat(document: &Document) -> Result<Input, Unsupported> {
    let messages: Vec<Message<'_>> = document.get("messages")?.unwrap_or_default();
    let read = |(index, message): (usize, Message<'_>)| {
        let content = text(message.content).ok_or_else(|| Unsupported {
            param: format!("messages[{index}].content"),
            reason: "the embedded engine reads text only".to_owned(),
        })?;
        // Chat templates know `system`; `developer` is its newer name.
        let role = if message.role == "developer" {
            "system".to_owned()
        } else {
            message.role
        };
        Ok(ChatMessage { role, content })
    };
    messages
        .into_iter()
        .enumerate()
        .map(read)
        .collect::<Result<_, _>>()
        .map(Input::Chat)
}

/// The text of a message's content; `None` when it has parts that are not text.
fn text(content: Option<&RawValue>) -> Option<String> {
    let Some(content) = content else {
        return Some(String::new());
    };
    if let Ok(text) = serde_json::from_str::<Option<String>>(content.get()) {
        return Some(text.unwrap_or_default());
    }
    let parts: Vec<Part> = serde_json::from_str(content.get()).ok()?;
    let texts = parts.into_iter().map(|part| match part {
        Part::Text { text } => Some(text),
        Part::Other => None,
    });
    texts.collect()
}

fn prompt(document: &Document) -> Result<String, Unsupported> {
    match document.get::<Value>("prompt")? {
        Some(Value::String(prompt)) => Ok(prompt),
        Some(Value::Array(prompts)) => match prompts.as_slice() {
            [Value::String(prompt)] => Ok(prompt.clone()),
            _ => Err(refuse(
                "prompt",
                "the embedded engine takes one prompt of text at a time",
            )),
        },
        _ => Err(refuse(
            "prompt",
            "the embedded engine takes one prompt of text at a time",
        )),
    }
}

fn chat_logprobs(document: &Document) -> Result<Option<u8>, Unsupported> {
    let is_wanted = document.get::<bool>("logprobs")?.unwrap_or(false);
    let top = document.get::<u8>("top_logprobs")?;
    match (is_wanted, top) {
        (true, top) => Ok(Some(top.unwrap_or(0))),
        (false, None | Some(0)) => Ok(None),
        (false, Some(_)) => Err(refuse(
            "top_logprobs",
            "`top_logprobs` needs `logprobs` to be true",
        )),
    }
}

fn logit_bias(document: &Document) -> Result<Vec<(u32, f32)>, Unsupported> {
    let biases: BTreeMap<String, f32> = document.get("logit_bias")?.unwrap_or_default();
    let pair = |(token, bias): (String, f32)| {
        let token = token
            .parse()
            .map_err(|_| refuse("logit_bias", "the keys must be token ids"))?;
        Ok((token, bias))
    };
    biases.into_iter().map(pair).collect()
}

fn stop(document: &Document) -> Result<Vec<String>, Unsupported> {
    match document.get::<Value>("stop")? {
        None => Ok(Vec::new()),
        Some(Value::String(one)) => Ok(vec![one]),
        Some(several) => serde_json::from_value(several)
            .map_err(|_| refuse("stop", "must be a string or an array of strings")),
    }
}
