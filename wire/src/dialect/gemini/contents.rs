//! A caller's `contents`: parts that know what they are by which field they have.
//!
//! A streamed answer comes back piece by piece, each a content of its own: what one side says
//! until the other one speaks is one message here, and its pieces of text are one text.

use std::borrow::Cow;

use super::base64;
use super::carrier::{carried, restored, signed};
use super::names::{fields, nested};
use crate::chat::fields::{Fields, within};
use crate::chat::open_calls::OpenCalls;
use crate::chat::{Media, Message, Part, Role, Source, Text, Thought, ToolCall, ToolResult};
use crate::document::FieldError;
use crate::json::Json;

/// What must be remembered from content to content.
#[derive(Debug, Default)]
pub(super) struct History<'a> {
    messages: Vec<Message<'a>>,
    calls: OpenCalls<'a>,
    /// Words of a thought whose signature may follow.
    words: String,
    left_out: Vec<Cow<'a, str>>,
}

impl<'a> History<'a> {
    /// Reads the instructions.
    pub(super) fn system(&mut self, content: &mut Fields<'a>) -> Result<(), FieldError> {
        let texts = content.some("parts", |it| fields(it)?.need_text("text"))?;
        let parts = texts.into_iter().map(Part::from).collect();
        self.messages.push(Message::new(Role::System, parts));
        Ok(())
    }

    /// Reads the next content.
    pub(super) fn content(&mut self, value: Json<'a>) -> Result<(), FieldError> {
        let mut content = fields(value)?;
        match content.text("role")?.as_deref() {
            Some("model") => {
                if !self.is_model_speaking() {
                    self.calls.begin_turn();
                    self.messages
                        .push(Message::new(Role::Assistant, Vec::new()));
                }
                content.some("parts", |it| self.model_part(it))?;
            }
            // `function` is what the role of results was called once.
            None | Some("" | "user" | "function") => {
                self.end_words();
                let mut parts = Vec::new();
                content.some("parts", |it| self.user_part(it, &mut parts))?;
                self.messages.push(Message::new(Role::User, parts));
            }
            Some(_) => return Err(FieldError::new("role", "user or model")),
        }
        Ok(())
    }

    /// The messages, and the names of what no other vendor has anything like.
    pub(super) fn finish(mut self) -> (Vec<Message<'a>>, Vec<Cow<'a, str>>) {
        self.end_words();
        self.messages.retain(|it| !it.parts.is_empty());
        (self.messages, self.left_out)
    }

    fn is_model_speaking(&self) -> bool {
        let last = self.messages.last();
        last.is_some_and(|it| it.role == Role::Assistant)
    }

    fn say(&mut self, part: Part<'a>) {
        if let Some(last) = self.messages.last_mut() {
            last.parts.push(part);
        }
    }

    /// Words of a thought that nobody signed.
    fn end_words(&mut self) {
        if !self.words.is_empty() {
            let words = std::mem::take(&mut self.words);
            self.say(Part::Thought(Thought::unsigned(words.into())));
        }
    }

    fn model_part(&mut self, value: Json<'a>) -> Result<(), FieldError> {
        let mut part = fields(value)?;
        let is_thought = part.flag("thought")? == Some(true);
        let text = part.text("text")?;
        let signature = part.text("thoughtSignature")?.filter(|it| !it.is_empty());
        if is_thought {
            self.words.push_str(text.as_deref().unwrap_or_default());
            if let Some(own) = self.own_signature(signature) {
                let words = std::mem::take(&mut self.words);
                self.say(Part::Thought(signed(words.into(), own)));
            }
            return Ok(());
        }
        let signature = self.own_signature(signature);
        self.end_words();
        if let Some(mut call) = nested(&mut part, "functionCall")? {
            let call = self.call(&mut call, signature);
            self.say(call.map_err(|error| within("functionCall", error))?);
            return Ok(());
        }
        if let Some(text) = text.filter(|it| !it.is_empty()) {
            self.text(text);
        }
        if let Some(own) = signature {
            self.say(Part::Thought(signed(Cow::Borrowed(""), own)));
        }
        self.leave_out(part);
        Ok(())
    }

    /// Google's own signature. One of ours is turned into the thoughts that it stands for.
    fn own_signature(&mut self, signature: Option<Cow<'a, str>>) -> Option<Cow<'a, str>> {
        let signature = signature?;
        let Some(thoughts) = carried(&signature) else {
            return Some(signature);
        };
        let words = std::mem::take(&mut self.words);
        let (thoughts, is_whole) = restored(thoughts, &words);
        if !is_whole {
            self.left_out
                .push(Cow::Borrowed("contents[].parts[].thoughtSignature"));
        }
        for thought in thoughts {
            self.say(Part::Thought(thought));
        }
        None
    }

    fn text(&mut self, text: Cow<'a, str>) {
        let last = self.messages.last_mut().and_then(|it| it.parts.last_mut());
        match last {
            Some(Part::Text(Text { text: before, .. })) => before.to_mut().push_str(&text),
            _ => self.say(Part::from(text)),
        }
    }

    fn call(
        &mut self,
        call: &mut Fields<'a>,
        signature: Option<Cow<'a, str>>,
    ) -> Result<Part<'a>, FieldError> {
        let name = call.need_text("name")?;
        let id = self.calls.call(call.text("id")?, name.clone());
        let arguments = match call.any("args") {
            None => Cow::Borrowed("{}"),
            Some(args @ Json::Object(_)) => Cow::Owned(args.to_string()),
            Some(_) => return Err(FieldError::new("args", "an object")),
        };
        Ok(Part::ToolCall(ToolCall {
            id,
            name,
            arguments,
            is_custom: false,
            signature,
        }))
    }

