//! Section `store`: where keys and the ledger are kept.

use std::path::PathBuf;

use crate::reader::{Reader, Table};

/// The database and what happens when it fails.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoreConfig {
    /// The `SQLite` file. `None`: `tollward.db` in the state directory. Reload: needs a restart.
    pub path: Option<PathBuf>,
    /// Whether calls are served while they cannot be booked. Default `deny`.
    /// Reload: applies to the next request.
    pub on_error: OnStoreError,
}

/// What a request meets while the store is failing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OnStoreError {
    /// It is served, and counted as unbooked.
    Allow,
    /// It is refused with 503.
    Deny,
}

impl Default for StoreConfig {
    fn default() -> Self {
        Self {
            path: None,
            on_error: OnStoreError::Deny,
        }
    }
}

/// How [`OnStoreError`] is written.
const ON_ERROR: [(&str, OnStoreError); 2] =
    [("deny", OnStoreError::Deny), ("allow", OnStoreError::Allow)];

impl StoreConfig {
    pub(crate) fn read(mut table: Table<'_>, reader: &mut Reader) -> Self {
        let default = Self::default();
        let store = Self {
            path: table
                .field("path")
                .path(reader, "tollward.db in the state directory"),
            on_error: table
                .field("on_error")
                .choice(reader, default.on_error, &ON_ERROR),
        };
        table.finish(reader);
        store
    }
}
