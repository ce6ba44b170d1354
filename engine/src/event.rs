//! What a caller receives: the events of one request, in order.
//!
//! `Started`, then any mix of `Token` and one `Finished` per choice, then `Done`; or
//! `Failed` at any point, which is last. The channel is bounded: a caller that does not
//! read stops its own request at the next token, and nobody else's.

use std::task::{Context, Poll};

use tokio::sync::mpsc;

use crate::{engine::Alarm, error::EngineError};

/// One step of a request's progress.
#[derive(Debug, Clone)]
pub enum Event {
    /// The prompt was accepted and is being read.
    Started {
        /// Tokens of the rendered prompt, specials included.
        prompt_tokens: u32,
    },
    /// Text of one choice grew.
    Token {
        /// Which choice, from 0.
        choice: u32,
        /// Complete characters only; a character split over tokens waits for its last byte,
        /// and text that may be the start of a stop string waits until it is known not to be.
        text: String,
        /// The tokens that `text` completes, when log-probabilities were asked for.
        logprobs: Vec<TokenLogprob>,
    },
    /// One choice ended.
    Finished {
        /// Which choice, from 0.
        choice: u32,
        /// Why it ended.
        reason: StopReason,
    },
    /// Every choice ended. Nothing follows.
    Done {
        /// Tokens of the prompt, counted once however many choices there are.
        prompt_tokens: u32,
        /// Tokens drawn over all choices; the token that ended a choice counts.
        output_tokens: u32,
    },
    /// The request broke off. Nothing follows.
    Failed(EngineError),
}

/// Why a choice ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StopReason {
    /// The model ended its turn, or a stop string appeared.
    Stop,
    /// `max_tokens` or the end of the context was reached.
    Length,
}

/// The log-probability of one drawn token, from the model's own distribution:
/// before temperature, penalties and bias.
#[derive(Debug, Clone, PartialEq)]
pub struct TokenLogprob {
    /// The token.
    pub token: Candidate,
    /// The most likely tokens at this place, best first; as many as were asked for.
    pub top: Vec<Candidate>,
}

/// A token and how likely it was.
#[derive(Debug, Clone, PartialEq)]
pub struct Candidate {
    /// Token id.
    pub id: u32,
    /// Its bytes as text; bytes that are not a whole character become U+FFFD.
    pub text: String,
    /// Its exact bytes.
    pub bytes: Vec<u8>,
    /// Natural logarithm of the probability.
    pub logprob: f32,
}

/// A running request. Dropping it cancels the work before the next token.
#[derive(Debug)]
pub struct Generation {
    events: mpsc::Receiver<Event>,
    alarm: Alarm,
}

impl Generation {
    pub(crate) fn new(events: mpsc::Receiver<Event>, alarm: Alarm) -> Self {
        Self { events, alarm }
    }

    /// Waits for the next event; `None` after the last one.
    ///
    /// # Cancellation
    /// Safe: an event is either returned or still in the channel.
    pub async fn recv(&mut self) -> Option<Event> {
        let event = self.events.recv().await;
        self.alarm.ring();
        event
    }

    /// The same as [`recv`](Self::recv), for callers that implement a stream.
    pub fn poll_recv(&mut self, context: &mut Context<'_>) -> Poll<Option<Event>> {
        let event = self.events.poll_recv(context);
        if event.is_ready() {
            self.alarm.ring();
        }
        event
    }

    /// Waits for the next event on a thread outside any async runtime.
    pub fn blocking_recv(&mut self) -> Option<Event> {
        let event = self.events.blocking_recv();
        self.alarm.ring();
        event
    }
}

impl Drop for Generation {
    fn drop(&mut self) {
        // Closing first lets a parked worker see the cancellation when it wakes.
        self.events.close();
        self.alarm.ring();
    }
}
