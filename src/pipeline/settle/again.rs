//! The books of a call that is given the answer of another one: one row that costs nothing.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use http::StatusCode;
use tollward_store::{
    CostSource, Course, Entry, NanoUsd, Outcome, RequestId, ThingCounts, TokenCounts,
};
use tollward_wire::operation::Operation;

use super::{Booked, Settlement, millis};
use crate::app::Gateway;
use crate::clock;
use crate::http::error::CLIENT_GONE;
use crate::pipeline::admit::Admitted;
use crate::pipeline::admit::places::Slot;
use crate::pipeline::authenticate::Caller;
use crate::recording::End;
use crate::telemetry::access::{AccessLine, Refusal};

/// How a call ended and what it cost, for somebody who waits for its books to be closed.
#[derive(Default)]
pub struct Receipt(OnceLock<(Outcome, Option<NanoUsd>)>);

impl Receipt {
    /// The books are closed.
    fn fill(&self, outcome: Outcome, cost: Option<NanoUsd>) {
        // The first end is the end.
        let _ = self.0.set((outcome, cost));
    }

    /// How it ended, once it has.
    pub fn end(&self) -> Option<End> {
        let (outcome, cost) = self.0.get()?;
        Some(End::Booked(*outcome, *cost))
    }
}

impl Settlement {
    /// Somebody wants to know how it ends.
    pub fn hand(&mut self, receipt: Option<Arc<Receipt>>) {
        self.receipt = receipt;
    }

    /// It has ended.
    pub(super) fn tell(&self, outcome: Outcome, booked: Booked) {
        if let Some(receipt) = &self.receipt {
            receipt.fill(outcome, booked.cost);
        }
    }
}

/// The open books of a call that another one's answer is given. Dropped, they say that its client left.
pub struct Again {
    gateway: Arc<Gateway>,
    source: CostSource,
    request: RequestId,
    client_request_id: Option<http::HeaderValue>,
    at_ms: i64,
    started: std::time::Instant,
    caller: Caller,
    operation: Operation,
    model: Arc<str>,
    is_stream: bool,
    status: u16,
    is_settled: bool,
    /// Given back after the books are closed.
    slot: Slot,
}

impl Again {
    /// Opens the books of `admitted`; `source` says whose answer it is given.
    pub fn open(
        gateway: &Arc<Gateway>,
        admitted: &Admitted,
        slot: Slot,
        source: CostSource,
    ) -> Self {
        Self {
            gateway: Arc::clone(gateway),
            source,
            request: admitted.request,
            client_request_id: admitted.client_request_id.clone(),
            at_ms: admitted.at_ms,
            started: admitted.started,
            caller: admitted.caller.clone(),
            operation: admitted.operation,
            model: admitted.view.model.as_str().into(),
            is_stream: admitted.view.is_stream,
            status: CLIENT_GONE,
            is_settled: false,
            slot,
        }
    }

    /// The client gets this status.
    pub fn answers_with(&mut self, status: StatusCode) {
        self.status = status.as_u16();
    }

    /// All of the answer was given, which ended like that.
    pub fn settle(&mut self, end: &End) {
        match end {
            End::Booked(outcome, _) => self.book(*outcome, end.cost()),
            End::Refused(code) => self.refuse(code),
            End::Lost => self.book(Outcome::UpstreamError, None),
        }
    }

    /// It was refused, and is no call.
    pub fn refuse(&mut self, code: &str) {
        if std::mem::replace(&mut self.is_settled, true) {
            return;
        }
        self.gateway.refused(&Refusal {
            request: self.request,
            at_ms: self.at_ms,
            operation: self.operation,
            status: StatusCode::from_u16(self.status).unwrap_or(StatusCode::BAD_REQUEST),
            code,
        });
    }

    fn book(&mut self, outcome: Outcome, saved: Option<NanoUsd>) {
        if std::mem::replace(&mut self.is_settled, true) {
            return;
        }
        let duration = clock::mono().saturating_duration_since(self.started);
        let entry = Entry {
            request: self.request,
            attempt: 0,
            at_ms: self.at_ms,
            key: self.caller.key().map(|key| key.id),
            operation: self.operation.name().into(),
            model: Arc::clone(&self.model),
            provider: Arc::from(""),
            deployment: Arc::from(""),
            upstream_model: Arc::from(""),
            attempts: 0,
            status: self.status,
            outcome,
            streamed: self.is_stream,
            tokens: TokenCounts::default(),
            things: ThingCounts::default(),
            cost: Some(NanoUsd::ZERO),
            cost_source: self.source,
            saved,
            estimated: false,
            price_id: None,
            credential: None,
            course: Course::default(),
            held: None,
            first_content_ms: None,
            duration_ms: millis(duration),
        };
        self.gateway.book(&entry);
        // It counts as a call, and has used no tokens.
        self.slot.permit.settle(0, 0);
        self.gateway.access.write(&AccessLine {
            entry: &entry,
            caller: &self.caller,
            credential: "",
            client_request_id: self.client_request_id.as_ref(),
            fault: None,
            overhead: Duration::ZERO,
        });
    }
}

impl Drop for Again {
    fn drop(&mut self) {
        self.book(Outcome::ClientGone, None);
    }
}
