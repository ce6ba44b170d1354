//! Why the store said no: one enum for every backend.
//!
//! A message names the file and, where a person can act, what to do. The
//! driver's own error is the source, never a public type of ours.

use std::error::Error;
use std::io;
use std::path::{Path, PathBuf};

/// A failure of the store.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// Another gateway holds the database.
    #[error("another gateway is running on this database: it holds the lock file {}", path.display())]
    Locked {
        /// The lock file.
        path: PathBuf,
    },
    /// The database file is damaged. It is left as it is, never recreated.
    #[error("database {} is damaged ({detail}); restore it from a backup or move it away", path.display())]
    Corrupt {
        /// The database file.
        path: PathBuf,
        /// What the check found.
        detail: String,
    },
    /// The database was written by a newer release.
    #[error(
        "database {name} has schema {found}, this release knows up to {known}; run a newer release"
    )]
    NewerSchema {
        /// The database.
        name: String,
        /// The newest migration in the file.
        found: i64,
        /// The newest migration in this binary.
        known: i64,
    },
    /// The database refused a statement: busy, full, read-only, unreachable.
    #[error("database {name} failed")]
    Database {
        /// The database: its file, or its address without what is secret.
        name: String,
        /// The driver's error.
        #[source]
        source: Box<dyn Error + Send + Sync>,
    },
    /// A file beside the database could not be read or written.
    #[error("failed to {action} {}", path.display())]
    File {
        /// What was tried, as a verb.
        action: &'static str,
        /// The file or folder.
        path: PathBuf,
        /// The system's error.
        #[source]
        source: io::Error,
    },
    /// The ledger's journal reached its bound; nothing was written.
    #[error("ledger journal {} holds {limit_bytes} bytes that the database did not take; nothing more is accepted", path.display())]
    JournalFull {
        /// The journal folder.
        path: PathBuf,
        /// The bound that was reached.
        limit_bytes: u64,
    },
    /// The database has keys, but the pepper that hashes them is gone.
    #[error("pepper file {} is missing but the database has keys; restore it, or every key must be created anew", path.display())]
    PepperMissing {
        /// Where the pepper file should be.
        path: PathBuf,
    },
    /// The pepper file has the wrong length or is not the one the keys were hashed with.
    #[error("pepper file {} {reason}", path.display())]
    PepperInvalid {
        /// The pepper file.
        path: PathBuf,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// The database is shared, and its keys were hashed under a pepper that this gateway does not have.
    #[error(
        "the keys in {name} are hashed under a pepper that this gateway does not have; set `store.pepper` to the same secret for every gateway, or copy the pepper file of the one that made them"
    )]
    PepperElsewhere {
        /// The database.
        name: String,
    },
    /// The address of the database cannot be one; it is not repeated, it may hold a password.
    #[error("the database's address is no postgres://USER:PASSWORD@HOST:PORT/DATABASE")]
    BadAddress,
    /// The address of the server with the buckets of limits cannot be one; it is not repeated.
    #[error("the address of the Redis server is no redis://:PASSWORD@HOST:PORT")]
    BadRedisAddress,
    /// The server with the buckets of limits does not answer.
    #[error("the Redis server failed")]
    Redis(#[source] Box<dyn Error + Send + Sync>),
    /// The state that lies beside the journal is older than what the database knows of this gateway.
    #[error("{} is a copy of an older state of this gateway, which has gone on since; use the newer one, or remove the file and the journal beside it to begin as a new gateway", path.display())]
    OutdatedNode {
        /// The file with the gateway's id.
        path: PathBuf,
    },
    /// Another process has taken over the id under which this one writes.
    #[error("another gateway goes by this one's id since; this one writes no more")]
    Fenced,
    /// An active key already has this name.
    #[error("an active key is already named `{name}`")]
    NameTaken {
        /// The name.
        name: String,
    },
    /// A new key's field cannot be stored.
    #[error("key {field} {reason}")]
    InvalidKey {
        /// The field of [`NewKey`](crate::NewKey).
        field: &'static str,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// An open account or a budget already has this name.
    #[error("the name `{name}` is taken")]
    Taken {
        /// The name.
        name: String,
    },
    /// A field of an account or a budget cannot be stored.
    #[error("{field} {reason}")]
    InvalidBudget {
        /// The field, or what the name is of.
        field: &'static str,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// A ledger entry's field is outside what can be stored.
    #[error("ledger entry field {field} is out of range")]
    InvalidEntry {
        /// The field of [`Entry`](crate::Entry).
        field: &'static str,
    },
    /// A response is larger than [`MAX_RESPONSE_BYTES`](crate::MAX_RESPONSE_BYTES), or an answer than
    /// [`MAX_ANSWER_BYTES`](crate::MAX_ANSWER_BYTES).
    #[error("the response is too large to be kept")]
    ResponseTooLarge,
    /// A sum does not fit 64 bits.
    #[error("a sum over the ledger does not fit 64 bits; narrow the time range")]
    Overflow,
    /// This handle may read the ledger only: it was opened beside a gateway.
    #[error("this process opened the ledger for reading only")]
    ReadOnly,
    /// The ledger was closed or its writer is gone.
    #[error("the ledger is closed")]
    Closed,
    /// The operating system gave no random bytes.
    #[error("no random bytes from the operating system: {0}")]
    Random(String),
}

impl StoreError {
    pub(crate) fn file(action: &'static str, path: &Path, source: io::Error) -> Self {
        Self::File {
            action,
            path: path.to_owned(),
            source,
        }
    }
}
