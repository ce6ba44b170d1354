//! The log of one configuration walked through the routes of another: where the same calls would
//! have gone, and what that would have cost. Nobody is called.
//!
//! The plans are made by the code that plans calls ([`prospect`]), at the log's own time. What
//! becomes of a call at a deployment is taken from the log ([`fate`]); how deployments are follows
//! from that, as it does in the gateway. So calls run side by side in the log's time, and what is
//! held is what runs at once. Sums are in [`tally`].

pub mod fate;
pub mod record;
pub mod tally;

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};
use std::sync::Arc;
use std::time::{Duration, Instant};

use tollward_store::{Entry, KeyId, KeyRecord, Ledger, PageQuery, StoreError};
use tollward_wire::document::Document;
use tollward_wire::fault::Fault;
use tollward_wire::view::RequestView;

use self::fate::{Fate, Fates};
use self::record::{Recorded, Records};
use self::tally::{Ending, Report, Tally, denial};
use crate::pipeline::admit::hints::Hints;
use crate::pipeline::admit::{Admitted, Arrived};
use crate::pipeline::authenticate::Caller;
use crate::pipeline::route::survey::Question;
use crate::pipeline::route::{Asking, Choice, Plan, RouteError, prospect};
use crate::policy::retry::{Situation, Verdict, decide};
use crate::snapshot::route::Group;
use crate::snapshot::{Deployment, RetryTerms, Snapshot};
use crate::upstream::affinity::Affinity;
use crate::upstream::health::{Demand, Flight};

/// Rows that are in memory at once.
const PAGE: u32 = 4_096;
/// No chance in a replay: the middle of what may be drawn.
const DICE: f64 = 0.5;

/// A log on its way through a configuration.
pub struct Replay {
    snapshot: Snapshot,
    /// The keys, for what they may use.
    keys: HashMap<KeyId, Arc<KeyRecord>>,
    affinity: Affinity,
    records: Records,
    fates: Fates,
    tally: Tally,
    /// Time as the decisions see it, and when it was that in the log.
    began: Instant,
    began_ms: Option<i64>,
    /// What happens next to the calls that run, and when.
    due: BinaryHeap<Reverse<(Instant, u64)>>,
    running: HashMap<u64, Running>,
    serial: u64,
}

/// A call that is on its way.
struct Moving {
    call: Recorded,
    plan: Plan,
    /// Who was not asked yet, the next one first.
    left: Vec<Choice>,
    is_turned: bool,
    /// The fallback that the call has come to.
    reached: Option<Arc<Group>>,
    made: u32,
    /// Who was asked and failed.
    failed: Vec<Arc<Deployment>>,
}

fn demand(call: &Recorded, input: u64) -> Demand {
    Demand {
        operation: call.operation,
        input,
        is_stream: call.is_stream,
    }
}

/// An attempt that runs.
struct Running {
    moving: Box<Moving>,
    deployment: Arc<Deployment>,
    flight: Flight,
    fate: Fate,
    is_answered: bool,
}

impl Replay {
    /// Nothing was walked yet. `began` is when the state of `snapshot` began; only calls of the model
    /// `only` are counted, though all are walked: they share deployments.
    pub fn new(
        snapshot: Snapshot,
        keys: impl IntoIterator<Item = KeyRecord>,
        began: Instant,
        only: Option<&str>,
    ) -> Self {
        let keys = keys.into_iter().map(|key| (key.id, Arc::new(key)));
        Self {
            tally: Tally::new(&snapshot, only, began),
            snapshot,
            keys: keys.collect(),
            affinity: Affinity::default(),
            records: Records::default(),
            fates: Fates::default(),
            began,
            began_ms: None,
            due: BinaryHeap::new(),
            running: HashMap::new(),
            serial: 0,
        }
    }

