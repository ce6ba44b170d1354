//! A caller's input: a list of items, gathered into messages.
//!
//! What a model said in one go is spread over items here: thoughts, words and calls. They
//! become one message of the assistant again, because every other vendor wants a call's
//! thought beside it and all results of a turn after it.

use std::borrow::Cow;

use super::namespace::joined as joined_name;
use super::parts::content;
use super::tools::Tools;
use crate::chat::fields::{Fields, note, within};
use crate::chat::hosted::word;
use crate::chat::packed::{self, Packed};
use crate::chat::{Message, Part, Provenance, Role, Thought, ToolCall, ToolResult};
use crate::document::FieldError;
use crate::json::Json;

/// Calls of tools that `OpenAI` defines and the caller runs: their item, name and arguments.
const CLIENT_CALLS: [(&str, &str, &str); 3] = [
    ("local_shell_call", "local_shell", "action"),
    ("shell_call", "shell", "action"),
    ("apply_patch_call", "apply_patch", "operation"),
];

/// What has been read of the input.
#[derive(Default)]
pub(super) struct Input<'a> {
    /// The conversation.
    pub(super) messages: Vec<Message<'a>>,
    /// Paths of items that only `OpenAI` has a use for.
    pub(super) left_out: Vec<Cow<'a, str>>,
    /// The last message is made of what a model said or tools answered, and more may join it.
    is_open: bool,
    /// Ids of calls without a result.
    open_calls: Vec<Cow<'a, str>>,
    /// Proofs of calls that are still to come.
    proofs: Vec<(String, String)>,
}

impl<'a> Input<'a> {
    /// Reads `instructions` and `input`.
    pub(super) fn read(fields: &mut Fields<'a>, tools: &mut Tools<'a>) -> Result<Self, FieldError> {
        let mut input = Self::default();
        if let Some(text) = fields.text("instructions")? {
            input
                .messages
                .push(Message::new(Role::System, vec![Part::from(text)]));
        }
        match fields.any("input") {
            Some(Json::String(text)) => input
                .messages
                .push(Message::new(Role::User, vec![Part::from(text)])),
            Some(Json::Array(items)) => {
                for (at, item) in items.into_iter().enumerate() {
                    let path = format!("input[{at}]");
                    input
                        .item(item, &path, tools)
                        .map_err(|it| within(&path, it))?;
                }
            }
            _ => return Err(FieldError::new("input", "a string or an array of items")),
        }
        Ok(input)
    }

    fn item(
        &mut self,
        value: Json<'a>,
        path: &str,
        tools: &mut Tools<'a>,
    ) -> Result<(), FieldError> {
        let mut fields = Fields::of(value)?;
        let kind = match fields.text("type")? {
            Some(kind) => kind,
            None if fields.has("role") => Cow::Borrowed("message"),
            None => Cow::Borrowed("item_reference"),
        };
        self.known(&mut fields, &kind, path, tools)?;
        // What an item is to those who keep it says nothing to a model.
        for name in ["id", "status", "phase"] {
            fields.any(name);
        }
        note(&mut self.left_out, fields.rest_of("input[]"));
        Ok(())
    }

    fn known(
        &mut self,
        fields: &mut Fields<'a>,
        kind: &str,
        path: &str,
        tools: &mut Tools<'a>,
    ) -> Result<(), FieldError> {
        if let Some((_, name, arguments)) = CLIENT_CALLS.iter().find(|(it, ..)| *it == kind) {
            return self.client_call(fields, name, arguments);
        }
        match kind {
            "message" => self.message(fields),
            "function_call" => {
                let name = name(fields)?;
                let arguments = match fields.any("arguments") {
                    None => Cow::Borrowed(""),
                    Some(Json::String(text)) => text,
                    // Some clients send the object itself.
                    Some(other) => Cow::Owned(other.to_string()),
                };
                self.call(fields, name, arguments, false)
            }
            "custom_tool_call" => {
                let name = name(fields)?;
                let input = fields.text("input")?.unwrap_or_default();
                self.call(fields, name, input, true)
            }
            "function_call_output" | "custom_tool_call_output" => self.output(fields),
            "local_shell_call_output" | "shell_call_output" | "apply_patch_call_output" => {
                self.client_output(fields)
            }
            "reasoning" => self.reasoning(fields),
            "additional_tools" => tools.read(fields, Some(path)),
            "item_reference" => Err(FieldError::new(
                "type",
                "an item; what a reference names is not stored here",
            )),
            other => {
                // What OpenAI's own tools left behind.
                let path = format!("input[]:{}", word(other));
                note(&mut self.left_out, std::iter::once(path.into()));
                fields.clear();
                Ok(())
            }
        }
    }

    fn message(&mut self, fields: &mut Fields<'a>) -> Result<(), FieldError> {
        let role = match fields.need_text("role")?.as_ref() {
            "user" => Role::User,
            "assistant" => Role::Assistant,
            "system" => Role::System,
            "developer" => Role::Developer,
            _ => {
                return Err(FieldError::new(
                    "role",
                    "user, assistant, system or developer",
                ));
            }
        };
        let parts = content(fields, "content", &mut self.left_out)?;
        if role == Role::Assistant {
            self.say(parts);
        } else {
            self.messages.push(Message::new(role, parts));
            self.is_open = false;
        }
        Ok(())
    }

