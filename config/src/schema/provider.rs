//! Section `providers`: names for vendors, and settings that only their adapter understands.

use std::fmt;

use secrecy::zeroize::Zeroize;
use secrecy::{ExposeSecret, SecretBox};
use serde_json::{Map, Value};

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
