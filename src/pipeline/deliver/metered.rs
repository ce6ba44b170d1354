//! The body of a stream, which meters and settles itself.
//!
//! [`Metered`] passes the upstream's bytes on, looks at them as they go by, and
//! books before the last of them leaves. There is no task and no channel per
//! stream; back-pressure is the client's socket.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use bytes::Bytes;
use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use http_body::{Body, Frame};
use tokio::time::Sleep;
use tokio_util::sync::WaitForCancellationFutureOwned;
use tollward_store::Outcome;
use tollward_wire::error_body::ErrorBody;
use tollward_wire::fault::{Fault, Phase};
use tollward_wire::reader::{Farewell, Seen, StreamEnd};
use tollward_wire::segments::Segments;
use tollward_wire::translate::AnswerReader;

use super::told::Teller;
use crate::clock;
use crate::http::error::stream_error;
use crate::pipeline::settle::{Observed, Settlement};
use crate::policy::bound::OutputBound;
use crate::responses::{Keepsake, word};
use crate::snapshot::Deployment;
use crate::upstream::coding::BodyError;
use crate::upstream::exchange::{self, UpstreamBody};

/// Time limits of a running stream.
pub(super) struct Limits {
    /// Between two pieces.
    pub(super) idle: Duration,
    /// When the call ends, whatever comes.
    pub(super) deadline: Instant,
    /// Silence of ours after which the client is told that its stream is alive; nothing: never.
    pub(super) keep_alive: Duration,
    /// How long the answer may be, if the caller says so.
    pub(super) output: Option<OutputBound>,
}

/// How long the upstream's end of body is waited for after its `[DONE]`.
const LINGER: Duration = Duration::from_millis(250);

/// Bytes that are collected before they are handed out together.
const GATHER_BYTES: usize = 16 * 1024;

/// One read of the upstream's socket may hold many events, and its task hands them
/// over one by one. It gets so many turns of the scheduler to bring the next one
/// before what came is written: a write costs more than all of them.
const TURNS: u8 = 2;

/// A stream on its way to the client.
pub struct Metered {
    rest: UpstreamBody,
    reader: AnswerReader,
    settlement: Settlement,
    ready: Segments,
    limits: Limits,
    /// The last time that the upstream was heard; once the stream has ended, when it did.
    heard: Instant,
    /// The last time that the client was told anything.
    told: Instant,
    /// Wakes us to look at the limits; armed once and moved only when it fires, not at each chunk.
    alarm: Option<Pin<Box<Sleep>>>,
    /// In a set, which polls it only when it was woken, and not at each chunk.
    draining: FuturesUnordered<WaitForCancellationFutureOwned>,
    state: State,
    /// Pieces that are being handed out, in the upstream's own cuts.
    outgoing: <Segments as IntoIterator>::IntoIter,
    /// Turns that the upstream's task still gets before what is ready is written.
    turns: u8,
    /// What is known of the response, if a caller may go on from it, and who answers.
    keepsake: Option<Box<(Keepsake, Arc<Deployment>)>>,
    /// Tells what the answer costs, to who wants to know.
    teller: Option<Box<Teller>>,
    /// The answer failed in the middle and has no place to say so: the connection has to.
    is_broken: bool,
}

/// The answer broke off, and the client is to see that it did.
#[derive(Debug, thiserror::Error)]
#[error("the answer broke off")]
pub struct BrokenOff;

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    /// Bytes are passed on.
    Flowing,
    /// Complete. The upstream's last bytes are read, for usage that comes late and
    /// so that its connection can be used again.
    Ended,
    /// Nothing more comes.
    Closed,
}

impl Metered {
    pub(super) fn new(
        mut stream: exchange::Committed,
        settlement: Settlement,
        limits: Limits,
        mut teller: Option<Box<Teller>>,
    ) -> Self {
        if let Some(teller) = &mut teller {
            // All of it may have come with its first content.
            teller.tell(&stream.reader, &settlement, &mut stream.ready, 0);
        }
        let gateway = settlement.gateway();
        gateway.metrics.streams.inc();
        let draining = FuturesUnordered::from_iter([gateway.cut_calls.clone().cancelled_owned()]);
        let now = clock::mono();
        let mut metered = Self {
            rest: stream.rest,
            reader: stream.reader,
            settlement,
            // The first content does not wait for more.
            outgoing: stream.ready.into_iter(),
            turns: 0,
            ready: Segments::default(),
            limits,
            heard: now,
            told: now,
            alarm: None,
            draining,
            state: State::Flowing,
            keepsake: None,
            teller,
            is_broken: false,
        };
        metered.note(stream.last);
        metered
    }

    /// Has the response stored when it is complete, if it is one that we write; else it is
    /// remembered that `deployment` has it.
    pub(super) fn keeping(
        mut self,
        keepsake: Option<Keepsake>,
        deployment: &Arc<Deployment>,
    ) -> Self {
        self.keepsake = keepsake.map(|it| Box::new((it, Arc::clone(deployment))));
        match (&self.reader, self.state) {
            (_, State::Flowing) => {}
            // All of it may have come with its first content.
            (AnswerReader::Relay(_) | AnswerReader::Media(_), _)
            | (AnswerReader::Translate(_), State::Ended) => self.keep(),
            (AnswerReader::Translate(_), State::Closed) => {}
        }
        // So may too much of it.
        self.check_bound();
        self
    }

