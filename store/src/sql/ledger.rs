//! The ledger in SQL: as the gateway writes it, and as a tool reads it.
//!
//! Reports use a connection of their own, opened for the report and closed
//! after it: they are rare, may be long, and must not delay the writer or the
//! polling of keys.

use std::collections::HashMap;
use std::fs::File;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use tokio::sync::Mutex;

use super::book::Source;
use super::writer::{self, Finished};
use super::{Database, book, keys, report, rollup};
use crate::journal::{Journal, Position, codec, segment};
use crate::node::Node;
use crate::{
    Backlog, Entry, GroupBy, Ledger, PageQuery, RequestId, RollupCheck, RollupQuery, RollupRow,
    StoreError, UsageQuery, UsageRow,
};

/// How long dropping the ledger waits for its writer to finish.
const DROP_WAIT: Duration = Duration::from_secs(5);

/// The ledger of the process that holds the lock.
pub(super) struct GatewayLedger {
    database: Database,
    journal: Arc<Journal>,
    finished: Arc<Finished>,
}

/// The ledger beside a gateway, or after one that died: reads, and helps entries in.
pub(super) struct ToolLedger {
    database: Database,
    /// Whose journal lies here; `None`: nobody's.
    node: Option<Node>,
    /// Two flushes at once would do the same work twice.
    flushing: Mutex<()>,
}

impl GatewayLedger {
    /// Starts the writer; `lock` is released when the writer has ended, not before.
    pub(super) fn start(
        (database, node): (Database, Node),
        journal: Arc<Journal>,
        lock: File,
    ) -> Result<Self, StoreError> {
        let finished = writer::spawn((database.clone(), node), Arc::clone(&journal), lock)?;
        Ok(Self {
            database,
            journal,
            finished,
        })
    }
}

/// The record that `encode` writes.
fn sealed(
    encode: impl FnOnce(&mut Vec<u8>) -> Result<(), StoreError>,
) -> Result<Vec<u8>, StoreError> {
    let mut record = Vec::with_capacity(256);
    record.resize(segment::FRAME, 0);
    encode(&mut record)?;
    segment::seal(&mut record);
    Ok(record)
}

#[async_trait]
impl Ledger for GatewayLedger {
    fn record(&self, entry: &Entry) -> Result<(), StoreError> {
        let record = sealed(|record| codec::encode(entry, record))?;
        self.journal.append_or_keep(&record)
    }

    fn hold(&self, entry: &Entry) -> Result<(), StoreError> {
        // What may be sent only when it is written down does not wait.
        let record = sealed(|record| codec::encode_hold(entry, record))?;
        self.journal.append(&record)
    }

    fn release(&self, request: RequestId, attempt: u32) -> Result<(), StoreError> {
        let record = sealed(|record| {
            codec::encode_release(request, attempt, record);
            Ok(())
        })?;
        self.journal.append_or_keep(&record)
    }

    async fn flush(&self) -> Result<(), StoreError> {
        let answer = self.journal.request_flush()?;
        answer.await.unwrap_or(Err(StoreError::Closed))
    }

    async fn usage(&self, query: &UsageQuery) -> Result<Vec<UsageRow>, StoreError> {
        flush_unless_closed(self).await?;
        usage(&self.database, query).await
    }

    async fn rollup(&self, query: &RollupQuery) -> Result<Vec<RollupRow>, StoreError> {
        flush_unless_closed(self).await?;
        summed(&self.database, query).await
    }

    async fn check_rollups(&self) -> Result<RollupCheck, StoreError> {
        flush_unless_closed(self).await?;
        check_rollups(&self.database).await
    }

    async fn recent(&self, limit: u32) -> Result<Vec<Entry>, StoreError> {
        flush_unless_closed(self).await?;
        recent(&self.database, limit).await
    }

    async fn page(&self, query: &PageQuery) -> Result<Vec<Entry>, StoreError> {
        if query.after.is_none() {
            flush_unless_closed(self).await?;
        }
        page(&self.database, query).await
    }

    fn backlog(&self) -> Backlog {
        self.journal.backlog()
    }

    async fn close(&self) -> Result<(), StoreError> {
        while !self.finished.is_set() {
            // A writer that failed and starts again drops the question.
            if let Ok(result) = self.journal.request_close().await {
                return result;
            }
        }
        Ok(())
    }
}

impl Drop for GatewayLedger {
    fn drop(&mut self) {
        // Dropping the answer is fine: the writer ends without it.
        drop(self.journal.request_close());
        if !self.finished.wait(DROP_WAIT) {
            tracing::warn!(
                "ledger writer is still busy; the journal keeps what it has not written"
            );
        }
    }
}

/// A closed ledger has flushed or failed to; its reports are still readable.
async fn flush_unless_closed(ledger: &GatewayLedger) -> Result<(), StoreError> {
    match ledger.flush().await {
        Err(StoreError::Closed) => Ok(()),
        other => other,
    }
}

