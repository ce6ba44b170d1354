//! The background writer: from the journal into the database, on a thread of its own.
//!
//! It sleeps while nothing is recorded; after the first entry it pauses 200 ms
//! so that a batch gathers, less when half a megabyte is pending or somebody
//! waits. It syncs the journal at least every second while entries arrive, and
//! deletes a segment once a checkpoint has carried its entries into the
//! database file. If the database refuses, the journal grows and it tries again.
//! Started by `GatewayLedger::start`, ended by closing the journal.

use std::fs::File;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use parking_lot::{Condvar, Mutex};
use sqlx::AnyConnection;
use tokio::time::timeout;

use super::book::{self, Known, Source};
use super::dialect::Dialect;
use super::{Database, sqlite};
use crate::StoreError;
use crate::journal::codec::{self, Record};
use crate::journal::segment::{self, Scan};
use crate::journal::{Journal, Position, Waiter};
use crate::node::Node;

/// How long a batch gathers.
const PAUSE: Duration = Duration::from_millis(200);
/// How long one batch may take; a server that froze must not hold the writer for ever.
const PATIENCE: Duration = Duration::from_secs(30);
/// How long the writer waits after the database refused.
const RETRY_PAUSE: Duration = Duration::from_secs(1);
/// Pauses between two fsyncs of the journal, and bytes that bring one forward.
const PAUSES_PER_SYNC: u32 = 5;
const BYTES_PER_SYNC: u64 = 1 << 20;
/// Bytes of journal booked in one transaction, about 1,500 entries.
pub(super) const CHUNK_BYTES: u64 = 256 << 10;

/// Set when the writer has ended for good.
#[derive(Default)]
pub(super) struct Finished {
    is_set: Mutex<bool>,
    changed: Condvar,
}

/// The writer's own state.
struct Writer {
    database: Database,
    node: Node,
    journal: Arc<Journal>,
    connection: Option<AnyConnection>,
    known: Known,
    /// `None` until the database told how far it is.
    applied: Option<Position>,
    pauses: u32,
}

/// Starts the writer thread.
///
/// # Errors
/// The system gives no thread.
pub(super) fn spawn(
    (database, node): (Database, Node),
    journal: Arc<Journal>,
    lock: File,
) -> Result<Arc<Finished>, StoreError> {
    let finished = Arc::new(Finished::default());
    let signal = Arc::clone(&finished);
    let folder = journal.folder().to_owned();
    thread::Builder::new()
        .name("tollward-ledger".to_owned())
        .spawn(move || {
            let (waiters, result) = supervise(&database, node, &journal);
            drop(lock);
            signal.set();
            journal.end();
            // Whoever closed the ledger may now open it again.
            answer(waiters, result);
        })
        .map_err(|source| StoreError::file("start the writer of", &folder, source))?;
    Ok(finished)
}

/// Runs the writer until the journal is closed; a panic costs its state, not the ledger.
fn supervise(
    database: &Database,
    node: Node,
    journal: &Arc<Journal>,
) -> (Vec<Waiter>, Result<(), StoreError>) {
    loop {
        let mut writer = Writer {
            database: database.clone(),
            node,
            journal: Arc::clone(journal),
            connection: None,
            known: Known::default(),
            applied: None,
            pauses: 0,
        };
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build();
        let ended = match runtime {
            Ok(runtime) => catch_unwind(AssertUnwindSafe(|| runtime.block_on(writer.run()))).ok(),
            Err(error) => {
                tracing::error!(%error, "ledger writer has no runtime");
                None
            }
        };
        if let Some(ended) = ended {
            return ended;
        }
        tracing::error!("ledger writer failed and is started again; nothing recorded is lost");
        thread::sleep(RETRY_PAUSE);
    }
}

/// Decodes the whole records at the start of `bytes`; also how many bytes they take.
pub(super) fn parse(bytes: &[u8]) -> (Vec<Record<'_>>, u64) {
    let mut records = Vec::new();
    let mut rest = bytes;
    while let Scan::Record(payload) = segment::scan(rest) {
        let Some(record) = codec::decode(payload) else {
            break;
        };
        records.push(record);
        rest = rest
            .get(segment::FRAME + payload.len()..)
            .unwrap_or_default();
    }
    let consumed = bytes.len() - rest.len();
    (records, u64::try_from(consumed).unwrap_or(u64::MAX))
}