    /// Hands a complete answer over to be stored. Its last bytes have not left: who has them may go on from it.
    fn keep(&mut self) {
        self.remember();
        let Some(kept) = self.keepsake.take() else {
            return;
        };
        let responses = &self.settlement.gateway().responses;
        match (kept.0, self.reader.take_collected()) {
            (keepsake, Some(answer)) => responses.keep(keepsake, answer),
            (Keepsake { turn: Some(_), .. }, None) => responses.lose(),
            (Keepsake { turn: None, .. }, None) => {}
        }
    }

    /// Has it remembered who has a response that is relayed, complete or not: the vendor keeps it either way.
    fn remember(&mut self) {
        let Some(named) = self.reader.named() else {
            return;
        };
        if let Some(kept) = self.keepsake.take() {
            let (keepsake, deployment) = &*kept;
            let responses = &self.settlement.gateway().responses;
            responses.remember(keepsake, &deployment.id, named);
        }
    }

    /// Books the end of the stream.
    fn end(&mut self, outcome: Outcome) {
        self.remember();
        let observed = Observed {
            usage: self.reader.usage(),
            is_usage_partial: !self.reader.usage_is_final(),
            is_usage_anomalous: self.reader.usage_anomaly(),
            output_bytes: self.reader.output_bytes(),
        };
        self.settlement.end_stream(outcome, observed);
        self.state = State::Ended;
    }

    /// Takes note of the end; books it unless the usage may still come (faults U-49).
    fn complete(&mut self) {
        self.state = State::Ended;
        self.keep();
        // A count from before the last words may still be followed by the last one (faults U-49).
        if self.reader.usage().is_some() && self.reader.usage_is_final() {
            self.end(Outcome::Complete);
        }
    }

    /// Tells the client that the stream is broken, and books. The upstream is dropped with us.
    fn fail(&mut self, outcome: Outcome, fault: Fault, error: Option<ErrorBody>) {
        self.settlement.broke_off(fault);
        self.end(outcome);
        let error = stream_error(fault, error);
        match self.reader.error_event(fault, &error) {
            Some(event) => self.ready.push(event),
            None => self.is_broken = true,
        }
        self.state = State::Closed;
    }

    /// Goes where one read leads.
    fn note(&mut self, seen: Seen) {
        match seen {
            Seen::Nothing | Seen::Content => {}
            Seen::End if self.state == State::Flowing => self.complete(),
            Seen::End => {}
            Seen::Fault(found) if self.state == State::Flowing => {
                self.fail(Outcome::UpstreamError, found.fault, found.error);
            }
            Seen::Fault(_) => self.state = State::Closed,
        }
    }

    /// Takes what the upstream said.
    fn take(&mut self, heard: Option<Result<Frame<Bytes>, BodyError>>) {
        match heard {
            Some(Ok(frame)) => {
                let Ok(chunk) = frame.into_data() else { return };
                if self.state == State::Flowing {
                    self.heard = clock::mono();
                    // An upstream that never falls silent meets this limit here.
                    if self.heard >= self.limits.deadline {
                        let met = Fault::Timeout(Phase::Total);
                        return self.fail(Outcome::Deadline, met, None);
                    }
                }
                let from = self.ready.pieces();
                let seen = self.reader.push(chunk, &mut self.ready);
                self.tell_cost(from);
                self.note(seen);
                self.check_bound();
            }
            _ if self.state == State::Ended => self.state = State::Closed,
            Some(Err(error)) => self.fail(Outcome::UpstreamError, error.fault(), None),
            None => match self.finish() {
                StreamEnd::Complete | StreamEnd::MissingDone => {
                    self.keep();
                    self.end(Outcome::Complete);
                    self.state = State::Closed;
                }
                StreamEnd::Incomplete => self.fail(Outcome::UpstreamError, Fault::Incomplete, None),
                StreamEnd::Failed(found) => {
                    self.fail(Outcome::UpstreamError, found.fault, found.error);
                }
                StreamEnd::Truncated => self.fail(Outcome::UpstreamError, Fault::Truncated, None),
            },
        }
    }

    /// Takes note of the end of the upstream's body.
    fn finish(&mut self) -> StreamEnd {
        let from = self.ready.pieces();
        let end = self.reader.finish(&mut self.ready);
        self.tell_cost(from);
        end
    }

    /// Tells what the answer costs where it has just told its usage, from the piece number `from` on.
    fn tell_cost(&mut self, from: usize) {
        if let Some(teller) = &mut self.teller {
            teller.tell(&self.reader, &self.settlement, &mut self.ready, from);
        }
    }

