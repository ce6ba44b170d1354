//! What a session uses, booked as it is told.
//!
//! Dropped before they are closed, the books take the caller for gone: what was under way is booked
//! all the same.

use std::sync::Arc;
use std::time::Instant;

use tollward_store::{Outcome, RequestId};
use tollward_wire::realtime::{ClientEvent, Noticed, SessionReader};

use crate::clock;
use crate::pipeline::settle::{Observed, Settlement};

/// The open books of a session.
pub(super) struct Books {
    settlement: Settlement,
    reader: SessionReader,
    upstream_model: Arc<str>,
    /// When the response under way began.
    began: Option<Instant>,
}

impl Books {
    pub(super) fn new(settlement: Settlement, upstream_model: Arc<str>) -> Self {
        Self {
            settlement,
            reader: SessionReader::default(),
            upstream_model,
            began: None,
        }
    }

    /// The session's id.
    pub(super) fn request(&self) -> RequestId {
        self.settlement.request()
    }

    /// The public name of the model.
    pub(super) fn model(&self) -> Arc<str> {
        Arc::clone(self.settlement.model())
    }

    /// The caller sent this.
    pub(super) fn sent(&mut self, event: &ClientEvent) {
        self.reader.sent(event);
    }

    /// Whether a response is under way, or was asked for.
    pub(super) fn is_responding(&self) -> bool {
        self.reader.is_responding()
    }

    /// Whether some budget has no room for another response.
    pub(super) fn are_used_up(&self) -> bool {
        self.settlement.is_used_up()
    }

    /// Reads an event of the vendor and books what it says; `true` if something was booked.
    pub(super) fn heard(&mut self, event: &[u8]) -> bool {
        let is_booked = match self.reader.push(event, &self.upstream_model) {
            Noticed::Nothing => false,
            Noticed::Done(turn) => {
                let began = self.began.take();
                self.settlement.turn(Outcome::Complete, &turn, began);
                true
            }
            Noticed::Transcribed(turn, by) => {
                self.settlement.transcript(&turn, by);
                true
            }
        };
        if self.reader.is_responding() {
            self.began.get_or_insert_with(clock::mono);
        }
        is_booked
    }

    /// Books what is under way, and the session itself.
    pub(super) fn close(mut self, outcome: Outcome) {
        self.break_off(outcome);
        self.settlement.end_stream(outcome, Observed::default());
    }

    fn break_off(&mut self, outcome: Outcome) {
        // The caller may have said its goodbye in the midst of an answer.
        let outcome = match outcome {
            Outcome::Complete => Outcome::ClientGone,
            other => other,
        };
        for turn in self.reader.broken() {
            self.settlement.turn(outcome, &turn, self.began);
        }
    }
}

impl Drop for Books {
    fn drop(&mut self) {
        self.break_off(Outcome::ClientGone);
    }
}
