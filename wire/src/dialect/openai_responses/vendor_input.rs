//! A conversation as items, for a vendor.

use std::borrow::Cow;

use crate::chat::names::plain_id;
use crate::chat::shape::{data_url_of, is_address, sniff};
use crate::chat::{
    Media, Message, Names, Part, Provenance, Role, Source, Text, Thought, ToolCall, ToolResult,
    Traits, Unsupported, Written,
};
use crate::json::{Json, Object};

/// What a result says where none is known.
const NO_RESULT: &str = "[no result recorded]";

/// Writes items.
pub(super) struct Scribe<'w, 'a> {
    pub(super) traits: Traits,
    pub(super) names: &'w Names,
    pub(super) written: &'w mut Written<'a>,
    pub(super) items: Vec<Json<'a>>,
    /// Calls whose results have not come yet.
    pub(super) open_calls: Vec<Open<'a>>,
}

/// A call without a result.
pub(super) struct Open<'a> {
    /// The caller's id of it.
    id: Cow<'a, str>,
    is_custom: bool,
}

impl<'a> Scribe<'_, 'a> {
    /// Writes one message.
    pub(super) fn message(&mut self, message: &Message<'a>) -> Result<(), Unsupported> {
        if message.name.is_some() {
            self.written.drop_field("messages[].name");
        }
        match message.role {
            Role::System => self.words("system", &message.parts),
            Role::Developer => self.words("developer", &message.parts),
            Role::User => self.user(&message.parts),
            Role::Assistant => {
                self.close_calls();
                self.assistant(&message.parts);
                Ok(())
            }
        }
    }

    /// Results first, in the order in which they came.
    fn user(&mut self, parts: &[Part<'a>]) -> Result<(), Unsupported> {
        let mut orphans = Vec::new();
        for part in parts {
            if let Part::ToolResult(result) = part {
                orphans.extend(self.result(result)?);
            }
        }
        let mut content = orphans;
        for part in parts {
            content.extend(self.part(part)?);
        }
        self.say("user", content);
        Ok(())
    }

    fn words(&mut self, role: &'static str, parts: &[Part<'a>]) -> Result<(), Unsupported> {
        let mut content = Vec::new();
        for part in parts {
            content.extend(self.part(part)?);
        }
        self.say(role, content);
        Ok(())
    }

    fn say(&mut self, role: &'static str, content: Vec<Json<'a>>) {
        if content.is_empty() {
            return;
        }
        self.close_calls();
        let it = Object::new()
            .with("type", "message")
            .with("role", role)
            .with("content", plain(content, "input_text"));
        self.items.push(it.into());
    }

    /// Every call must have a result before anybody speaks.
    pub(super) fn close_calls(&mut self) {
        for call in std::mem::take(&mut self.open_calls) {
            self.items.push(output(&call, NO_RESULT.into()));
        }
    }

    /// What a model said, in its order. A thought must be followed by what it led to.
    fn assistant(&mut self, parts: &[Part<'a>]) {
        let mut content: Vec<Json<'a>> = Vec::new();
        let is_said = |part: &Part<'_>| match part {
            Part::Text(text) => !text.text.is_empty(),
            part => !matches!(part, Part::Thought(_)),
        };
        let last = parts.iter().rposition(is_said);
        for (at, part) in parts.iter().enumerate() {
            match part {
                Part::Text(text) if text.text.is_empty() => {}
                Part::Text(text) => {
                    let it = Object::new()
                        .with("type", "output_text")
                        .with("text", text.text.clone());
                    content.push(it.into());
                }
                Part::Refusal(text) => {
                    let it = Object::new()
                        .with("type", "refusal")
                        .with("refusal", text.clone());
                    content.push(it.into());
                }
                Part::Thought(thought) => {
                    self.answer(&mut content);
                    let leads_on = last.is_some_and(|last| at < last);
                    self.thought(thought, leads_on);
                }
                Part::ToolCall(call) => {
                    self.answer(&mut content);
                    self.call(call);
                }
                Part::Image(_) | Part::Audio(_) | Part::File(_) | Part::ToolResult(_) => {
                    self.written.drop_field("messages[].content[]:assistant");
                }
            }
        }
        self.answer(&mut content);
    }

    fn answer(&mut self, content: &mut Vec<Json<'a>>) {
        if content.is_empty() {
            return;
        }
        let it = Object::new()
            .with("type", "message")
            .with("role", "assistant")
            .with("content", std::mem::take(content));
        self.items.push(it.into());
    }

    /// Only the vendor's own thoughts, and only in its cipher: it keeps none for us.
    fn thought(&mut self, thought: &Thought<'a>, leads_on: bool) {
        let encrypted = match &thought.encrypted {
            Some(encrypted) if thought.provenance == Provenance::OpenAi && leads_on => encrypted,
            _ => return self.written.drop_field("messages[].reasoning"),
        };
        let summary = match &thought.text {
            text if text.is_empty() => Vec::new(),
            text => {
                let part = Object::new()
                    .with("type", "summary_text")
                    .with("text", text.clone());
                vec![part.into()]
            }
        };
        let it = Object::new()
            .with("type", "reasoning")
            .with_some("id", thought.id.clone())
            .with("summary", summary)
            .with("encrypted_content", encrypted.clone());
        self.items.push(it.into());
    }

    fn call(&mut self, call: &ToolCall<'a>) {
        let is_custom = call.is_custom && self.traits.takes_custom_tools;
        self.open_calls.push(Open {
            id: call.id.clone(),
            is_custom,
        });
        let arguments = match &call.arguments {
            input if call.is_custom && !is_custom => {
                Json::from(Object::new().with("input", input.clone()))
                    .to_string()
                    .into()
            }
            text if text.trim().is_empty() && !is_custom => Cow::Borrowed("{}"),
            text => text.clone(),
        };
        let (kind, field) = if is_custom {
            ("custom_tool_call", "input")
        } else {
            ("function_call", "arguments")
        };
        let it = Object::new()
            .with("type", kind)
            .with("call_id", plain_id(&call.id).into_owned())
            .with("name", self.names.to_target(&call.name).into_owned())
            .with(field, arguments);
        self.items.push(it.into());
    }

    /// Writes a result; one without a call is given back as words, for the vendor would refuse it.
    fn result(&mut self, result: &ToolResult<'a>) -> Result<Vec<Json<'a>>, Unsupported> {
        if result.cache.is_some() {
            self.written.drop_field("cache_control");
        }
        let mut parts = Vec::new();
        for part in &result.parts {
            parts.extend(self.part(part)?);
        }
        let call = self.open_calls.iter().position(|it| it.id == result.call);
        let Some(at) = call else {
            parts.insert(0, text_part("[tool result]".into()));
            return Ok(parts);
        };
        let call = self.open_calls.remove(at);
        let says_so = parts.first().and_then(|it| it.str("text"));
        if result.is_error && !says_so.is_some_and(|it| it.starts_with("Error")) {
            match parts.as_mut_slice() {
                [only] if only.str("type") == Some("input_text") => {
                    let text = only.str("text").unwrap_or_default();
                    *only = text_part(format!("Error: {text}").into());
                }
                _ => parts.insert(0, text_part("Error:".into())),
            }
        }
        let text = plain(parts, "input_text");
        let text = match text {
            Json::Array(parts) if parts.is_empty() => "".into(),
            other => other,
        };
        self.items.push(output(&call, text));
        Ok(Vec::new())
    }

    fn part(&mut self, part: &Part<'a>) -> Result<Option<Json<'a>>, Unsupported> {
        Ok(match part {
            Part::Text(text) if text.text.is_empty() => None,
            Part::Text(text) => Some(self.text(text)),
            Part::Refusal(text) => Some(text_part(text.clone())),
            Part::Image(image) => Some(self.image(image)?),
            Part::File(file) => Some(self.file(file)?),
            Part::Audio(_) => {
                return Err(Unsupported::new(
                    "messages[].content[].input_audio",
                    "the model's API takes no recordings",
                ));
            }
            Part::Thought(_) | Part::ToolCall(_) | Part::ToolResult(_) => None,
        })
    }

    fn text(&mut self, text: &Text<'a>) -> Json<'a> {
        let it = Object::new()
            .with("type", "input_text")
            .with("text", text.text.clone());
        self.cached(it, text.cache.as_ref())
    }

    /// A part with its prompt-cache point, if that is in the vendor's own words.
    fn cached(&mut self, part: Object<'a>, point: Option<&Json<'a>>) -> Json<'a> {
        match point {
            Some(point) if point.get("mode").is_some() => {
                part.with("prompt_cache_breakpoint", point.clone()).into()
            }
            Some(_) => {
                self.written.drop_field("cache_control");
                part.into()
            }
            None => part.into(),
        }
    }

    fn image(&mut self, image: &Media<'a>) -> Result<Json<'a>, Unsupported> {
        let it = Object::new().with("type", "input_image").with(
            "detail",
            image.detail.clone().unwrap_or(Cow::Borrowed("auto")),
        );
        let it = match &image.source {
            Source::Url(url) if self.traits.fetches_urls => it.with("image_url", url.clone()),
            Source::Id(id) if !is_address(id) => it.with("file_id", id.clone()),
            Source::Url(_) | Source::Id(_) => {
                return Err(Unsupported::new(
                    "messages[].content[].image_url",
                    "pictures must be given in base64",
                ));
            }
            Source::Base64(data) => {
                let kind = sniff(data).or(image.media_type.as_deref());
                it.with("image_url", data_url_of(kind.unwrap_or("image/png"), data))
            }
            Source::Text(_) => {
                return Err(Unsupported::new(
                    "messages[].content[].image",
                    "a picture must be given by URL or in base64",
                ));
            }
        };
        Ok(self.cached(it, image.cache.as_ref()))
    }

    fn file(&mut self, file: &Media<'a>) -> Result<Json<'a>, Unsupported> {
        let name = file.name.clone();
        let it = Object::new().with("type", "input_file");
        let it = match &file.source {
            Source::Text(text) => Object::new()
                .with("type", "input_text")
                .with("text", text.clone()),
            Source::Id(id) if !is_address(id) => it.with("file_id", id.clone()),
            Source::Url(url) if self.traits.fetches_urls => it.with("file_url", url.clone()),
            Source::Url(_) | Source::Id(_) => {
                return Err(Unsupported::new(
                    "messages[].content[].file",
                    "files must be given in base64",
                ));
            }
            Source::Base64(data) => {
                let kind = file.media_type.as_deref().unwrap_or("application/pdf");
                it.with("filename", name.unwrap_or(Cow::Borrowed("document.pdf")))
                    .with("file_data", data_url_of(kind, data))
            }
        };
        Ok(self.cached(it, file.cache.as_ref()))
    }
}

fn output<'a>(call: &Open<'a>, text: Json<'a>) -> Json<'a> {
    let kind = if call.is_custom {
        "custom_tool_call_output"
    } else {
        "function_call_output"
    };
    Object::new()
        .with("type", kind)
        .with("call_id", plain_id(&call.id).into_owned())
        .with("output", text)
        .into()
}

fn text_part(text: Cow<'_, str>) -> Json<'_> {
    Object::new()
        .with("type", "input_text")
        .with("text", text)
        .into()
}

/// One text is a string, unless more than the text is said of it.
fn plain<'a>(mut parts: Vec<Json<'a>>, kind: &str) -> Json<'a> {
    if let [Json::Object(only)] = parts.as_mut_slice()
        && only.get("type").and_then(Json::as_str) == Some(kind)
        && only.members().count() == 2
        && let Some(text) = only.take("text")
    {
        return text;
    }
    Json::Array(parts)
}
