//! Section `providers`: names for vendors, and settings that only their adapter understands.

use std::fmt;

use secrecy::zeroize::Zeroize;
use secrecy::{ExposeSecret, SecretBox};
use serde_json::{Map, Value};

use crate::node::{Node, ScalarKind, Value as Written};
use crate::path;
use crate::reader::{Field, Reader};
use crate::report::{list, quote};
use crate::source::is_secret_name;

/// The setting that lists credentials, as text or as tables.
const CREDENTIALS: &str = "credentials";
/// Shortest credential that is not suspicious, in characters.
const MIN_SECRET_CHARS: usize = 8;

/// One named way to reach a vendor.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProviderConfig {
    /// Which adapter speaks to it, such as `openai` or `groq`. Default: the name of the entry.
    /// Reload: the provider is rebuilt; running requests finish on the old one.
    pub kind: String,
    /// Every other key of the entry, interpolated, for the adapter to check.
    /// Reload: as `kind`.
    pub settings: Settings,
}

/// A provider's settings; holds credentials, so it prints nothing and is wiped on drop.
pub struct Settings(SecretBox<Fields>);

struct Fields(Map<String, Value>);

impl Settings {
    pub(crate) fn new(fields: Map<String, Value>) -> Self {
        Self(SecretBox::new(Box::new(Fields(fields))))
    }

    /// The fields in file order, credentials in clear: hand them to the adapter, log nothing.
    pub fn expose(&self) -> &Map<String, Value> {
        &self.0.expose_secret().0
    }
}

impl ProviderConfig {
    /// A built-in kind with nothing written about it.
    pub(crate) fn bare(kind: &str) -> Self {
        Self {
            kind: kind.to_owned(),
            settings: Settings::default(),
        }
    }

    /// Reads one entry. `known_kinds` empty: any kind will do.
    pub(crate) fn read(
        name: &str,
        field: &Field<'_>,
        known_kinds: &[String],
        reader: &mut Reader,
    ) -> Self {
        let mut table = field.table(reader);
        let is_name = !name.is_empty()
            && name
                .chars()
                .all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.'));
        if !is_name {
            let message = format!("{} is not a name for a provider", quote(name));
            let diagnostic = reader.origins.diagnose_key(&field.path, message);
            let help = "letters, digits, `_`, `-` and `.`; deployments write it before a slash";
            reader.diagnostics.push(diagnostic.with_help(help));
        }
        let kind_field = table.field("kind");
        let kind = kind_field.text(reader, name);
        check_kind(&kind, &kind_field, field, known_kinds, reader);
        let mut fields = Map::new();
        for (key, field) in table.rest() {
            if let Some(node) = field.node {
                fields.insert(key.to_owned(), convert(node, &field.path, false, reader));
            }
        }
        Self {
            kind,
            settings: Settings::new(fields),
        }
    }
}

fn check_kind(
    kind: &str,
    kind_field: &Field<'_>,
    entry: &Field<'_>,
    known_kinds: &[String],
    reader: &mut Reader,
) {
    if known_kinds.is_empty() || known_kinds.iter().any(|known| known == kind) {
        return;
    }
    let known = || known_kinds.iter().map(String::as_str);
    let diagnostic = if kind_field.node.is_some() {
        let message = format!("unknown kind of provider {}", quote(kind));
        reader.origins.diagnose(&kind_field.path, message, &[])
    } else {
        let message = format!(
            "{} is no kind of provider; say which `kind` it is",
            quote(kind)
        );
        reader.origins.diagnose_key(&entry.path, message)
    };
    let help = format!("the kinds are: {}", list(known()));
    reader
        .diagnostics
        .push(diagnostic.with_candidates(kind, known()).with_help(help));
}

