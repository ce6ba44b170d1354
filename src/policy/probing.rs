//! When a deployment is asked by us how it is, and what its answers mean for calls.
//!
//! One whose circuit is open is asked until it answers, so that no call has to wait to find out that it
//! does not; one that nobody calls may be asked now and then, so that the next call does not. A probe
//! is no call: it opens no circuit, lengthens no pause and closes nothing. As long as probes fail, calls
//! are kept away; one that is answered lets a call try at once, but once only: where probes are
//! answered and calls fail all the same, pauses are as long as without them.

use std::time::{Duration, Instant};

use crate::policy::breaker::Stage;

/// A probe that has told nothing after so long is not waited for any more.
pub const LONGEST: Duration = Duration::from_secs(10);
/// One that failed where all was well may be chance, and is repeated after so long.
const AGAIN: Duration = Duration::from_secs(1);
/// Failures of a deployment whose circuit is closed before calls are kept away from it.
const FAILURES: u32 = 2;

/// When a deployment is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ProbeTerms {
    /// Between two probes of one that does not work.
    pub between: Duration,
    /// How long nobody has called one that works before it is asked; `None`: it is not.
    pub every: Option<Duration>,
}

/// What a probe told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Told {
    /// It answers, if only with a refusal.
    Answers,
    /// It does not.
    Fails,
    /// Nothing: it could not be asked.
    Nothing,
}

/// What has changed with that.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum News {
    /// Nothing.
    None,
    /// Calls are kept away from now on.
    Away,
    /// They are no longer.
    Back,
}

/// What is known of a deployment by asking it.
#[derive(Debug, Default)]
pub struct Probing {
    /// Since when a probe runs.
    running: Option<Instant>,
    /// When the last one ended.
    asked: Option<Instant>,
    /// When a call was last heard of.
    called: Option<Instant>,
    /// Probes that failed in a row.
    failures: u32,
    /// Until then calls are kept away.
    held_until: Option<Instant>,
    is_away: bool,
    /// A pause was ended because a probe was answered, and none has failed since.
    has_ended_pause: bool,
    /// Spreads the probes of deployments and of gateways.
    dice: f64,
}

impl Probing {
    /// Whether it is to be asked at `now`, its circuit being at `stage`; it then is. `dice` is a uniform
    /// draw from `[0, 1)`.
    pub fn begin(&mut self, terms: &ProbeTerms, stage: Stage, now: Instant, dice: f64) -> bool {
        let age = |at: Instant| now.saturating_duration_since(at);
        if stage == Stage::Closed {
            self.has_ended_pause = false;
        }
        if self.running.is_some_and(|it| age(it) < LONGEST) {
            return false;
        }
        let is_down = stage == Stage::Open || self.failures >= FAILURES;
        let since = |at: Option<Instant>, wait| at.is_none_or(|it| age(it) >= wait);
        let is_due = match (stage, self.failures) {
            // Calls find out.
            (Stage::Trying, _) => false,
            _ if is_down => since(self.asked, self.spread(terms.between)),
            (Stage::Open | Stage::Closed, 0) => terms.every.is_some_and(|every| {
                // All that there are are first seen together, and are not to be asked together.
                let called = *self.called.get_or_insert(now);
                self.dice = if called == now { dice } else { self.dice };
                since(self.asked.max(Some(called)), self.spread(every))
            }),
            (Stage::Open | Stage::Closed, _) => since(self.asked, AGAIN),
        };
        if is_due {
            self.running = Some(now);
            // No call is to find out what is being asked.
            self.held_until = is_down.then(|| now + LONGEST);
        }
        is_due
    }

    /// The probe that runs has told that at `now`. Whether the pause of its circuit ends with that, and
    /// what else has changed.
    pub fn ended(
        &mut self,
        told: Told,
        (terms, stage): (&ProbeTerms, Stage),
        now: Instant,
        dice: f64,
    ) -> (bool, News) {
        self.running = None;
        self.asked = Some(now);
        self.dice = dice;
        let was_away = self.is_away;
        let mut ends_pause = false;
        match told {
            Told::Fails => {
                self.failures = self.failures.saturating_add(1);
                self.has_ended_pause = false;
                self.is_away = stage != Stage::Closed || self.failures >= FAILURES;
                // Until the next one has told: were there none, calls would come back by themselves.
                let next = now + self.spread(terms.between) + LONGEST;
                self.held_until = self.is_away.then_some(next);
            }
            Told::Answers => {
                ends_pause = stage == Stage::Open && !self.has_ended_pause;
                self.has_ended_pause |= ends_pause;
                self.release();
            }
            Told::Nothing => self.held_until = None,
        }
        let news = match (was_away, self.is_away) {
            (false, true) => News::Away,
            (true, false) => News::Back,
            _ => News::None,
        };
        (ends_pause, news)
    }

    /// A call there was answered, or was not.
    pub fn called(&mut self, is_answered: bool, now: Instant) {
        self.called = Some(now);
        if is_answered {
            self.release();
        }
    }

    /// How long calls are kept away for what probes have told.
    pub fn hold(&self, now: Instant) -> Option<Duration> {
        let left = self.held_until?.saturating_duration_since(now);
        (!left.is_zero()).then_some(left)
    }

    fn release(&mut self) {
        self.failures = 0;
        self.held_until = None;
        self.is_away = false;
    }

    fn spread(&self, wait: Duration) -> Duration {
        wait.mul_f64(1.0 + self.dice.clamp(0.0, 1.0) / 4.0)
    }
}

#[cfg(test)]
mod tests;
