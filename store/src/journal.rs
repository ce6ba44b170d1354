//! The ledger's journal: the durable half of `record`, and the queue in front of the database.
//!
//! `append` writes one record with one `write` to a local file, which survives
//! the death of the process; the background writer (`sql/writer.rs`) reads
//! it back from there, puts it into the database and deletes whole segments.
//! So there is no queue in memory that could overflow or be lost, and recovery
//! after a crash is the ordinary path. Only what cannot be written, because the disk is full, waits
//! in memory for room, so much and no more (faults P-06). An fsync at least every second bounds
//! what power loss takes. Nothing here knows SQL.

use std::collections::{BTreeMap, VecDeque};
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use parking_lot::{Condvar, Mutex, MutexGuard};
use tokio::sync::oneshot;

use crate::{Backlog, StoreError};

pub(crate) mod codec;
pub(crate) mod segment;

/// A segment is closed when it would grow beyond this.
const SEGMENT_BYTES: u64 = 4 << 20;
/// The journal refuses entries beyond this; it then holds millions of them.
const JOURNAL_BYTES: u64 = 1 << 30;
/// Records that are kept in memory while none can be written; beyond it they are lost, and said to be.
const MAX_KEPT: usize = 10_000;
/// How often it is tried to write those.
const KEPT_EVERY: Duration = Duration::from_secs(1);
/// Recorded bytes that wake the writer before its pause is over: some thousand entries.
const URGENT_BYTES: u64 = 512 << 10;

/// Bounds of the journal; tests make them small.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limits {
    pub(crate) segment_bytes: u64,
    pub(crate) journal_bytes: u64,
}

/// A place in the journal: between two records.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Position {
    pub(crate) segment: u64,
    pub(crate) offset: u64,
}

/// Somebody who waits until the writer caught up.
pub(crate) type Waiter = oneshot::Sender<Result<(), StoreError>>;

/// What the writer shall do next.
pub(crate) struct Work {
    /// Apply everything before this.
    pub(crate) target: Position,
    /// Who wants to know when that is done.
    pub(crate) waiters: Vec<Waiter>,
    /// Whether the writer shall end after this.
    pub(crate) is_last: bool,
    /// Whether a full pause went by, which counts towards the next fsync.
    pub(crate) paused: bool,
}

/// The journal of one gateway process. Shared by those who record and the writer.
pub(crate) struct Journal {
    folder: PathBuf,
    limits: Limits,
    state: Mutex<State>,
    /// Wakes a writer that has nothing to do.
    work: Condvar,
    /// Wakes a writer that pauses to let a batch gather.
    urgent: Condvar,
}

struct State {
    active: Active,
    /// Every segment on disk by number, with its length; the active one is the last.
    segments: BTreeMap<u64, u64>,
    /// Segments that are full but not yet synced to the disk.
    sealed: Vec<Arc<File>>,
    journal_bytes: u64,
    pending_bytes: u64,
    unsynced_bytes: u64,
    waiters: Vec<Waiter>,
    /// What could not be written yet, oldest first.
    kept: VecDeque<Box<[u8]>>,
    failure: Option<String>,
    is_closed: bool,
    has_ended: bool,
}

struct Active {
    file: Arc<File>,
    number: u64,
    /// Whether a failed write left bytes behind that could not be cut off.
    is_broken: bool,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            segment_bytes: SEGMENT_BYTES,
            journal_bytes: JOURNAL_BYTES,
        }
    }
}

impl Journal {
    /// Opens the journal in `folder` and begins a new segment after all that exist.
    ///
    /// `applied` is how far the database says it got; what lies behind it is pending.
    pub(crate) fn open(
        folder: &Path,
        applied: Position,
        limits: Limits,
    ) -> Result<Self, StoreError> {
        let at = |action| move |source| StoreError::file(action, folder, source);
        fs::create_dir_all(folder).map_err(at("create journal folder"))?;
        let mut segments: BTreeMap<u64, u64> = segment::list(folder)
            .map_err(at("list journal folder"))?
            .into_iter()
            .collect();
        let pending_bytes = segments
            .range(applied.segment..)
            .map(|(number, length)| {
                let done = if *number == applied.segment {
                    applied.offset
                } else {
                    segment::START
                };
                length.saturating_sub(done)
            })
            .sum();
        let last = segments.last_key_value().map_or(0, |(number, _)| *number);
        // A segment that was set aside keeps its number.
        let number = last.max(applied.segment) + 1;
        let file = segment::create(folder, number).map_err(at("create a segment in"))?;
        segments.insert(number, segment::START);
        let journal_bytes = segments.values().sum();
        let state = State {
            active: Active {
                file: Arc::new(file),
                number,
                is_broken: false,
            },
            segments,
            sealed: Vec::new(),
            journal_bytes,
            pending_bytes,
            unsynced_bytes: 0,
            waiters: Vec::new(),
            kept: VecDeque::new(),
            failure: None,
            is_closed: false,
            has_ended: false,
        };
        Ok(Self {
            folder: folder.to_owned(),
            limits,
            state: Mutex::new(state),
            work: Condvar::new(),
            urgent: Condvar::new(),
        })
    }

    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    /// Appends a sealed record. When this returns `Ok`, the kernel has it.
    pub(crate) fn append(&self, record: &[u8]) -> Result<(), StoreError> {
        let mut state = self.state.lock();
        if state.is_closed {
            return Err(StoreError::Closed);
        }
        let before = state.pending_bytes;
        // What waits for room comes first.
        self.write_kept(&mut state)?;
        let written = self.write(&mut state, record);
        let after = state.pending_bytes;
        drop(state);
        self.wake(before, after);
        written
    }

