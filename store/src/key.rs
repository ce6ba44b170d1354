//! Virtual keys: what is stored about one, and the seam to where they are stored.
//!
//! The text of a key exists twice: in the answer to `create` and in the
//! client's hands. We keep its peppered hash and a hint. Keys are never
//! deleted, only revoked, because the ledger refers to them.
//! Authentication, and how long a list of keys may be cached, is the caller's.

use async_trait::async_trait;
use secrecy::SecretString;
use serde::Serialize;

use crate::{AccountId, KeyHash, KeyId, StoreError};

mod text;

pub(crate) use text::{KEY, TOKEN, hint, mint};
pub use text::{is_well_formed_key, is_well_formed_token};

/// Longest name and longest model pattern, in bytes.
const MAX_TEXT: usize = 128;
/// Most entries of a key's model list.
const MAX_MODELS: usize = 256;

/// Everything that is stored about a key except its hash.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct KeyRecord {
    /// Stable identity; the ledger refers to it.
    pub id: KeyId,
    /// What people call it; unique among keys that are not revoked.
    pub name: String,
    /// Enough to recognise the key, useless to guess it: `tw-…abcd`.
    pub hint: String,
    /// Models it may call, exact or with a trailing `*`; empty means all.
    pub allowed_models: Vec<String>,
    /// The team or organisation that it belongs to; `None`: nobody's.
    pub account: Option<AccountId>,
    /// When it was created, milliseconds since 1970.
    pub created_ms: i64,
    /// From when on it is refused, milliseconds since 1970; `None` means never.
    pub expires_ms: Option<i64>,
    /// When it was revoked, milliseconds since 1970; `None` means it was not.
    pub revoked_ms: Option<i64>,
}

/// What the creator of a key decides.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewKey {
    /// 1 to 128 bytes, no control characters.
    pub name: String,
    /// Models it may call; `gpt-*` allows a prefix, empty allows all.
    pub allowed_models: Vec<String>,
    /// The team or organisation that it belongs to; `None`: nobody's.
    pub account: Option<AccountId>,
    /// The present, milliseconds since 1970.
    pub now_ms: i64,
    /// When it stops working, milliseconds since 1970; `None` means never.
    pub expires_ms: Option<i64>,
}

/// What can be changed of a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyTerms {
    /// 1 to 128 bytes, no control characters.
    pub name: String,
    /// Models it may call; `gpt-*` allows a prefix, empty allows all.
    pub allowed_models: Vec<String>,
    /// The team or organisation that it belongs to; `None`: nobody's.
    pub account: Option<AccountId>,
    /// When it stops working, milliseconds since 1970; `None` means never.
    pub expires_ms: Option<i64>,
}

/// Where virtual keys are kept.
#[async_trait]
pub trait KeyStore: Send + Sync {
    /// Creates a key and returns its text, the only time it can be seen.
    ///
    /// # Errors
    /// The name is taken by a key that is not revoked, a field is invalid, or the backend failed.
    async fn create(&self, new: NewKey) -> Result<(KeyRecord, SecretString), StoreError>;

    /// Lists every key, revoked ones included, oldest first.
    ///
    /// # Errors
    /// The backend failed.
    async fn list(&self) -> Result<Vec<KeyRecord>, StoreError>;

    /// Revokes a key by id, or by name among those not revoked; `None` when there is none.
    ///
    /// Revoking again keeps the first time.
    ///
    /// # Errors
    /// The backend failed.
    async fn revoke(&self, id_or_name: &str, now_ms: i64) -> Result<Option<KeyRecord>, StoreError>;

    /// Changes a key that is not revoked; `None` when there is none of that id.
    ///
    /// # Errors
    /// The name is taken by another key that is not revoked, a field is invalid, or the backend failed.
    async fn change(&self, id: KeyId, terms: KeyTerms) -> Result<Option<KeyRecord>, StoreError>;

    /// Lists the keys that are not revoked with their hashes; expired ones are included.
    ///
    /// # Errors
    /// The backend failed.
    async fn active(&self) -> Result<Vec<(KeyHash, KeyRecord)>, StoreError>;

    /// A number that changes whenever any process changes a key, an account or a budget; cheap to poll.
    ///
    /// # Errors
    /// The backend failed.
    async fn version(&self) -> Result<u64, StoreError>;
}

impl KeyRecord {
    /// Whether the key may call `model`.
    pub fn allows(&self, model: &str) -> bool {
        let mut patterns = self.allowed_models.iter();
        self.allowed_models.is_empty() || patterns.any(|it| is_model(it, model))
    }

    /// Whether the key works at `now_ms`: not revoked, not expired.
    ///
    /// A revocation holds whatever the clock says, so a clock that steps back revives no key.
    pub fn is_active(&self, now_ms: i64) -> bool {
        self.revoked_ms.is_none() && self.expires_ms.is_none_or(|expires_ms| now_ms < expires_ms)
    }

    /// The same key on other terms.
    pub(crate) fn with(self, terms: KeyTerms) -> Self {
        Self {
            name: terms.name,
            allowed_models: terms.allowed_models,
            account: terms.account,
            expires_ms: terms.expires_ms,
            ..self
        }
    }

    /// What can be changed of it.
    pub fn terms(&self) -> KeyTerms {
        KeyTerms {
            name: self.name.clone(),
            allowed_models: self.allowed_models.clone(),
            account: self.account,
            expires_ms: self.expires_ms,
        }
    }

    /// Checks what was asked for and gives it an identity.
    pub(crate) fn from_new(new: NewKey, hint: String) -> Result<Self, StoreError> {
        check(&new.name, &new.allowed_models)?;
        Ok(Self {
            id: KeyId::new(new.now_ms),
            name: new.name,
            hint,
            allowed_models: new.allowed_models,
            account: new.account,
            created_ms: new.now_ms,
            expires_ms: new.expires_ms,
            revoked_ms: None,
        })
    }
}

/// Whether a pattern, exact or with a trailing `*`, means `model`.
pub(crate) fn is_model(pattern: &str, model: &str) -> bool {
    match pattern.strip_suffix('*') {
        Some(prefix) => model.starts_with(prefix),
        None => pattern == model,
    }
}

/// Whether a key can be called that and may call these.
pub(crate) fn check(name: &str, allowed_models: &[String]) -> Result<(), StoreError> {
    check_text("name", name)?;
    if allowed_models.len() > MAX_MODELS {
        return Err(invalid("model list", "has more than 256 entries"));
    }
    for pattern in allowed_models {
        check_text("model pattern", pattern)?;
        if pattern.strip_suffix('*').unwrap_or(pattern).contains('*') {
            return Err(invalid("model pattern", "has a `*` that is not at its end"));
        }
    }
    Ok(())
}

fn check_text(field: &'static str, text: &str) -> Result<(), StoreError> {
    flaw(text).map_or(Ok(()), |reason| Err(invalid(field, reason)))
}

/// What keeps a text from being a name.
pub(crate) fn flaw(text: &str) -> Option<&'static str> {
    if text.is_empty() {
        Some("is empty")
    } else if text.len() > MAX_TEXT {
        Some("is longer than 128 bytes")
    } else if text.chars().any(char::is_control) {
        // Includes NUL, which Postgres cannot hold in text.
        Some("has a control character")
    } else {
        None
    }
}

fn invalid(field: &'static str, reason: &'static str) -> StoreError {
    StoreError::InvalidKey { field, reason }
}

#[cfg(test)]
mod tests;