    /// Words of the assistant: a message of their own after other words, unless calls stand between.
    fn say(&mut self, parts: Vec<Part<'a>>) {
        if let Some(last) = self.open(Role::Assistant) {
            let has_words = last
                .parts
                .iter()
                .any(|it| matches!(it, Part::Text(_) | Part::Refusal(_)));
            let has_calls = last.parts.iter().any(|it| matches!(it, Part::ToolCall(_)));
            self.is_open = has_calls || !has_words;
        }
        self.add(Role::Assistant, parts);
    }

    fn open(&mut self, role: Role) -> Option<&mut Message<'a>> {
        let is_open = self.is_open;
        self.messages
            .last_mut()
            .filter(|it| is_open && it.role == role)
    }

    fn add(&mut self, role: Role, parts: Vec<Part<'a>>) {
        match self.open(role) {
            Some(last) => last.parts.extend(parts),
            None => self.messages.push(Message::new(role, parts)),
        }
        self.is_open = true;
    }

    fn call(
        &mut self,
        fields: &mut Fields<'a>,
        name: Cow<'a, str>,
        arguments: Cow<'a, str>,
        is_custom: bool,
    ) -> Result<(), FieldError> {
        let id = match fields.text("call_id")? {
            Some(id) => id,
            None => fields
                .text("id")?
                .ok_or_else(|| FieldError::new("call_id", "a string"))?,
        };
        let proof = self.proofs.iter().position(|(call, _)| *call == id);
        let signature = proof.map(|at| self.proofs.remove(at).1.into());
        self.open_calls.push(id.clone());
        let call = ToolCall {
            id,
            name,
            arguments,
            is_custom,
            signature,
        };
        self.add(Role::Assistant, vec![Part::ToolCall(call)]);
        Ok(())
    }

    fn client_call(
        &mut self,
        fields: &mut Fields<'a>,
        name: &'static str,
        field: &'static str,
    ) -> Result<(), FieldError> {
        let arguments = fields
            .any(field)
            .ok_or_else(|| FieldError::new(field, "an object"))?;
        self.call(fields, name.into(), arguments.to_string().into(), false)
    }

    fn output(&mut self, fields: &mut Fields<'a>) -> Result<(), FieldError> {
        let call = match fields.text("call_id")? {
            Some(id) => id,
            None => self.only_open_call()?,
        };
        let parts = content(fields, "output", &mut self.left_out)?;
        self.result(call, parts, false);
        Ok(())
    }

    /// What an output without an id answers, where that is certain.
    fn only_open_call(&self) -> Result<Cow<'a, str>, FieldError> {
        match self.open_calls.as_slice() {
            [only] => Ok(only.clone()),
            _ => Err(FieldError::new("call_id", "the id of a function call")),
        }
    }

    fn client_output(&mut self, fields: &mut Fields<'a>) -> Result<(), FieldError> {
        let call = match fields.text("call_id")? {
            Some(id) => id,
            // The older shell names its call so.
            None => match fields.text("id")? {
                Some(id) if self.open_calls.contains(&id) => id,
                _ => self.only_open_call()?,
            },
        };
        let text = match fields.any("output") {
            None => Cow::Borrowed(""),
            Some(Json::String(text)) => text,
            Some(other) => Cow::Owned(other.to_string()),
        };
        let is_error = fields.text("status")?.as_deref() == Some("failed");
        self.result(call, vec![Part::from(text)], is_error);
        Ok(())
    }

    fn result(&mut self, call: Cow<'a, str>, parts: Vec<Part<'a>>, is_error: bool) {
        self.open_calls.retain(|it| *it != call);
        let result = ToolResult {
            call,
            name: None,
            parts,
            is_error,
            cache: None,
        };
        self.add(Role::User, vec![Part::ToolResult(result)]);
    }

    /// A thought: ours in disguise, `OpenAI`'s own, or plain words.
    fn reasoning(&mut self, fields: &mut Fields<'a>) -> Result<(), FieldError> {
        let id = fields.text("id")?;
        let encrypted = fields
            .text("encrypted_content")?
            .filter(|it| !it.is_empty());
        let words = fields.each("content", words)?;
        let summary = fields.each("summary", words_of_summary)?;
        let text = joined(if words.is_empty() { summary } else { words });
        let thought = match encrypted {
            None if text.is_empty() => return Ok(()),
            None => Thought::unsigned(text),
            Some(encrypted) => match packed::unpack(&encrypted) {
                Some(Packed::Thought(thought)) => Thought { text, ..thought },
                Some(Packed::Call { id, signature }) => {
                    self.proofs.push((id, signature));
                    return Ok(());
                }
                None => Thought {
                    text,
                    signature: None,
                    encrypted: Some(encrypted),
                    id,
                    provenance: Provenance::OpenAi,
                },
            },
        };
        self.add(Role::Assistant, vec![Part::Thought(thought)]);
        Ok(())
    }
}

fn name<'a>(fields: &mut Fields<'a>) -> Result<Cow<'a, str>, FieldError> {
    let namespace = fields.text("namespace")?;
    Ok(joined_name(namespace, fields.need_text("name")?))
}

fn words(value: Json<'_>) -> Result<Cow<'_, str>, FieldError> {
    Fields::of(value)?.need_text("text")
}

fn words_of_summary(value: Json<'_>) -> Result<Cow<'_, str>, FieldError> {
    match value {
        Json::String(text) => Ok(text),
        other => words(other),
    }
}

/// One text stays the caller's bytes: a signature may be over them.
fn joined(texts: Vec<Cow<'_, str>>) -> Cow<'_, str> {
    let mut texts = texts.into_iter();
    let first = texts.next().unwrap_or_default();
    texts.fold(first, |all, next| {
        Cow::Owned([&all, "\n\n", &next].concat())
    })
}