impl Writer {
    /// Works until the journal is closed; returns who waits for the end, and how it ended.
    async fn run(&mut self) -> (Vec<Waiter>, Result<(), StoreError>) {
        let mut pause = PAUSE;
        loop {
            let work = self.journal.next_work(pause);
            let result = self.catch_up(work.target).await;
            if let Err(error) = &result {
                self.note_failure(error);
            }
            pause = if result.is_ok() { PAUSE } else { RETRY_PAUSE };
            self.pauses += u32::from(work.paused);
            self.sync_if_due(work.is_last);
            if work.is_last {
                self.finish(result.is_ok()).await;
                return (work.waiters, result);
            }
            answer(work.waiters, result);
        }
    }

    /// Books everything before `target` and deletes segments that are done.
    async fn catch_up(&mut self, target: Position) -> Result<(), StoreError> {
        let mut applied = self.applied().await?;
        let first_segment = applied.segment;
        while applied < target {
            let limit = if applied.segment == target.segment {
                CHUNK_BYTES.min(target.offset - applied.offset)
            } else {
                CHUNK_BYTES
            };
            let folder = self.journal.folder();
            let bytes = segment::read(folder, applied.segment, applied.offset, limit)
                .map_err(|source| StoreError::file("read journal", folder, source))?;
            let (records, consumed) = parse(bytes.as_deref().unwrap_or_default());
            if records.is_empty() {
                applied = self.leave_segment(applied, target)?;
            } else {
                applied.offset += consumed;
                self.book(&records, applied).await?;
            }
            self.applied = Some(applied);
            self.journal.note_progress(applied, None);
        }
        if applied.segment > first_segment {
            self.delete_applied(applied).await?;
        }
        self.journal.note_progress(applied, None);
        Ok(())
    }

