//! The books of one call: every attempt that may be billed, and one final row.
//!
//! A [`Settlement`] is opened when a call has a plan. It ends by value (the
//! answer is complete, or it failed) or by `Drop` (the client left, a panic, a
//! shutdown); in each case exactly one final row goes to the ledger, the
//! metrics and the access log. An attempt that failed but may have been billed
//! gets a row of its own, estimated.

mod again;
mod attempts;
mod cost;
mod course;
mod reservation;
mod turns;
mod used;

use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use tollward_store::{CostSource, Course, Entry, KeyId, NanoUsd, Outcome, RequestId};
use tollward_wire::fault::{Fault, Phase};
use tollward_wire::operation::Operation;
use tollward_wire::usage::Usage;

pub use self::again::{Again, Receipt};
use self::attempts::Open;
pub use self::attempts::{AttemptNumber, unaffordable};
use self::course::Notes;
pub use self::course::Way;
use crate::app::Gateway;
use crate::budgets::Reservation;
use crate::clock;
use crate::http::error::{CLIENT_GONE, DRAINING, code_of_upload, status_of};
use crate::limits::Standing;
use crate::pipeline::admit::places::Slot;
use crate::pipeline::attempt::AttemptError;
use crate::pipeline::authenticate::Caller;
use crate::pipeline::recall::Recalled;
use crate::pipeline::reserve::Spending;
use crate::pipeline::route::Plan;
use crate::pipeline::route::survey::Thread;
use crate::policy::estimate;
use crate::policy::price::{thing_counts, token_counts};
use crate::snapshot::{Deployment, Target};
use crate::telemetry::access::AccessLine;
use crate::upstream::failure::Used;
use crate::upstream::health::Flight;
use crate::upstream::upload::{Upload, UploadError};

/// What was read of an answer.
#[derive(Clone, Copy, Debug, Default)]
pub struct Observed<'a> {
    /// The vendor's count, when it sent one that makes sense.
    pub usage: Option<&'a Usage>,
    /// The vendor counted at the beginning and not again, or not so that it could be believed.
    pub is_usage_partial: bool,
    /// The vendor's last count could not be true (faults U-47).
    pub is_usage_anomalous: bool,
    /// Bytes of text in the answer, for an estimate.
    pub output_bytes: u64,
}

/// What was booked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Booked {
    /// The cost, or `None` when the price is not known.
    pub cost: Option<NanoUsd>,
    /// Where the cost comes from.
    pub source: CostSource,
}

/// A settlement, for the attempts that run side by side.
pub type Books<'a> = Mutex<&'a mut Settlement>;

/// The open books of one call.
pub struct Settlement {
    gateway: Arc<Gateway>,
    call: Call,
    /// What the call may cost, and on whose budgets; nothing if it counts towards none.
    spending: Option<Box<Spending>>,
    is_settled: bool,
    /// The attempts that run: one, or two while a slow one is hedged.
    open: Vec<Open>,
    /// The one that answers, as its deployment's health counts it.
    flight: Option<Flight>,
    /// Who wants to know how it ends.
    receipt: Option<Arc<Receipt>>,
    /// Given back after the books are closed.
    slot: Slot,
}

/// What the final row will say.
struct Call {
    request: RequestId,
    client_request_id: Option<http::HeaderValue>,
    at_ms: i64,
    started: Instant,
    caller: Caller,
    operation: Operation,
    model: Arc<str>,
    /// The conversation, if its turns are kept together.
    thread: Option<Thread>,
    notes: Notes,
    is_stream: bool,
    estimated_input: u64,
    /// The attempt that answers or is the last one: the final row is about it.
    last: Attempt,
    /// Those that began.
    attempts: u32,
    /// Since when there has been an attempt that runs.
    upstream_since: Option<Instant>,
    upstream: Duration,
    first_content: Option<Duration>,
    /// What ended the answer in its midst.
    broken: Option<Fault>,
    /// The code of what was wrong with the rest of the caller's body.
    refusal: Option<&'static str>,
    /// Characters to be read aloud.
    characters: u64,
    upload: Option<Upload>,
    /// The status of a good answer.
    status: u16,
    /// Rows of a session that were written already, one for each response.
    turns: u32,
}

/// One attempt, as its row tells of it.
struct Attempt {
    /// From 1; 0 when nobody was asked.
    number: u32,
    deployment: Arc<Deployment>,
    /// The name of its credential; empty if there was no choice.
    credential: Arc<str>,
    failed: Option<Failed>,
    /// What is held for it, until it is booked.
    reservation: Option<Reservation>,
    /// What it is taken to have cost if its end is not heard, under budgets that want a bound.
    unheard: Option<NanoUsd>,
}

/// How an attempt failed.
struct Failed {
    fault: Fault,
    may_be_billed: bool,
    used: Option<Used>,
    /// Bytes of text that had come.
    output_bytes: u64,
}