    /// The same for a record of what has happened already: if there is no room now, it is written when there is.
    ///
    /// # Errors
    /// It is not written yet, or it is lost, because too much waits already.
    pub(crate) fn append_or_keep(&self, record: &[u8]) -> Result<(), StoreError> {
        let written = self.append(record);
        if matches!(
            written,
            Err(StoreError::File { .. } | StoreError::JournalFull { .. })
        ) {
            let mut state = self.state.lock();
            if state.kept.len() < MAX_KEPT {
                state.kept.push_back(record.into());
                // The writer looks from time to time whether there is room.
                self.work.notify_one();
            } else {
                tracing::error!(
                    "an entry of the ledger is lost: it could not be written, and {MAX_KEPT} wait already"
                );
            }
        }
        written
    }

    /// Writes what could not be written before, as far as there is room now.
    fn write_kept(&self, state: &mut State) -> Result<(), StoreError> {
        while let Some(record) = state.kept.pop_front() {
            if let Err(error) = self.write(state, &record) {
                state.kept.push_front(record);
                return Err(error);
            }
        }
        Ok(())
    }

    fn write(&self, state: &mut State, record: &[u8]) -> Result<(), StoreError> {
        let size = u64::try_from(record.len()).unwrap_or(u64::MAX);
        if state.journal_bytes.saturating_add(size) > self.limits.journal_bytes {
            return Err(StoreError::JournalFull {
                path: self.folder.clone(),
                limit_bytes: self.limits.journal_bytes,
            });
        }
        if state.active.is_broken || state.active_length() + size > self.limits.segment_bytes {
            self.rotate(state)?;
        }
        let length = state.active_length();
        if let Err(source) = write_once(&state.active.file, record) {
            // A part of the record may be there; the next record must not follow it.
            state.active.is_broken = state.active.file.set_len(length).is_err();
            return Err(StoreError::file("append to journal", &self.folder, source));
        }
        let number = state.active.number;
        state.segments.insert(number, length + size);
        state.journal_bytes += size;
        state.unsynced_bytes += size;
        state.pending_bytes += size;
        Ok(())
    }

    /// Wakes the writer, of whose work there were so many bytes and are now so many.
    fn wake(&self, before: u64, after: u64) {
        if before == 0 && after > 0 {
            self.work.notify_one();
        }
        if before < URGENT_BYTES && after >= URGENT_BYTES {
            self.urgent.notify_one();
        }
    }

    /// Asks the writer to catch up now; the answer comes through the receiver.
    pub(crate) fn request_flush(
        &self,
    ) -> Result<oneshot::Receiver<Result<(), StoreError>>, StoreError> {
        let mut state = self.state.lock();
        if state.is_closed {
            return Err(StoreError::Closed);
        }
        Ok(self.wait_for_writer(&mut state))
    }

    /// Refuses records from now on and asks the writer to catch up and end.
    pub(crate) fn request_close(&self) -> oneshot::Receiver<Result<(), StoreError>> {
        let mut state = self.state.lock();
        if !state.is_closed && self.write_kept(&mut state).is_err() {
            let lost = state.kept.len();
            tracing::error!(
                lost,
                "entries of the ledger are lost: there was no room for them to the end"
            );
        }
        state.is_closed = true;
        self.wait_for_writer(&mut state)
    }

    /// Notes that the writer is gone; whoever still waits for it gets no answer.
    pub(crate) fn end(&self) {
        let mut state = self.state.lock();
        state.has_ended = true;
        state.waiters.clear();
    }

    pub(crate) fn backlog(&self) -> Backlog {
        let state = self.state.lock();
        Backlog {
            pending_bytes: state.pending_bytes,
            journal_bytes: state.journal_bytes,
            failure: state.failure.clone(),
        }
    }

    /// Blocks the writer until there is work: at once when somebody waits for it,
    /// else `pause` after the first pending record so that a batch gathers.
    pub(crate) fn next_work(&self, pause: Duration) -> Work {
        let mut state = self.state.lock();
        while !state.has_work() {
            if state.kept.is_empty() {
                self.work.wait(&mut state);
            } else {
                _ = self.work.wait_for(&mut state, KEPT_EVERY);
                // Still no room: it is tried again.
                _ = self.write_kept(&mut state);
            }
        }
        let mut paused = false;
        let has_failed = state.failure.is_some();
        // After a failure a full journal must not make the writer spin.
        while !state.is_wanted() && !paused && (has_failed || state.pending_bytes < URGENT_BYTES) {
            paused = self.urgent.wait_for(&mut state, pause).timed_out();
        }
        Work {
            target: Position {
                segment: state.active.number,
                offset: state.active_length(),
            },
            waiters: std::mem::take(&mut state.waiters),
            is_last: state.is_closed,
            paused,
        }
    }

