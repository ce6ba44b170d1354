//! The circuit breaker: a deployment that fails is left alone for a while, and comes back slowly.
//!
//! Closed, every call goes through. It opens after some failures in a row that are no chance, or
//! when too large a share of the calls of the last half minute failed. After a pause one call at a time tries whether
//! it works again; two that do close it, and its weight then rises over a while, so that whatever
//! broke under load is not broken again at once. Each failed try doubles the pause.
//!
//! Whether a failure counts is the caller's to say; a client's mistake does not.

use std::time::{Duration, Instant};

use crate::policy::routing::WHOLE;

/// Half of the time over which the share of failures is taken.
const HALF_WINDOW: Duration = Duration::from_secs(15);
/// Calls in it below which the share says nothing.
const LEAST_CALLS: u32 = 20;
/// Good tries that close it.
const GOOD_TRIES: u32 = 2;
/// A try that has not ended after so long is not waited for any more.
const LONGEST_TRY: Duration = Duration::from_secs(120);
/// The share of its weight with which a deployment comes back, in thousandths.
const FIRST_SHARE: u32 = WHOLE / 10;

/// When a deployment is left alone, and for how long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BreakerTerms {
    /// Failures in a row after which it opens; 0: it never does.
    pub failures: u32,
    /// Percent of failed calls above which it opens.
    pub percent: u32,
    /// The first pause; doubles with every try that fails.
    pub pause: Duration,
    /// No pause is longer.
    pub longest_pause: Duration,
    /// How long the weight takes to be whole again.
    pub recovery: Duration,
}

/// What a circuit lets through.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Circuit {
    /// Every call, with so many thousandths of its weight.
    Closed(u32),
    /// One call, to try whether it works again.
    Trying,
    /// Nothing before that time has passed.
    Open(Duration),
}

/// How far a circuit is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// Calls go through.
    Closed,
    /// It was opened, and no call has tried since, though the time for that may have come.
    Open,
    /// Calls try, one at a time.
    Trying,
}

/// Which spell of a circuit a call began in: what it finds out says nothing about later ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Spell(u32);

/// One deployment's circuit.
#[derive(Debug)]
pub struct Breaker {
    state: State,
    spell: u32,
    /// Failures in a row.
    streak: u32,
    /// Good and failed calls of this half of the window and of the one before.
    halves: [Half; 2],
    /// When this half began.
    half_began: Option<Instant>,
    /// Pauses in a row.
    pauses: u32,
}

#[derive(Clone, Copy, Debug, Default)]
struct Half {
    good: u32,
    failed: u32,
}

#[derive(Debug)]
enum State {
    /// Since then, if it was open before.
    Closed(Option<Instant>),
    Open(Instant),
    /// Good tries so far, and when the running one began.
    Trying(u32, Option<Instant>),
}

impl Default for Breaker {
    fn default() -> Self {
        Self {
            state: State::Closed(None),
            spell: 0,
            streak: 0,
            halves: Default::default(),
            half_began: None,
            pauses: 0,
        }
    }
}

impl Breaker {
    /// What it lets through at `now`.
    pub fn circuit(&self, terms: &BreakerTerms, now: Instant) -> Circuit {
        match self.state {
            State::Closed(since) => Circuit::Closed(recovered(since, terms, now)),
            State::Open(until) if until > now => Circuit::Open(until - now),
            State::Open(_) => Circuit::Trying,
            State::Trying(_, Some(began)) if now.saturating_duration_since(began) < LONGEST_TRY => {
                Circuit::Open(Duration::from_secs(1))
            }
            State::Trying(..) => Circuit::Trying,
        }
    }

    /// How far it is.
    pub fn stage(&self) -> Stage {
        match self.state {
            State::Closed(_) => Stage::Closed,
            State::Open(_) => Stage::Open,
            State::Trying(..) => Stage::Trying,
        }
    }

    /// It answers again, as somebody found out without a call: the next one may try.
    pub fn end_pause(&mut self) {
        if let State::Open(_) = self.state {
            self.change(State::Trying(0, None));
        }
    }

    /// A call goes through.
    pub fn begin(&mut self, now: Instant) -> Spell {
        match self.state {
            State::Closed(_) => {}
            // One that goes there before the time has passed, because nobody else is left, may end it
            // and cannot prolong it.
            State::Open(until) if until > now => {}
            State::Open(_) => self.change(State::Trying(0, Some(now))),
            State::Trying(good, _) => self.state = State::Trying(good, Some(now)),
        }
        Spell(self.spell)
    }

    /// A call that began in `spell` went well.
    pub fn succeeded(&mut self, spell: Spell, now: Instant) {
        if spell != Spell(self.spell) {
            return;
        }
        let good = match self.state {
            State::Closed(_) => {
                self.streak = 0;
                self.half(now).good += 1;
                return;
            }
            State::Open(_) => 1,
            State::Trying(good, _) => good + 1,
        };
        if good < GOOD_TRIES {
            // The try may still break off: it keeps its say.
            self.state = State::Trying(good, None);
        } else {
            self.pauses = 0;
            self.halves = Default::default();
            self.change(State::Closed(Some(now)));
        }
    }

