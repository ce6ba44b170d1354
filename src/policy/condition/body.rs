//! A request's body as conditions see it: a map whose fields are parsed when they are asked for.
//!
//! Each is parsed once, however many conditions ask. What is longer than [`MAX_FIELD_BYTES`] is not
//! looked into: conditions are answered between two other calls, which would have to wait.

use std::sync::OnceLock;

use cel::ExecutionError;
use cel::common::traits::{Container, Indexer, Iterable, Sizer};
use cel::common::types::{CelString, MAP_TYPE, Type};
use cel::common::value::{CowVal, Val};
use tollward_wire::document::Document;

/// Longest field that conditions look into, in bytes.
const MAX_FIELD_BYTES: usize = 1 << 20;

/// The body of a request.
#[derive(Clone, Debug)]
pub(super) struct Body {
    document: Document,
    fields: OnceLock<Vec<Field>>,
    /// All of it, for what asks for more than a field.
    whole: OnceLock<Option<Value>>,
}

#[derive(Clone, Debug)]
struct Field {
    name: Box<str>,
    value: OnceLock<Option<Value>>,
}

/// A part of it that was parsed.
#[derive(Debug)]
struct Value(Box<dyn Val>);

impl Clone for Value {
    fn clone(&self) -> Self {
        Self(self.0.clone_as_boxed())
    }
}

impl Body {
    pub(super) fn of(document: &Document) -> Self {
        Self {
            document: document.clone(),
            fields: OnceLock::new(),
            whole: OnceLock::new(),
        }
    }

    fn field(&self, name: &str) -> Option<&Field> {
        let fields = self.fields.get_or_init(|| {
            let field = |name: &str| Field {
                name: name.into(),
                value: OnceLock::new(),
            };
            self.document.fields().map(field).collect()
        });
        fields.iter().find(|it| *it.name == *name)
    }

    fn whole(&self) -> Option<&(dyn Val + 'static)> {
        let whole = self.whole.get_or_init(|| parse(self.document.bytes()));
        whole.as_ref().map(|it| &*it.0)
    }
}

/// `None` if it is too long.
fn parse(raw: &[u8]) -> Option<Value> {
    if raw.len() > MAX_FIELD_BYTES {
        return None;
    }
    let json: serde_json::Value = serde_json::from_slice(raw).ok()?;
    cel::to_value(json).ok()?.try_into().ok().map(Value)
}

impl Val for Body {
    fn get_type(&self) -> &Type {
        &MAP_TYPE
    }

    fn cel_type() -> &'static Type {
        &MAP_TYPE
    }

    fn as_indexer<'b, 'v>(&'b self) -> Option<&'b (dyn Indexer + 'v)>
    where
        Self: 'v,
    {
        Some(self)
    }

    fn as_container(&self) -> Option<&dyn Container> {
        self.whole()?.as_container()
    }

    fn as_iterable<'b, 'v>(&'b self) -> Option<&'b (dyn Iterable + 'v)>
    where
        Self: 'v,
    {
        self.whole()?.as_iterable()
    }

    fn as_sizer(&self) -> Option<&dyn Sizer> {
        self.whole()?.as_sizer()
    }

    fn equals(&self, other: &dyn Val) -> bool {
        self.whole().is_some_and(|it| it.equals(other))
    }

    fn clone_as_boxed<'v>(&self) -> Box<dyn Val + 'v>
    where
        Self: 'v,
    {
        Box::new(self.clone())
    }
}

impl Indexer for Body {
    fn get<'b, 'v>(&'b self, index: &dyn Val) -> Result<CowVal<'b, 'v>, ExecutionError>
    where
        Self: 'v,
    {
        let name = index
            .downcast_ref::<CelString<'_>>()
            .map_or("", |it| it.inner());
        let no_such_key = || ExecutionError::no_such_key(name);
        let field = self.field(name).ok_or_else(no_such_key)?;
        let raw = self.document.raw(name).ok_or_else(no_such_key)?;
        match field.value.get_or_init(|| parse(raw)) {
            Some(value) => Ok(CowVal::Borrowed(&*value.0)),
            None => Err(ExecutionError::function_error("request", "it is too long")),
        }
    }

    fn steal<'v>(self: Box<Self>, index: &dyn Val) -> Result<Box<dyn Val + 'v>, ExecutionError>
    where
        Self: 'v,
    {
        self.get(index).map(CowVal::into_owned)
    }
}