    /// What comes of all calls that came from `since_ms` to `until_ms`, in Unix milliseconds, page
    /// by page. `progress` hears how many rows were walked.
    ///
    /// # Errors
    /// The ledger cannot be read.
    pub async fn read(
        mut self,
        ledger: &dyn Ledger,
        (since_ms, until_ms): (i64, i64),
        mut progress: impl FnMut(u64),
    ) -> Result<Report, StoreError> {
        let mut query = PageQuery {
            since_ms,
            until_ms,
            after: None,
            limit: PAGE,
        };
        let mut rows = 0;
        loop {
            let page = ledger.page(&query).await?;
            let Some(last) = page.last() else { break };
            query.after = Some((last.request, last.attempt));
            rows += page.len() as u64;
            for entry in page {
                self.walk(entry);
            }
            progress(rows);
        }
        Ok(self.report())
    }

    /// Walks the next row of the log; they come in the order in which requests came.
    fn walk(&mut self, entry: Entry) {
        if let Some(call) = self.records.add(entry) {
            self.call(call);
        }
    }

    /// What came of it, once all rows were walked.
    fn report(mut self) -> Report {
        if let Some(call) = self.records.last() {
            self.call(call);
        }
        while let Some(Reverse((at, serial))) = self.due.pop() {
            self.happens(at, serial);
        }
        self.tally.report(self.records.left_out)
    }

    /// The time in the log as decisions see it.
    fn instant(&mut self, at_ms: i64) -> Instant {
        let began_ms = *self.began_ms.get_or_insert(at_ms);
        let passed = u64::try_from(at_ms.saturating_sub(began_ms)).unwrap_or(0);
        self.began + Duration::from_millis(passed)
    }

    fn call(&mut self, call: Recorded) {
        let now = self.instant(call.at_ms);
        while let Some(Reverse((at, serial))) = self.due.peek().copied() {
            if at > now {
                break;
            }
            self.due.pop();
            self.happens(at, serial);
        }
        self.tally.was(&call);
        let admitted = self.admitted(&call, now);
        let planned = self.planned(&admitted, &call, now);
        self.fates.learn(&call);
        match planned {
            Ok(plan) => {
                let left = plan.choices().cloned().collect();
                let moving = Moving {
                    call,
                    plan,
                    left,
                    is_turned: false,
                    reached: None,
                    made: 0,
                    failed: Vec::new(),
                };
                self.go_on(Box::new(moving), None, now);
            }
            Err(error) => {
                let ending = Ending::Denied(denial(error));
                self.tally.would_be(&call, &ending, &[]);
            }
        }
    }

    fn planned(
        &self,
        admitted: &Admitted,
        call: &Recorded,
        now: Instant,
    ) -> Result<Plan, RouteError> {
        let question = Question::new(&self.affinity, admitted, now).kept(&call.decision);
        prospect(&self.snapshot, question, Group::next_turn)?.plan()
    }

    /// The call as it was when it was let in, without what it said.
    fn admitted(&mut self, call: &Recorded, now: Instant) -> Admitted {
        let decision = &call.decision;
        let key = call.key.and_then(|id| self.keys.get(&id));
        if key.is_none() && call.key.is_some() {
            self.tally.stranger(call);
        }
        Admitted {
            request: call.request,
            at_ms: call.at_ms,
            operation: call.operation,
            document: Document::empty(),
            arrived: Arrived::Document,
            betas: None,
            view: RequestView {
                model: call.model.to_string(),
                is_stream: call.is_stream,
                asks_usage: false,
                max_output: Some(decision.max_output).filter(|it| *it > 0),
                choices: decision.choices,
                written: decision.choices,
            },
            hints: Hints {
                tags: decision.tags.clone(),
                ..Hints::default()
            },
            caller: key.map_or(Caller::Open, |key| Caller::Key(Arc::clone(key))),
            client_request_id: None,
            started: now,
        }
    }

