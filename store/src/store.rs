//! Opening a store: one value with the seams and the pepper.

use std::path::Path;
use std::sync::Arc;

use crate::journal::Limits;
use crate::memory::{Memory, MemoryAnswers, MemoryResponses};
use crate::sqlite::{self, Opened};
use crate::{AnswerStore, BudgetStore, KeyStore, Ledger, Pepper, ResponseStore, StoreError};

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
    /// Turns a presented key into the hash under which `keys` knows it.
    pub pepper: Arc<Pepper>,
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
            ledger: memory,
            responses: Arc::new(MemoryResponses::default()),
            answers: Arc::new(MemoryAnswers::default()),
            pepper,
        })
    }

    /// Reads the database file `path` through, beside a gateway that may be running on it, and
    /// changes nothing. Large files take their time.
    ///
    /// # Errors
    /// The file is damaged, cannot be read, or is of a newer release.
    pub async fn inspect(path: &Path) -> Result<(), StoreError> {
        sqlite::inspect(path).await
    }

    /// The names of keys that are not revoked, read beside a gateway that may be running on `path`;
    /// changes nothing.
    ///
    /// # Errors
    /// As of [`Store::inspect`].
    pub async fn key_names(path: &Path) -> Result<Vec<String>, StoreError> {
        sqlite::key_names(path).await
    }

    /// Opens or creates the database file `path`, with its neighbours
    /// `<path>.pepper`, `<path>.journal/` and, for a gateway, `<path>.lock`.
    ///
    /// Close the ledger before dropping a gateway's store: dropping it unclosed
    /// blocks the thread until the writer has ended, at most five seconds.
    /// Files up to 16 MiB are checked for damage before a gateway uses them.
    ///
    /// # Errors
    /// Another gateway runs on the file, the file is damaged or of a newer
    /// release, the pepper does not fit, or the file system refused.
    pub async fn sqlite(path: &Path, mode: Mode) -> Result<Self, StoreError> {
        let Opened {
            keys,
            budgets,
            ledger,
            responses,
            answers,
            pepper,
        } = sqlite::open(path, mode, Limits::default()).await?;
        Ok(Self {
            keys,
            budgets,
            ledger,
            responses,
            answers,
            pepper,
        })
    }
}
