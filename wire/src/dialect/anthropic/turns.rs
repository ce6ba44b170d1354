//! A conversation as blocks, for a vendor.

use std::borrow::Cow;

use crate::chat::names::plain_id;
use crate::chat::shape::{arguments_object, cache_ttl, is_address, sniff};
use crate::chat::turns::{Conversation, GO_ON, Said, Turn};
use crate::chat::{
    Media, Names, Part, Provenance, Source, Text, Thought, ToolCall, ToolResult, Traits,
    Unsupported, Written,
};
use crate::json::{Json, Object};

/// Most prompt-cache points in a request.
const MAX_CACHE_POINTS: usize = 4;

/// Writes blocks.
pub(super) struct Blocks<'w, 'a> {
    pub(super) traits: Traits,
    pub(super) names: &'w Names,
    pub(super) written: &'w mut Written<'a>,
    pub(super) cache_points: usize,
}

impl<'a> Blocks<'_, 'a> {
    /// `system`; `None` if there is none.
    pub(super) fn system(&mut self, system: &[&Text<'a>]) -> Option<Json<'a>> {
        let blocks: Vec<Json<'a>> = system.iter().map(|it| self.text(it)).collect();
        (!blocks.is_empty()).then_some(Json::Array(blocks))
    }

    /// `messages`.
    pub(super) fn messages(
        &mut self,
        conversation: &Conversation<'_, 'a>,
    ) -> Result<Json<'a>, Unsupported> {
        let mut said = Said::default();
        let last = conversation.turns.len().saturating_sub(1);
        for (at, turn) in conversation.turns.iter().enumerate() {
            let content = self.turn(turn, at == last && !turn.is_user)?;
            said.add(turn.is_user, content);
        }
        if said.0.last().is_some_and(|(is_user, _)| !is_user) && !self.traits.takes_prefill {
            said.add(true, vec![text_block(GO_ON.into())]);
            self.written.drop_field("messages[-1]:prefill");
        }
        Ok(said.0.into_iter().map(message).collect::<Vec<_>>().into())
    }

    fn turn(
        &mut self,
        turn: &Turn<'_, 'a>,
        is_prefill: bool,
    ) -> Result<Vec<Json<'a>>, Unsupported> {
        let mut blocks = Vec::with_capacity(turn.parts.len());
        // A signed thought must stand first, whatever the caller's order was.
        for part in &turn.parts {
            if let Part::Thought(it) = &**part {
                blocks.extend(self.thought(it));
            }
        }
        let last = turn.parts.len().saturating_sub(1);
        for (at, part) in turn.parts.iter().enumerate() {
            match &**part {
                Part::Text(it) if is_prefill && at == last => {
                    blocks.push(self.text(&Text {
                        text: it.text.trim_end().to_owned().into(),
                        cache: it.cache.clone(),
                    }));
                }
                part => blocks.extend(self.part(part)?),
            }
        }
        Ok(blocks)
    }

    fn part(&mut self, part: &Part<'a>) -> Result<Option<Json<'a>>, Unsupported> {
        Ok(Some(match part {
            Part::Text(text) if text.text.trim().is_empty() => return Ok(None),
            Part::Text(text) => self.text(text),
            Part::Refusal(text) => text_block(text.clone()),
            Part::Image(image) => self.image(image)?,
            Part::Audio(_) => {
                return Err(Unsupported::new(
                    "messages[].content[].input_audio",
                    "the model does not hear",
                ));
            }
            Part::File(file) => self.file(file)?,
            Part::ToolCall(call) => self.call(call),
            Part::ToolResult(result) => self.result(result)?,
            Part::Thought(_) => return Ok(None),
        }))
    }

    fn text(&mut self, text: &Text<'a>) -> Json<'a> {
        let block = Object::new()
            .with("type", "text")
            .with("text", text.text.clone());
        self.cached(block, text.cache.as_ref())
    }

    /// The block with its prompt-cache point, as far as more points are taken.
    pub(super) fn cached(&mut self, block: Object<'a>, point: Option<&Json<'a>>) -> Json<'a> {
        let Some(point) = point else {
            return block.into();
        };
        if self.cache_points == MAX_CACHE_POINTS {
            self.written.drop_field("cache_control");
            return block.into();
        }
        self.cache_points += 1;
        let control = Object::new()
            .with("type", "ephemeral")
            .with_some("ttl", cache_ttl(point));
        block.with("cache_control", control).into()
    }

    /// Only Anthropic's own thoughts, and only with their proof: anything else is refused there.
    fn thought(&mut self, it: &Thought<'a>) -> Option<Json<'a>> {
        match (&it.provenance, &it.encrypted, &it.signature) {
            (Provenance::Anthropic, Some(data), _) => Some(
                Object::new()
                    .with("type", "redacted_thinking")
                    .with("data", data.clone())
                    .into(),
            ),
            (Provenance::Anthropic, None, Some(signature)) => Some(
                Object::new()
                    .with("type", "thinking")
                    .with("thinking", it.text.clone())
                    .with("signature", signature.clone())
                    .into(),
            ),
            _ => {
                self.written.drop_field("messages[].reasoning");
                None
            }
        }
    }

    fn image(&mut self, image: &Media<'a>) -> Result<Json<'a>, Unsupported> {
        if image.detail.as_deref().is_some_and(|it| it != "auto") {
            self.written
                .drop_field("messages[].content[].image_url.detail");
        }
        let source = match &image.source {
            Source::Base64(data) => {
                let kind = sniff(data).map(Cow::Borrowed).or(image.media_type.clone());
                base64(kind.unwrap_or(Cow::Borrowed("image/png")), data)
            }
            Source::Url(url) if self.traits.fetches_urls => url_source(url),
            Source::Id(id) if !is_address(id) => file_source(id),
            Source::Url(_) | Source::Id(_) => {
                return Err(Unsupported::new(
                    "messages[].content[].image_url",
                    "pictures must be given in base64",
                ));
            }
            Source::Text(_) => {
                return Err(Unsupported::new(
                    "messages[].content[].image",
                    "a picture must be given by URL or in base64",
                ));
            }
        };
        let block = Object::new().with("type", "image").with("source", source);
        Ok(self.cached(block, image.cache.as_ref()))
    }

    fn file(&mut self, file: &Media<'a>) -> Result<Json<'a>, Unsupported> {
        let kind = file.media_type.as_deref();
        let source = match &file.source {
            Source::Base64(data) if kind.is_none_or(|it| it == "application/pdf") => {
                base64(Cow::Borrowed("application/pdf"), data)
            }
            Source::Base64(_) => {
                return Err(Unsupported::new(
                    "messages[].content[].file",
                    "files must be PDF or plain text",
                ));
            }
            Source::Text(text) => Object::new()
                .with("type", "text")
                .with("media_type", "text/plain")
                .with("data", text.clone()),
            Source::Url(url) => url_source(url),
            Source::Id(id) if is_address(id) => {
                return Err(Unsupported::new(
                    "messages[].content[].file",
                    "a file of another vendor's must be given in base64",
                ));
            }
            Source::Id(id) => file_source(id),
        };
        let block = Object::new()
            .with("type", "document")
            .with("source", source)
            .with_some("title", file.name.clone());
        Ok(self.cached(block, file.cache.as_ref()))
    }

    fn call(&mut self, call: &ToolCall<'a>) -> Json<'a> {
        if call.signature.is_some() {
            self.written
                .drop_field("messages[].tool_calls[].extra_content");
        }
        let input = if call.is_custom {
            Object::new().with("input", call.arguments.clone()).into()
        } else {
            arguments_object(&call.arguments).into_owned()
        };
        Object::new()
            .with("type", "tool_use")
            .with("id", plain_id(&call.id).into_owned())
            .with("name", self.names.to_target(&call.name).into_owned())
            .with("input", input)
            .into()
    }

    fn result(&mut self, result: &ToolResult<'a>) -> Result<Json<'a>, Unsupported> {
        let mut content = Vec::new();
        for part in &result.parts {
            content.extend(self.part(part)?);
        }
        let mut block = Object::new()
            .with("type", "tool_result")
            .with("tool_use_id", plain_id(&result.call).into_owned());
        if !content.is_empty() {
            block = block.with("content", content);
        }
        if result.is_error {
            block = block.with("is_error", true);
        }
        Ok(self.cached(block, result.cache.as_ref()))
    }
}

fn message((is_user, content): (bool, Vec<Json<'_>>)) -> Json<'_> {
    Object::new()
        .with("role", if is_user { "user" } else { "assistant" })
        .with("content", content)
        .into()
}

fn text_block(text: Cow<'_, str>) -> Json<'_> {
    Object::new().with("type", "text").with("text", text).into()
}

fn base64<'a>(media_type: Cow<'a, str>, data: &Cow<'a, str>) -> Object<'a> {
    Object::new()
        .with("type", "base64")
        .with("media_type", media_type)
        .with("data", data.clone())
}

fn url_source<'a>(url: &Cow<'a, str>) -> Object<'a> {
    Object::new().with("type", "url").with("url", url.clone())
}

fn file_source<'a>(id: &Cow<'a, str>) -> Object<'a> {
    Object::new()
        .with("type", "file")
        .with("file_id", id.clone())
}
