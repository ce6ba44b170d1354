//! The key-value part of a header, and typed reads from it.
//!
//! A key that is absent is `None`; a key with the wrong type is an error, because a
//! guess about a model's shape only surfaces as wrong text much later.

use std::{collections::HashMap, io::Read};

use super::{malformed, reader::HeaderReader};
use crate::error::LoadError;

/// Deepest nesting of arrays; real files have none.
const MAX_DEPTH: u32 = 3;
/// Most items of one array. Large vocabularies have 262,144 tokens; a list of bytes that
/// fills the header would otherwise take 32 times its size in memory.
const MAX_ITEMS: u64 = 4 << 20;

/// One metadata value. Numbers keep their kind but not their width.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Value {
    Unsigned(u64),
    Signed(i64),
    Float(f64),
    Bool(bool),
    Text(Vec<u8>),
    Array(Vec<Value>),
}

#[derive(Debug, Default)]
pub(crate) struct Metadata(HashMap<String, Value>);

impl Metadata {
    pub(super) fn read<R: Read>(
        reader: &mut HeaderReader<R>,
        count: u64,
    ) -> Result<Self, LoadError> {
        let mut entries = HashMap::new();
        for _ in 0..count {
            let key = reader.name()?;
            let kind = reader.u32()?;
            let value = read_value(reader, kind, 0)?;
            if entries.contains_key(&key) {
                return Err(malformed(&format!("key `{key}` appears twice")));
            }
            entries.insert(key, value);
        }
        Ok(Self(entries))
    }

    pub(crate) fn u64(&self, key: &str) -> Result<Option<u64>, LoadError> {
        self.typed(key, "an unsigned number", |value| match value {
            Value::Unsigned(n) => Some(*n),
            Value::Signed(n) => u64::try_from(*n).ok(),
            _ => None,
        })
    }

    pub(crate) fn f64(&self, key: &str) -> Result<Option<f64>, LoadError> {
        self.typed(key, "a finite number", |value| match value {
            Value::Float(n) => Some(*n).filter(|n| n.is_finite()),
            _ => None,
        })
    }

    pub(crate) fn bool(&self, key: &str) -> Result<Option<bool>, LoadError> {
        self.typed(key, "a boolean", |value| match value {
            Value::Bool(b) => Some(*b),
            _ => None,
        })
    }

    pub(crate) fn text(&self, key: &str) -> Result<Option<&str>, LoadError> {
        self.typed(key, "UTF-8 text", |value| match value {
            Value::Text(bytes) => std::str::from_utf8(bytes).ok(),
            _ => None,
        })
    }

    pub(crate) fn array(&self, key: &str) -> Result<Option<&[Value]>, LoadError> {
        self.typed(key, "an array", |value| match value {
            Value::Array(items) => Some(items.as_slice()),
            _ => None,
        })
    }

    fn typed<'a, T>(
        &'a self,
        key: &str,
        expected: &str,
        read: impl FnOnce(&'a Value) -> Option<T>,
    ) -> Result<Option<T>, LoadError> {
        match self.0.get(key) {
            None => Ok(None),
            Some(value) => read(value)
                .map(Some)
                .ok_or_else(|| LoadError::Unusable(format!("`{key}` is not {expected}"))),
        }
    }
}

/// Reads a value of the type with number `kind` in the format's table.
fn read_value<R: Read>(
    reader: &mut HeaderReader<R>,
    kind: u32,
    depth: u32,
) -> Result<Value, LoadError> {
    Ok(match kind {
        0 => Value::Unsigned(u8::from_le_bytes(reader.array()?).into()),
        1 => Value::Signed(i8::from_le_bytes(reader.array()?).into()),
        2 => Value::Unsigned(u16::from_le_bytes(reader.array()?).into()),
        3 => Value::Signed(i16::from_le_bytes(reader.array()?).into()),
        4 => Value::Unsigned(reader.u32()?.into()),
        5 => Value::Signed(i32::from_le_bytes(reader.array()?).into()),
        6 => Value::Float(f32::from_le_bytes(reader.array()?).into()),
        7 => match reader.array()? {
            [0] => Value::Bool(false),
            [1] => Value::Bool(true),
            [other] => return Err(malformed(&format!("a boolean of value {other}"))),
        },
        8 => Value::Text(reader.text()?),
        9 if depth < MAX_DEPTH => {
            let item_kind = reader.u32()?;
            let count = reader.count(min_bytes(item_kind)?)?;
            if count > MAX_ITEMS {
                return Err(malformed(&format!("an array of {count} items")));
            }
            let mut items = Vec::new();
            for _ in 0..count {
                items.push(read_value(reader, item_kind, depth + 1)?);
            }
            Value::Array(items)
        }
        9 => return Err(malformed("arrays are nested too deeply")),
        10 => Value::Unsigned(reader.u64()?),
        11 => Value::Signed(i64::from_le_bytes(reader.array()?)),
        12 => Value::Float(f64::from_le_bytes(reader.array()?)),
        other => return Err(malformed(&format!("a value of unknown type {other}"))),
    })
}

/// Fewest bytes an array item of this type can take.
fn min_bytes(kind: u32) -> Result<u64, LoadError> {
    match kind {
        0 | 1 | 7 => Ok(1),
        2 | 3 => Ok(2),
        4..=6 => Ok(4),
        8 | 10..=12 => Ok(8),
        9 => Ok(12),
        other => Err(malformed(&format!("an array of unknown type {other}"))),
    }
}