impl ToolLedger {
    pub(super) fn new(database: Database, node: Option<Node>) -> Self {
        Self {
            database,
            node,
            flushing: Mutex::new(()),
        }
    }

    /// Books what the journal holds beyond what the database has. Deletes nothing:
    /// the segments belong to the gateway.
    async fn apply(&self) -> Result<(), StoreError> {
        let Some(node) = self.node else {
            return Ok(());
        };
        let folder = self.database.beside("journal");
        let at = |source| StoreError::file("read journal", &folder, source);
        let mut connection = self.database.connect().await?;
        let applied = book::position(&mut connection, node.id)
            .await
            .map_err(|error| self.database.error(error))?;
        let mut known = book::Known::default();
        let source = Source {
            node,
            applied: None,
        };
        for (number, _) in segment::list(&folder).map_err(at)? {
            if number < applied.segment {
                continue;
            }
            let is_begun = number == applied.segment;
            let offset = if is_begun {
                applied.offset
            } else {
                segment::START
            };
            let mut position = Position {
                segment: number,
                offset: offset.max(segment::START),
            };
            while let Some(bytes) =
                segment::read(&folder, number, position.offset, writer::CHUNK_BYTES).map_err(at)?
            {
                let (records, consumed) = writer::parse(&bytes);
                if records.is_empty() {
                    break;
                }
                book::book(&mut connection, &mut known, &records, source)
                    .await
                    .map_err(|error| self.database.error(error))?;
                position.offset += consumed;
            }
        }
        self.database.close(connection).await
    }
}

#[async_trait]
impl Ledger for ToolLedger {
    fn record(&self, _entry: &Entry) -> Result<(), StoreError> {
        Err(StoreError::ReadOnly)
    }

    fn hold(&self, _entry: &Entry) -> Result<(), StoreError> {
        Err(StoreError::ReadOnly)
    }

    fn release(&self, _request: RequestId, _attempt: u32) -> Result<(), StoreError> {
        Err(StoreError::ReadOnly)
    }

    async fn flush(&self) -> Result<(), StoreError> {
        let _alone = self.flushing.lock().await;
        self.apply().await
    }

    async fn usage(&self, query: &UsageQuery) -> Result<Vec<UsageRow>, StoreError> {
        self.flush().await?;
        usage(&self.database, query).await
    }

    async fn rollup(&self, query: &RollupQuery) -> Result<Vec<RollupRow>, StoreError> {
        self.flush().await?;
        summed(&self.database, query).await
    }

    async fn check_rollups(&self) -> Result<RollupCheck, StoreError> {
        self.flush().await?;
        check_rollups(&self.database).await
    }

    async fn recent(&self, limit: u32) -> Result<Vec<Entry>, StoreError> {
        self.flush().await?;
        recent(&self.database, limit).await
    }

    async fn page(&self, query: &PageQuery) -> Result<Vec<Entry>, StoreError> {
        if query.after.is_none() {
            self.flush().await?;
        }
        page(&self.database, query).await
    }

    fn backlog(&self) -> Backlog {
        Backlog::default()
    }

    async fn close(&self) -> Result<(), StoreError> {
        Ok(())
    }
}

async fn usage(database: &Database, query: &UsageQuery) -> Result<Vec<UsageRow>, StoreError> {
    let found = summed(database, &query.rollup()).await?;
    let names = match query.by {
        GroupBy::Key => {
            let mut connection = database.connect().await?;
            let names = keys::names(&mut connection).await;
            database.close(connection).await?;
            names.map_err(|error| database.error(error))?
        }
        GroupBy::Model | GroupBy::Deployment | GroupBy::Provider | GroupBy::Day => HashMap::new(),
    };
    Ok(UsageRow::report(found, query.by, &names))
}

async fn summed(database: &Database, query: &RollupQuery) -> Result<Vec<RollupRow>, StoreError> {
    let mut connection = database.connect().await?;
    let rows = rollup::rollup(database, &mut connection, query).await?;
    database.close(connection).await?;
    Ok(rows)
}

async fn check_rollups(database: &Database) -> Result<RollupCheck, StoreError> {
    let mut connection = database.connect().await?;
    let found = rollup::check(&mut connection).await;
    let found = found.map_err(|error| database.error(error))?;
    database.close(connection).await?;
    Ok(found)
}

async fn recent(database: &Database, limit: u32) -> Result<Vec<Entry>, StoreError> {
    let mut connection = database.connect().await?;
    let entries = report::recent(&mut connection, limit)
        .await
        .map_err(|error| database.error(error))?;
    database.close(connection).await?;
    Ok(entries)
}

async fn page(database: &Database, query: &PageQuery) -> Result<Vec<Entry>, StoreError> {
    let mut connection = database.connect().await?;
    let entries = report::page(&mut connection, query)
        .await
        .map_err(|error| database.error(error))?;
    database.close(connection).await?;
    Ok(entries)
}
