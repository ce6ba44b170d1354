//! Rows of the ledger → calls that can be walked again.
//!
//! A call may have several rows: one for each attempt that may have been billed, one for each
//! response of a session, and a last one, which says what routing saw of it.

use std::sync::Arc;
use std::time::Duration;

use serde::Serialize;
use tollward_store::{CostSource, Entry, KeyId, Outcome, RequestId};
use tollward_wire::fault::Fault;
use tollward_wire::operation::Operation;
use tollward_wire::usage::{ReportedCost, Things, Usage};

use crate::policy::decision::Decision;

/// One call, as the ledger has it.
#[derive(Debug)]
pub struct Recorded {
    /// Its id.
    pub request: RequestId,
    /// When it came, in Unix milliseconds.
    pub at_ms: i64,
    /// The caller's key.
    pub key: Option<KeyId>,
    /// What was asked.
    pub operation: Operation,
    /// The public name asked for.
    pub model: Arc<str>,
    /// Whether the answer was to be streamed.
    pub is_stream: bool,
    /// What routing saw of the request.
    pub decision: Decision,
    /// What became of each deployment that came to be asked, in order.
    steps: Vec<(Box<str>, Step)>,
    /// Its rows; the last one is the call's own.
    rows: Vec<Entry>,
}

/// What became of a deployment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// It answered.
    Answered,
    /// It failed.
    Failed(Fault),
    /// It cannot be asked such a thing.
    Skipped,
}

/// Rows that are no call that can be walked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct LeftOut {
    /// Calls whose row does not say what routing saw: made by a release that did not keep it yet, or
    /// not at their end yet.
    pub undecided: u64,
    /// Calls whose row was written by a newer release.
    pub unreadable: u64,
    /// Calls that were asked of no model, or were given the answer of another one.
    pub unrouted: u64,
}

/// One for streams and one for whole answers, whose times are not alike.
#[derive(Clone, Debug, Default)]
pub(super) struct Kinds<T> {
    pub(super) streams: T,
    pub(super) wholes: T,
}

impl<T> Kinds<T> {
    /// That of `call`.
    pub(super) fn of(&self, call: &Recorded) -> &T {
        if call.is_stream {
            &self.streams
        } else {
            &self.wholes
        }
    }

    /// The same, to be changed.
    pub(super) fn of_mut(&mut self, call: &Recorded) -> &mut T {
        if call.is_stream {
            &mut self.streams
        } else {
            &mut self.wholes
        }
    }

    /// Both.
    pub(super) fn both(&self) -> [&T; 2] {
        [&self.streams, &self.wholes]
    }
}

/// Rows on their way to calls.
#[derive(Debug, Default)]
pub struct Records {
    /// Rows of the request that is being read.
    rows: Vec<Entry>,
    /// What cannot be walked.
    pub left_out: LeftOut,
}

impl Records {
    /// The next row; the call before it if that is whole now.
    pub fn add(&mut self, entry: Entry) -> Option<Recorded> {
        let is_same = self
            .rows
            .last()
            .is_none_or(|it| it.request == entry.request);
        let whole = if is_same { None } else { self.last() };
        self.rows.push(entry);
        whole
    }

    /// The call of the rows that were read.
    pub fn last(&mut self) -> Option<Recorded> {
        let rows = std::mem::take(&mut self.rows);
        let last = rows.last()?;
        let is_given = matches!(last.cost_source, CostSource::Replayed | CostSource::Cached);
        if is_given || last.operation == Operation::Passthrough.name() {
            self.left_out.unrouted += 1;
            return None;
        }
        let Some(decision) = &last.course.decision else {
            self.left_out.undecided += 1;
            return None;
        };
        let mut operations = Operation::ALL.into_iter();
        let operation = operations.find(|it| it.name() == last.operation);
        let (Some(decision), Some(operation)) = (Decision::parse(decision), operation) else {
            self.left_out.unreadable += 1;
            return None;
        };
        Some(Recorded {
            request: last.request,
            at_ms: last.at_ms,
            key: last.key,
            operation,
            model: Arc::clone(&last.model),
            is_stream: last.streamed,
            decision,
            steps: steps(last),
            rows,
        })
    }
}