    /// Ends an answer that is certainly longer than its caller wants it, because the vendor ignores the bound and
    /// each further word is paid for (faults U-59), or than its budgets have room for.
    fn check_bound(&mut self) {
        if self.state != State::Flowing {
            return;
        }
        let is_overrun = self.is_overrun();
        if !is_overrun && !self.settlement.outgrows(self.reader.output_bytes()) {
            return;
        }
        let farewell = Farewell {
            id: &word(self.settlement.request()),
            created: u64::try_from(clock::unix_ms() / 1_000).unwrap_or(0),
            model: self.settlement.model(),
        };
        if self.reader.cut(&farewell, &mut self.ready) {
            if is_overrun {
                self.settlement.overran();
            }
            self.keep();
            self.end(Outcome::Complete);
            self.state = State::Closed;
        }
    }

    /// Whether the answer is certainly longer than its caller wants it.
    fn is_overrun(&self) -> bool {
        let Some(bound) = self.limits.output else {
            return false;
        };
        let usage = self.reader.usage();
        let counted = usage.map(|it| it.output.saturating_sub(it.reasoning));
        bound.is_passed(self.reader.words_bytes(), counted)
    }

    fn hand_out(&mut self) {
        self.told = self.told.max(self.heard);
        self.outgoing = std::mem::take(&mut self.ready).into_iter();
    }

    /// Waits a moment for the upstream's end of body: the client has everything,
    /// but a connection that was read to its end can be used again.
    fn linger(
        &mut self,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BrokenOff>>> {
        let until = self.heard + LINGER;
        let alarm = self
            .alarm
            .get_or_insert_with(|| Box::pin(tokio::time::sleep_until(until.into())));
        if alarm.deadline() != until.into() {
            alarm.as_mut().reset(until.into());
        }
        alarm.as_mut().poll(context).map(|()| None)
    }

    /// Looks at the limits while the upstream is silent, and breaks our own silence in time.
    fn check_limits(&mut self, context: &mut Context<'_>) {
        if let Poll::Ready(Some(())) = self.draining.poll_next_unpin(context) {
            return self.fail(Outcome::Shutdown, Fault::Cancelled, None);
        }
        loop {
            let now = clock::mono();
            let end = (self.heard + self.limits.idle).min(self.limits.deadline);
            if now >= end {
                return if now >= self.limits.deadline {
                    self.fail(Outcome::Deadline, Fault::Timeout(Phase::Total), None);
                } else {
                    self.fail(Outcome::IdleTimeout, Fault::Timeout(Phase::Idle), None);
                };
            }
            let every = self.limits.keep_alive;
            if !every.is_zero() && now >= self.told + every {
                self.told = now;
                self.ready.push(self.reader.keep_alive());
            }
            let until = match every {
                Duration::ZERO => end,
                every => end.min(self.told + every),
            };
            let alarm = self
                .alarm
                .get_or_insert_with(|| Box::pin(tokio::time::sleep_until(until.into())));
            if alarm.as_mut().poll(context).is_pending() {
                return;
            }
            alarm.as_mut().reset(until.into());
        }
    }
}

impl Body for Metered {
    type Data = Bytes;
    type Error = BrokenOff;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        let this = &mut *self;
        loop {
            if let Some(bytes) = this.outgoing.next() {
                return Poll::Ready(Some(Ok(Frame::data(bytes))));
            }
            if this.ready.len() >= GATHER_BYTES {
                this.hand_out();
                continue;
            }
            match this.state {
                State::Closed if this.ready.is_empty() && this.is_broken => {
                    this.is_broken = false;
                    return Poll::Ready(Some(Err(BrokenOff)));
                }
                State::Closed if this.ready.is_empty() => return Poll::Ready(None),
                State::Closed => this.hand_out(),
                // An upstream that goes on after its end is not listened to for longer.
                State::Ended if clock::mono() >= this.heard + LINGER => this.state = State::Closed,
                State::Ended => match Pin::new(&mut this.rest).poll_frame(context) {
                    Poll::Ready(heard) => {
                        // Of what follows `[DONE]` the reader passes on the rest of its line end, and nothing else.
                        this.take(heard);
                    }
                    Poll::Pending if this.ready.is_empty() => return this.linger(context),
                    Poll::Pending => this.hand_out(),
                },
                State::Flowing => match Pin::new(&mut this.rest).poll_frame(context) {
                    Poll::Ready(heard) => {
                        this.take(heard);
                        this.turns = TURNS;
                    }
                    Poll::Pending if !this.ready.is_empty() && this.turns > 0 => {
                        this.turns -= 1;
                        context.waker().wake_by_ref();
                        return Poll::Pending;
                    }
                    Poll::Pending if !this.ready.is_empty() => this.hand_out(),
                    Poll::Pending => {
                        this.check_limits(context);
                        if this.state == State::Flowing && this.ready.is_empty() {
                            return Poll::Pending;
                        }
                    }
                },
            }
        }
    }
}

impl Drop for Metered {
    fn drop(&mut self) {
        // SDKs close right after `[DONE]`: that is no disconnect.
        self.end(match self.state {
            State::Flowing => Outcome::ClientGone,
            State::Ended | State::Closed => Outcome::Complete,
        });
        self.settlement.gateway().metrics.streams.dec();
    }
}
