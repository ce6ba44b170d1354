//! Tools in namespaces, which only this dialect has: one name in a chat, two for the caller.

use std::borrow::Cow;

use crate::document::Document;
use crate::json::Json;

/// The name that a tool of a namespace has in a chat.
pub(super) fn joined<'a>(namespace: Option<Cow<'a, str>>, name: Cow<'a, str>) -> Cow<'a, str> {
    match namespace {
        None => name,
        Some(namespace) if namespace.is_empty() => name,
        Some(namespace) if namespace.ends_with('_') => Cow::Owned([&*namespace, &*name].concat()),
        Some(namespace) => Cow::Owned([&*namespace, "__", &*name].concat()),
    }
}

/// The tools of a request that stand in a namespace.
#[derive(Debug, Default)]
pub(super) struct Namespaces(Vec<Member>);

#[derive(Debug)]
struct Member {
    joined: Box<str>,
    namespace: Box<str>,
    name: Box<str>,
}

impl Namespaces {
    /// Finds them among the request's tools and those that its input adds.
    pub(super) fn of(request: &Document) -> Self {
        let mut found = Self::default();
        if memchr::memmem::find(request.bytes(), b"namespace").is_none() {
            return found;
        }
        if let Some(Json::Array(tools)) = request.raw("tools").and_then(Json::trusted) {
            found.add(&tools);
        }
        if let Some(Json::Array(items)) = request.raw("input").and_then(Json::trusted) {
            for item in &items {
                if item.str("type") == Some("additional_tools") {
                    found.add(elements(item));
                }
            }
        }
        found
    }

    fn add(&mut self, tools: &[Json<'_>]) {
        for group in tools {
            if group.str("type") != Some("namespace") {
                continue;
            }
            let namespace = group.str("name").unwrap_or_default();
            for name in elements(group).iter().filter_map(|it| it.str("name")) {
                self.0.push(Member {
                    joined: joined(Some(namespace.into()), name.into()).into(),
                    namespace: namespace.into(),
                    name: name.into(),
                });
            }
        }
    }

    /// The namespace and the name that the caller knows a tool by.
    pub(super) fn split<'n>(&'n self, joined: &'n str) -> (Option<&'n str>, &'n str) {
        match self.0.iter().find(|it| *it.joined == *joined) {
            Some(it) => (Some(&it.namespace), &it.name),
            None => (None, joined),
        }
    }
}

fn elements<'j>(holder: &'j Json<'_>) -> &'j [Json<'j>] {
    let tools = holder.get("tools").and_then(Json::as_array);
    tools.unwrap_or_default()
}
