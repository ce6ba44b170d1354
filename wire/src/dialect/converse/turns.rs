//! A conversation as Converse's messages.

use std::borrow::Cow;

use super::family::Family;
use super::media;
use crate::chat::names::{nine, plain_id};
use crate::chat::shape::{arguments_object, cache_ttl};
use crate::chat::turns::{Conversation, GO_ON, Said, Turn};
use crate::chat::{
    Media, Names, Part, Provenance, Text, Thought, ToolCall, ToolResult, Unsupported, Written,
};
use crate::json::{Json, Object};

/// Most prompt-cache points in a request.
const MAX_CACHE_POINTS: usize = 4;
/// What the user says where there is nothing, and something must be.
const NOTHING: &str = ".";
/// What the user says beside a document without words: Converse wants some.
const SEE: &str = "See the document.";
/// What stands for a result without content.
const EMPTY: &str = "(empty)";

/// Writes messages.
pub(super) struct Scribe<'w, 'a> {
    pub(super) family: Family,
    pub(super) names: &'w Names,
    pub(super) written: &'w mut Written<'a>,
    /// Calls and results are told in words, because no tools are offered.
    pub(super) is_flat: bool,
    pub(super) takes_prefill: bool,
    pub(super) cache_points: usize,
    pub(super) documents: usize,
}

