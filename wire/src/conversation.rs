//! By which beginnings a conversation can be known again.
//!
//! A client sends all that was said with every turn. So the request of the last turn is a beginning
//! of this one: it ends before the last answer that is in it. Fingerprints of such beginnings tell
//! where a vendor's cache of prompts holds this conversation, without a word of the client's.
//!
//! Left out of a fingerprint are marks for caches, which clients of Anthropic's move on with each turn.

use std::borrow::Cow;
use std::hash::{BuildHasher, Hasher};
use std::ops::Range;

use foldhash::quality::{FixedState, FoldHasher};
use memchr::memmem::Finder;

use crate::document::Document;
use crate::walk::Walker;

/// Beginnings that are looked at, the latest first.
const MOST: usize = 8;
/// Where each API has what was said.
const TURNS: [&str; 3] = ["messages", "input", "contents"];
/// What stands before it in a vendor's cache.
const BEFORE: [&str; 5] = [
    "tools",
    "system",
    "instructions",
    "systemInstruction",
    "system_instruction",
];
/// A key as it stands in JSON: inside a text its quotation marks are escaped.
const MARK: &[u8] = br#""cache_control""#;

/// Items of a Responses request that are the model's, beside all whose type ends in `_call`
/// (openai-python 3.57 `types/responses/response_output_item.py`).
const ANSWERS: [&[u8]; 5] = [
    b"reasoning",
    b"compaction",
    b"mcp_list_tools",
    b"mcp_approval_request",
    b"program",
];

/// The beginnings of a conversation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Beginnings {
    /// All of it, by which the next turn will know it.
    pub whole: u64,
    /// The model has said something in it. Before that, others may well begin in the same way.
    pub is_answered: bool,
    /// It as it was at its last turns, the latest first.
    pub earlier: Vec<u64>,
}

impl Beginnings {
    /// Those by which it may be known again, the latest first: not by what the user alone has said.
    pub fn known(&self) -> impl Iterator<Item = u64> {
        let whole = self.is_answered.then_some(self.whole);
        whole.into_iter().chain(self.earlier.iter().copied())
    }
}

/// The beginnings of the conversation in a request of a chat; `None` if there is none.
pub fn beginnings(document: &Document) -> Option<Beginnings> {
    let turns = TURNS.iter().find_map(|field| document.raw(field))?;
    // A text alone is what the user says.
    let text = turns.starts_with(b"\"").then_some(turns);
    let turns = Walker::new(turns).array();
    if text.is_none() && turns.is_none() {
        return None;
    }
    let marks = Finder::new(MARK);
    let mut hasher = FixedState::default().build_hasher();
    for field in BEFORE {
        if let Some(raw) = document.raw(field) {
            hasher.write(field.as_bytes());
            add(&mut hasher, raw, &marks);
        }
    }
    let (mut earlier, mut was_answer) = (Vec::new(), true);
    let (mut many, mut is_answered) = (0, false);
    if let Some(text) = text {
        many += 1;
        add_said(&mut hasher, b"\"user\"", text, &marks);
    }
    for (raw, _) in turns.into_iter().flatten() {
        let is_answer = is_answer(raw);
        if is_answer && !was_answer {
            earlier.push(hasher.finish());
        }
        was_answer = is_answer;
        is_answered |= is_answer;
        many += 1;
        match said(raw) {
            Some((role, content)) => add_said(&mut hasher, role, content, &marks),
            None => add(&mut hasher, raw, &marks),
        }
    }
    earlier.reverse();
    earlier.truncate(MOST);
    (many > 0).then(|| Beginnings {
        whole: hasher.finish(),
        is_answered,
        earlier,
    })
}

/// Who says what in a turn that says nothing else, however that is written.
fn said(raw: &[u8]) -> Option<(&[u8], &[u8])> {
    let (mut role, mut content) = (None, None);
    for field in Walker::new(raw).object()? {
        match field.key {
            b"role" => role = Some(field.value),
            b"content" => content = Some(field.value),
            b"type" if field.value == b"\"message\"" => {}
            _ => return None,
        }
    }
    role.zip(content)
}

fn add_said(hasher: &mut FoldHasher<'static>, role: &[u8], content: &[u8], marks: &Finder<'_>) {
    add(hasher, role, marks);
    add(hasher, content, marks);
}

