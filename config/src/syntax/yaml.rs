//! YAML 1.2, core schema: events of `granit-parser` to a tree.
//!
//! Anchors, aliases and `<<` merge keys are followed, with a bound on how many values they may
//! unfold to. Several documents in one file and tags other than the core ones are refused.

use std::collections::HashMap;

use granit_parser::{Event, Parser, ScalarStyle, Tag};

use super::{Parsed, SyntaxError, place, set_key};
use crate::node::{MAX_DEPTH, Node, Scalar, ScalarKind, Value};
use crate::source::Span;

/// Values a file may hold once its aliases are unfolded.
const MAX_NODES: usize = 50_000;

pub(super) fn parse(text: &str) -> Parsed {
    let mut builder = Builder {
        text,
        stack: Vec::new(),
        anchors: HashMap::new(),
        made: 0,
        parsed: Parsed::default(),
    };
    for next in Parser::new_from_str(text) {
        let keeps_going = match next {
            Ok((event, span)) => {
                let span = span
                    .byte_range()
                    .map_or_else(Span::default, |range| Span::new(range.start, range.end));
                builder.take(event, span)
            }
            Err(error) => {
                let at = error.marker().byte_offset().unwrap_or(text.len());
                let message = format!("invalid YAML: {}", error.info());
                builder
                    .parsed
                    .errors
                    .push(SyntaxError::new(Span::new(at, at), message));
                false
            }
        };
        if !keeps_going {
            builder.parsed.root = None;
            break;
        }
    }
    builder.parsed
}

struct Builder<'t> {
    text: &'t str,
    stack: Vec<Frame>,
    anchors: HashMap<usize, Node>,
    made: usize,
    parsed: Parsed,
}

/// A collection that is being filled.
struct Frame {
    start: Span,
    anchor: usize,
    content: Content,
}

enum Content {
    List(Vec<Node>),
    Table {
        entries: Vec<(String, Node)>,
        /// Where each key was written first.
        keys: HashMap<String, Span>,
        /// The key whose value comes next.
        key: Option<(String, Span)>,
        /// What `<<` brings in.
        merged: Vec<Node>,
    },
}

impl Builder<'_> {
    /// Takes one event; `false` ends the parse.
    fn take(&mut self, event: Event<'_>, span: Span) -> bool {
        match event {
            Event::Scalar(text, style, anchor, tag) => match scalar(&text, style, tag.as_deref()) {
                Ok(scalar) => self.add(Value::Scalar(scalar), span, anchor),
                Err(message) => self.fail(span, message),
            },
            Event::SequenceStart(_, anchor, tag) => {
                self.open(span, anchor, tag.as_deref(), Content::List(Vec::new()))
            }
            Event::MappingStart(_, anchor, tag) => {
                let content = Content::Table {
                    entries: Vec::new(),
                    keys: HashMap::new(),
                    key: None,
                    merged: Vec::new(),
                };
                self.open(span, anchor, tag.as_deref(), content)
            }
            Event::SequenceEnd | Event::MappingEnd => self.close(span),
            Event::Alias(id) => match self.anchors.get(&id).cloned() {
                Some(node) => {
                    self.made += count(&node);
                    self.add(node.value, span, 0)
                }
                None => self.fail(span, "this alias refers to a value that contains it"),
            },
            Event::DocumentStart(..) if self.parsed.root.is_some() => self.fail(
                span,
                "a configuration is one YAML document, and here a second one starts",
            ),
            _ => true,
        }
    }

    fn open(&mut self, start: Span, anchor: usize, tag: Option<&Tag>, content: Content) -> bool {
        if self.stack.len() >= MAX_DEPTH {
            self.parsed.errors.push(SyntaxError::too_deep(start));
            return false;
        }
        let expected = match content {
            Content::List(_) => "seq",
            Content::Table { .. } => "map",
        };
        if tag.is_some_and(|tag| tag.core_suffix() != Some(expected)) {
            return self.fail(start, "tags are not supported here");
        }
        self.stack.push(Frame {
            start,
            anchor,
            content,
        });
        true
    }

    fn close(&mut self, end: Span) -> bool {
        let Some(frame) = self.stack.pop() else {
            return true;
        };
        let value = match frame.content {
            Content::List(items) => Value::List(items),
            Content::Table {
                mut entries,
                keys,
                merged,
                ..
            } => {
                merge(&mut entries, &keys, merged);
                Value::Table(entries)
            }
        };
        self.add(value, Span::new(frame.start.start, end.end), frame.anchor)
    }

    /// Puts a finished value where it belongs.
    fn add(&mut self, value: Value, span: Span, anchor: usize) -> bool {
        self.made += 1;
        if self.made > MAX_NODES {
            return self.fail(
                span,
                format!("more than {MAX_NODES} values, aliases unfolded"),
            );
        }
        let mut node = Node {
            value,
            place: place(span),
        };
        if anchor > 0 {
            self.anchors.insert(anchor, node.clone());
        }
        match self.stack.last_mut().map(|frame| &mut frame.content) {
            None => self.parsed.root = Some(node),
            Some(Content::List(items)) => items.push(node),
            Some(Content::Table {
                entries,
                keys,
                key,
                merged,
            }) => match key.take() {
                None => match node.value {
                    Value::Scalar(scalar) => *key = Some((scalar.text, span)),
                    Value::List(_) | Value::Table(_) => {
                        return self.fail(span, "a key must be plain text");
                    }
                },
                Some((name, _)) if name == "<<" => merged.push(node),
                Some((name, at)) => {
                    if let Some(first) = keys.get(&name) {
                        let error = SyntaxError::duplicate(&name, at, *first, self.text);
                        self.parsed.errors.push(error);
                    } else {
                        set_key(&mut node, at);
                        keys.insert(name.clone(), at);
                        entries.push((name, node));
                    }
                }
            },
        }
        true
    }

    fn fail(&mut self, span: Span, message: impl Into<String>) -> bool {
        self.parsed.errors.push(SyntaxError::new(span, message));
        false
    }
}

