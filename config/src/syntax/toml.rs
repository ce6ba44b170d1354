//! TOML: the spanned table of the `toml` crate to a tree.
//!
//! Its recovering parser goes on after a mistake, so one pass reports several. What it recovers
//! from broken syntax is a guess, so only duplicate keys leave the tree in use.

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::{Parsed, SyntaxError, place, set_key};
use crate::node::{MAX_DEPTH, Node, Scalar, ScalarKind, Value};
use crate::source::Span;

/// How the crate words a duplicate key.
const DUPLICATE: &str = "duplicate key";

pub(super) fn parse(text: &str) -> Parsed {
    let (table, errors) = DeTable::parse_recoverable(text);
    let mut parsed = Parsed::default();
    let mut is_broken = false;
    for error in errors {
        let span = error.span().unwrap_or(0..0);
        let message = error.message().trim();
        is_broken |= message != DUPLICATE;
        let error = SyntaxError::new(
            Span::new(span.start, span.end),
            format!("invalid TOML: {message}"),
        );
        parsed.errors.push(error);
    }
    if is_broken {
        return parsed;
    }
    let span = Span::new(table.span().start, table.span().end);
    match convert_table(table.get_ref(), 0) {
        Ok(value) => {
            parsed.root = Some(Node {
                value,
                place: place(span),
            });
        }
        Err(error) => parsed.errors.push(error),
    }
    parsed
}

fn convert_table(table: &DeTable<'_>, depth: usize) -> Result<Value, SyntaxError> {
    let mut entries = Vec::with_capacity(table.len());
    for (key, value) in table {
        let mut node = convert(value, depth + 1)?;
        set_key(&mut node, Span::new(key.span().start, key.span().end));
        entries.push((key.span().start, key.get_ref().to_string(), node));
    }
    // The crate sorts by name; people sort by meaning.
    entries.sort_by_key(|(start, _, _)| *start);
    Ok(Value::Table(
        entries
            .into_iter()
            .map(|(_, name, node)| (name, node))
            .collect(),
    ))
}

fn convert(value: &Spanned<DeValue<'_>>, depth: usize) -> Result<Node, SyntaxError> {
    let span = Span::new(value.span().start, value.span().end);
    if depth > MAX_DEPTH {
        return Err(SyntaxError::too_deep(span));
    }
    let scalar = |kind, text: &str| Value::Scalar(Scalar::new(kind, text));
    let value = match value.get_ref() {
        DeValue::String(text) => scalar(ScalarKind::Text, text),
        DeValue::Integer(number) => match i128::from_str_radix(number.as_str(), number.radix()) {
            Ok(number) => scalar(ScalarKind::Integer, &number.to_string()),
            Err(_) => return Err(SyntaxError::new(span, "this number is too large")),
        },
        DeValue::Float(number) => scalar(ScalarKind::Float, number.as_str()),
        DeValue::Boolean(value) => scalar(ScalarKind::Bool, &value.to_string()),
        DeValue::Datetime(moment) => scalar(ScalarKind::Text, &moment.to_string()),
        DeValue::Array(items) => Value::List(
            items
                .iter()
                .map(|item| convert(item, depth + 1))
                .collect::<Result<_, _>>()?,
        ),
        DeValue::Table(table) => convert_table(table, depth)?,
    };
    Ok(Node {
        value,
        place: place(span),
    })
}