/// Adds a value as it is written, without its marks for caches: what had one has none a turn later.
fn add(hasher: &mut FoldHasher<'static>, raw: &[u8], marks: &Finder<'_>) {
    let bytes = unmarked(raw, marks);
    hasher.write_usize(bytes.len());
    // In one piece: what is written in two is another fingerprint.
    hasher.write(&bytes);
}

fn unmarked<'a>(raw: &'a [u8], marks: &Finder<'_>) -> Cow<'a, [u8]> {
    let (mut kept, mut from, mut searched) = (Vec::new(), 0, 0);
    while let Some(found) = raw.get(searched..).and_then(|rest| marks.find(rest)) {
        let at = searched + found;
        searched = at + MARK.len();
        if let Some(mark) = mark(raw, at) {
            kept.extend_from_slice(raw.get(from..mark.start).unwrap_or_default());
            (from, searched) = (mark.end, mark.end);
        }
    }
    if from == 0 {
        return Cow::Borrowed(raw);
    }
    kept.extend_from_slice(raw.get(from..).unwrap_or_default());
    Cow::Owned(kept)
}

/// The member of an object whose key is at `at`, with one comma; `None` if it is no key.
fn mark(raw: &[u8], at: usize) -> Option<Range<usize>> {
    let is_blank = u8::is_ascii_whitespace;
    let behind = raw.get(at + MARK.len()..)?;
    let value = behind.trim_ascii_start().strip_prefix(b":")?;
    let written = Walker::new(value).raw()?;
    let value = raw.len() - value.trim_ascii_start().len();
    let end = value + written.len();
    let before = raw.get(..at)?.trim_ascii_end();
    if let Some(before) = before.strip_suffix(b",") {
        return Some(before.len()..end);
    }
    let blanks = raw.get(end..)?.iter().take_while(|it| is_blank(it)).count();
    let comma = end + blanks;
    let is_comma = raw.get(comma) == Some(&b',');
    let more = raw.get(comma + 1..).unwrap_or_default();
    let blanks = more.iter().take_while(|it| is_blank(it)).count();
    Some(at..if is_comma { comma + 1 + blanks } else { end })
}

/// Whether a turn is the model's.
fn is_answer(raw: &[u8]) -> bool {
    let Some(fields) = Walker::new(raw).object() else {
        return false;
    };
    let mut fields = fields;
    fields.any(|it| match (it.key, word(it.value)) {
        (b"role", Some(role)) => role == b"assistant" || role == b"model",
        (b"type", Some(kind)) => kind.ends_with(b"_call") || ANSWERS.contains(&kind),
        _ => false,
    })
}

