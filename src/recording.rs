//! An answer as it comes: written once, read from its beginning by any number of readers.
//!
//! A task makes the call and writes; who asked for it, and who asks for the same meanwhile, read at
//! their own pace. All of an answer is held up to a bound, so that who comes late misses nothing and
//! so that the whole of it can be kept. Beyond the bound only what some reader still lacks is held,
//! the writer waits for the slowest of them, and nobody joins any more. When the last reader has left,
//! the writer is told, unless it may go on unheard.

mod reader;
pub mod running;

use std::collections::VecDeque;
use std::sync::Arc;
use std::task::Waker;

use bytes::Bytes;
use http::{HeaderMap, StatusCode};
use parking_lot::Mutex;
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore};
use tollward_store::{NanoUsd, Outcome, RequestId};

pub use self::reader::{Lost, Reader};

/// What an answer that is not held whole may be ahead of its slowest reader, in bytes.
const WINDOW_BYTES: usize = 256 * 1024;

/// What holds for a recording.
#[derive(Clone)]
pub struct Terms {
    /// Longest answer that is held whole, in bytes.
    pub max_bytes: usize,
    /// Room for all answers that are held, in KiB.
    pub room: Arc<Semaphore>,
    /// Places for calls that go on when their last reader has left.
    pub unheard: Arc<Semaphore>,
}

/// The head of an answer.
#[derive(Clone, Debug)]
pub struct Head {
    /// The call that was answered.
    pub request: RequestId,
    /// Its status.
    pub status: StatusCode,
    /// Its headers.
    pub headers: HeaderMap,
    /// How long its body is, in bytes, if that is known before it has come.
    pub length: Option<u64>,
    /// How the call ended, if that is known before the body has come.
    pub end: Option<End>,
}

/// How a recorded call ended.
#[derive(Clone, Debug)]
pub enum End {
    /// It was booked like that; its cost, where a price is known.
    Booked(Outcome, Option<NanoUsd>),
    /// It was refused before it was a call, with that code.
    Refused(Arc<str>),
    /// Nobody knows: it was dropped in its midst.
    Lost,
}

impl End {
    /// Whether all of the answer is there, and good.
    pub fn is_complete(&self) -> bool {
        matches!(self, Self::Booked(Outcome::Complete, _))
    }

    /// What it cost, if that is known and the answer is complete.
    pub fn cost(&self) -> Option<NanoUsd> {
        match self {
            Self::Booked(Outcome::Complete, cost) => *cost,
            Self::Booked(..) | Self::Refused(_) | Self::Lost => None,
        }
    }
}

/// An answer, while it is written and read.
pub struct Recording {
    state: Mutex<State>,
    terms: Terms,
    /// Wakes the writer: there is room again, or nobody reads any more.
    changed: Notify,
}

#[derive(Default)]
struct State {
    head: Option<Arc<Head>>,
    pieces: VecDeque<Bytes>,
    /// Pieces that every reader has and that are not held any more.
    dropped: usize,
    /// Bytes of the pieces.
    bytes: usize,
    /// It was too long to be held whole.
    is_windowed: bool,
    room: Option<OwnedSemaphorePermit>,
    end: Option<End>,
    /// One place for each reader, empty where one has left.
    listeners: Vec<Option<Listener>>,
    unheard: Option<OwnedSemaphorePermit>,
    /// The last reader left, and there is no place to go on without.
    is_left: bool,
}

/// How far a reader is.
struct Listener {
    /// Counts the pieces from the beginning of the answer.
    next: usize,
    waker: Option<Waker>,
}

/// The one who writes a recording. Dropped before the end it leaves the readers without.
pub struct Recorder(Arc<Recording>);

impl Recording {
    /// An answer that has not begun, and its first reader.
    pub fn start(terms: Terms) -> (Recorder, Reader) {
        let recording = Arc::new(Self {
            state: Mutex::default(),
            terms,
            changed: Notify::new(),
        });
        let reader = Reader::new(&recording, &mut recording.state.lock());
        (Recorder(recording), reader)
    }

