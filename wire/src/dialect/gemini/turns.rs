//! A conversation as `contents`.
//!
//! A model's proofs of its thoughts go back on the parts that they came with: on the call, on
//! the thought, or on the text. Text that came in pieces is one part by then.

use std::borrow::Cow;

use super::carrier::NO_PROOF;
use super::media::{self, Kind};
use crate::chat::shape::arguments_object;
use crate::chat::turns::{Conversation, GO_ON, Said, Turn};
use crate::chat::{
    Media, Names, Part, Provenance, Text, Thought, ToolCall, ToolResult, Traits, Unsupported,
    Written,
};
use crate::json::{Json, Object};

/// What the user says where nobody says anything, or after words that may not be the last.
const OPENING: &str = ".";

/// Writes turns.
pub(super) struct Turns<'w, 'a> {
    pub(super) traits: Traits,
    pub(super) names: &'w Names,
    pub(super) written: &'w mut Written<'a>,
}

/// The calls of a turn that wait for their results: id and name.
type Calls<'r> = Vec<(&'r str, &'r str)>;

impl<'a> Turns<'_, 'a> {
    /// The parts of `systemInstruction`.
    pub(super) fn system(&mut self, system: &[&Text<'a>]) -> Vec<Json<'a>> {
        system.iter().map(|it| self.text(it).into()).collect()
    }

    /// `contents`; `head` opens the user's first turn.
    pub(super) fn contents(
        &mut self,
        conversation: &Conversation<'_, 'a>,
        head: Vec<Json<'a>>,
    ) -> Result<Json<'a>, Unsupported> {
        let mut contents = Said::default();
        contents.add(true, head);
        let mut calls = Calls::new();
        for turn in &conversation.turns {
            if turn.is_user {
                let parts = self.user(turn, &calls)?;
                contents.add(true, parts);
            } else {
                calls = calls_of(turn);
                let parts = self.model(turn)?;
                contents.add(false, parts);
            }
        }
        if contents.0.is_empty() {
            contents.add(true, vec![text_part(OPENING).into()]);
        }
        let is_user_last = contents.0.last().is_none_or(|(is_user, _)| *is_user);
        if !is_user_last && !self.traits.takes_prefill && calls.is_empty() {
            contents.add(true, vec![text_part(GO_ON).into()]);
            self.written.drop_field("messages[-1]:prefill");
        }
        Ok(contents
            .0
            .into_iter()
            .map(content)
            .collect::<Vec<_>>()
            .into())
    }

    /// Results come first in the turn; what was attached to them follows all of them.
    fn user(
        &mut self,
        turn: &Turn<'_, 'a>,
        calls: &Calls<'_>,
    ) -> Result<Vec<Json<'a>>, Unsupported> {
        let (mut results, mut parts) = (Vec::new(), Vec::new());
        for part in &turn.parts {
            match &**part {
                Part::ToolResult(result) => {
                    results.push(self.result(result, calls, &mut parts)?);
                }
                part => parts.extend(self.part(part)?.map(Json::from)),
            }
        }
        results.append(&mut parts);
        Ok(results)
    }

    fn model(&mut self, turn: &Turn<'_, 'a>) -> Result<Vec<Json<'a>>, Unsupported> {
        let mut proofs = Proofs::of(turn);
        let mut parts: Vec<Object<'a>> = Vec::with_capacity(turn.parts.len());
        let mut last_text = None;
        let mut is_first_call = true;
        for part in &turn.parts {
            match &**part {
                Part::Thought(it) => parts.extend(self.thought(it)),
                Part::ToolCall(call) => {
                    let proof = proofs.of_call(call, is_first_call);
                    let proof = proof.or_else(|| self.excuse(is_first_call));
                    is_first_call = false;
                    parts.push(self.call(call).with_some("thoughtSignature", proof));
                }
                part => {
                    let part = self.part(part)?;
                    if part.as_ref().is_some_and(|it| it.get("text").is_some()) {
                        last_text = Some(parts.len());
                    }
                    parts.extend(part);
                }
            }
        }
        let is_empty = parts.is_empty();
        if let Some(proof) = proofs.of_text(is_first_call) {
            match last_text.and_then(|at| parts.get_mut(at)) {
                Some(text) => text.set("thoughtSignature", proof),
                None if is_empty => self.written.drop_field("messages[].reasoning"),
                None => parts.push(text_part("").with("thoughtSignature", proof)),
            }
        }
        Ok(parts.into_iter().map(Json::from).collect())
    }

    /// Models whose thinking is steered by a level refuse a turn whose first call has no proof.
    /// Nothing of the caller's is left out: it has sent none, perhaps because it had none.
    fn excuse(&self, is_first_call: bool) -> Option<Cow<'a, str>> {
        let is_wanted = is_first_call && self.traits.thinks && self.traits.thinks_by_effort;
        is_wanted.then_some(Cow::Borrowed(NO_PROOF))
    }

    fn part(&mut self, part: &Part<'a>) -> Result<Option<Object<'a>>, Unsupported> {
        let media = match part {
            Part::Text(text) if text.text.trim().is_empty() => return Ok(None),
            Part::Text(text) => return Ok(Some(self.text(text))),
            Part::Refusal(text) => return Ok(Some(text_part(text.clone()))),
            Part::Image(image) => self.media(image, Kind::Image)?,
            Part::Audio(audio) => self.media(audio, Kind::Audio)?,
            Part::File(file) => self.media(file, Kind::File)?,
            Part::Thought(_) | Part::ToolCall(_) | Part::ToolResult(_) => return Ok(None),
        };
        Ok(Some(media))
    }

    fn text(&mut self, text: &Text<'a>) -> Object<'a> {
        self.note_cache(text.cache.as_ref());
        text_part(text.text.clone())
    }

    fn media(&mut self, media: &Media<'a>, kind: Kind) -> Result<Object<'a>, Unsupported> {
        self.note_cache(media.cache.as_ref());
        media::part(media, kind, self.traits, self.written)
    }

    /// Prompts are cached without being asked; there are no points to set.
    pub(super) fn note_cache(&mut self, point: Option<&Json<'a>>) {
        if point.is_some() {
            self.written.drop_field("cache_control");
        }
    }

    /// A thought in words, with its proof. Words alone are of no use to the model.
    fn thought(&mut self, it: &Thought<'a>) -> Option<Object<'a>> {
        let is_kept = it.provenance == Provenance::Google && self.traits.thinks;
        match &it.signature {
            Some(proof) if is_kept && !it.text.is_empty() => Some(
                text_part(it.text.clone())
                    .with("thought", true)
                    .with("thoughtSignature", proof.clone()),
            ),
            Some(_) if is_kept => None,
            None if is_kept && it.encrypted.is_some() => None,
            _ => {
                self.written.drop_field("messages[].reasoning");
                None
            }
        }
    }

    fn call(&mut self, call: &ToolCall<'a>) -> Object<'a> {
        let args = if call.is_custom {
            Object::new().with("input", call.arguments.clone()).into()
        } else {
            match &call.arguments {
                Cow::Borrowed(text) => arguments_object(text),
                Cow::Owned(text) => arguments_object(text).into_owned(),
            }
        };
        let function = self.named(&call.id, &call.name).with("args", args);
        Object::new().with("functionCall", function)
    }

    /// A call's id, if it is taken, and the tool's name.
    fn named(&self, id: &Cow<'a, str>, name: &str) -> Object<'a> {
        let id = Some(id.clone()).filter(|it| self.traits.takes_call_ids && !it.is_empty());
        Object::new()
            .with_some("id", id)
            .with("name", self.names.to_target(name).into_owned())
    }

    fn result(
        &mut self,
        result: &ToolResult<'a>,
        calls: &Calls<'_>,
        attached: &mut Vec<Json<'a>>,
    ) -> Result<Json<'a>, Unsupported> {
        self.note_cache(result.cache.as_ref());
        let called = calls.iter().find(|(id, _)| *id == result.call);
        let name = called.map(|(_, name)| *name).or(result.name.as_deref());
        let function = self
            .named(&result.call, name.unwrap_or_default())
            .with("response", response(result));
        let mut media = Vec::new();
        for part in &result.parts {
            if matches!(part, Part::Image(_) | Part::Audio(_) | Part::File(_)) {
                media.extend(self.part(part)?.map(Json::from));
            }
        }
        if !media.is_empty() {
            let label = format!(
                "[attachments of the result of {}]",
                name.unwrap_or("a tool")
            );
            attached.push(text_part(label).into());
            attached.append(&mut media);
        }
        Ok(Object::new().with("functionResponse", function).into())
    }
}

/// The result as the object that it must be: its own, or one around its words.
fn response<'a>(result: &ToolResult<'a>) -> Json<'a> {
    let texts: Vec<&Cow<'a, str>> = result
        .parts
        .iter()
        .filter_map(|part| match part {
            Part::Text(text) => Some(&text.text),
            _ => None,
        })
        .collect();
    let text = match texts.as_slice() {
        [] => Cow::Borrowed(""),
        [one] => (*one).clone(),
        more => {
            let more: Vec<&str> = more.iter().map(|it| &***it).collect();
            Cow::Owned(more.join("\n"))
        }
    };
    if result.is_error {
        return Object::new().with("error", text).into();
    }
    let own = match &text {
        Cow::Borrowed(text) => Json::parse(text.as_bytes()),
        Cow::Owned(text) => Json::parse(text.as_bytes()).map(Json::into_owned),
    };
    match own {
        Some(own @ Json::Object(_)) => own,
        _ => Object::new().with("result", text).into(),
    }
}

fn text_part<'a>(text: impl Into<Json<'a>>) -> Object<'a> {
    Object::new().with("text", text)
}

