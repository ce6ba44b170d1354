//! Merges the file, the environment and the command line with the `config` crate.
//!
//! `config` decides which layer wins; the file's values stay in our own tree, because they carry
//! places and credentials. It is given a marker for each and answers where the marker survived.

use std::collections::{HashMap, HashSet};

use config::{Environment, Map, Source, ValueKind};

use crate::load::Sources;
use crate::node::{Node, Scalar, ScalarKind, Value};
use crate::origins::Place;
use crate::path;
use crate::report::{Diagnostic, quote};

/// What variables start with to set a value: `TOLLWARD__SERVER__LISTEN`.
const PREFIX: &str = "TOLLWARD";
/// What separates the steps of a key in a variable's name.
const SEPARATOR: &str = "__";
/// Marks values that stand in the file.
const IN_FILE: &str = "file";

/// The tree in force: command line over environment over file.
///
/// `top_level` are the sections that exist. A variable or option that names none of them stays
/// in the tree, so that it is reported like an unknown key of the file.
pub(crate) fn merge(
    file: Option<Node>,
    sources: &Sources,
    top_level: &[&str],
) -> (Node, Vec<Diagnostic>) {
    let root = file.unwrap_or(Node {
        value: Value::Table(Vec::new()),
        place: Place::Override,
    });
    if !root.is_null() && !matches!(root.value, Value::Table(_)) {
        // No layer can help; the reader says what a configuration looks like.
        return (root, Vec::new());
    }
    let (root, strangers) = set_aside(root, top_level);
    let mut diagnostics = Vec::new();
    let layer = FileLayer(markers(&root));
    let mut builder = config::Config::builder()
        .add_source(layer)
        .add_source(environment(sources));
    for (key, value) in &sources.overrides {
        match builder.clone().set_override(key, value.as_str()) {
            Ok(next) if !names_item(key) => builder = next,
            Ok(_) | Err(_) => diagnostics.push(
                Diagnostic::error(key, format!("{} is not a key path", quote(key)))
                    .with_help("write the keys with dots between them, such as `server.listen`"),
            ),
        }
    }
    let merged = builder.build().and_then(|merged| merged.collect());
    let names = variable_names(sources);
    let mut root = match merged {
        Ok(table) => rebuild_table(&table, Some(&root), "", &names),
        Err(error) => {
            diagnostics.push(Diagnostic::error(
                "",
                format!("the layers do not merge: {error}"),
            ));
            root
        }
    };
    if let Value::Table(entries) = &mut root.value {
        entries.extend(strangers);
    }
    (root, diagnostics)
}

/// Takes unknown top-level keys out: `config` would read a dot in them as a path.
fn set_aside(mut root: Node, top_level: &[&str]) -> (Node, Vec<(String, Node)>) {
    let mut strangers = Vec::new();
    if let Value::Table(entries) = root.value {
        let (known, unknown) = entries
            .into_iter()
            .partition(|(name, _)| top_level.contains(&name.as_str()));
        root.value = Value::Table(known);
        strangers = unknown;
    }
    (root, strangers)
}

/// The variables with our prefix, as `config` reads them: names lower-cased, values as text.
fn environment(sources: &Sources) -> Environment {
    Environment::with_prefix(PREFIX)
        .prefix_separator(SEPARATOR)
        .separator(SEPARATOR)
        .source(Some(
            sources
                .env
                .iter()
                .filter(|(name, _)| !names_item(name))
                .cloned()
                .collect(),
        ))
}

/// Whether a key path steps into a list, which `config` would grow to any index it is given.
fn names_item(key: &str) -> bool {
    key.contains('[')
}

/// Full variable names by the key path they set.
fn variable_names(sources: &Sources) -> HashMap<String, String> {
    let prefix = format!("{PREFIX}{SEPARATOR}").to_lowercase();
    let key_of = |name: &str| {
        let lower = name.to_lowercase();
        lower
            .strip_prefix(&prefix)
            .map(|key| key.replace(SEPARATOR, "."))
    };
    sources
        .env
        .iter()
        .filter_map(|(name, _)| key_of(name).map(|key| (key, name.clone())))
        .collect()
}

/// The file as `config` sees it.
#[derive(Debug, Clone)]
struct FileLayer(Map<String, config::Value>);

impl Source for FileLayer {
    fn clone_into_box(&self) -> Box<dyn Source + Send + Sync> {
        Box::new(self.clone())
    }

    fn collect(&self) -> Result<Map<String, config::Value>, config::ConfigError> {
        Ok(self.0.clone())
    }
}

/// The table's keys, with a marker for everything that is no table.
fn markers(table: &Node) -> Map<String, config::Value> {
    let marker = |node: &Node| match &node.value {
        Value::Table(_) => config::Value::new(None, ValueKind::Table(markers(node))),
        Value::Scalar(_) | Value::List(_) => {
            config::Value::new(Some(&String::from(IN_FILE)), ValueKind::Nil)
        }
    };
    match &table.value {
        Value::Table(entries) => entries
            .iter()
            .map(|(name, node)| (name.clone(), marker(node)))
            .collect(),
        Value::Scalar(_) | Value::List(_) => Map::new(),
    }
}

/// The merged table in our tree: the file's keys in their order, then what others added.
fn rebuild_table(
    merged: &Map<String, config::Value>,
    file: Option<&Node>,
    at: &str,
    names: &HashMap<String, String>,
) -> Node {
    let written: &[(String, Node)] = match file.map(|node| &node.value) {
        Some(Value::Table(entries)) => entries,
        Some(Value::Scalar(_) | Value::List(_)) | None => &[],
    };
    let in_file: HashSet<&String> = written.iter().map(|(name, _)| name).collect();
    let mut added: Vec<&String> = merged
        .keys()
        .filter(|name| !in_file.contains(name))
        .collect();
    added.sort();
    let written = written.iter().map(|(name, node)| (name, Some(node)));
    let entries: Vec<(String, Node)> = written
        .chain(added.into_iter().map(|name| (name, None)))
        .filter_map(|(name, node)| {
            let value = rebuild(merged.get(name)?, node, &path::join(at, name), names);
            Some((name.clone(), value))
        })
        .collect();
    let place = file
        .map(|node| node.place.clone())
        .or_else(|| entries.first().map(|(_, node)| node.place.clone()))
        .unwrap_or(Place::Override);
    Node {
        value: Value::Table(entries),
        place,
    }
}

fn rebuild(
    merged: &config::Value,
    file: Option<&Node>,
    at: &str,
    names: &HashMap<String, String>,
) -> Node {
    if let (Some(IN_FILE), Some(node)) = (merged.origin(), file) {
        return node.clone();
    }
    if let ValueKind::Table(table) = &merged.kind {
        if let Some(node) = file.filter(|node| !node.is_null() && !node.is_table()) {
            // Keys cannot be added to what is no table; the reader reports it in the file.
            return node.clone();
        }
        return rebuild_table(table, file, at, names);
    }
    let place = match (merged.origin(), names.get(at)) {
        (Some(_), Some(name)) => Place::Variable(name.clone()),
        _ => Place::Override,
    };
    let text = match &merged.kind {
        ValueKind::String(text) => text.clone(),
        other => other.to_string(),
    };
    let mut scalar = Scalar::new(ScalarKind::Text, text);
    scalar.is_loose = true;
    Node {
        value: Value::Scalar(scalar),
        place,
    }
}

#[cfg(test)]
mod tests;