    fn user_part(&mut self, value: Json<'a>, parts: &mut Vec<Part<'a>>) -> Result<(), FieldError> {
        let mut part = fields(value)?;
        for passing in ["thought", "thoughtSignature"] {
            part.any(passing);
        }
        if let Some(mut result) = nested(&mut part, "functionResponse")? {
            let result = self.result(&mut result);
            parts.push(result.map_err(|error| within("functionResponse", error))?);
        }
        let text = part.text("text")?.filter(|it| !it.is_empty());
        parts.extend(text.map(Part::from));
        parts.extend(media(&mut part)?);
        self.leave_out(part);
        Ok(())
    }

    fn result(&mut self, result: &mut Fields<'a>) -> Result<Part<'a>, FieldError> {
        let name = result.text("name")?.filter(|it| !it.is_empty());
        let call = self.calls.answer(result.text("id")?, name.as_ref());
        let (text, is_error) = said(result.any("response"));
        let mut parts = vec![Part::from(text)];
        let attached = result.some("parts", |it| media(&mut fields(it)?))?;
        parts.extend(attached.into_iter().flatten());
        Ok(Part::ToolResult(ToolResult {
            call,
            name,
            parts,
            is_error,
            cache: None,
        }))
    }

    /// Names what is left of a part, such as code that Google ran.
    fn leave_out(&mut self, part: Fields<'a>) {
        for name in part.rest() {
            let path = Cow::Owned(format!("contents[].parts[].{name}"));
            if !self.left_out.contains(&path) {
                self.left_out.push(path);
            }
        }
    }
}

/// What a tool said, and whether it failed: an object that has nothing but a result or an error is
/// one that was put around it (google-genai 3.6.1 `types.FunctionResponse`).
fn said(response: Option<Json<'_>>) -> (Cow<'_, str>, bool) {
    let text = |value: Json<'_>| match value {
        Json::String(text) => text.into_owned(),
        other => other.to_string(),
    };
    let Some(response) = response else {
        return (Cow::Borrowed(""), false);
    };
    let Json::Object(mut object) = response else {
        return (text(response).into(), false);
    };
    let is_alone = object.members().count() == 1;
    for name in ["result", "output", "error"] {
        if let Some(inner) = object.take(name).filter(|_| is_alone) {
            return (text(inner).into(), name == "error");
        }
    }
    (Json::from(object).to_string().into(), false)
}

/// What is there in bytes, or by its address.
fn media<'a>(part: &mut Fields<'a>) -> Result<Option<Part<'a>>, FieldError> {
    if let Some(mut blob) = nested(part, "inlineData")? {
        let read = inline(&mut blob).map_err(|error| within("inlineData", error));
        return read.map(Some);
    }
    let Some(mut file) = nested(part, "fileData")? else {
        return Ok(None);
    };
    let read = linked(&mut file).map_err(|error| within("fileData", error));
    read.map(Some)
}

/// Texts are given to others as such: few take them in base64.
fn inline<'a>(blob: &mut Fields<'a>) -> Result<Part<'a>, FieldError> {
    let kind = blob.text("mimeType")?;
    let data = base64::standard(blob.need_text("data")?);
    let is_text = kind.as_deref().is_some_and(|it| it.starts_with("text/"));
    let text = is_text.then(|| base64::decode(&data)).flatten();
    let source = match text.and_then(|it| String::from_utf8(it).ok()) {
        Some(text) => Source::Text(text.into()),
        None => Source::Base64(data),
    };
    Ok(of_kind(source, kind, blob.text("displayName")?))
}

fn linked<'a>(file: &mut Fields<'a>) -> Result<Part<'a>, FieldError> {
    let uri = file.need_text("fileUri")?;
    // What only Google can open is no address to others.
    let source = if is_web(&uri) {
        Source::Url(uri)
    } else {
        Source::Id(uri)
    };
    let kind = file.text("mimeType")?;
    Ok(of_kind(source, kind, file.text("displayName")?))
}

/// Whether anybody can open the address.
fn is_web(uri: &str) -> bool {
    let is_of_web = uri.starts_with("https://") || uri.starts_with("http://");
    is_of_web && !uri.starts_with("https://generativelanguage.googleapis.com/")
}

fn of_kind<'a>(
    source: Source<'a>,
    media_type: Option<Cow<'a, str>>,
    name: Option<Cow<'a, str>>,
) -> Part<'a> {
    let media = Media {
        source,
        media_type,
        name,
        detail: None,
        cache: None,
    };
    match media.media_type.as_deref() {
        Some(kind) if kind.starts_with("image/") => Part::Image(media),
        Some(kind) if kind.starts_with("audio/") => Part::Audio(media),
        _ => Part::File(media),
    }
}
