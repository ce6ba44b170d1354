//! A conversation as messages, for a vendor.
//!
//! A message has one text and, apart from it, its pictures: where in the text they stood is
//! lost, as it is in Ollama's own templates, which put them first.

use std::borrow::Cow;

use crate::chat::shape::arguments_object;
use crate::chat::{
    Media, Message, Part, Role, Source, Text, Thought, ToolCall, ToolResult, Unsupported, Written,
};
use crate::json::{Json, Object};

/// Writes messages.
pub(super) struct Scribe<'w, 'a> {
    messages: Vec<Json<'a>>,
    /// The calls of the last turn that had any, in order: id and name.
    calls: Vec<(Cow<'a, str>, Cow<'a, str>)>,
    /// Results that wait for their neighbours, each with the place of its call.
    results: Vec<(usize, Json<'a>)>,
    written: &'w mut Written<'a>,
}

/// A text and what is shown beside it.
#[derive(Default)]
struct Content<'a> {
    texts: Vec<Cow<'a, str>>,
    images: Vec<Json<'a>>,
}

impl<'w, 'a> Scribe<'w, 'a> {
    /// `messages`.
    pub(super) fn messages(
        messages: &[Message<'a>],
        written: &'w mut Written<'a>,
    ) -> Result<Vec<Json<'a>>, Unsupported> {
        let mut scribe = Self {
            messages: Vec::with_capacity(messages.len()),
            calls: Vec::new(),
            results: Vec::new(),
            written,
        };
        for message in messages {
            scribe.message(message)?;
        }
        scribe.flush_results();
        Ok(scribe.messages)
    }

    fn message(&mut self, message: &Message<'a>) -> Result<(), Unsupported> {
        if message.name.is_some() {
            self.written.drop_field("messages[].name");
        }
        match message.role {
            Role::System | Role::Developer => self.said("system", &message.parts),
            Role::User => self.said("user", &message.parts),
            Role::Assistant => {
                self.assistant(&message.parts);
                Ok(())
            }
        }
    }

