//! Two connections to one file: one writes, the other reads, so that no reader waits for what is being
//! written. Both are made when they are first needed.

use sqlx::query::Query;
use sqlx::sqlite::SqliteArguments;
use sqlx::{Sqlite, SqliteConnection};
use tokio::sync::{Mutex, MutexGuard};

use super::Database;
use crate::StoreError;

/// Rows that are deleted in one transaction: the ledger waits for no more than that.
pub(super) const SWEEP: i64 = 100;

/// A connection for writers, and one for readers.
pub(super) struct Connections {
    pub(super) database: Database,
    writing: Mutex<Option<SqliteConnection>>,
    reading: Mutex<Option<SqliteConnection>>,
}

/// A connection that is in use.
pub(super) type Slot<'c> = MutexGuard<'c, Option<SqliteConnection>>;

impl Connections {
    pub(super) fn new(database: Database) -> Self {
        Self {
            database,
            writing: Mutex::default(),
            reading: Mutex::default(),
        }
    }

    /// Waits for the connection that writes.
    pub(super) async fn writing(&self) -> Result<Slot<'_>, StoreError> {
        self.connected(&self.writing).await
    }

    /// Waits for the connection that reads.
    pub(super) async fn reading(&self) -> Result<Slot<'_>, StoreError> {
        self.connected(&self.reading).await
    }

    /// Waits for a connection and makes it if there is none.
    async fn connected<'c>(
        &self,
        slot: &'c Mutex<Option<SqliteConnection>>,
    ) -> Result<Slot<'c>, StoreError> {
        let mut slot = slot.lock().await;
        if slot.is_none() {
            *slot = Some(self.database.connect().await?);
        }
        Ok(slot)
    }

    /// Runs a statement that deletes [`SWEEP`] rows at most until it finds fewer; returns how many went.
    pub(super) async fn delete_in_batches<'q>(
        &self,
        batch: impl Fn() -> Query<'q, Sqlite, SqliteArguments>,
    ) -> Result<u64, StoreError> {
        let mut all = 0;
        loop {
            // Let go between the batches: others may want to write.
            let mut slot = self.writing().await?;
            let connection = slot.as_mut().ok_or(StoreError::Closed)?;
            let done = batch().execute(connection).await;
            let deleted = done
                .map_err(|error| self.database.error(error))?
                .rows_affected();
            all += deleted;
            if deleted < SWEEP.unsigned_abs() {
                return Ok(all);
            }
        }
    }
}
