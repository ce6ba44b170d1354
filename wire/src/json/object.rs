//! An object: members in order, looked up by a walk. Objects of an API have few.

use std::borrow::Cow;

use super::Json;

/// The members of a JSON object, in order.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Object<'a>(Vec<(Cow<'a, str>, Json<'a>)>);

impl<'a> Object<'a> {
    /// An object without members.
    pub fn new() -> Self {
        Self(Vec::new())
    }

    /// The same object with one more member.
    #[must_use]
    pub fn with(mut self, key: &'a str, value: impl Into<Json<'a>>) -> Self {
        self.push(Cow::Borrowed(key), value.into());
        self
    }

    /// The same object, with one more member if there is a value.
    #[must_use]
    pub fn with_some(self, key: &'a str, value: Option<impl Into<Json<'a>>>) -> Self {
        match value {
            Some(value) => self.with(key, value),
            None => self,
        }
    }

    /// Appends a member.
    pub fn push(&mut self, key: Cow<'a, str>, value: Json<'a>) {
        self.0.push((key, value));
    }

    /// Puts a value in the place of the member `key`, or at the end.
    pub fn set(&mut self, key: &'a str, value: impl Into<Json<'a>>) {
        let value = value.into();
        match self.0.iter_mut().find(|(name, _)| name == key) {
            Some((_, place)) => *place = value,
            None => self.push(Cow::Borrowed(key), value),
        }
    }

    /// A member's value; `None` if there is none or it is `null`.
    pub fn get(&self, key: &str) -> Option<&Json<'a>> {
        let (_, value) = self.0.iter().rev().find(|(name, _)| name == key)?;
        (!value.is_null()).then_some(value)
    }

    /// A member's value, to be changed in place; `None` if there is none.
    pub fn get_mut(&mut self, key: &str) -> Option<&mut Json<'a>> {
        let (_, value) = self.0.iter_mut().rev().find(|(name, _)| name == key)?;
        Some(value)
    }

    /// Takes a member out; `None` if there is none or it is `null`.
    pub fn take(&mut self, key: &str) -> Option<Json<'a>> {
        let at = self.0.iter().rposition(|(name, _)| name == key)?;
        let (_, value) = self.0.remove(at);
        (!value.is_null()).then_some(value)
    }

    /// Whether there are no members.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The members in order.
    pub fn members(&self) -> impl Iterator<Item = (&str, &Json<'a>)> {
        self.0.iter().map(|(key, value)| (&**key, value))
    }

    /// The members in order, to be changed.
    pub fn members_mut(&mut self) -> impl Iterator<Item = (&str, &mut Json<'a>)> {
        self.0.iter_mut().map(|(key, value)| (&**key, value))
    }

    /// Keeps the members that `keep` wants.
    pub fn retain(&mut self, mut keep: impl FnMut(&str, &Json<'a>) -> bool) {
        self.0.retain(|(key, value)| keep(key, value));
    }

    pub(super) fn into_owned(self) -> Object<'static> {
        let members = self.0.into_iter();
        Object(
            members
                .map(|(key, value)| (Cow::Owned(key.into_owned()), value.into_owned()))
                .collect(),
        )
    }
}

impl<'a> IntoIterator for Object<'a> {
    type Item = (Cow<'a, str>, Json<'a>);
    type IntoIter = std::vec::IntoIter<Self::Item>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}