    /// Results are messages of their own and come first.
    fn said(&mut self, role: &'static str, parts: &[Part<'a>]) -> Result<(), Unsupported> {
        let mut content = Content::default();
        for part in parts {
            match part {
                Part::ToolResult(result) => self.result(result, &mut content)?,
                part => self.add(part, &mut content)?,
            }
        }
        if content.texts.is_empty() && content.images.is_empty() {
            return Ok(());
        }
        self.flush_results();
        self.push(role, content, "\n\n", Object::new());
        Ok(())
    }

    fn push(&mut self, role: &'static str, content: Content<'a>, between: &str, rest: Object<'a>) {
        let mut it = Object::new()
            .with("role", role)
            .with("content", joined(content.texts, between));
        if !content.images.is_empty() {
            it = it.with("images", content.images);
        }
        for (key, value) in rest {
            it.push(key, value);
        }
        self.messages.push(it.into());
    }

    fn add(&mut self, part: &Part<'a>, content: &mut Content<'a>) -> Result<(), Unsupported> {
        match part {
            Part::Text(text) => self.add_text(text, content),
            Part::Refusal(text) => content.texts.push(text.clone()),
            Part::Image(image) => {
                if image.detail.as_deref().is_some_and(|it| it != "auto") {
                    self.written
                        .drop_field("messages[].content[].image_url.detail");
                }
                self.note_cache(image.cache.as_ref());
                let data = data_of(image, "messages[].content[].image_url")?;
                content.images.push(data);
            }
            Part::Audio(audio) => {
                self.note_cache(audio.cache.as_ref());
                let data = data_of(audio, "messages[].content[].input_audio")?;
                content.images.push(data);
            }
            Part::File(file) => {
                let Source::Text(text) = &file.source else {
                    return Err(Unsupported::new(
                        "messages[].content[].file",
                        "documents must be given as text",
                    ));
                };
                self.note_cache(file.cache.as_ref());
                content.texts.push(text.clone());
            }
            Part::Thought(_) | Part::ToolCall(_) | Part::ToolResult(_) => {}
        }
        Ok(())
    }

    fn add_text(&mut self, text: &Text<'a>, content: &mut Content<'a>) {
        self.note_cache(text.cache.as_ref());
        if !text.text.is_empty() {
            content.texts.push(text.text.clone());
        }
    }

    /// The server caches what it can on its own.
    fn note_cache(&mut self, point: Option<&Json<'a>>) {
        if point.is_some() {
            self.written.drop_field("cache_control");
        }
    }

    fn result(
        &mut self,
        result: &ToolResult<'a>,
        beside: &mut Content<'a>,
    ) -> Result<(), Unsupported> {
        self.note_cache(result.cache.as_ref());
        let mut content = Content::default();
        for part in &result.parts {
            self.add(part, &mut content)?;
        }
        let mut text = joined(std::mem::take(&mut content.texts), "\n");
        if result.is_error && !text.starts_with("Error") {
            text = Cow::Owned(format!("Error: {text}"));
        }
        let Some(at) = self.calls.iter().position(|(id, _)| *id == result.call) else {
            // A result that nobody asked for is something the user says.
            beside.texts.push(format!("[tool result]\n{text}").into());
            beside.images.extend(content.images);
            return Ok(());
        };
        let name = self.calls.get(at).map(|(_, name)| name.clone());
        let mut it = Object::new().with("role", "tool").with("content", text);
        if !content.images.is_empty() {
            it = it.with("images", content.images);
        }
        let it = it
            .with_some("tool_name", name)
            .with("tool_call_id", result.call.clone());
        self.results.push((at, it.into()));
        Ok(())
    }

    /// In the order of their calls: templates that know neither ids nor names go by it.
    fn flush_results(&mut self) {
        self.results.sort_by_key(|(at, _)| *at);
        let results = self.results.drain(..).map(|(_, result)| result);
        self.messages.extend(results);
    }

    fn assistant(&mut self, parts: &[Part<'a>]) {
        let mut content = Content::default();
        let mut thoughts = Vec::new();
        let mut calls = Vec::new();
        for part in parts {
            match part {
                Part::Text(text) => self.add_text(text, &mut content),
                Part::Refusal(text) => content.texts.push(text.clone()),
                Part::Thought(thought) => thoughts.extend(self.thought(thought)),
                Part::ToolCall(call) => calls.push(call),
                // Nothing that an assistant could have said.
                Part::Image(_) | Part::Audio(_) | Part::File(_) | Part::ToolResult(_) => {
                    self.written.drop_field("messages[].content[]");
                }
            }
        }
        if content.texts.is_empty() && thoughts.is_empty() && calls.is_empty() {
            return;
        }
        self.flush_results();
        let mut rest = Object::new();
        if !thoughts.is_empty() {
            rest = rest.with("thinking", joined(thoughts, "\n"));
        }
        if !calls.is_empty() {
            self.calls.clear();
            let calls: Vec<_> = calls.into_iter().map(|it| self.call(it)).collect();
            rest = rest.with("tool_calls", calls);
        }
        self.push("assistant", content, "", rest);
    }

    /// The words of a thought; its proof means nothing here.
    fn thought(&mut self, thought: &Thought<'a>) -> Option<Cow<'a, str>> {
        if thought.encrypted.is_some() || thought.signature.is_some() {
            self.written.drop_field("messages[].reasoning_details");
        }
        Some(thought.text.clone()).filter(|it| !it.is_empty())
    }

    fn call(&mut self, call: &ToolCall<'a>) -> Json<'a> {
        if call.signature.is_some() {
            self.written
                .drop_field("messages[].tool_calls[].extra_content");
        }
        let arguments = match &call.arguments {
            text if call.is_custom => Object::new().with("input", text.clone()).into(),
            Cow::Borrowed(text) => arguments_object(text),
            Cow::Owned(text) => arguments_object(text).into_owned(),
        };
        let function = Object::new()
            .with("index", self.calls.len() as u64)
            .with("name", call.name.clone())
            .with("arguments", arguments);
        self.calls.push((call.id.clone(), call.name.clone()));
        Object::new()
            .with("id", call.id.clone())
            .with("function", function)
            .into()
    }
}

fn data_of<'a>(media: &Media<'a>, field: &'static str) -> Result<Json<'a>, Unsupported> {
    match &media.source {
        Source::Base64(data) => Ok(data.clone().into()),
        Source::Url(_) | Source::Text(_) | Source::Id(_) => {
            Err(Unsupported::new(field, "it must be given in base64"))
        }
    }
}

fn joined<'a>(texts: Vec<Cow<'a, str>>, between: &str) -> Cow<'a, str> {
    let mut texts = texts.into_iter();
    let Some(first) = texts.next() else {
        return Cow::Borrowed("");
    };
    texts.fold(first, |all, next| {
        Cow::Owned([&all, between, &next].concat())
    })
}