    /// A call that began in `spell` seemed to go well, and did not.
    pub fn recant(&mut self, spell: Spell, now: Instant) {
        if spell == Spell(self.spell) {
            let half = self.half(now);
            half.good = half.good.saturating_sub(1);
        }
    }

    /// A call that began in `spell` failed. `dice` is a uniform draw from `[0, 1)`, for the length
    /// of the pause.
    pub fn failed(&mut self, spell: Spell, terms: &BreakerTerms, now: Instant, dice: f64) {
        if spell != Spell(self.spell) {
            return;
        }
        let is_over = match self.state {
            State::Closed(_) => {
                self.streak = self.streak.saturating_add(1);
                self.half(now).failed += 1;
                let [this, before] = self.halves;
                let failed = this.failed + before.failed;
                let all = failed + this.good + before.good;
                let is_share = is_too_large(terms, [failed, all]);
                let is_streak = self.streak >= terms.failures;
                is_streak && is_no_chance(terms, self.streak, [failed, all]) || is_share
            }
            State::Trying(..) => true,
            State::Open(_) => false,
        };
        if is_over && terms.failures > 0 {
            let pause = pause(terms, self.pauses, dice);
            self.pauses = self.pauses.saturating_add(1);
            self.change(State::Open(now + pause));
        }
    }

    /// A call that began in `spell` ended and says nothing about the deployment.
    pub fn left(&mut self, spell: Spell) {
        if let State::Trying(good, Some(_)) = self.state
            && spell == Spell(self.spell)
        {
            self.state = State::Trying(good, None);
        }
    }

    fn change(&mut self, state: State) {
        self.state = state;
        self.spell = self.spell.wrapping_add(1);
        self.streak = 0;
    }

    /// The half of the window that `now` falls into.
    fn half(&mut self, now: Instant) -> &mut Half {
        let began = *self.half_began.get_or_insert(now);
        let age = now.saturating_duration_since(began);
        if age >= HALF_WINDOW {
            let [this, _] = self.halves;
            let before = if age < 2 * HALF_WINDOW {
                this
            } else {
                Half::default()
            };
            self.halves = [Half::default(), before];
            self.half_began = Some(now);
        }
        let [this, _] = &mut self.halves;
        this
    }
}

/// Whether `failed` of `all` calls are too large a share, and not by chance: of few calls it takes more,
/// a standard deviation and a half above the share that is too large.
fn is_too_large(terms: &BreakerTerms, [failed, all]: [u32; 2]) -> bool {
    let (all, percent) = (u64::from(all), u64::from(terms.percent));
    let above = (u64::from(failed) * 100).checked_sub(all * percent);
    let variance = all * percent * 100_u64.saturating_sub(percent);
    all >= u64::from(LEAST_CALLS) && above.is_some_and(|it| it.saturating_mul(it) >= 2 * variance)
}

/// Whether a `streak` of failures, the last of `failed` ones among `all` calls, would hardly come by
/// itself if each call went on to fail as often as those before it: where four of ten fail, five
/// follow upon one another every other second. Of few calls nothing of the kind can be said.
fn is_no_chance(terms: &BreakerTerms, streak: u32, [failed, all]: [u32; 2]) -> bool {
    let (failed, all) = (failed.saturating_sub(streak), all.saturating_sub(streak));
    if all < LEAST_CALLS {
        return true;
    }
    // Beyond that share it is open in any case.
    let most = f64::from(terms.percent) / 100.0;
    let often = (f64::from(failed + 1) / f64::from(all + 2)).min(most);
    // Sixteen times as rare as once in that many calls.
    f64::from(streak) * -often.log2() >= f64::from(all + 1).log2() + 4.0
}

/// The pause after `before` others: between one and one and a quarter times the doubled one, so
/// that several gateways do not come back together.
fn pause(terms: &BreakerTerms, before: u32, dice: f64) -> Duration {
    let factor = 1_u32.checked_shl(before).unwrap_or(u32::MAX);
    let doubled = terms.pause.saturating_mul(factor).min(terms.longest_pause);
    doubled.mul_f64(1.0 + dice.clamp(0.0, 1.0) / 4.0)
}

/// Thousandths of its weight that a deployment has `since` its circuit closed.
fn recovered(since: Option<Instant>, terms: &BreakerTerms, now: Instant) -> u32 {
    let Some(since) = since else {
        return WHOLE;
    };
    let passed = now.saturating_duration_since(since);
    if passed >= terms.recovery {
        return WHOLE;
    }
    let share = passed.as_micros() * u128::from(WHOLE) / terms.recovery.as_micros().max(1);
    u32::try_from(share).unwrap_or(WHOLE).max(FIRST_SHARE)
}

#[cfg(test)]
mod tests;