impl<'a> Scribe<'_, 'a> {
    /// `system`; `None` if there is none.
    pub(super) fn system(&mut self, system: &[&Text<'a>]) -> Vec<Json<'a>> {
        let mut blocks = Vec::new();
        for text in system {
            blocks.push(text_block(text.text.clone()));
            self.cache(text.cache.as_ref(), &mut blocks);
        }
        blocks
    }

    /// `messages`.
    pub(super) fn messages(
        &mut self,
        conversation: &Conversation<'_, 'a>,
    ) -> Result<Json<'a>, Unsupported> {
        let mut said = Said::default();
        let last = conversation.turns.len().saturating_sub(1);
        for (at, turn) in conversation.turns.iter().enumerate() {
            let blocks = self.turn(turn, at == last && !turn.is_user)?;
            said.add(turn.is_user, blocks);
        }
        let mut said = said.0;
        if said.first().is_none_or(|(is_user, _)| !is_user) {
            said.insert(0, (true, vec![text_block(NOTHING.into())]));
        }
        if let Some((false, blocks)) = said.last()
            && !self.takes_prefill
            && !has(blocks, "toolUse")
        {
            said.push((true, vec![text_block(GO_ON.into())]));
            self.written.drop_field("messages[-1]:prefill");
        }
        Ok(said.into_iter().map(message).collect::<Vec<_>>().into())
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
                    let text = it.text.trim_end().to_owned();
                    blocks.push(text_block(text.into()));
                    self.cache(it.cache.as_ref(), &mut blocks);
                }
                Part::Thought(_) => {}
                Part::ToolCall(call) => blocks.push(self.call(call)),
                Part::ToolResult(result) => self.result(result, &mut blocks)?,
                part => {
                    blocks.extend(self.block(part)?);
                    self.cache(part.cache(), &mut blocks);
                }
            }
        }
        Ok(blocks)
    }

    /// A part that is neither a thought nor about tools.
    fn block(&mut self, part: &Part<'a>) -> Result<Option<Json<'a>>, Unsupported> {
        Ok(Some(match part {
            Part::Text(text) if text.text.trim().is_empty() => return Ok(None),
            Part::Text(text) => text_block(text.text.clone()),
            Part::Refusal(text) => text_block(text.clone()),
            Part::Image(image) => {
                if image.detail.as_deref().is_some_and(|it| it != "auto") {
                    self.written
                        .drop_field("messages[].content[].image_url.detail");
                }
                media::image(image)?
            }
            Part::Audio(_) if self.family.is_deaf() => {
                return Err(Unsupported::new(
                    "messages[].content[].input_audio",
                    "the model does not hear",
                ));
            }
            Part::Audio(audio) => media::audio(audio)?,
            Part::File(file) => self.document(file)?,
            Part::Thought(_) | Part::ToolCall(_) | Part::ToolResult(_) => return Ok(None),
        }))
    }

    fn document(&mut self, file: &Media<'a>) -> Result<Json<'a>, Unsupported> {
        if file.name.is_some() {
            self.written
                .drop_field("messages[].content[].file.filename");
        }
        self.documents += 1;
        media::document(file, self.documents)
    }

    /// Appends the caller's prompt-cache point, as far as more points are taken.
    pub(super) fn cache(&mut self, point: Option<&Json<'a>>, blocks: &mut Vec<Json<'a>>) {
        let Some(point) = point else { return };
        if !self.family.takes_cache_points() || self.cache_points == MAX_CACHE_POINTS {
            return self.written.drop_field("cache_control");
        }
        self.cache_points += 1;
        let ttl = cache_ttl(point);
        // Nova has one lifetime, five minutes.
        if self.family != Family::Claude && ttl == Some("1h") {
            self.written.drop_field("cache_control.ttl");
        }
        let point = Object::new()
            .with("type", "default")
            .with_some("ttl", ttl.filter(|_| self.family == Family::Claude));
        blocks.push(Object::new().with("cachePoint", point).into());
    }

    /// Only Claude's own thoughts, only to Claude, and only with their proof, verbatim.
    fn thought(&mut self, it: &Thought<'a>) -> Option<Json<'a>> {
        let content = match (self.family, &it.provenance, &it.encrypted, &it.signature) {
            (Family::Claude, Provenance::Anthropic, Some(data), _) => {
                Object::new().with("redactedContent", data.clone())
            }
            (Family::Claude, Provenance::Anthropic, None, Some(signature)) => {
                let text = Object::new()
                    .with("text", it.text.clone())
                    .with("signature", signature.clone());
                Object::new().with("reasoningText", text)
            }
            _ => {
                self.written.drop_field("messages[].reasoning");
                return None;
            }
        };
        Some(Object::new().with("reasoningContent", content).into())
    }

    fn call(&mut self, call: &ToolCall<'a>) -> Json<'a> {
        if call.signature.is_some() {
            self.written
                .drop_field("messages[].tool_calls[].extra_content");
        }
        if self.is_flat {
            let text = format!("[tool call {}: {}]", call.name, call.arguments);
            return text_block(text.into());
        }
        let input = if call.is_custom {
            Object::new().with("input", call.arguments.clone()).into()
        } else {
            arguments_object(&call.arguments).into_owned()
        };
        let block = Object::new()
            .with("toolUseId", self.id(&call.id))
            .with("name", self.names.to_target(&call.name).into_owned())
            .with("input", input);
        Object::new().with("toolUse", block).into()
    }

    fn result(
        &mut self,
        result: &ToolResult<'a>,
        blocks: &mut Vec<Json<'a>>,
    ) -> Result<(), Unsupported> {
        let mut content = Vec::new();
        // Within a result there are no cache points: the last one is moved behind it.
        let mut point = None;
        for part in &result.parts {
            if matches!(part, Part::Audio(_)) {
                return Err(Unsupported::new(
                    "messages[].content[].input_audio",
                    "a tool's result cannot hold recordings",
                ));
            }
            content.extend(self.block(part)?);
            point = part.cache().or(point);
        }
        if content.is_empty() {
            content.push(text_block(EMPTY.into()));
        }
        let point = result.cache.as_ref().or(point);
        if self.is_flat {
            let label = if result.is_error { "error" } else { "result" };
            blocks.push(text_block(format!("[tool {label}]").into()));
            blocks.append(&mut content);
            self.cache(point, blocks);
            return Ok(());
        }
        if result.is_error && !self.family.takes_status() {
            content.insert(0, text_block("(the tool failed)".into()));
        }
        let mut block = Object::new()
            .with("toolUseId", self.id(&result.call))
            .with("content", content);
        if result.is_error && self.family.takes_status() {
            block = block.with("status", "error");
        }
        blocks.push(Object::new().with("toolResult", block).into());
        self.cache(point, blocks);
        Ok(())
    }

    fn id(&self, id: &str) -> String {
        match self.family {
            Family::Mistral => nine(id),
            Family::Claude | Family::Nova | Family::Gpt | Family::Other => plain_id(id),
        }
        .into_owned()
    }
}

fn message((is_user, mut blocks): (bool, Vec<Json<'_>>)) -> Json<'_> {
    if has(&blocks, "document") && !has(&blocks, "text") {
        blocks.push(text_block(SEE.into()));
    }
    Object::new()
        .with("role", if is_user { "user" } else { "assistant" })
        .with("content", blocks)
        .into()
}

fn has(blocks: &[Json<'_>], kind: &str) -> bool {
    blocks.iter().any(|it| it.get(kind).is_some())
}

pub(super) fn text_block(text: Cow<'_, str>) -> Json<'_> {
    Object::new().with("text", text).into()
}
