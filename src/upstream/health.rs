//! How a deployment is: whether it fails, how busy and how fast it is, what calls of it use.
//!
//! One [`Health`] belongs to a deployment for as long as the process runs, over reloads and over
//! all routes that lead to it. Every attempt is a [`Flight`]: it counts as busy until it is dropped,
//! and says once how it went. What follows from that is in `policy/`.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use tollward_wire::fault::{Fault, Phase};
use tollward_wire::operation::Operation;
use tollward_wire::usage::Usage;

use crate::policy::breaker::{Breaker, BreakerTerms, Circuit, Spell};
use crate::policy::canary::{Canary, CanaryTerms};
use crate::policy::latency::Latency;
use crate::policy::learned::Learned;
use crate::policy::obstacle::Obstacle;
use crate::policy::probing::{News, ProbeTerms, Probing, Told};
use crate::policy::routing::WHOLE;

/// How long a deployment rests that said that it is overloaded, and not how long.
const OVERLOADED: Duration = Duration::from_secs(5);
/// The same of one that said that it is asked too often.
const LIMITED: Duration = Duration::from_secs(1);
/// How long one is asked last that does not know its model.
const MISSING: Duration = Duration::from_secs(60);
/// No vendor can send us away for longer.
pub const LONGEST_REST: Duration = Duration::from_secs(5 * 60);
/// Between two calls that go to a resting deployment because there is no other.
const BETWEEN_FORCED: Duration = Duration::from_secs(1);

/// How a deployment is.
#[derive(Default)]
pub struct Health {
    in_flight: AtomicU32,
    is_drained: AtomicBool,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    breaker: Breaker,
    canary: Canary,
    probing: Probing,
    resting: Option<Rest>,
    /// The same for one operation only, of which it does not know the model.
    missing: Option<(Operation, Rest)>,
    /// The time to the first content of streams and of whole answers.
    latencies: [Latency; 2],
    learned: Learned,
    forced: Option<Instant>,
}

/// What is asked of a deployment.
#[derive(Clone, Copy, Debug)]
pub struct Demand {
    /// What it is to do.
    pub operation: Operation,
    /// Tokens that it is given, about.
    pub input: u64,
    /// The answer is to be streamed.
    pub is_stream: bool,
}

impl Demand {
    /// A chat with `input` tokens.
    pub fn chat(input: u64, is_stream: bool) -> Self {
        Self {
            operation: Operation::Chat,
            input,
            is_stream,
        }
    }
}

/// A time in which it is left alone.
struct Rest {
    said: Instant,
    until: Instant,
    fault: Fault,
    is_asked: bool,
}

impl State {
    /// What calls are let through, by what they have found out and by what was asked without one.
    fn circuit(&self, terms: &BreakerTerms, now: Instant) -> Circuit {
        match (self.breaker.circuit(terms, now), self.probing.hold(now)) {
            (circuit, None) => circuit,
            (Circuit::Open(left), Some(hold)) => Circuit::Open(left.max(hold)),
            (Circuit::Closed(_) | Circuit::Trying, Some(hold)) => Circuit::Open(hold),
        }
    }

    fn latency(&mut self, is_stream: bool) -> &mut Latency {
        let [streams, wholes] = &mut self.latencies;
        if is_stream { streams } else { wholes }
    }
}

/// How a deployment is at one moment.
#[derive(Clone, Copy, Debug)]
pub struct Vitals {
    /// What its circuit lets through.
    pub circuit: Circuit,
    /// It is left alone though its circuit is closed.
    pub resting: Option<Resting>,
    /// Attempts that run.
    pub in_flight: u32,
    /// Microseconds to the first content of the call that was asked about.
    pub first_content_us: Option<u64>,
    /// What calls of it use.
    pub learned: Learned,
}

impl Vitals {
    /// Thousandths of its weight that it has now.
    pub fn share(&self) -> u32 {
        match self.circuit {
            Circuit::Closed(share) => share,
            Circuit::Trying | Circuit::Open(_) => WHOLE,
        }
    }

    /// Why it should be left alone for now.
    pub fn obstacle(&self) -> Option<Obstacle> {
        if let Circuit::Open(left) = self.circuit {
            return Some(Obstacle::Broken(left));
        }
        let Resting {
            left,
            fault,
            is_asked,
        } = self.resting?;
        Some(Obstacle::Resting(left, fault, is_asked))
    }
}

/// Why a deployment is left alone that works.
#[derive(Clone, Copy, Debug)]
pub struct Resting {
    /// For how long.
    pub left: Duration,
    /// What it said.
    pub fault: Fault,
    /// It asked for it, and for so long.
    pub is_asked: bool,
}

/// One attempt.
pub struct Flight {
    health: Arc<Health>,
    terms: BreakerTerms,
    canary: Option<CanaryTerms>,
    spell: Spell,
    began: Instant,
    demand: Demand,
    is_told: bool,
    is_good: bool,
}

