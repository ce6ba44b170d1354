//! Other vendors' thoughts in `thoughtSignature`, the one field that Google's clients keep
//! unread and send back.
//!
//! A signature rides on the part that follows the thought, as Google's own do: some clients
//! throw the words of thoughts away, and the part they keep. What belongs to which words is
//! told by their length; a thought whose words are lost is no longer whole, and is not sent
//! to its vendor, who would refuse it.

use std::borrow::Cow;

use crate::chat::packed::{self, Packed, packed_thought, unpack};
use crate::chat::seal::Seal;
use crate::chat::{Provenance, Thought, Traits};
use crate::document::Document;
use crate::json::{Json, Object};

/// What the list begins with, after the mark of all that is ours.
const LIST: &str = ":carried:";
/// Google's own word for a call whose proof is lost: the call is then not checked.
pub(super) const NO_PROOF: &str = "skip_thought_signature_validator";

/// Thoughts on their way to a caller.
#[derive(Debug)]
pub(super) struct Carrier {
    seal: Seal,
    thoughts: Vec<Json<'static>>,
    has_proof: bool,
}

impl Carrier {
    /// Carries nothing yet.
    pub(super) const fn new(seal: Seal) -> Self {
        Self {
            seal,
            thoughts: Vec::new(),
            has_proof: false,
        }
    }

    /// Takes a thought, of which `words` bytes of words were said.
    pub(super) fn load(&mut self, words: usize, thought: &Thought<'_>) {
        self.has_proof |=
            thought.signature.is_some() || thought.encrypted.is_some() || thought.id.is_some();
        let words = Json::from(words as u64);
        let packed = packed_thought(thought).into();
        self.thoughts.push(vec![words, packed].into());
    }

    /// The signature that stands for them; `None` where their vendor wants nothing back.
    pub(super) fn unload(&mut self) -> Option<String> {
        let thoughts = Json::Array(std::mem::take(&mut self.thoughts));
        std::mem::take(&mut self.has_proof).then(|| {
            self.seal
                .close(&format!("{}{LIST}{thoughts}", packed::MARK))
        })
    }
}

/// A signature of ours, open: the thoughts, each with the number of bytes of its words, none where
/// it could not be opened; `None` if it is Google's own.
pub(super) fn carried(signature: &str) -> Option<Vec<(usize, Thought<'static>)>> {
    let ours = signature.strip_prefix(packed::MARK)?;
    Some(ours.strip_prefix(LIST).and_then(list).unwrap_or_default())
}

fn list(text: &str) -> Option<Vec<(usize, Thought<'static>)>> {
    let thought = |it: &Json<'_>| {
        let [words, packed] = it.as_array()? else {
            return None;
        };
        match unpack(packed.as_str()?)? {
            Packed::Thought(thought) => Some((usize::try_from(words.as_u64()?).ok()?, thought)),
            Packed::Call { .. } => None,
        }
    };
    let list = Json::parse(text.as_bytes())?;
    list.as_array()?.iter().map(thought).collect()
}

/// The thoughts with their words again, and whether all of them are whole. Where words are
/// missing, those that are there are a thought that nobody signed.
pub(super) fn restored(
    carried: Vec<(usize, Thought<'static>)>,
    words: &str,
) -> (Vec<Thought<'static>>, bool) {
    let mut lengths = carried.iter().map(|(length, _)| *length);
    let total = lengths.try_fold(0_usize, usize::checked_add);
    if carried.is_empty() || total != Some(words.len()) {
        let told = (!words.is_empty()).then(|| Thought::unsigned(Cow::Owned(words.to_owned())));
        let wordless = carried.into_iter().filter(|(length, _)| *length == 0);
        let kept = told.into_iter().chain(wordless.map(|(_, it)| it));
        return (kept.collect(), false);
    }
    let mut rest = words;
    let thoughts = carried.into_iter().map(|(length, mut thought)| {
        let (own, after) = rest.split_at_checked(length).unwrap_or((rest, ""));
        rest = after;
        thought.text = Cow::Owned(own.to_owned());
        thought
    });
    (thoughts.collect(), true)
}

/// The request without the thoughts that went out in disguise, for Google, who would take them for
/// its own and refuse them; `None` if it has none.
pub fn without_disguised(request: &Document, traits: Traits) -> Option<Document> {
    if !packed::may_be_in(request.bytes()) {
        return None;
    }
    let Some(Json::Object(mut body)) = Json::trusted(request.bytes()) else {
        return None;
    };
    let Some(Json::Array(contents)) = body.get_mut("contents") else {
        return None;
    };
    let is_checked = traits.thinks && traits.thinks_by_effort;
    let mut is_first_call = true;
    for content in contents.iter_mut() {
        let is_model = content.str("role") == Some("model");
        is_first_call |= !is_model;
        let Json::Object(content) = content else {
            continue;
        };
        if let Some(Json::Array(parts)) = content.get_mut("parts").filter(|_| is_model) {
            for part in parts.iter_mut() {
                if let Json::Object(part) = part {
                    free(part, is_checked && is_first_call);
                    is_first_call &= call(part).is_none();
                }
            }
            parts.retain(|it| !is_spent(it));
        }
    }
    // A turn of nothing else is none.
    contents.retain(|it| it.get("parts") != Some(&Json::Array(Vec::new())));
    Document::parse(Json::Object(body).to_bytes()).ok()
}

/// Takes a signature of ours off a part. Google refuses a turn whose first call has none.
fn free(part: &mut Object<'_>, needs_proof: bool) {
    let names = ["thoughtSignature", "thought_signature"];
    let is_ours = |it: &&str| {
        let signature = part.get(it).and_then(Json::as_str);
        signature.is_some_and(|it| carried(it).is_some())
    };
    let Some(name) = names.into_iter().find(is_ours) else {
        return;
    };
    part.take(name);
    if needs_proof && call(part).is_some() {
        part.push(Cow::Borrowed("thoughtSignature"), NO_PROOF.into());
    }
}

fn call<'p, 'a>(part: &'p Object<'a>) -> Option<&'p Json<'a>> {
    part.get("functionCall").or(part.get("function_call"))
}

/// Whether nothing is left of a part that Google could use: no words, or words of a thought that
/// it did not sign.
fn is_spent(part: &Json<'_>) -> bool {
    let is_signed =
        part.get("thoughtSignature").is_some() || part.get("thought_signature").is_some();
    let is_thought = part.get("thought").and_then(Json::as_bool) == Some(true);
    !is_signed
        && part
            .str("text")
            .is_some_and(|it| is_thought || it.is_empty())
}

/// A thought that Google signed.
pub(super) fn signed<'a>(text: Cow<'a, str>, signature: Cow<'a, str>) -> Thought<'a> {
    Thought {
        text,
        signature: Some(signature),
        encrypted: None,
        id: None,
        provenance: Provenance::Google,
    }
}