    /// The next one is asked, after `fault` if one was asked before.
    fn go_on(&mut self, mut moving: Box<Moving>, fault: Option<Fault>, now: Instant) {
        while !moving.left.is_empty() {
            let choice = moving.left.remove(0);
            let deployment = &choice.deployment;
            // Another model may lead to one that has failed already.
            let has_failed = moving.failed.iter().any(|it| it.id == deployment.id);
            if has_failed || moving.call.is_skipped_by(&deployment.id) {
                continue;
            }
            let terms = self.snapshot.retry.allowance;
            let asking = Asking {
                demand: demand(&moving.call, 0),
                made: moving.made,
                terms,
                now,
            };
            if choice.may_be_asked(&moving.left, asking).is_err() {
                continue;
            }
            deployment.allowance.earn(terms);
            choice.reach(&mut moving.reached);
            moving.made += 1;
            return self.begin(moving, Arc::clone(deployment), now);
        }
        let ending = fault.map_or(Ending::Unasked, Ending::Failed);
        self.tally.would_be(&moving.call, &ending, &moving.failed);
    }

    fn begin(&mut self, moving: Box<Moving>, deployment: Arc<Deployment>, now: Instant) {
        let call = &moving.call;
        let fate = self.fates.of(call, &deployment.id);
        let demand = demand(call, call.decision.tokens);
        let health = &deployment.health;
        let flight = health.begin(deployment.breaker, demand, now);
        let after = fate.head();
        let running = Running {
            moving,
            deployment,
            flight,
            fate,
            is_answered: false,
        };
        self.wait(running, now + after);
    }

    fn wait(&mut self, running: Running, until: Instant) {
        self.serial += 1;
        self.due.push(Reverse((until, self.serial)));
        self.running.insert(self.serial, running);
    }

    /// What an attempt was waiting for has come.
    fn happens(&mut self, now: Instant, serial: u64) {
        let Some(mut running) = self.running.remove(&serial) else {
            return;
        };
        match running.fate {
            Fate::Answers { rest, .. } if !running.is_answered => {
                running.flight.answered(now);
                running.is_answered = true;
                let thread = running.moving.plan.thread;
                if let Some(beginning) = thread.and_then(|it| it.beginning) {
                    self.affinity
                        .remember(beginning, running.deployment.identity);
                }
                self.wait(running, now + rest);
            }
            Fate::Answers { is_cut, .. } => {
                let Moving { call, failed, .. } = &*running.moving;
                match call.usage() {
                    _ if is_cut => {
                        running.flight.failed(Fault::Truncated, None, now, DICE);
                    }
                    Some(usage) => running.flight.used(&usage),
                    None => {}
                }
                let ending = Ending::Answered(Arc::clone(&running.deployment));
                self.tally.would_be(call, &ending, failed);
            }
            Fate::Leaves { .. } => {
                let Moving { call, failed, .. } = &*running.moving;
                let ending = Ending::Left(Arc::clone(&running.deployment));
                self.tally.would_be(call, &ending, failed);
            }
            Fate::Fails { fault, .. } => {
                running.flight.failed(fault, None, now, DICE);
                drop(running.flight);
                self.failed(running.moving, running.deployment, fault, now);
            }
        }
    }

    fn failed(
        &mut self,
        mut moving: Box<Moving>,
        deployment: Arc<Deployment>,
        fault: Fault,
        now: Instant,
    ) {
        moving.failed.push(deployment);
        let detour = moving.plan.detour(fault);
        let has_detour = !moving.is_turned && !detour.is_empty();
        if has_detour {
            moving.is_turned = true;
            moving.left = detour.to_vec();
        }
        let terms: RetryTerms = self.snapshot.retry.with_attempts(moving.plan.attempts);
        let situation = Situation {
            fault,
            attempts_here: 1,
            attempts_left: (terms.extra_attempts + 1).saturating_sub(moving.made),
            has_next: !moving.left.is_empty(),
            has_detour,
            retry_after: None,
            dice: DICE,
        };
        if decide(&situation, &terms.backoff) != Verdict::Next {
            // What would have come of asking the same one again is not in the log.
            moving.left.clear();
        }
        self.go_on(moving, Some(fault), now);
    }
}