impl Health {
    /// How it is at `now` for a call.
    pub fn at(&self, now: Instant, terms: &BreakerTerms, demand: Demand) -> Vitals {
        let state = self.state.lock();
        let concerns = |it: &&(Operation, Rest)| it.0 == demand.operation;
        let missing = state
            .missing
            .as_ref()
            .filter(concerns)
            .map(|(_, rest)| rest);
        let rests = state.resting.iter().chain(missing);
        let rests = rests.map(|rest| Resting {
            left: rest.until.saturating_duration_since(now),
            fault: rest.fault,
            is_asked: rest.is_asked,
        });
        let resting = rests.max_by_key(|it| it.left);
        let resting = resting.filter(|it| !it.left.is_zero());
        let [streams, wholes] = &state.latencies;
        let latency = if demand.is_stream { streams } else { wholes };
        Vitals {
            circuit: state.circuit(terms, now),
            resting,
            in_flight: self.in_flight.load(Ordering::Relaxed),
            first_content_us: latency.expected_us(demand.input, now),
            learned: state.learned,
        }
    }

    /// An attempt begins.
    pub fn begin(self: &Arc<Self>, terms: BreakerTerms, demand: Demand, now: Instant) -> Flight {
        self.in_flight.fetch_add(1, Ordering::Relaxed);
        Flight {
            health: Arc::clone(self),
            terms,
            canary: None,
            spell: self.state.lock().breaker.begin(now),
            began: now,
            demand,
            is_told: false,
            is_good: false,
        }
    }

    /// Whether a call may go there at `now` though it rests: one a second, lest it rest for ever.
    pub fn may_force(&self, now: Instant) -> bool {
        let mut state = self.state.lock();
        let is_due = state
            .forced
            .is_none_or(|last| now.saturating_duration_since(last) >= BETWEEN_FORCED);
        if is_due {
            state.forced = Some(now);
        }
        is_due
    }

    /// Whether it is to be asked how it is at `now`; it then is. `dice` is a uniform draw from `[0, 1)`.
    pub fn begin_probe(&self, terms: &ProbeTerms, now: Instant, dice: f64) -> bool {
        let mut state = self.state.lock();
        let circuit = state.breaker.stage();
        !self.is_drained() && state.probing.begin(terms, circuit, now, dice)
    }

    /// It was asked how it is, and told that; what has changed for calls.
    pub fn probed(&self, told: Told, terms: &ProbeTerms, now: Instant, dice: f64) -> News {
        let mut state = self.state.lock();
        let at = (terms, state.breaker.stage());
        let (ends_pause, news) = state.probing.ended(told, at, now, dice);
        if ends_pause {
            state.breaker.end_pause();
        }
        news
    }

    /// Whether it is taken out.
    pub fn is_drained(&self) -> bool {
        self.is_drained.load(Ordering::Relaxed)
    }

    /// Takes it out, or back in; a trial begins anew.
    pub fn drain(&self, is_drained: bool) {
        self.state.lock().canary = Canary::default();
        self.is_drained.store(is_drained, Ordering::Relaxed);
    }
}

impl Flight {
    /// Its deployment is on trial.
    #[must_use]
    pub fn on_trial(mut self, canary: Option<CanaryTerms>) -> Self {
        self.canary = canary;
        self
    }

    /// It has an answer, or the first content of one.
    pub fn answered(&mut self, now: Instant) {
        let mut state = self.health.state.lock();
        // What was asked before it said so proves nothing.
        let (began, operation) = (self.began, self.demand.operation);
        state.resting.take_if(|it| it.said < began);
        state
            .missing
            .take_if(|(of, it)| *of == operation && it.said < began);
        state.breaker.succeeded(self.spell, now);
        state.probing.called(true, now);
        let took = now.saturating_duration_since(self.began);
        state
            .latency(self.demand.is_stream)
            .observe(took, self.demand.input, now);
        self.is_told = true;
        self.is_good = true;
    }

    /// It failed, before its answer or in the midst of it. `retry_after` is the vendor's wish, `dice`
    /// a uniform draw from `[0, 1)`. Whether its deployment is taken out for that, being on trial.
    pub fn failed(
        &mut self,
        fault: Fault,
        retry_after: Option<Duration>,
        now: Instant,
        dice: f64,
    ) -> bool {
        let mut state = self.health.state.lock();
        if let Some(left) = rest(fault, retry_after) {
            let rest = Rest {
                said: now,
                until: now + left,
                fault,
                is_asked: retry_after.is_some(),
            };
            if fault == Fault::NotFound {
                // Who does not know a model for one thing may know it for another.
                state.missing = Some((self.demand.operation, rest));
            } else if state
                .resting
                .as_ref()
                .is_none_or(|it| it.until <= rest.until)
            {
                // Of two wishes the longer one holds.
                state.resting = Some(rest);
            }
        }
        let mut is_stopped = false;
        if is_failure(fault) {
            if self.is_good {
                state.breaker.recant(self.spell, now);
            }
            state.breaker.failed(self.spell, &self.terms, now, dice);
            state.probing.called(false, now);
            let heard = |terms| state.canary.heard(terms, true);
            is_stopped = self.canary.is_some_and(heard);
        } else if !self.is_told {
            state.breaker.left(self.spell);
        }
        self.is_told = true;
        self.is_good = false;
        is_stopped && !self.health.is_drained.swap(true, Ordering::Relaxed)
    }

