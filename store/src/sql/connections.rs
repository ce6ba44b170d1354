//! Connections that are kept: made when they are first needed, and anew after a failure.

use std::time::Duration;

use sqlx::any::AnyArguments;
use sqlx::query::Query;
use sqlx::{Any, AnyConnection};
use tokio::sync::Mutex;
use tokio::time::timeout;

use super::Database;
use crate::StoreError;

/// Rows that are deleted in one transaction: the ledger waits for no more than that.
pub(super) const SWEEP: i64 = 100;
/// How long one piece of work may take: a server that froze must not hold its callers for ever.
const PATIENCE: Duration = Duration::from_secs(10);

/// One connection, for one piece of work at a time.
pub(super) struct Line {
    pub(super) database: Database,
    is_durable: bool,
    connection: Mutex<Option<AnyConnection>>,
}

/// A line for writers, and one for readers, so that no reader waits for what is being written.
pub(super) struct Connections {
    pub(super) writing: Line,
    pub(super) reading: Line,
}

impl Line {
    pub(super) fn new(database: Database) -> Self {
        Self {
            database,
            is_durable: false,
            connection: Mutex::default(),
        }
    }

    /// Whose commits survive power loss.
    pub(super) fn durable(database: Database) -> Self {
        Self {
            is_durable: true,
            ..Self::new(database)
        }
    }

    /// Waits for the connection and does `work` with it.
    pub(super) async fn run<T>(
        &self,
        work: impl AsyncFnOnce(&mut AnyConnection) -> Result<T, sqlx::Error>,
    ) -> Result<T, StoreError> {
        self.run_within(PATIENCE, work).await
    }

    /// The same of work that gives something a name; `None` if it is taken. Ids and hashes are random, so what
    /// is not unique is the name.
    pub(super) async fn run_naming<T>(
        &self,
        work: impl AsyncFnOnce(&mut AnyConnection) -> Result<T, sqlx::Error>,
    ) -> Result<Option<T>, StoreError> {
        let naming = async |connection: &mut AnyConnection| match work(connection).await {
            Err(sqlx::Error::Database(error)) if error.is_unique_violation() => Ok(None),
            done => done.map(Some),
        };
        self.run(naming).await
    }

    /// Does `work` in no more time than `limit`, waiting included.
    pub(super) async fn run_within<T>(
        &self,
        limit: Duration,
        work: impl AsyncFnOnce(&mut AnyConnection) -> Result<T, sqlx::Error>,
    ) -> Result<T, StoreError> {
        let done = timeout(limit, async {
            let mut slot = self.connection.lock().await;
            // Taken out: work that fails or is given up leaves a connection in a state that nobody knows.
            let mut connection = match slot.take() {
                Some(connection) => connection,
                None => self.connect().await?,
            };
            let done = work(&mut connection).await;
            // A transaction that an error left behind would hold its locks until the connection is used again.
            *slot = done.is_ok().then_some(connection);
            done.map_err(|error| self.database.error(error))
        });
        done.await
            .unwrap_or_else(|late| Err(self.database.failed(late)))
    }

    async fn connect(&self) -> Result<AnyConnection, StoreError> {
        if self.is_durable {
            self.database.connect_durable().await
        } else {
            self.database.connect().await
        }
    }
}

impl Connections {
    pub(super) fn new(database: Database) -> Self {
        Self {
            writing: Line::new(database.clone()),
            reading: Line::new(database),
        }
    }

    /// Runs a statement that deletes [`SWEEP`] rows at most until it finds fewer; returns how many went.
    pub(super) async fn delete_in_batches<'q>(
        &self,
        batch: impl Fn() -> Query<'q, Any, AnyArguments>,
    ) -> Result<u64, StoreError> {
        let mut all = 0;
        loop {
            // Let go between the batches: others may want to write.
            let delete = async |connection: &mut AnyConnection| batch().execute(connection).await;
            let deleted = self.writing.run(delete).await?.rows_affected();
            all += deleted;
            if deleted < SWEEP.unsigned_abs() {
                return Ok(all);
            }
        }
    }
}
