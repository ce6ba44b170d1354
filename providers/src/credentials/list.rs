//! Reading the credentials of a provider: one beside its other settings, or a list of them.

use std::sync::Arc;

use serde_json::{Map, Value};

use super::{Credential, MAX_CREDENTIALS, Origin};
use crate::settings::{BuildError, Settings, invalid};

/// The setting that lists several.
const LIST: &str = "credentials";
/// What an entry of the list is called.
const NAME: &str = "name";
/// Longest name, in bytes.
const MAX_NAME_BYTES: usize = 64;

/// How the accounts of a kind are written down and found.
#[derive(Clone, Copy, Debug)]
pub struct Access {
    /// The settings that make a credential: beside the others for a single one, or in each entry
    /// of `credentials`, which may have a `name` too.
    pub fields: &'static [&'static str],
    /// Settings that are taken from an environment variable where they are not written, and the
    /// variable; the first that is set counts.
    pub variables: &'static [(&'static str, &'static str)],
    /// Variables besides the kind's own that show that there is an account.
    pub found_by: &'static [&'static str],
}

impl Access {
    /// By a key in `api_key`.
    pub const KEY: Self = Self {
        fields: &["api_key"],
        variables: &[],
        found_by: &[],
    };
}

/// Reads all credentials; `origin` reads one out of the settings or an entry, if there is one.
///
/// # Errors
/// The first setting that cannot be used.
pub(crate) fn read(
    access: Access,
    settings: &mut Settings,
    origin: impl Fn(&mut Settings) -> Result<Option<Origin>, BuildError>,
) -> Result<Vec<Credential>, BuildError> {
    let single = origin(settings)?;
    let Some(entries) = settings.list(LIST)? else {
        return Ok(single.map(Credential::only).into_iter().collect());
    };
    let problem = |reason: &str| Err(invalid(LIST, reason));
    match (single, entries.len()) {
        (Some(_), _) => return problem("is all there may be: move the single credential into it"),
        (None, 0) => return problem("is empty"),
        (None, 1..=MAX_CREDENTIALS) => {}
        (None, _) => return problem("has more than 32 entries"),
    }
    let mut read: Vec<Credential> = Vec::with_capacity(entries.len());
    for (index, entry) in entries.into_iter().enumerate() {
        let credential = entry_of(access, index, entry, &origin)?;
        if read.iter().any(|it| it.name == credential.name) {
            return Err(invalid(
                format!("{LIST}[{index}].{NAME}"),
                "is the name of another one",
            ));
        }
        read.push(credential);
    }
    Ok(read)
}

impl Credential {
    /// The only one of a provider.
    pub(crate) fn only(origin: Origin) -> Self {
        Self {
            name: place(0),
            origin,
        }
    }
}

fn entry_of(
    access: Access,
    index: usize,
    entry: Value,
    origin: impl Fn(&mut Settings) -> Result<Option<Origin>, BuildError>,
) -> Result<Credential, BuildError> {
    let path = format!("{LIST}[{index}]");
    let fields = match entry {
        Value::Object(fields) => fields,
        // The short form: only the key.
        Value::String(key) => Map::from_iter([("api_key".to_owned(), Value::String(key))]),
        _ => return Err(invalid(path, "must be a key, or a table of settings")),
    };
    let mut expected = vec![NAME];
    expected.extend(access.fields);
    let mut entry = Settings::new(fields, &expected).map_err(|error| error.inside(&path))?;
    let read = entry.text(NAME).and_then(|name| {
        let name = name.map_or_else(|| Ok(place(index)), |name| checked(&name))?;
        Ok((name, origin(&mut entry)?))
    });
    match read.map_err(|error| error.inside(&path))? {
        (name, Some(origin)) => Ok(Credential { name, origin }),
        (_, None) => Err(invalid(path, "has no credential in it")),
    }
}

/// The name of an entry that was given none.
fn place(index: usize) -> Arc<str> {
    (index + 1).to_string().into()
}

fn checked(name: &str) -> Result<Arc<str>, BuildError> {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"_-.".contains(&byte);
    if name.is_empty() || name.len() > MAX_NAME_BYTES || !name.bytes().all(is_plain) {
        return Err(invalid(
            NAME,
            "must be up to 64 letters, digits, `_`, `-` and `.`",
        ));
    }
    Ok(name.into())
}