/// The JSON value of a setting, recorded masked where it holds a credential.
fn convert(node: &Node, at: &str, is_secret: bool, reader: &mut Reader) -> Value {
    let name = setting(at);
    let is_secret = is_secret || is_secret_name(&name) || name == "headers";
    match &node.value {
        Written::List(items) => items
            .iter()
            .enumerate()
            .map(|(index, item)| convert(item, &path::item(at, index), is_secret, reader))
            .collect(),
        Written::Table(entries) => Value::Object(
            entries
                .iter()
                .map(|(key, entry)| {
                    // What stands beside a credential in a list of them need not be one.
                    let is_secret = is_secret && name != CREDENTIALS;
                    let value = convert(entry, &path::join(at, key), is_secret, reader);
                    (key.clone(), value)
                })
                .collect(),
        ),
        Written::Scalar(scalar) => {
            let is_secret = is_secret || scalar.is_secret;
            let shown = if is_secret {
                mask(&scalar.text)
            } else {
                mask_userinfo(&scalar.text)
            };
            reader.origins.record_value(at.to_owned(), shown, "default");
            if is_secret_name(&name) {
                check_secret(node, at, reader);
            }
            match scalar.kind {
                ScalarKind::Text => Value::String(scalar.text.clone()),
                ScalarKind::Integer | ScalarKind::Float => serde_json::from_str(&scalar.text)
                    .unwrap_or_else(|_| Value::String(scalar.text.clone())),
                ScalarKind::Bool => Value::Bool(scalar.text == "true"),
                ScalarKind::Null | ScalarKind::Unresolved => Value::Null,
            }
        }
    }
}

/// The key that a value stands under, itself or in a list.
fn setting(at: &str) -> String {
    let name = path::last(at);
    match path::parent(at) {
        Some(list) if name.starts_with('[') => path::last(list),
        _ => name,
    }
}

/// Looks at a credential: present, long enough, and not written in the file itself.
fn check_secret(node: &Node, at: &str, reader: &mut Reader) {
    let Written::Scalar(scalar) = &node.value else {
        return;
    };
    if scalar.kind == ScalarKind::Unresolved {
        return;
    }
    let length = scalar.text.trim().chars().count();
    if length == 0 {
        reader.report(
            at,
            "this credential is empty",
            Some(String::from("remove the key, or give it a value")),
        );
    } else if length < MIN_SECRET_CHARS {
        let help = format!("it has {length} characters; is the right variable set?");
        let diagnostic =
            reader
                .origins
                .diagnose(at, String::from("this credential is very short"), &[]);
        reader
            .diagnostics
            .push(diagnostic.with_help(help).as_warning());
    } else if !scalar.is_loose {
        let mut message = String::from("this credential is written in the file itself");
        if reader.origins.is_open_to_others() {
            message.push_str(", which every user of this machine may read");
        }
        let help = "write ${VARIABLE} or ${file:/path}, so that the file can be shared";
        let diagnostic = reader.origins.diagnose(at, message, &[]);
        reader
            .diagnostics
            .push(diagnostic.with_help(help).as_warning());
    }
}

/// Enough of a long credential to tell two apart, nothing of a short one.
fn mask(secret: &str) -> String {
    const LONG: usize = 20;
    let chars: Vec<char> = secret.chars().collect();
    if chars.is_empty() {
        return String::new();
    }
    let tail = if chars.len() < LONG {
        &[]
    } else {
        chars.get(chars.len() - 4..).unwrap_or_default()
    };
    format!("***{}", tail.iter().collect::<String>())
}

/// A URL without the credentials before its host; anything else as it is.
fn mask_userinfo(text: &str) -> String {
    let Some((scheme, rest)) = text.split_once("://") else {
        return text.to_owned();
    };
    let authority = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    match rest
        .get(..authority)
        .and_then(|authority| authority.rfind('@'))
    {
        Some(at) => format!("{scheme}://***{}", rest.get(at..).unwrap_or_default()),
        None => text.to_owned(),
    }
}

impl Default for Settings {
    fn default() -> Self {
        Self::new(Map::new())
    }
}

impl Clone for Settings {
    fn clone(&self) -> Self {
        Self::new(self.expose().clone())
    }
}

impl PartialEq for Settings {
    fn eq(&self, other: &Self) -> bool {
        self.expose() == other.expose()
    }
}

impl Eq for Settings {}

impl fmt::Debug for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.expose().keys()).finish()
    }
}

impl Zeroize for Fields {
    fn zeroize(&mut self) {
        for (_, value) in &mut self.0 {
            wipe(value);
        }
    }
}

fn wipe(value: &mut Value) {
    match value {
        Value::String(text) => text.zeroize(),
        Value::Array(items) => items.iter_mut().for_each(wipe),
        Value::Object(fields) => fields.values_mut().for_each(wipe),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

#[cfg(test)]
mod tests;
