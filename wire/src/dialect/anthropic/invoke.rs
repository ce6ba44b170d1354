//! What Bedrock's `InvokeModel` takes of a Messages request, and what it refuses.
//!
//! Bedrock checks a request against a copy of Anthropic's schema that lacks much of it, and refuses
//! a field that it does not know. What a call can do without is taken out here and named. Where it
//! cannot, [`is_beyond`] says so, and the call is better put into Converse, which is written around
//! what is missing or refuses it by name.
//!
//! Source: "Anthropic Claude Messages API" in the Bedrock user guide, and what litellm at
//! `005f67bff3` found to be refused (`anthropic_claude3_transformation.py`; read 2026-11).

#[cfg(test)]
mod tests;

use std::borrow::Cow;

use bytes::Bytes;
use memchr::memmem;

use super::messages::strip_billing;
use super::tools::is_callers;
use crate::document::Document;
use crate::json::{Json, Object};

/// What Bedrock's schema knows of a tool of the caller's own.
const TOOL: [&str; 5] = [
    "type",
    "name",
    "description",
    "input_schema",
    "cache_control",
];

/// Fields of a request that are written otherwise for Bedrock.
#[derive(Debug, Default)]
pub struct Trimmed {
    /// Their names, and what they are now.
    pub fields: Vec<(&'static str, Bytes)>,
    /// What is not in them any more, as paths.
    pub dropped: Vec<Cow<'static, str>>,
}

/// Whether a request asks for what `InvokeModel` has nothing like: a schema for the answer, tools
/// that Anthropic runs, pages and files that it fetches, or the system's words amid the others'.
pub fn is_beyond(request: &Document) -> bool {
    let parsed = |field| request.raw(field).and_then(Json::trusted);
    if parsed("output_config").is_some_and(|it| it.get("format").is_some_and(|it| !it.is_null())) {
        return true;
    }
    let tools = parsed("tools");
    let tools = tools.as_ref().and_then(Json::as_array).unwrap_or_default();
    if tools.iter().any(|it| !is_callers(it.str("type"))) {
        return true;
    }
    // Looked into only if one of the words is there at all.
    let words: [&[u8]; 3] = [br#""system""#, br#""url""#, br#""file""#];
    let Some(messages) = request.raw("messages") else {
        return false;
    };
    if words.iter().all(|it| memmem::find(messages, it).is_none()) {
        return false;
    }
    let messages = Json::trusted(messages);
    let messages = messages.as_ref().and_then(Json::as_array);
    messages.unwrap_or_default().iter().any(|message| {
        message.str("role") == Some("system") || message.get("content").is_some_and(is_fetched)
    })
}

/// Whether something in this content is to be fetched.
fn is_fetched(content: &Json<'_>) -> bool {
    content.as_array().unwrap_or_default().iter().any(|block| {
        let kind = block.get("source").and_then(|it| it.str("type"));
        matches!(kind, Some("url" | "file")) || block.get("content").is_some_and(is_fetched)
    })
}

/// The fields of which Bedrock refuses a part, without it.
///
/// `takes_strict`: whether a tool may say that its schema is to be kept to.
pub fn trimmed(request: &Document, takes_strict: bool) -> Trimmed {
    let mut trimmed = Trimmed::default();
    for field in ["system", "tools", "messages"] {
        let Some(raw) = request.raw(field) else {
            continue;
        };
        let has = |word: &[u8]| memmem::find(raw, word).is_some();
        // What the tools have is known only when they are looked at.
        if !(field == "tools" || has(br#""scope""#) || has(b"x-anthropic-billing-header")) {
            continue;
        }
        let Some(mut value) = Json::trusted(raw) else {
            continue;
        };
        let mut change = Change {
            takes_strict,
            is_made: false,
            dropped: &mut trimmed.dropped,
        };
        match field {
            "tools" => change.tools(&mut value),
            "system" => change.system(&mut value),
            _ => change.messages(&mut value),
        }
        if change.is_made {
            trimmed.fields.push((field, value.to_bytes()));
        }
    }
    trimmed
}

/// What is done to a field.
struct Change<'d> {
    takes_strict: bool,
    is_made: bool,
    dropped: &'d mut Vec<Cow<'static, str>>,
}

impl Change<'_> {
    fn note(&mut self, path: Cow<'static, str>) {
        self.is_made = true;
        if !self.dropped.contains(&path) {
            self.dropped.push(path);
        }
    }

    fn tools(&mut self, tools: &mut Json<'_>) {
        for tool in items(tools) {
            let kind = tool.get("type").and_then(Json::as_str);
            let is_own = matches!(kind, None | Some("custom"));
            self.cache_control(tool, "tools[].cache_control.scope");
            if !is_own {
                continue;
            }
            let takes_strict = self.takes_strict;
            let is_known = |it: &str| TOOL.contains(&it) || (it == "strict" && takes_strict);
            let unknown = tool.members().map(|(name, _)| name);
            let unknown = unknown.filter(|it| !is_known(it)).map(str::to_owned);
            for name in unknown.collect::<Vec<_>>() {
                tool.take(&name);
                self.note(format!("tools[].{name}").into());
            }
        }
    }

    /// Claude Code's line with a number that is another one each time is no instruction, and Bedrock
    /// refuses it as a word of its own.
    fn system(&mut self, system: &mut Json<'_>) {
        if let Json::String(text) = system {
            self.is_made |= strip_billing(text);
        }
        for block in items(system) {
            if let Some(Json::String(text)) = block.get_mut("text") {
                self.is_made |= strip_billing(text);
            }
            self.cache_control(block, "system[].cache_control.scope");
        }
        if let Json::Array(blocks) = system {
            blocks.retain(|it| it.str("text").is_none_or(|it| !it.trim().is_empty()));
        }
    }

    fn messages(&mut self, messages: &mut Json<'_>) {
        for message in items(messages) {
            if let Some(content) = message.get_mut("content") {
                self.blocks(content);
            }
        }
    }

    fn blocks(&mut self, content: &mut Json<'_>) {
        for block in items(content) {
            self.cache_control(block, "messages[].content[].cache_control.scope");
            if let Some(content) = block.get_mut("content") {
                self.blocks(content);
            }
        }
    }

    /// Bedrock keeps what is cached for the account alone, and has no word for more.
    fn cache_control(&mut self, holder: &mut Object<'_>, path: &'static str) {
        if let Some(Json::Object(control)) = holder.get_mut("cache_control")
            && control.take("scope").is_some()
        {
            self.note(path.into());
        }
    }
}

/// The objects of an array.
fn items<'j, 'a>(value: &'j mut Json<'a>) -> impl Iterator<Item = &'j mut Object<'a>> {
    let array = match value {
        Json::Array(items) => items.as_mut_slice(),
        _ => &mut [],
    };
    array.iter_mut().filter_map(|it| match it {
        Json::Object(object) => Some(object),
        _ => None,
    })
}