/// A text in JSON without its quotation marks; `None` if it is something else.
fn word(raw: &[u8]) -> Option<&[u8]> {
    raw.strip_prefix(b"\"")?.strip_suffix(b"\"")
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::*;

    fn of(body: &str) -> Beginnings {
        let document = Document::parse(body.to_owned().into()).unwrap();
        beginnings(&document).unwrap()
    }

    #[test]
    fn the_last_turn_is_known_again_in_every_dialect() {
        for (first, second) in [
            (
                r#"{"messages":[{"role":"system","content":"S"},{"role":"user","content":"A"}]}"#,
                r#"{"messages":[{"role":"system","content":"S"},{"role":"user","content":"A"},
                    {"role":"assistant","tool_calls":[]},{"role":"tool","content":"1"},{"role":"tool","content":"2"}]}"#,
            ),
            (
                r#"{"system":"S","messages":[{"role":"user","content":[{"type":"text","text":"A","cache_control":{"type":"ephemeral"}}]}]}"#,
                r#"{"system":"S","messages":[{"role": "user","content":[{"type":"text","text":"A"}]},{"role":"assistant","content":"B"},
                    {"role":"user","content":[{"type":"text","text":"C","cache_control":{"type":"ephemeral"}}]}]}"#,
            ),
            (
                r#"{"instructions":"S","input":[{"role":"user","content":"A"}]}"#,
                r#"{"instructions":"S","input":[{"role":"user","content":"A"},{"type":"reasoning","summary":[]},
                    {"type":"function_call","name":"f"},{"type":"function_call_output","output":"1"}]}"#,
            ),
            (
                r#"{"instructions":"S","input":"A"}"#,
                r#"{"instructions":"S","input":[{"type":"message","content":"A", "role":"user"},{"type":"web_search_call"},
                    {"type":"file_search_call"},{"type":"mcp_call"},{"role":"assistant","content":"B"}]}"#,
            ),
            (
                r#"{"contents":[{"role":"user","parts":[{"text":"A"}]}]}"#,
                r#"{"contents":[{"role":"user","parts":[{"text":"A"}]},{"role":"model","parts":[]},{"role":"user","parts":[]}]}"#,
            ),
        ] {
            let (first, second) = (of(first), of(second));
            assert_eq!(second.earlier, [first.whole]);
            assert_ne!(second.whole, first.whole);
            assert_eq!((first.is_answered, second.is_answered), (false, true));
        }
    }

    #[test]
    fn marks_for_caches_are_left_out_wherever_they_stand_and_nothing_else_is() {
        let plain = of(r#"{"messages":[{"content":[{"type":"text","text":"A"}]}]}"#);
        for marked in [
            r#"{"messages":[{"content":[{"type":"text","text":"A","cache_control":{"type":"ephemeral"}}]}]}"#,
            r#"{"messages":[{"content":[{"type":"text" , "cache_control" : {"ttl":"}1h"} ,"text":"A"}]}]}"#,
            r#"{"messages":[{"content":[{"cache_control":null, "type":"text","text":"A"}]}]}"#,
            r#"{"messages":[{"cache_control":{},"content":[{"type":"text","text":"A","cache_control":{}}]}]}"#,
        ] {
            let marked = marked.replace(r#""text" , "#, r#""text","#);
            let marked = marked.replace(r#"} ,"text""#, r#"},"text""#);
            assert_eq!(of(&marked).whole, plain.whole, "{marked}");
        }
        let texts = [
            r#"{"messages":[{"content":"\"cache_control\":{}"}]}"#,
            r#"{"messages":[{"content":"\"cache_control\":[]"}]}"#,
            r#"{"messages":[{"content":"cache_control"}]}"#,
            r#"{"messages":[{"content":["cache_control","A"]}]}"#,
            r#"{"messages":[{"content":["cache_control","B"]}]}"#,
        ];
        let mut wholes = texts.map(|it| of(it).whole).to_vec();
        wholes.sort_unstable();
        wholes.dedup();
        assert_eq!(wholes.len(), texts.len());
        let alone = of(r#"{"messages":[{"content":[{"cache_control":{}}]}]}"#);
        assert_eq!(alone.whole, of(r#"{"messages":[{"content":[{}]}]}"#).whole);
    }

    #[test]
    fn the_latest_turn_is_looked_for_first_and_a_conversation_that_begins_has_none() {
        let turn = |n: usize| {
            let said = r#"{"role":"user","content":"A"},{"role":"assistant","content":"B"},"#;
            let text = said.repeat(n) + r#"{"role":"user","content":"C"}"#;
            of(&format!("{{\"messages\":[{text}]}}"))
        };
        assert_eq!(turn(0).earlier, Vec::<u64>::new());
        assert_eq!(turn(20).earlier.len(), MOST);
        let three = turn(3);
        let said = r#"{"messages":[{"role":"user","content":"A"},{"role":"assistant","content":"B"},{"role":"user","content":"A"},{"role":"assistant","content":"B"},{"role":"user","content":"A"}]}"#;
        assert_eq!(three.earlier.first(), Some(&of(said).whole));
    }

    #[test]
    fn other_instructions_or_tools_are_another_conversation() {
        let plain = of(r#"{"messages":[{"role":"user","content":"A"}]}"#);
        for other in [
            r#"{"system":"S","messages":[{"role":"user","content":"A"}]}"#,
            r#"{"tools":[{"name":"f"}],"messages":[{"role":"user","content":"A"}]}"#,
            r#"{"messages":[{"role":"user","content":"B"}]}"#,
        ] {
            assert_ne!(of(other).whole, plain.whole, "{other}");
        }
    }

    #[test]
    fn what_is_no_conversation_has_no_beginnings() {
        for body in [
            r#"{"prompt":"text"}"#,
            r#"{"messages":[]}"#,
            r#"{"input":7}"#,
        ] {
            let document = Document::parse(body.into()).unwrap();
            assert_eq!(beginnings(&document), None, "{body}");
        }
    }
}