/// Adds what `<<` names: explicit keys win over merged ones, earlier merges over later ones.
fn merge(entries: &mut Vec<(String, Node)>, keys: &HashMap<String, Span>, merged: Vec<Node>) {
    let tables = merged.into_iter().flat_map(|node| match node.value {
        Value::List(items) => items,
        Value::Scalar(_) | Value::Table(_) => vec![node],
    });
    for node in tables {
        match node.value {
            Value::Table(added) => {
                for (name, value) in added {
                    let is_new = !keys.contains_key(&name)
                        && entries.iter().all(|(known, _)| *known != name);
                    if is_new {
                        entries.push((name, value));
                    }
                }
            }
            // Left in place under its own name, so that it is reported as an unknown key.
            Value::Scalar(_) | Value::List(_) => entries.push((String::from("<<"), node)),
        }
    }
}

/// How many values a tree holds.
fn count(node: &Node) -> usize {
    match &node.value {
        Value::Scalar(_) => 1,
        Value::List(items) => 1 + items.iter().map(count).sum::<usize>(),
        Value::Table(entries) => 1 + entries.iter().map(|(_, node)| count(node)).sum::<usize>(),
    }
}

/// Resolves a scalar by its tag, its quotes, or the core schema (YAML 1.2.2, section 10.3.2).
fn scalar(text: &str, style: ScalarStyle, tag: Option<&Tag>) -> Result<Scalar, &'static str> {
    let plain = || (style == ScalarStyle::Plain).then(|| plain_kind(text));
    let kind = match tag.map(Tag::core_suffix) {
        None => plain().unwrap_or(ScalarKind::Text),
        Some(Some("str")) => ScalarKind::Text,
        Some(Some("int")) if plain() == Some(ScalarKind::Integer) => ScalarKind::Integer,
        Some(Some("bool")) if plain() == Some(ScalarKind::Bool) => ScalarKind::Bool,
        Some(Some("null")) if plain() == Some(ScalarKind::Null) => ScalarKind::Null,
        Some(_) => return Err("tags are not supported here"),
    };
    let text = match kind {
        ScalarKind::Integer => decimal(text),
        ScalarKind::Bool => text.to_ascii_lowercase(),
        ScalarKind::Null | ScalarKind::Unresolved => String::new(),
        ScalarKind::Text | ScalarKind::Float => text.to_owned(),
    };
    Ok(Scalar::new(kind, text))
}

fn plain_kind(text: &str) -> ScalarKind {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => return ScalarKind::Null,
        "true" | "True" | "TRUE" | "false" | "False" | "FALSE" => return ScalarKind::Bool,
        _ => {}
    }
    let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
    let is = |digits: &str, radix| !digits.is_empty() && digits.chars().all(|c| c.is_digit(radix));
    let is_based = text.strip_prefix("0x").is_some_and(|digits| is(digits, 16))
        || text.strip_prefix("0o").is_some_and(|digits| is(digits, 8));
    if is_based || is(unsigned, 10) {
        return ScalarKind::Integer;
    }
    let starts_as_number = unsigned.starts_with(|c: char| c.is_ascii_digit() || c == '.');
    let has_number_chars = unsigned
        .chars()
        .all(|c| c.is_ascii_digit() || matches!(c, '.' | 'e' | 'E' | '-' | '+'));
    if starts_as_number && has_number_chars && text.parse::<f64>().is_ok() {
        return ScalarKind::Float;
    }
    ScalarKind::Text
}

/// An integer in base ten; beyond 128 bits it stays as it is, and no reader will take it.
fn decimal(text: &str) -> String {
    let based = text
        .strip_prefix("0x")
        .map(|digits| u128::from_str_radix(digits, 16))
        .or_else(|| {
            text.strip_prefix("0o")
                .map(|digits| u128::from_str_radix(digits, 8))
        });
    match based {
        Some(Ok(value)) => value.to_string(),
        _ => text.strip_prefix('+').unwrap_or(text).to_owned(),
    }
}
