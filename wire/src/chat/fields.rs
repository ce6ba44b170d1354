//! Taking a request apart field by field, with errors that name the field's path.

use std::borrow::Cow;

use crate::document::FieldError;
use crate::json::{Json, Object};

/// The members of an object that is being read. What is taken is gone; the rest is unknown.
#[derive(Debug)]
pub struct Fields<'a>(Object<'a>);

impl<'a> Fields<'a> {
    /// Reads an object.
    ///
    /// # Errors
    /// If `value` is something else; the error has no path yet.
    pub fn of(value: Json<'a>) -> Result<Self, FieldError> {
        match value {
            Json::Object(object) => Ok(Self(object)),
            _ => Err(FieldError::new("", "an object")),
        }
    }

    /// Any value.
    pub fn any(&mut self, name: &str) -> Option<Json<'a>> {
        self.0.take(name)
    }

    /// Takes all that is left.
    pub fn clear(&mut self) {
        self.0 = Object::new();
    }

    /// Whether the field is there.
    pub fn has(&self, name: &str) -> bool {
        self.0.get(name).is_some()
    }

    /// A text.
    ///
    /// # Errors
    /// If the field is of another type.
    pub fn text(&mut self, name: &'static str) -> Result<Option<Cow<'a, str>>, FieldError> {
        match self.any(name) {
            None => Ok(None),
            Some(Json::String(text)) => Ok(Some(text)),
            Some(_) => Err(FieldError::new(name, "a string")),
        }
    }

    /// A text that must be there.
    ///
    /// # Errors
    /// If it is not, or of another type.
    pub fn need_text(&mut self, name: &'static str) -> Result<Cow<'a, str>, FieldError> {
        self.text(name)?
            .ok_or_else(|| FieldError::new(name, "a string"))
    }

    /// `true` or `false`.
    ///
    /// # Errors
    /// If the field is of another type.
    pub fn flag(&mut self, name: &'static str) -> Result<Option<bool>, FieldError> {
        let value = self.any(name);
        value
            .map(|it| {
                it.as_bool()
                    .ok_or_else(|| FieldError::new(name, "true or false"))
            })
            .transpose()
    }

    /// A whole number.
    ///
    /// # Errors
    /// If the field is negative, a fraction or no number.
    pub fn whole(&mut self, name: &'static str) -> Result<Option<u64>, FieldError> {
        let value = self.any(name);
        value
            .map(|it| {
                it.as_u64()
                    .ok_or_else(|| FieldError::new(name, "a whole number"))
            })
            .transpose()
    }

    /// A number, in its digits.
    ///
    /// # Errors
    /// If the field is no number.
    pub fn number(&mut self, name: &'static str) -> Result<Option<Json<'a>>, FieldError> {
        match self.any(name) {
            None => Ok(None),
            Some(number @ Json::Number(_)) => Ok(Some(number)),
            Some(_) => Err(FieldError::new(name, "a number")),
        }
    }

    /// A list; an absent one is empty.
    ///
    /// # Errors
    /// If the field is no array.
    pub fn list(&mut self, name: &'static str) -> Result<Vec<Json<'a>>, FieldError> {
        match self.any(name) {
            None => Ok(Vec::new()),
            Some(Json::Array(items)) => Ok(items),
            Some(_) => Err(FieldError::new(name, "an array")),
        }
    }

    /// A list whose elements are read by `read`; an error gets the element's path.
    ///
    /// # Errors
    /// If the field is no array, or what `read` says of an element.
    pub fn each<T>(
        &mut self,
        name: &'static str,
        mut read: impl FnMut(Json<'a>) -> Result<T, FieldError>,
    ) -> Result<Vec<T>, FieldError> {
        let items = self.list(name)?.into_iter().enumerate();
        items
            .map(|(at, item)| read(item).map_err(|error| within(&format!("{name}[{at}]"), error)))
            .collect()
    }

    /// The same, where one element may stand without its list.
    ///
    /// # Errors
    /// As of [`Self::each`].
    pub fn some<T>(
        &mut self,
        name: &'static str,
        mut read: impl FnMut(Json<'a>) -> Result<T, FieldError>,
    ) -> Result<Vec<T>, FieldError> {
        match self.0.get(name) {
            Some(Json::Object(_)) => {
                let one = self.any(name).map(&mut read);
                let one = one.transpose().map_err(|error| within(name, error))?;
                Ok(one.into_iter().collect())
            }
            _ => self.each(name, read),
        }
    }

    /// An object.
    ///
    /// # Errors
    /// If the field is of another type.
    pub fn object(&mut self, name: &'static str) -> Result<Option<Fields<'a>>, FieldError> {
        match self.any(name) {
            None => Ok(None),
            Some(value) => Fields::of(value)
                .map(Some)
                .map_err(|error| within(name, error)),
        }
    }

    /// Texts, given as one or as a list.
    ///
    /// # Errors
    /// If the field is neither.
    pub fn texts(&mut self, name: &'static str) -> Result<Vec<Cow<'a, str>>, FieldError> {
        if let Some(Json::String(_)) = self.0.get(name) {
            return Ok(self.text(name)?.into_iter().collect());
        }
        self.each(name, |item| match item {
            Json::String(text) => Ok(text),
            _ => Err(FieldError::new("", "a string")),
        })
    }

    /// The paths, below `holder`, of what was not taken and says something: `false` and what is
    /// empty say as much as nothing.
    pub fn rest_of(self, holder: &str) -> impl Iterator<Item = Cow<'a, str>> {
        let left = self.0.into_iter().filter(|(_, value)| match value {
            Json::Null | Json::Bool(false) => false,
            Json::String(text) => !text.is_empty(),
            Json::Array(items) => !items.is_empty(),
            Json::Object(object) => !object.is_empty(),
            Json::Bool(true) | Json::Number(_) | Json::Joined(_) => true,
        });
        left.map(move |(name, _)| Cow::Owned(format!("{holder}.{name}")))
    }

    /// The names of what was not taken and is not `null`.
    pub fn rest(self) -> Vec<Cow<'a, str>> {
        let left = self.0.into_iter().filter(|(_, value)| !value.is_null());
        left.map(|(name, _)| name).collect()
    }
}

/// Adds the paths that are not there yet: a history says the same of many messages.
pub fn note<'a>(paths: &mut Vec<Cow<'a, str>>, more: impl Iterator<Item = Cow<'a, str>>) {
    for path in more {
        if !paths.contains(&path) {
            paths.push(path);
        }
    }
}

/// The error with `path` before its own.
pub fn within(path: &str, error: FieldError) -> FieldError {
    let field = match error.field.as_str() {
        "" => path.to_owned(),
        inner if inner.starts_with('[') => format!("{path}{inner}"),
        inner => format!("{path}.{inner}"),
    };
    FieldError { field, ..error }
}
