//! Asking the store for sums, a few questions at a time.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Semaphore;
use tollward_store::{
    BudgetStore, KeyStore, Ledger, RollupQuery, RollupRow, Store, StoreError, Whose,
};

use super::asked::Asked;
use super::owners::Owners;
use super::page::Page;

/// Questions that are answered at once, of callers and of the operator: each reads the database on a
/// connection of its own.
const AT_ONCE: usize = 2;
/// How long a question waits for its turn.
const PATIENCE: Duration = Duration::from_secs(10);

/// How long an answer may take: a database that froze must not hold its callers for ever.
const LIMIT: Duration = Duration::from_secs(30);

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
pub enum ReportError {
    /// Others are being answered, and it does not end.
    #[error("other reports are being made")]
    Busy,
    /// The database took too long.
    #[error("the ledger could not be read in time; ask for fewer buckets")]
    Late,
    /// The store failed.
    #[error("the ledger cannot be read")]
    Store(#[from] StoreError),
}

/// What the ledger says, for those who ask over HTTP.
pub struct Reports {
    ledger: Arc<dyn Ledger>,
    keys: Arc<dyn KeyStore>,
    accounts: Arc<dyn BudgetStore>,
    turns: Semaphore,
    /// Callers who ask all the time must not keep the operator from asking.
    operator: Semaphore,
}

impl Reports {
    /// From this store.
    pub fn new(store: &Store) -> Self {
        Self {
            ledger: Arc::clone(&store.ledger),
            keys: Arc::clone(&store.keys),
            accounts: Arc::clone(&store.budgets),
            turns: Semaphore::new(AT_ONCE),
            operator: Semaphore::new(AT_ONCE),
        }
    }

    /// Answers a question about calls of `whose`.
    ///
    /// # Errors
    /// It had to wait too long, or the store failed or took too long.
    ///
    /// # Cancellation
    /// Nothing is left of a future that is dropped.
    pub async fn page(&self, asked: &Asked, whose: Whose) -> Result<Page, ReportError> {
        let Some(query) = asked.rollup(whose) else {
            return Ok(Page::new(asked, Vec::new(), &Owners::default())?);
        };
        let turns = match whose {
            Whose::All | Whose::Account(_) => &self.operator,
            Whose::Open | Whose::Key(_) => &self.turns,
        };
        let turn = tokio::time::timeout(PATIENCE, turns.acquire()).await;
        let _turn = turn.ok().and_then(Result::ok).ok_or(ReportError::Busy)?;
        let read = tokio::time::timeout(LIMIT, self.read(&query)).await;
        let (rows, owners) = read.map_err(|_| ReportError::Late)??;
        Ok(Page::new(asked, rows, &owners)?)
    }

    /// What the store has, and whose it is.
    async fn read(&self, query: &RollupQuery) -> Result<(Vec<RollupRow>, Owners), StoreError> {
        let owners = if query.split.key {
            Owners::new(self.keys.list().await?, self.accounts.accounts().await?)
        } else {
            Owners::default()
        };
        Ok((self.ledger.rollup(query).await?, owners))
    }
}