    /// The first segment at or after `number`; there always is one up to the active one.
    pub(crate) fn segment_from(&self, number: u64) -> Option<u64> {
        self.state
            .lock()
            .segments
            .range(number..)
            .next()
            .map(|(number, _)| *number)
    }

    /// Notes how far the database is and why it is not further.
    pub(crate) fn note_progress(&self, applied: Position, failure: Option<String>) {
        let mut state = self.state.lock();
        let pending = |(number, length): (&u64, &u64)| {
            let done = if *number == applied.segment {
                applied.offset
            } else {
                segment::START
            };
            length.saturating_sub(done)
        };
        state.pending_bytes = state.segments.range(applied.segment..).map(pending).sum();
        state.failure = failure;
    }

    /// Notes why the database does not take entries.
    pub(crate) fn note_failure(&self, reason: String) {
        self.state.lock().failure = Some(reason);
    }

    /// Bytes recorded since the last fsync.
    pub(crate) fn unsynced_bytes(&self) -> u64 {
        self.state.lock().unsynced_bytes
    }

    /// Makes everything recorded so far safe from power loss; blocks for the disk, not for those who record.
    pub(crate) fn sync(&self) -> io::Result<()> {
        let mut state = self.state.lock();
        let mut files = std::mem::take(&mut state.sealed);
        files.push(Arc::clone(&state.active.file));
        state.unsynced_bytes = 0;
        drop(state);
        files.iter().try_for_each(|file| file.sync_data())?;
        // A new segment's name lives in the folder.
        File::open(&self.folder)?.sync_all()
    }

    /// Deletes the segments before `number`, which the database holds safely.
    pub(crate) fn delete_before(&self, number: u64) -> io::Result<()> {
        let done: Vec<u64> = self
            .state
            .lock()
            .segments
            .range(..number)
            .map(|(n, _)| *n)
            .collect();
        for number in done {
            match fs::remove_file(segment::path(&self.folder, number)) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => self.forget(number),
            }
        }
        Ok(())
    }

    /// Moves a segment aside that cannot be read to its end.
    pub(crate) fn set_aside(&self, number: u64) -> Result<PathBuf, StoreError> {
        {
            let mut state = self.state.lock();
            if state.active.number == number {
                self.rotate(&mut state)?;
            }
        }
        let aside = segment::set_aside(&self.folder, number)
            .map_err(|source| StoreError::file("set aside a segment of", &self.folder, source))?;
        self.forget(number);
        Ok(aside)
    }

    fn forget(&self, number: u64) {
        let mut state = self.state.lock();
        let length = state.segments.remove(&number).unwrap_or(0);
        state.journal_bytes = state.journal_bytes.saturating_sub(length);
    }

    fn wait_for_writer(
        &self,
        state: &mut MutexGuard<'_, State>,
    ) -> oneshot::Receiver<Result<(), StoreError>> {
        let (waiter, answer) = oneshot::channel();
        if !state.has_ended {
            state.waiters.push(waiter);
        }
        self.work.notify_one();
        self.urgent.notify_one();
        answer
    }

    fn rotate(&self, state: &mut State) -> Result<(), StoreError> {
        let number = state.active.number + 1;
        let file = segment::create(&self.folder, number)
            .map_err(|source| StoreError::file("create a segment in", &self.folder, source))?;
        let next = Active {
            file: Arc::new(file),
            number,
            is_broken: false,
        };
        let full = std::mem::replace(&mut state.active, next);
        state.sealed.push(full.file);
        state.segments.insert(number, segment::START);
        state.journal_bytes += segment::START;
        Ok(())
    }
}

impl State {
    fn active_length(&self) -> u64 {
        self.segments
            .get(&self.active.number)
            .copied()
            .unwrap_or(segment::START)
    }

    fn has_work(&self) -> bool {
        let is_behind = self.pending_bytes > 0 || self.unsynced_bytes > 0;
        is_behind || self.is_wanted() || self.failure.is_some()
    }

    fn is_wanted(&self) -> bool {
        self.is_closed || !self.waiters.is_empty()
    }
}

/// Writes a record with one call; a short write is an error, because the rest would be a second one.
fn write_once(mut file: &File, record: &[u8]) -> io::Result<()> {
    loop {
        return match file.write(record) {
            Ok(written) if written == record.len() => Ok(()),
            Ok(_) => Err(io::ErrorKind::StorageFull.into()),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => Err(error),
        };
    }
}

#[cfg(test)]
mod tests;