impl Settlement {
    /// Opens the books; `slot` stays taken until they are closed.
    pub fn open(
        gateway: &Arc<Gateway>,
        recalled: &Recalled,
        plan: &Plan,
        spending: Option<Box<Spending>>,
        slot: Slot,
    ) -> Self {
        let admitted = &recalled.admitted;
        // What is stored here of a conversation was counted by nobody yet.
        let routed = plan.decision.as_ref().filter(|_| recalled.is_as_written());
        let count = || estimate::input_tokens(admitted.document.bytes());
        let estimated_input = routed.map_or_else(count, |it| it.tokens);
        let call = Call {
            request: admitted.request,
            client_request_id: admitted.client_request_id.clone(),
            at_ms: admitted.at_ms,
            started: admitted.started,
            caller: admitted.caller.clone(),
            operation: admitted.operation,
            model: admitted.view.model.as_str().into(),
            thread: plan.thread,
            notes: Notes::new(plan),
            is_stream: admitted.view.is_stream || admitted.operation == Operation::Realtime,
            estimated_input,
            last: Attempt::of_nobody(plan.first()),
            attempts: 0,
            upstream_since: None,
            upstream: Duration::ZERO,
            first_content: None,
            broken: None,
            refusal: None,
            characters: admitted.characters(),
            upload: admitted.upload().cloned(),
            status: 200,
            turns: 0,
        };
        Self {
            gateway: Arc::clone(gateway),
            call,
            spending,
            is_settled: false,
            open: Vec::new(),
            flight: None,
            receipt: None,
            slot,
        }
    }

    /// The gateway that the call runs in.
    pub fn gateway(&self) -> &Arc<Gateway> {
        &self.gateway
    }

    /// The call's id.
    pub fn request(&self) -> RequestId {
        self.call.request
    }

    /// The public name of the model.
    pub fn model(&self) -> &Arc<str> {
        &self.call.model
    }

    /// Whether the deployment that answers has the conversation in its cache; `None` if the model's
    /// turns are not kept together.
    pub fn affinity(&self) -> Option<&'static str> {
        let thread = self.call.thread?;
        Some(match thread.warm {
            None => "miss",
            Some(warm) if warm == self.call.last.deployment.identity => "hit",
            Some(_) => "repin",
        })
    }

    /// The caller's key, unless the gateway is open.
    pub fn key(&self) -> Option<KeyId> {
        self.call.caller.key().map(|key| key.id)
    }

    /// Whether the embedded engine stands in for others that failed or are left alone.
    pub fn is_degraded(&self) -> bool {
        let deployment = &self.call.last.deployment;
        let is_local = matches!(deployment.target, Target::Local(_));
        is_local && self.call.notes.has_others(&deployment.id)
    }

    /// Tokens that the request has, about.
    pub fn estimated_input(&self) -> u64 {
        self.call.estimated_input
    }

    /// The credential of the last attempt; empty if there was no choice.
    pub fn credential(&self) -> &Arc<str> {
        &self.call.last.credential
    }

    /// How the call came where it is; of several attempts the first failed with `first`.
    pub fn way(&self, first: Option<Fault>) -> Way {
        let attempts = self.call.attempts;
        Way {
            attempts,
            fallback_reason: first.filter(|_| attempts > 1),
            tried: (attempts > 1).then(|| self.call.notes.tried()),
            rule: self.call.notes.rule.clone(),
        }
    }

    /// The bound on output that was sent along because the caller set none.
    pub fn applied_bound(&self) -> Option<u64> {
        self.spending.as_ref()?.applied
    }

    /// How the limits of those above the call stand; `None` if there are none.
    pub fn standing(&self) -> Option<Standing> {
        self.slot.permit.standing()
    }

    /// Time spent in the gateway itself so far; of a stream, until its first content.
    pub fn overhead(&self) -> Duration {
        let streaming = self.call.first_content.filter(|_| self.call.is_stream);
        streaming
            .unwrap_or_else(|| clock::mono().saturating_duration_since(self.call.started))
            .saturating_sub(self.call.upstream)
    }

    /// The client gets this status with the answer, instead of 200.
    pub fn answers_with(&mut self, status: http::StatusCode) {
        self.call.status = status.as_u16();
    }

    /// Books a complete whole answer.
    pub fn complete(mut self, observed: Observed<'_>) -> Booked {
        self.settle(Outcome::Complete, self.call.status, observed)
    }

    /// The answer breaks off in its midst, for that reason; the end is still to be booked.
    pub fn broke_off(&mut self, fault: Fault) {
        self.call.broken = Some(fault);
    }

    /// Books the end of a stream; the first end wins.
    pub fn end_stream(&mut self, outcome: Outcome, observed: Observed<'_>) {
        if !self.is_settled {
            self.settle(outcome, self.call.status, observed);
        }
    }

    /// Books a call that no deployment answered.
    pub fn fail(mut self, error: &mut AttemptError) {
        let first = error.trail.attempts.first();
        error.way = Some(self.way(first.map(|(_, fault)| *fault)));
        // No deployment could be asked.
        self.call
            .last
            .failed
            .get_or_insert(Failed::unbilled(error.fault));
        self.call.refusal = error.upload.as_ref().map(code_of_upload);
        let outcome = match (&error.upload, error.fault) {
            (Some(UploadError::Broken | UploadError::Slow), _) => Outcome::ClientGone,
            (Some(_), _) => Outcome::Refused,
            // Nobody was asked: who could not be, or is left alone, has not failed.
            (None, _) if self.call.attempts == 0 => Outcome::Refused,
            (None, Fault::Timeout(Phase::Idle)) => Outcome::IdleTimeout,
            (None, Fault::Timeout(_)) => Outcome::Deadline,
            (None, _) => Outcome::UpstreamError,
        };
        self.settle(outcome, status_of(error).as_u16(), Observed::default());
    }

    /// Books a call that the shutdown ended before it had an answer.
    pub fn cut(mut self) {
        self.leave();
        self.settle(Outcome::Shutdown, DRAINING.as_u16(), Observed::default());
    }

    fn settle(&mut self, outcome: Outcome, status: u16, observed: Observed<'_>) -> Booked {
        self.is_settled = true;
        let (mut entry, booked) = self
            .call
            .entry(&self.call.last, (outcome, status), observed);
        entry.course = self.call.notes.course();
        self.write(&entry, observed);
        self.learn(&entry);
        let tokens = &entry.tokens;
        self.slot.permit.settle(tokens.input, tokens.output);
        self.call.last.charge(&entry);
        self.land(outcome, observed);
        self.tell(outcome, booked);
        booked
    }

    /// Books a row, counts it and logs it.
    fn write(&self, entry: &Entry, observed: Observed<'_>) {
        self.gateway.book(entry);
        if observed.is_usage_anomalous {
            self.gateway
                .metrics
                .count_usage_anomaly(&self.call.last.deployment);
        }
        self.gateway
            .metrics
            .observe(&self.call.last.deployment, self.call.operation, entry);
        self.gateway.access.write(&AccessLine {
            entry,
            caller: &self.call.caller,
            credential: &self.call.last.credential,
            client_request_id: self.call.client_request_id.as_ref(),
            fault: self.call.fault(),
            overhead: self.overhead(),
        });
    }
}