    /// An answer that is over, as its head says, and its only reader.
    pub fn over(terms: Terms, head: Arc<Head>, body: Bytes) -> Reader {
        let (recorder, reader) = Self::start(terms);
        let length = head.length;
        {
            let mut state = recorder.0.state.lock();
            let end = head.end.clone().unwrap_or(End::Lost);
            state.head = Some(head);
            state.bytes = body.len();
            state.pieces.push_back(body);
            state.end = Some(end);
        }
        reader.of_length(length)
    }

    /// Joins the readers; `None` if the beginning is not held any more, or the call is being given up.
    pub fn join(self: &Arc<Self>) -> Option<Reader> {
        let mut state = self.state.lock();
        if state.is_windowed || state.is_left {
            return None;
        }
        // Somebody listens again.
        state.unheard = None;
        Some(Reader::new(self, &mut state))
    }
}

impl Recorder {
    /// The recording, for others to join.
    pub fn recording(&self) -> &Arc<Recording> {
        &self.0
    }

    /// The head is there.
    pub fn begin(&self, head: Head) {
        let mut state = self.0.state.lock();
        state.head = Some(Arc::new(head));
        state.wake_all();
    }

    /// Adds to the body. Of an answer that is too long to be held whole the slowest reader is waited for.
    ///
    /// # Cancellation
    /// The piece is there at the first poll; only the wait is lost.
    pub async fn push(&self, piece: Bytes) {
        {
            let mut state = self.0.state.lock();
            state.bytes += piece.len();
            state.pieces.push_back(piece);
            if !state.is_windowed && !state.has_room(&self.0.terms) {
                state.is_windowed = true;
                state.room = None;
                state.trim();
                // It will not be kept, so there is no reason to go on for nobody.
                state.is_left |= state.listeners.iter().all(Option::is_none);
            }
            state.wake_all();
        }
        loop {
            let changed = self.0.changed.notified();
            {
                let state = self.0.state.lock();
                if !state.is_windowed || state.bytes < WINDOW_BYTES || state.is_left {
                    return;
                }
            }
            changed.await;
        }
    }

    /// Resolves when nobody reads and the call is not to go on unheard.
    pub async fn left(&self) {
        loop {
            let changed = self.0.changed.notified();
            if self.0.state.lock().is_left {
                return;
            }
            changed.await;
        }
    }

    /// The answer is over; what was written of it is given back if that is all of it.
    pub fn end(self, end: End) -> Option<(Arc<Head>, Vec<Bytes>)> {
        let mut state = self.0.state.lock();
        let is_whole = !state.is_windowed;
        state.end = Some(end);
        state.unheard = None;
        state.wake_all();
        let head = state.head.clone().filter(|_| is_whole)?;
        Some((head, state.pieces.iter().cloned().collect()))
    }
}

impl Drop for Recorder {
    fn drop(&mut self) {
        let mut state = self.0.state.lock();
        if state.end.is_none() {
            state.end = Some(End::Lost);
            state.unheard = None;
            state.wake_all();
        }
    }
}

impl State {
    /// Whether all that is held may be, by itself and beside all others.
    fn has_room(&mut self, terms: &Terms) -> bool {
        if self.bytes > terms.max_bytes {
            return false;
        }
        let held = self
            .room
            .as_ref()
            .map_or(0, OwnedSemaphorePermit::num_permits);
        let wanted = (self.bytes / 1024 + 1).saturating_sub(held);
        let Ok(wanted) = u32::try_from(wanted) else {
            return false;
        };
        if wanted == 0 {
            return true;
        }
        match Arc::clone(&terms.room).try_acquire_many_owned(wanted) {
            Ok(more) => {
                match &mut self.room {
                    Some(room) => room.merge(more),
                    None => self.room = Some(more),
                }
                true
            }
            Err(_) => false,
        }
    }

    /// Lets go of what every reader has.
    fn trim(&mut self) {
        let slowest = self.listeners.iter().flatten().map(|it| it.next).min();
        let slowest = slowest.unwrap_or(usize::MAX);
        while self.dropped < slowest
            && let Some(piece) = self.pieces.pop_front()
        {
            self.dropped += 1;
            self.bytes -= piece.len();
        }
    }

    fn wake_all(&mut self) {
        for listener in self.listeners.iter_mut().flatten() {
            if let Some(waker) = listener.waker.take() {
                waker.wake();
            }
        }
    }
}

#[cfg(test)]
mod tests;
