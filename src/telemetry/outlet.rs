//! A bounded buffer in front of a writer that may be slow or stuck.
//!
//! Whoever logs puts bytes into memory and goes on; a thread of its own writes
//! them a few times a second. Standard error may be a pipe that nobody reads:
//! that must cost log lines, never calls (faults P-26), and it must not hold up
//! the end of the process either.

use std::io::{self, Write};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::time::Duration;

use parking_lot::Mutex;

/// Most that waits to be written, in bytes.
const MAX_WAITING: usize = 4 * 1024 * 1024;
/// How often the buffer is written.
const INTERVAL: Duration = Duration::from_millis(200);
/// How long closing waits for a writer that may be stuck.
const LAST_WRITE: Duration = Duration::from_secs(1);

/// The buffer and its thread.
pub struct Outlet {
    waiting: Arc<Mutex<Vec<u8>>>,
    thread: Mutex<Option<Thread>>,
}

/// Dropping `stop` asks the thread to end; `ended` then disconnects.
struct Thread {
    stop: Sender<()>,
    ended: Receiver<()>,
}

impl Outlet {
    /// Starts the thread, called `name`, that writes to `target`.
    ///
    /// # Errors
    /// The thread cannot be started.
    pub fn open(name: &str, target: Box<dyn Write + Send>) -> io::Result<Self> {
        let waiting = Arc::new(Mutex::new(Vec::new()));
        let (stop, stopped) = channel();
        let (ending, ended) = channel();
        std::thread::Builder::new().name(name.into()).spawn({
            let waiting = Arc::clone(&waiting);
            move || {
                write_until(&stopped, &waiting, target);
                drop(ending);
            }
        })?;
        Ok(Self {
            waiting,
            thread: Mutex::new(Some(Thread { stop, ended })),
        })
    }

    /// Lets `append` add to the buffer; `false` when it is full and nothing was added.
    pub fn push(&self, append: impl FnOnce(&mut Vec<u8>)) -> bool {
        let mut waiting = self.waiting.lock();
        let has_room = waiting.len() <= MAX_WAITING;
        if has_room {
            append(&mut waiting);
        }
        has_room
    }

    /// Writes what waits and ends the thread; a stuck one is left behind after a second.
    pub fn close(&self) {
        if let Some(Thread { stop, ended }) = self.thread.lock().take() {
            drop(stop);
            // Disconnected: it has ended. Timed out: it is stuck, and the process ends without it.
            let _ = ended.recv_timeout(LAST_WRITE);
        }
    }
}

fn write_until(
    stopped: &Receiver<()>,
    waiting: &Mutex<Vec<u8>>,
    mut target: Box<dyn Write + Send>,
) {
    let mut batch = Vec::new();
    loop {
        let is_last = !matches!(
            stopped.recv_timeout(INTERVAL),
            Err(RecvTimeoutError::Timeout)
        );
        std::mem::swap(&mut batch, &mut waiting.lock());
        // A log that cannot be written must not stop the calls; the next batch tries again.
        let _ = target.write_all(&batch).and_then(|()| target.flush());
        batch.clear();
        if is_last {
            return;
        }
    }
}

#[cfg(test)]
mod tests;