impl Drop for Settlement {
    fn drop(&mut self) {
        if !self.is_settled {
            // The client left, or something panicked.
            self.leave();
            self.settle(Outcome::ClientGone, CLIENT_GONE, Observed::default());
        }
    }
}

impl Call {
    /// The code of why it failed. A vendor that was cut off because of the caller is not to blame.
    fn fault(&self) -> Option<&'static str> {
        let failed = self.last.failed.as_ref().map(|it| it.fault);
        let fault = failed.or(self.broken).map(Fault::code);
        self.refusal.or(fault)
    }

    /// Whether a vendor had all of the request: half of an upload nobody can answer.
    fn is_request_sent(&self) -> bool {
        self.upload.as_ref().is_none_or(Upload::is_sent)
    }

    /// The row of `attempt`, which ended like that.
    fn entry(
        &self,
        attempt: &Attempt,
        (outcome, status): (Outcome, u16),
        observed: Observed<'_>,
    ) -> (Entry, Booked) {
        let duration = clock::mono().saturating_duration_since(self.started);
        // The hour at which an answer is complete decides its price, where it depends on the hour.
        let complete_ms = self.at_ms.saturating_add(i64::from(millis(duration)));
        let (usage, estimated, priced) = self.used(attempt, outcome, observed, complete_ms / 1_000);
        let booked = Booked {
            cost: priced.cost,
            source: priced.source,
        };
        let entry = Entry {
            request: self.request,
            attempt: attempt.number + self.turns,
            at_ms: self.at_ms,
            key: self.caller.key().map(|key| key.id),
            operation: self.operation.name().into(),
            model: Arc::clone(&self.model),
            provider: Arc::clone(&attempt.deployment.provider),
            deployment: Arc::clone(&attempt.deployment.id),
            upstream_model: Arc::clone(&attempt.deployment.upstream_model),
            attempts: self.attempts,
            status,
            outcome,
            streamed: self.is_stream,
            tokens: token_counts(&usage),
            things: thing_counts(&usage),
            cost: priced.cost,
            cost_source: priced.source,
            saved: None,
            estimated,
            price_id: priced.price_id,
            credential: Some(Arc::clone(&attempt.credential)).filter(|it| !it.is_empty()),
            // The last row tells the rest.
            course: Course {
                rule: self.notes.rule.clone(),
                ..Course::default()
            },
            held: attempt.reservation.as_ref().map(|it| it.held().clone()),
            first_content_ms: self.first_content.map(millis),
            duration_ms: millis(duration),
        };
        (entry, booked)
    }
}

fn millis(duration: Duration) -> u32 {
    u32::try_from(duration.as_millis()).unwrap_or(u32::MAX)
}