    /// One of several credentials was refused, or no connection could be opened here: that says nothing
    /// of the deployment.
    pub fn refused(mut self) {
        self.health.state.lock().breaker.left(self.spell);
        self.is_told = true;
    }

    /// Another one that was asked later has answered before it. That is no failure, but it is slow:
    /// it would have taken longer than that.
    pub fn outrun(&mut self, now: Instant) {
        let mut state = self.health.state.lock();
        state.breaker.left(self.spell);
        let waited = now.saturating_duration_since(self.began);
        state
            .latency(self.demand.is_stream)
            .exceeds(waited, self.demand.input, now);
        self.is_told = true;
    }

    /// It used that.
    pub fn used(&self, usage: &Usage) {
        self.health.state.lock().learned.observe(usage);
    }
}

impl Drop for Flight {
    fn drop(&mut self) {
        self.health.in_flight.fetch_sub(1, Ordering::Relaxed);
        if let Some(terms) = self.canary.filter(|_| self.is_good) {
            self.health.state.lock().canary.heard(terms, false);
        }
        if !self.is_told {
            self.health.state.lock().breaker.left(self.spell);
        }
    }
}

/// How long a deployment is left alone after a fault that does not make it a failed one.
///
/// Credentials have rests of their own (`policy/credential.rs`): this is for what concerns all of
/// them (faults U-09, U-10, U-15, U-19).
fn rest(fault: Fault, retry_after: Option<Duration>) -> Option<Duration> {
    let asked = |default| retry_after.unwrap_or(default).min(LONGEST_REST);
    match fault {
        Fault::Overloaded => Some(asked(OVERLOADED)),
        Fault::RateLimited => Some(asked(LIMITED)),
        Fault::NotFound => Some(MISSING),
        _ => None,
    }
}

/// Whether a fault says that the deployment does not work; a refusal does not.
pub fn is_failure(fault: Fault) -> bool {
    match fault {
        Fault::Overloaded
        | Fault::Server
        | Fault::Timeout(Phase::Connect | Phase::FirstByte | Phase::FirstContent | Phase::Idle)
        | Fault::Unreachable
        | Fault::Dns
        | Fault::Tls
        | Fault::ForbiddenAddress
        | Fault::Redirect
        | Fault::Protocol
        | Fault::Truncated
        | Fault::Incomplete
        | Fault::EventTooLarge
        | Fault::Empty => true,
        Fault::BadRequest
        | Fault::ContextLength
        | Fault::ContentFilter
        | Fault::Cancelled
        | Fault::Timeout(Phase::Total)
        | Fault::NotFound
        | Fault::ForeignCipher
        | Fault::Auth
        | Fault::Quota
        | Fault::RateLimited
        | Fault::Misgenerated => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::mono;

    const TERMS: BreakerTerms = BreakerTerms {
        failures: 5,
        percent: 50,
        pause: Duration::from_secs(5),
        longest_pause: Duration::from_mins(1),
        recovery: Duration::ZERO,
    };

    fn demand(operation: Operation) -> Demand {
        Demand {
            operation,
            ..Demand::chat(0, false)
        }
    }

    fn left(health: &Health, operation: Operation, now: Instant) -> u64 {
        let resting = health.at(now, &TERMS, demand(operation)).resting;
        resting.map_or(0, |it| it.left.as_secs())
    }

    fn refused(health: &Arc<Health>, fault: Fault, wait: Option<u64>, now: Instant) {
        let operation = match fault {
            Fault::NotFound => Operation::Embeddings,
            _ => Operation::Chat,
        };
        let mut flight = health.begin(TERMS, demand(operation), now);
        flight.failed(fault, wait.map(Duration::from_secs), now, 0.0);
    }

    // faults U-09
    #[test]
    fn a_rest_that_was_asked_for_outlasts_older_calls_and_shorter_wishes() {
        let (health, start) = (Arc::new(Health::default()), mono());
        let mut older = health.begin(TERMS, demand(Operation::Chat), start);
        let now = start + Duration::from_secs(1);
        refused(&health, Fault::RateLimited, Some(60), now);
        refused(&health, Fault::RateLimited, None, now);
        older.answered(now);
        assert_eq!(left(&health, Operation::Chat, now), 60);
        let now = now + Duration::from_millis(1);
        let mut newer = health.begin(TERMS, demand(Operation::Chat), now);
        newer.answered(now);
        assert_eq!(left(&health, Operation::Chat, now), 0);
    }

    // faults U-19
    #[test]
    fn a_model_that_is_missing_for_one_thing_changes_nothing_for_another() {
        let (health, now) = (Arc::new(Health::default()), mono());
        refused(&health, Fault::RateLimited, Some(7), now);
        refused(&health, Fault::NotFound, None, now);
        assert_eq!(left(&health, Operation::Chat, now), 7);
        assert_eq!(left(&health, Operation::Embeddings, now), 60);
    }
}