    async fn book(&mut self, records: &[Record<'_>], applied: Position) -> Result<(), StoreError> {
        let mut known = std::mem::take(&mut self.known);
        let source = Source {
            node: self.node,
            applied: Some(applied),
        };
        let connection = self.connection().await?;
        let booked = timeout(
            PATIENCE,
            book::book(connection, &mut known, records, source),
        )
        .await;
        // A batch that did not end in time is given up with its connection, and what it learned.
        let booked = booked.map_err(|late| self.database.failed(late))?;
        self.known = known;
        match booked {
            Ok(true) => Ok(()),
            Ok(false) => Err(StoreError::Fenced),
            Err(error) => Err(self.database.error(error)),
        }
    }

    /// The writer's connection, made anew after a failure.
    async fn connection(&mut self) -> Result<&mut AnyConnection, StoreError> {
        let connection = match self.connection.take() {
            Some(connection) => connection,
            None => self.database.connect().await?,
        };
        Ok(self.connection.insert(connection))
    }

    /// How far the database is; asked once, and again after a failure.
    async fn applied(&mut self) -> Result<Position, StoreError> {
        if let Some(applied) = self.applied {
            return Ok(applied);
        }
        let node = self.node.id;
        let stored = book::position(self.connection().await?, node)
            .await
            .map_err(|error| self.database.error(error))?;
        let first = self
            .journal
            .segment_from(stored.segment)
            .unwrap_or(stored.segment);
        let offset = if first == stored.segment {
            stored.offset
        } else {
            0
        };
        Ok(Position {
            segment: first,
            offset: offset.max(segment::START),
        })
    }

    /// Steps over the end of a segment: clean, torn by a crash, or damaged and then set aside.
    fn leave_segment(&self, at: Position, target: Position) -> Result<Position, StoreError> {
        let folder = self.journal.folder();
        let tail = segment::read(folder, at.segment, at.offset, u64::MAX)
            .map_err(|source| StoreError::file("read journal", folder, source))?
            .unwrap_or_default();
        let is_readable = at.segment < target.segment && segment::is_torn(&tail);
        if !is_readable {
            let aside = self.journal.set_aside(at.segment)?;
            tracing::error!(
                path = %aside.display(), offset = at.offset, bytes = tail.len(),
                "a ledger journal segment is damaged; its readable part is booked, the file is kept"
            );
        } else if !tail.is_empty() {
            tracing::warn!(
                segment = at.segment,
                bytes = tail.len(),
                "the last ledger record before a crash is incomplete; it was never acknowledged"
            );
        }
        let next = self
            .journal
            .segment_from(at.segment + 1)
            .unwrap_or(at.segment + 1);
        Ok(Position {
            segment: next,
            offset: segment::START,
        })
    }

    /// Deletes segments whose entries are safe from a loss of power: a server's are when they are committed, those of
    /// a file when a checkpoint has carried them into it.
    ///
    /// A long report can hold a checkpoint back; the segments then stay until the next time.
    async fn delete_applied(&mut self, applied: Position) -> Result<(), StoreError> {
        if self.database.dialect == Dialect::Sqlite {
            let moved = sqlite::checkpoint(self.connection().await?).await;
            if !moved.map_err(|error| self.database.error(error))? {
                return Ok(());
            }
        }
        let folder = self.journal.folder();
        self.journal
            .delete_before(applied.segment)
            .map_err(|source| StoreError::file("delete applied segments of", folder, source))
    }

    fn note_failure(&mut self, error: &StoreError) {
        let was_failing = self.journal.backlog().failure.is_some();
        let reason = describe(error);
        if !was_failing {
            tracing::error!(error = %reason, "the database takes no ledger entries; the journal keeps them");
        }
        // Whatever state the connection is in, a new one is in none.
        self.connection = None;
        self.known = Known::default();
        if let Some(applied) = self.applied.take() {
            self.journal.note_progress(applied, Some(reason));
        } else {
            self.journal.note_failure(reason);
        }
    }

    fn sync_if_due(&mut self, is_last: bool) {
        let unsynced = self.journal.unsynced_bytes();
        let is_due = self.pauses >= PAUSES_PER_SYNC || unsynced >= BYTES_PER_SYNC || is_last;
        if unsynced == 0 || !is_due {
            return;
        }
        self.pauses = 0;
        if let Err(error) = self.journal.sync() {
            tracing::error!(%error, "failed to sync the ledger journal; power loss may lose entries");
        }
    }

    /// Leaves an empty journal behind when everything is booked.
    async fn finish(&mut self, is_booked: bool) {
        if is_booked {
            let end = Position {
                segment: u64::MAX,
                offset: segment::START,
            };
            if let Err(error) = self.delete_applied(end).await {
                tracing::warn!(error = %describe(&error), "failed to tidy the ledger journal");
            }
        }
        if let Some(connection) = self.connection.take() {
            let _ = sqlx::Connection::close(connection).await;
        }
    }
}

/// Answers those who wait. The error goes to the first; the others learn that there was one.
fn answer(waiters: Vec<Waiter>, result: Result<(), StoreError>) {
    let is_ok = result.is_ok();
    let mut result = Some(result);
    for waiter in waiters {
        let others = || {
            if is_ok {
                Ok(())
            } else {
                Err(StoreError::Closed)
            }
        };
        // Whoever stopped waiting needs no answer.
        let _ = waiter.send(result.take().unwrap_or_else(others));
    }
}

/// An error with its sources in one line.
fn describe(error: &StoreError) -> String {
    let mut text = error.to_string();
    let mut source = std::error::Error::source(error);
    while let Some(cause) = source {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        source = cause.source();
    }
    text
}

impl Finished {
    pub(super) fn is_set(&self) -> bool {
        *self.is_set.lock()
    }

    /// Waits for the writer's end; `false` when it did not come in time.
    pub(super) fn wait(&self, limit: Duration) -> bool {
        let mut is_set = self.is_set.lock();
        !self
            .changed
            .wait_while_for(&mut is_set, |is_set| !*is_set, limit)
            .timed_out()
    }

    fn set(&self) {
        *self.is_set.lock() = true;
        self.changed.notify_all();
    }
}