fn calls_of<'r>(turn: &'r Turn<'_, '_>) -> Calls<'r> {
    let calls = turn.parts.iter().filter_map(|part| match &**part {
        Part::ToolCall(call) => Some((&*call.id, &*call.name)),
        _ => None,
    });
    calls.collect()
}

/// The proofs in a turn that belong to a call or to the text.
#[derive(Debug, Default)]
struct Proofs<'a> {
    /// With the call's id, if it is known.
    calls: Vec<(Option<Cow<'a, str>>, Cow<'a, str>)>,
    text: Option<Cow<'a, str>>,
}

impl<'a> Proofs<'a> {
    fn of(turn: &Turn<'_, 'a>) -> Self {
        let mut proofs = Self::default();
        for part in &turn.parts {
            let Part::Thought(it) = &**part else { continue };
            if it.provenance != Provenance::Google {
                continue;
            }
            match (&it.encrypted, &it.signature) {
                (Some(proof), _) => proofs.calls.push((it.id.clone(), proof.clone())),
                (None, Some(proof)) if it.text.is_empty() => proofs.text = Some(proof.clone()),
                _ => {}
            }
        }
        proofs
    }

    /// Its own, or the one with its id, or for the first call the first one whose call is unknown.
    fn of_call(&mut self, call: &ToolCall<'a>, is_first: bool) -> Option<Cow<'a, str>> {
        let of_id = |(id, _): &(Option<Cow<'a, str>>, _)| id.as_ref() == Some(&call.id);
        let by_id = self.calls.iter().position(of_id);
        let loose = || self.calls.iter().position(|(id, _)| id.is_none());
        let at = by_id.or_else(|| is_first.then(loose).flatten());
        let found = at.map(|at| self.calls.remove(at).1);
        call.signature.clone().or(found)
    }

    /// In a turn without calls every proof is the text's.
    fn of_text(mut self, has_no_calls: bool) -> Option<Cow<'a, str>> {
        let other = self.calls.pop().filter(|_| has_no_calls);
        self.text.or(other.map(|(_, proof)| proof))
    }
}

fn content((is_user, parts): (bool, Vec<Json<'_>>)) -> Json<'_> {
    Object::new()
        .with("role", if is_user { "user" } else { "model" })
        .with("parts", parts)
        .into()
}
