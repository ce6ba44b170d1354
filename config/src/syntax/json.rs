//! JSON by RFC 8259, with the place of every key and value.
//!
//! `serde_json` keeps neither places nor duplicate keys, so the structure is read here; it still
//! decodes the strings.

use std::collections::HashMap;

use super::{Parsed, SyntaxError, place, set_key};
use crate::node::{MAX_DEPTH, Node, Scalar, ScalarKind, Value};
use crate::source::Span;

pub(super) fn parse(text: &str) -> Parsed {
    let mut reader = Reader {
        text,
        at: 0,
        errors: Vec::new(),
    };
    let root = reader.document();
    let mut errors = reader.errors;
    let root = root.map_err(|error| errors.push(error)).ok().flatten();
    Parsed { root, errors }
}

struct Reader<'t> {
    text: &'t str,
    at: usize,
    /// Mistakes after which reading goes on: duplicate keys.
    errors: Vec<SyntaxError>,
}

impl Reader<'_> {
    fn document(&mut self) -> Result<Option<Node>, SyntaxError> {
        self.at = self.text.len() - self.text.trim_start_matches('\u{feff}').len();
        self.skip_space();
        if self.peek().is_none() {
            return Ok(None);
        }
        let root = self.value(0)?;
        self.skip_space();
        match self.peek() {
            None => Ok(Some(root)),
            Some(_) => Err(self.expected("the end of the file")),
        }
    }

    fn value(&mut self, depth: usize) -> Result<Node, SyntaxError> {
        let start = self.at;
        if depth > MAX_DEPTH {
            return Err(SyntaxError::too_deep(Span::new(start, start)));
        }
        let value = match self.peek() {
            Some('{') => self.table(depth)?,
            Some('[') => self.list(depth)?,
            Some('"') => Value::Scalar(Scalar::new(ScalarKind::Text, self.string()?)),
            Some('-' | '0'..='9') => Value::Scalar(self.number()?),
            _ => Value::Scalar(self.word()?),
        };
        Ok(Node {
            value,
            place: place(Span::new(start, self.at)),
        })
    }

    fn table(&mut self, depth: usize) -> Result<Value, SyntaxError> {
        let mut entries: Vec<(String, Node)> = Vec::new();
        let mut keys: HashMap<String, Span> = HashMap::new();
        self.at += 1;
        self.skip_space();
        if self.eat('}') {
            return Ok(Value::Table(entries));
        }
        loop {
            self.skip_space();
            let start = self.at;
            if self.peek() != Some('"') {
                return Err(self.expected("a key in double quotes"));
            }
            let name = self.string()?;
            let key = Span::new(start, self.at);
            self.skip_space();
            if !self.eat(':') {
                return Err(self.expected("`:`"));
            }
            self.skip_space();
            let mut node = self.value(depth + 1)?;
            set_key(&mut node, key);
            if let Some(first) = keys.get(&name) {
                self.errors
                    .push(SyntaxError::duplicate(&name, key, *first, self.text));
            } else {
                keys.insert(name.clone(), key);
                entries.push((name, node));
            }
            self.skip_space();
            if self.eat('}') {
                return Ok(Value::Table(entries));
            }
            if !self.eat(',') {
                return Err(self.expected("`,` or `}`"));
            }
        }
    }

    fn list(&mut self, depth: usize) -> Result<Value, SyntaxError> {
        let mut items = Vec::new();
        self.at += 1;
        self.skip_space();
        if self.eat(']') {
            return Ok(Value::List(items));
        }
        loop {
            self.skip_space();
            items.push(self.value(depth + 1)?);
            self.skip_space();
            if self.eat(']') {
                return Ok(Value::List(items));
            }
            if !self.eat(',') {
                return Err(self.expected("`,` or `]`"));
            }
        }
    }

    fn string(&mut self) -> Result<String, SyntaxError> {
        let start = self.at;
        let mut is_escaped = false;
        let rest = self.rest().char_indices().skip(1);
        let mut end = None;
        for (offset, c) in rest {
            match c {
                _ if is_escaped => is_escaped = false,
                '\\' => is_escaped = true,
                '"' => {
                    end = Some(start + offset + 1);
                    break;
                }
                '\n' => break,
                _ => {}
            }
        }
        let Some(end) = end else {
            return Err(SyntaxError::new(
                Span::new(start, start + 1),
                "this text has no closing quote",
            ));
        };
        self.at = end;
        let raw = self.text.get(start..end).unwrap_or_default();
        serde_json::from_str(raw).map_err(|_| {
            SyntaxError::new(
                Span::new(start, end),
                "this text holds an invalid escape or character",
            )
        })
    }

    fn number(&mut self) -> Result<Scalar, SyntaxError> {
        let start = self.at;
        let length = self
            .rest()
            .find(|c: char| !matches!(c, '0'..='9' | '-' | '+' | '.' | 'e' | 'E'))
            .unwrap_or(self.rest().len());
        let raw = self.rest().get(..length).unwrap_or_default().to_owned();
        self.at += length;
        if serde_json::from_str::<&serde_json::value::RawValue>(&raw).is_err() {
            return Err(SyntaxError::new(
                Span::new(start, self.at),
                "this is not a number",
            ));
        }
        let kind = if raw.contains(['.', 'e', 'E']) {
            ScalarKind::Float
        } else {
            ScalarKind::Integer
        };
        Ok(Scalar::new(kind, raw))
    }

    fn word(&mut self) -> Result<Scalar, SyntaxError> {
        for (word, kind) in [
            ("true", ScalarKind::Bool),
            ("false", ScalarKind::Bool),
            ("null", ScalarKind::Null),
        ] {
            if self.rest().starts_with(word) {
                self.at += word.len();
                let text = if kind == ScalarKind::Null { "" } else { word };
                return Ok(Scalar::new(kind, text));
            }
        }
        Err(self.expected("a value"))
    }

    fn rest(&self) -> &str {
        self.text.get(self.at..).unwrap_or_default()
    }

    fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    fn eat(&mut self, wanted: char) -> bool {
        let is_there = self.peek() == Some(wanted);
        if is_there {
            self.at += wanted.len_utf8();
        }
        is_there
    }

    fn skip_space(&mut self) {
        let rest = self.rest();
        self.at += rest.len() - rest.trim_start_matches([' ', '\t', '\n', '\r']).len();
    }

    fn expected(&self, what: &str) -> SyntaxError {
        let found = match self.peek() {
            Some(c) => crate::report::quote(&c.to_string()),
            None => String::from("the end of the file"),
        };
        let message = format!("invalid JSON: expected {what}, found {found}");
        SyntaxError::new(Span::new(self.at, self.at), message)
    }
}
