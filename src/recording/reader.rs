//! One of the readers of a recording: a head to wait for, then the body.

use std::future::poll_fn;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};

use super::{End, Head, Listener, Recording, State};

/// Reads an answer from its beginning.
pub struct Reader {
    recording: Arc<Recording>,
    place: usize,
    /// Bytes that were read.
    read: u64,
    /// How long the body is, if the head said so.
    length: Option<u64>,
}

/// The answer ends before its end.
#[derive(Debug, thiserror::Error)]
#[error("the answer broke off")]
pub struct Lost;

impl Reader {
    pub(super) fn new(recording: &Arc<Recording>, state: &mut State) -> Self {
        let listener = Some(Listener {
            next: 0,
            waker: None,
        });
        let free = state.listeners.iter().position(Option::is_none);
        let place = free.unwrap_or(state.listeners.len());
        match state.listeners.get_mut(place) {
            Some(slot) => *slot = listener,
            None => state.listeners.push(listener),
        }
        Self {
            recording: Arc::clone(recording),
            place,
            read: 0,
            length: None,
        }
    }

    /// The same of an answer that is so long.
    pub(super) fn of_length(mut self, length: Option<u64>) -> Self {
        self.length = length;
        self
    }

    /// Waits for the head; `None` if there will be none.
    ///
    /// # Cancellation
    /// Nothing is lost: it can be waited for again.
    pub async fn head(&mut self) -> Option<Arc<Head>> {
        let head = poll_fn(|context| {
            let mut state = self.recording.state.lock();
            match (&state.head, &state.end) {
                (Some(head), _) => Poll::Ready(Some(Arc::clone(head))),
                (None, Some(_)) => Poll::Ready(None),
                (None, None) => {
                    state.wake_at(self.place, context);
                    Poll::Pending
                }
            }
        })
        .await?;
        self.length = head.length;
        Some(head)
    }

    /// How the call ended, once it has.
    pub fn end(&self) -> Option<End> {
        self.recording.state.lock().end.clone()
    }

    /// Whether all of the body was read.
    pub fn is_done(&self) -> bool {
        if self.length == Some(self.read) {
            return true;
        }
        let state = self.recording.state.lock();
        let next = state.listeners.get(self.place).and_then(Option::as_ref);
        let all = state.dropped + state.pieces.len();
        state.end.is_some() && next.is_some_and(|it| it.next >= all)
    }
}

impl Body for Reader {
    type Data = Bytes;
    type Error = Lost;

    fn poll_frame(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        let this = self.get_mut();
        let mut state = this.recording.state.lock();
        let state = &mut *state;
        let Some(Some(listener)) = state.listeners.get_mut(this.place) else {
            return Poll::Ready(None);
        };
        let piece = state.pieces.get(listener.next - state.dropped).cloned();
        if let Some(piece) = piece {
            listener.next += 1;
            this.read += piece.len() as u64;
            if state.is_windowed {
                state.trim();
                this.recording.changed.notify_one();
            }
            return Poll::Ready(Some(Ok(Frame::data(piece))));
        }
        match &state.end {
            None => {
                state.wake_at(this.place, context);
                Poll::Pending
            }
            Some(End::Lost) => Poll::Ready(Some(Err(Lost))),
            Some(End::Booked(..) | End::Refused(_)) => Poll::Ready(None),
        }
    }

    fn is_end_stream(&self) -> bool {
        self.is_done() && !matches!(self.end(), Some(End::Lost))
    }

    fn size_hint(&self) -> SizeHint {
        match self.length {
            Some(length) => SizeHint::with_exact(length.saturating_sub(self.read)),
            None => SizeHint::default(),
        }
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        let mut state = self.recording.state.lock();
        let state = &mut *state;
        if let Some(listener) = state.listeners.get_mut(self.place) {
            *listener = None;
        }
        if state.is_windowed {
            state.trim();
        }
        let is_alone = state.listeners.iter().all(Option::is_none);
        if is_alone && state.end.is_none() {
            let places = &self.recording.terms.unheard;
            let place = Arc::clone(places).try_acquire_owned().ok();
            state.unheard = place.filter(|_| !state.is_windowed);
            state.is_left = state.unheard.is_none();
        }
        self.recording.changed.notify_one();
    }
}

impl State {
    /// The reader at `place` is to be polled again when something has changed.
    fn wake_at(&mut self, place: usize, context: &Context<'_>) {
        if let Some(Some(listener)) = self.listeners.get_mut(place) {
            listener.waker = Some(context.waker().clone());
        }
    }
}
