//! A deployment in virtual time: how fast it is, what it can take, and what befalls it.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tollward::policy::allowance::Allowance;
use tollward::upstream::health::Health;
use tollward_wire::fault::{Fault, Phase};

use crate::chance::Dice;

/// After so long without an answer a call is given up: `timeouts.first_byte`, as an operator sets
/// it who knows the model.
pub(crate) const PATIENCE: Duration = Duration::from_secs(10);

/// What befalls a deployment.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Trouble {
    /// Connections are refused, and those that are open are cut.
    Down,
    /// It takes calls and says nothing until it is over.
    Frozen,
    /// Answers begin so many times later.
    Slow(u32),
    /// It answers so many of a thousand calls by that fault, with the time that it asks for.
    Failing(Fault, Option<Duration>, u32),
}

/// A trouble and its time.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Spell {
    pub(crate) trouble: Trouble,
    pub(crate) from: Duration,
    pub(crate) until: Duration,
}

impl Spell {
    pub(crate) fn of(trouble: Trouble, from_s: u64, until_s: u64) -> Self {
        Self {
            trouble,
            from: Duration::from_secs(from_s),
            until: Duration::from_secs(until_s),
        }
    }

    fn holds(&self, now: Duration) -> bool {
        (self.from..self.until).contains(&now)
    }
}

/// What a deployment is like.
#[derive(Clone, Debug)]
pub(crate) struct Nature {
    pub(crate) weight: u32,
    /// Nano-dollars of an output token.
    pub(crate) price: i64,
    /// Half of the short prompts have their first content before that.
    pub(crate) first_content: Duration,
    /// What a thousand tokens of a prompt add.
    pub(crate) per_thousand: Duration,
    /// The mean time from the first content to the end.
    pub(crate) body: Duration,
    /// Calls at once; the next ones are told that it is overloaded.
    pub(crate) capacity: u32,
    /// Calls a minute; the next ones are told to wait for the next minute.
    pub(crate) per_minute: Option<u32>,
    /// Calls of a thousand that fail though nothing is wrong.
    pub(crate) errors: u32,
    pub(crate) spells: Vec<Spell>,
}

impl Nature {
    pub(crate) fn like(weight: u32, first_content_ms: u64) -> Self {
        Self {
            weight,
            price: 1_000,
            first_content: Duration::from_millis(first_content_ms),
            per_thousand: Duration::from_millis(20),
            body: Duration::from_secs(2),
            capacity: u32::MAX,
            per_minute: None,
            errors: 0,
            spells: Vec::new(),
        }
    }
}

/// A deployment, and what the gateway knows of it.
pub(crate) struct Site {
    pub(crate) nature: Nature,
    pub(crate) health: Arc<Health>,
    pub(crate) allowance: Allowance,
    /// Its only credential rests until then.
    pub(crate) credential: Duration,
    /// Calls that it answers now.
    pub(crate) busy: u32,
    /// The minute that is counted, and its calls.
    minute: (u64, u32),
}

/// What becomes of an attempt.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Answer {
    /// The first content comes then; the end that much later, or it is cut.
    Content {
        after: Duration,
        body: Duration,
        is_cut: bool,
    },
    Failure {
        after: Duration,
        fault: Fault,
        retry_after: Option<Duration>,
    },
}

impl Site {
    pub(crate) fn new(nature: Nature, base: Instant) -> Self {
        Self {
            nature,
            health: Arc::default(),
            allowance: Allowance::new(base),
            credential: Duration::ZERO,
            busy: 0,
            minute: (0, 0),
        }
    }

    /// Thousandths that are left of this minute's calls.
    pub(crate) fn headroom(&self, now: Duration) -> Option<u32> {
        let limit = self.nature.per_minute?;
        let used = if self.minute.0 == now.as_secs() / 60 {
            self.minute.1
        } else {
            0
        };
        Some(limit.saturating_sub(used) * 1_000 / limit)
    }

    /// A call with `input` tokens arrives; `is_bad` if no vendor will take it.
    pub(crate) fn ask(
        &mut self,
        now: Duration,
        input: u64,
        is_bad: bool,
        dice: &mut Dice,
    ) -> Answer {
        let quickly = dice.between(Duration::from_millis(5), Duration::from_millis(50));
        let failure = |fault, retry_after| Answer::Failure {
            after: quickly,
            fault,
            retry_after,
        };
        let mut thaws = now;
        let mut slower = 1;
        for spell in self.nature.spells.iter().filter(|it| it.holds(now)) {
            match spell.trouble {
                Trouble::Down => return failure(Fault::Unreachable, None),
                Trouble::Frozen => thaws = spell.until,
                Trouble::Slow(times) => slower = times,
                Trouble::Failing(fault, wait, share) if dice.happens(share) => {
                    return failure(fault, wait);
                }
                Trouble::Failing(..) => {}
            }
        }
        if let Some(left) = self.limited(now) {
            return failure(Fault::RateLimited, Some(left));
        }
        if self.busy > self.nature.capacity {
            return failure(Fault::Overloaded, None);
        }
        if is_bad {
            return failure(Fault::BadRequest, None);
        }
        if dice.happens(self.nature.errors) {
            return failure(Fault::Server, None);
        }
        let prompt = self.nature.per_thousand.mul_f64(f64_of(input) / 1_000.0);
        let plain = dice.around(self.nature.first_content, 0.4) + prompt;
        let body = dice.exponential(self.nature.body);
        self.answered(now, thaws - now + plain * slower, body)
    }

    /// What comes of an answer that begins `after` so long, if nothing comes between.
    fn answered(&self, now: Duration, after: Duration, body: Duration) -> Answer {
        let cuts = self.nature.spells.iter();
        let cuts = cuts.filter(|it| matches!(it.trouble, Trouble::Down) && it.from > now);
        let cut = cuts.map(|it| it.from - now).min();
        let failure = |after, fault| Answer::Failure {
            after,
            fault,
            retry_after: None,
        };
        match cut {
            Some(cut) if cut < after.min(PATIENCE) => failure(cut, Fault::Unreachable),
            _ if after > PATIENCE => failure(PATIENCE, Fault::Timeout(Phase::FirstByte)),
            Some(cut) if cut < after + body => Answer::Content {
                after,
                body: cut - after,
                is_cut: true,
            },
            _ => Answer::Content {
                after,
                body,
                is_cut: false,
            },
        }
    }

    /// Counts a call; `Some` with the rest of the minute if it is one too many.
    fn limited(&mut self, now: Duration) -> Option<Duration> {
        let limit = self.nature.per_minute?;
        let minute = now.as_secs() / 60;
        if self.minute.0 != minute {
            self.minute = (minute, 0);
        }
        if self.minute.1 >= limit {
            return Some(Duration::from_secs((minute + 1) * 60) - now);
        }
        self.minute.1 += 1;
        None
    }
}

pub(crate) fn f64_of(number: u64) -> f64 {
    f64::from(u32::try_from(number).unwrap())
}