/// What a row says of each deployment.
fn steps(row: &Entry) -> Vec<(Box<str>, Step)> {
    let Some(tried) = &row.course.tried else {
        // One was asked once and answered.
        let is_asked = row.attempts > 0;
        let answered = is_asked.then(|| (Box::from(&*row.deployment), Step::Answered));
        return answered.into_iter().collect();
    };
    let read = |text: &str| {
        let (deployment, word) = text.rsplit_once(':')?;
        let step = match word {
            "ok" => Step::Answered,
            "skipped" => Step::Skipped,
            // Whatever else stands there was not asked.
            word => Step::Failed(Fault::from_code(word)?),
        };
        Some((Box::from(deployment), step))
    };
    tried.split(',').filter_map(read).collect()
}

impl Recorded {
    /// The call's own row.
    fn row(&self) -> Option<&Entry> {
        self.rows.last()
    }

    /// Who was asked last, if anybody was.
    pub fn deployment(&self) -> Option<&Arc<str>> {
        let row = self.row().filter(|it| it.attempts > 0)?;
        Some(&row.deployment)
    }

    /// Its rows, and what each of them used.
    pub fn rows(&self) -> impl Iterator<Item = (&Entry, Usage)> {
        self.rows.iter().map(|row| (row, usage(row)))
    }

    /// What the whole answer used, if there was one and somebody counted.
    pub fn usage(&self) -> Option<Usage> {
        let row = self.row()?;
        (row.outcome == Outcome::Complete && !row.estimated).then(|| usage(row))
    }

    /// What became of the deployment of that id, in the end.
    pub fn step(&self, deployment: &str) -> Option<Step> {
        let mut steps = self.steps.iter().rev();
        let found = steps.find(|(id, _)| **id == *deployment)?;
        Some(found.1)
    }

    /// Who was asked, and what became of them.
    pub fn steps(&self) -> impl Iterator<Item = (&str, Step)> {
        self.steps.iter().map(|(id, step)| (&**id, *step))
    }

    /// Whether the deployment of that id cannot be asked such a thing.
    pub fn is_skipped_by(&self, deployment: &str) -> bool {
        self.step(deployment) == Some(Step::Skipped)
    }

    /// Whether somebody answered, or began to.
    pub fn is_answered(&self) -> bool {
        self.steps.iter().any(|(_, step)| *step == Step::Answered)
    }

    /// Whether the answer broke off.
    pub fn is_cut(&self) -> bool {
        self.row().is_some_and(|row| match row.outcome {
            Outcome::UpstreamError | Outcome::IdleTimeout => self.is_answered(),
            Outcome::Complete
            | Outcome::ClientGone
            | Outcome::Deadline
            | Outcome::Shutdown
            | Outcome::Refused
            | Outcome::Abandoned
            | Outcome::Recovered => false,
        })
    }

    /// The time to the first content, of a call whose first attempt answered.
    pub fn first_content_ms(&self) -> Option<u32> {
        let row = self.row().filter(|it| it.attempts == 1)?;
        row.first_content_ms
    }

    /// The time of one attempt to its first content or its failure, and what was left of the call
    /// then: of several attempts, which have no times of their own, each is taken to be as long.
    pub fn times(&self) -> (Duration, Duration) {
        let Some(row) = self.row() else {
            return (Duration::ZERO, Duration::ZERO);
        };
        let whole = Duration::from_millis(row.duration_ms.into());
        let first = row.first_content_ms.unwrap_or(row.duration_ms);
        let first = Duration::from_millis(first.into());
        (first / row.attempts.max(1), whole.saturating_sub(first))
    }

    /// When it ended, in Unix seconds: that decides its price, where it depends on the hour.
    pub fn ended_unix_s(&self) -> i64 {
        let took = self.row().map_or(0, |row| i64::from(row.duration_ms));
        self.at_ms.saturating_add(took) / 1_000
    }
}

/// What a row says was used. Of what the ledger does not keep, nothing.
fn usage(row: &Entry) -> Usage {
    let (tokens, things) = (&row.tokens, &row.things);
    let told = row.cost.filter(|_| row.cost_source == CostSource::Provider);
    Usage {
        input: tokens.input,
        cache_read: tokens.cache_read,
        cache_write: tokens.cache_write,
        audio_input: tokens.audio_input,
        output: tokens.output,
        reasoning: tokens.reasoning,
        audio_output: tokens.audio_output,
        things: Things {
            images: things.images,
            input_ms: things.input_ms,
            characters: things.characters,
            ..Things::default()
        },
        reported_cost: told.map(|cost| ReportedCost {
            charged: cost.to_decimal().into(),
            behind: None,
        }),
        ..Usage::default()
    }
}
