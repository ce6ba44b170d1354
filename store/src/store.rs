//! Opening a store: one value with the seams and the pepper.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use secrecy::SecretString;

use crate::journal::Limits;
use crate::memory::{Memory, MemoryAnswers, MemoryAudit, MemoryResponses};
use crate::redis::RedisRates;
use crate::sql::{self, Opened};
use crate::{
    AnswerStore, AuditLog, BudgetStore, KeyStore, Ledger, Pepper, ResponseStore, SharedRates,
    Shares, StoreError, TokenStore,
};

/// Keys, with the pepper that belongs to them, ledger, responses and answers.
#[derive(Clone)]
pub struct Store {
    /// Where virtual keys are kept.
    pub keys: Arc<dyn KeyStore>,
    /// Where accounts and budgets are kept.
    pub budgets: Arc<dyn BudgetStore>,
    /// Where entries are booked.
    pub ledger: Arc<dyn Ledger>,
    /// Where responses are kept that callers go on from.
    pub responses: Arc<dyn ResponseStore>,
    /// Where answers are kept that may be given again.
    pub answers: Arc<dyn AnswerStore>,
    /// Where admin tokens are kept.
    pub tokens: Arc<dyn TokenStore>,
    /// Where changes are written down.
    pub audit: Arc<dyn AuditLog>,
    /// Turns a presented key into the hash under which `keys` knows it.
    pub pepper: Arc<Pepper>,
    /// Where gateways that share the database get their parts of budgets; `None`: there is one gateway.
    pub shares: Option<Arc<dyn Shares>>,
    /// Where gateways share the buckets of their limits; `None`: nowhere.
    pub rates: Option<Arc<dyn SharedRates>>,
}

/// Where a store is.
#[derive(Debug, Clone)]
pub struct Location {
    /// The `SQLite` file; with a server, what the files of this machine's gateway are named after.
    pub path: PathBuf,
    /// The address of a `PostgreSQL` database that gateways share; `None`: the file.
    pub postgres: Option<SecretString>,
    /// The address of a Redis server with the buckets of limits; `None`: each gateway has its own.
    pub redis: Option<SecretString>,
    /// The secret under which keys are hashed; `None`: that of the file `<path>.pepper`.
    pub pepper: Option<SecretString>,
}

/// What a process is going to do with a database file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// Serve: takes the exclusive lock, checks the file, records entries.
    Gateway,
    /// Look and manage keys, beside a running gateway: records no entries.
    Tool,
}

impl Store {
    /// Opens a store that forgets everything when it is dropped.
    ///
    /// # Errors
    /// The operating system gives no random bytes for the pepper.
    pub fn memory() -> Result<Self, StoreError> {
        let pepper = Arc::new(Pepper::ephemeral()?);
        let memory = Arc::new(Memory::new(Arc::clone(&pepper)));
        Ok(Self {
            keys: Arc::clone(&memory) as _,
            budgets: Arc::clone(&memory) as _,
            tokens: Arc::clone(&memory) as _,
            audit: Arc::new(MemoryAudit::default()),
            ledger: memory,
            responses: Arc::new(MemoryResponses::default()),
            answers: Arc::new(MemoryAnswers::default()),
            pepper,
            shares: None,
            rates: None,
        })
    }

    /// Looks whether the database can be used, beside a gateway that may be running on it, and
    /// changes nothing. A file is read through: large ones take their time.
    ///
    /// # Errors
    /// The database is damaged, cannot be read, or is of a newer release.
    pub async fn inspect(location: &Location) -> Result<(), StoreError> {
        sql::inspect(location).await
    }

    /// The names of keys that are not revoked, read beside a gateway that may be running;
    /// changes nothing.
    ///
    /// # Errors
    /// As of [`Store::inspect`].
    pub async fn key_names(location: &Location) -> Result<Vec<String>, StoreError> {
        sql::key_names(location).await
    }

    /// Opens or creates the database at `location`, with the neighbours of its path:
    /// `<path>.pepper`, `<path>.journal/` and, for a gateway, `<path>.lock`.
    ///
    /// Close the ledger before dropping a gateway's store: dropping it unclosed
    /// blocks the thread until the writer has ended, at most five seconds.
    /// Files up to 16 MiB are checked for damage before a gateway uses them. A gateway waits half a minute for a server
    /// that does not answer.
    ///
    /// # Errors
    /// Another gateway runs with the same files, the database is damaged or of a newer
    /// release, it does not answer, the pepper does not fit, or the file system refused.
    pub async fn open(location: &Location, mode: Mode) -> Result<Self, StoreError> {
        let Opened {
            keys,
            budgets,
            ledger,
            responses,
            answers,
            tokens,
            audit,
            pepper,
            shares,
        } = sql::open(location, mode, Limits::default()).await?;
        let rates: Option<Arc<dyn SharedRates>> = match &location.redis {
            Some(url) => Some(Arc::new(RedisRates::at(url)?)),
            None => None,
        };
        Ok(Self {
            keys,
            budgets,
            ledger,
            responses,
            answers,
            tokens,
            audit,
            pepper,
            shares,
            rates,
        })
    }
}

impl Location {
    /// Whether there may be a database already: a file that is not there is made when it is opened.
    pub fn may_exist(&self) -> bool {
        self.postgres.is_some() || self.path.exists()
    }

    /// A `SQLite` file.
    pub fn file(path: impl Into<PathBuf>) -> Self {
        Self {
            path: path.into(),
            postgres: None,
            redis: None,
            pepper: None,
        }
    }
}

/// What is shown says nothing that is secret.
impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.postgres {
            Some(_) => f.write_str("the configured PostgreSQL database"),
            None => write!(f, "{}", self.path.display()),
        }
    }
}
