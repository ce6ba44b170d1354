//! How fast the calls of one holder have come: buckets that fill by the second, and a count of those
//! that run.
//!
//! `governor` admits; what a call used in the end is known when it is over, so the state of its
//! buckets is kept here and moved then. A bucket that was overdrawn is in debt, and waits it off.

use std::num::NonZeroU32;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use governor::clock::Clock;
use governor::middleware::NoOpMiddleware;
use governor::nanos::Nanos;
use governor::state::{NotKeyed, StateStore};
use governor::{Quota, RateLimiter};
use tollward_store::RateLimits;

use crate::clock;

/// The time in which a bucket fills.
const MINUTE: Duration = Duration::from_mins(1);
/// The longest that a bucket is in debt: an hour.
const MOST_DEBT_NANOS: u64 = 3_600_000_000_000;

/// What is limited.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Measure {
    /// Calls a minute.
    Requests,
    /// Tokens a minute.
    Tokens,
    /// Tokens of input a minute.
    InputTokens,
    /// Tokens of output a minute.
    OutputTokens,
    /// Calls at once.
    Parallel,
}

/// Why a call has to wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wait {
    /// For what.
    pub measure: Measure,
    /// How much there may be.
    pub limit: u32,
    /// How long.
    pub wait: Duration,
}

/// How a bucket stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Level {
    /// How much it holds.
    pub limit: u32,
    /// How much is left.
    pub left: u32,
}

/// What a call took.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Taken {
    pub(super) tokens: u32,
    pub(super) input: u32,
    pub(super) output: u32,
}

impl Taken {
    /// So much was taken out of a bucket.
    pub(super) fn note(&mut self, measure: Measure, amount: u32) {
        match measure {
            Measure::Tokens => self.tokens = amount,
            Measure::InputTokens => self.input = amount,
            Measure::OutputTokens => self.output = amount,
            Measure::Requests | Measure::Parallel => {}
        }
    }
}

/// How fast the calls of one holder have come.
pub struct Meter {
    limits: RateLimits,
    requests: Option<Bucket>,
    tokens: Option<Bucket>,
    input: Option<Bucket>,
    output: Option<Bucket>,
    running: Arc<AtomicU32>,
}

impl Meter {
    /// Nothing has come yet.
    pub fn new(limits: RateLimits) -> Self {
        Self::after(limits, Arc::default())
    }

    fn after(limits: RateLimits, running: Arc<AtomicU32>) -> Self {
        Self {
            requests: Bucket::new(limits.requests_per_minute),
            tokens: Bucket::new(limits.tokens_per_minute),
            input: Bucket::new(limits.input_tokens_per_minute),
            output: Bucket::new(limits.output_tokens_per_minute),
            limits,
            running,
        }
    }

    /// The same under other limits: calls that run go on to count.
    #[must_use]
    pub fn changed(&self, limits: RateLimits) -> Self {
        Self::after(limits, Arc::clone(&self.running))
    }

    /// How fast they may come.
    pub fn limits(&self) -> &RateLimits {
        &self.limits
    }

    /// Whether tokens are counted.
    pub fn counts_tokens(&self) -> bool {
        self.tokens.is_some() || self.input.is_some()
    }

    /// Takes what a call with about so many tokens of input needs, or nothing.
    ///
    /// # Errors
    /// What it has to wait for.
    pub fn take(&self, input: u64) -> Result<Taken, Wait> {
        self.run()?;
        let taken = self.take_rates(input);
        if taken.is_err() {
            self.end();
        }
        taken
    }

    fn take_rates(&self, input: u64) -> Result<Taken, Wait> {
        let mut taken = Taken::default();
        take(self.requests.as_ref(), Measure::Requests, 1)?;
        let tokens = take(self.tokens.as_ref(), Measure::Tokens, input);
        let tokens = tokens.inspect_err(|_| give(self.requests.as_ref(), 1))?;
        taken.tokens = tokens;
        let kept = take(self.input.as_ref(), Measure::InputTokens, input).and_then(|it| {
            taken.input = it;
            // How long the answer is, nobody knows yet: there has to be something left.
            take(self.output.as_ref(), Measure::OutputTokens, 1)
        });
        match kept {
            Ok(output) => Ok(Taken { output, ..taken }),
            Err(wait) => {
                give(self.requests.as_ref(), 1);
                self.give_back(taken);
                Err(wait)
            }
        }
    }

    /// Gives back the tokens of a call that used none.
    pub fn give_back(&self, taken: Taken) {
        give(self.tokens.as_ref(), taken.tokens);
        give(self.input.as_ref(), taken.input);
        give(self.output.as_ref(), taken.output);
    }

    /// A call that took `taken` is given back whole, as if it had never come.
    pub fn undo(&self, taken: Taken) {
        give(self.requests.as_ref(), 1);
        self.give_back(taken);
        self.end();
    }

    /// A call has used that.
    pub fn settle(&self, taken: Taken, input: u64, output: u64) {
        settle(
            self.tokens.as_ref(),
            taken.tokens,
            input.saturating_add(output),
        );
        settle(self.input.as_ref(), taken.input, input);
        settle(self.output.as_ref(), taken.output, output);
    }

    /// How the buckets of calls and of tokens stand.
    pub fn levels(&self) -> (Option<Level>, Option<Level>) {
        let tokens = self.tokens.as_ref().or(self.input.as_ref());
        let level = |it: &Bucket| it.level();
        (self.requests.as_ref().map(level), tokens.map(level))
    }

    /// A call begins to run.
    ///
    /// # Errors
    /// As many run as there may be.
    pub fn run(&self) -> Result<(), Wait> {
        let Some(limit) = self.limits.parallel else {
            self.running.fetch_add(1, Ordering::Relaxed);
            return Ok(());
        };
        let more = |it: u32| (it < limit).then(|| it + 1);
        let ran = self
            .running
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, more);
        ran.map(|_| ()).map_err(|_| Wait {
            measure: Measure::Parallel,
            limit,
            wait: Duration::from_secs(1),
        })
    }

    /// A call is over.
    pub fn end(&self) {
        self.running.fetch_sub(1, Ordering::Relaxed);
    }
}

fn take(bucket: Option<&Bucket>, measure: Measure, wanted: u64) -> Result<u32, Wait> {
    let Some(bucket) = bucket else { return Ok(0) };
    // What is more than the bucket holds would never come in: all of it is taken, and the rest is owed in the end.
    let most = bucket.limit.get();
    let wanted = u32::try_from(wanted).unwrap_or(most).min(most);
    let taken = bucket.take(wanted);
    taken.map(|()| wanted).map_err(|wait| Wait {
        measure,
        limit: most,
        wait,
    })
}

fn give(bucket: Option<&Bucket>, taken: u32) {
    settle(bucket, taken, 0);
}

fn settle(bucket: Option<&Bucket>, taken: u32, used: u64) {
    if let Some(bucket) = bucket {
        bucket.settle(taken, used);
    }
}

/// A bucket that is full after a minute of rest.
struct Bucket {
    limit: NonZeroU32,
    limiter: RateLimiter<NotKeyed, Tat, Mono, NoOpMiddleware<Instant>>,
    tat: Tat,
    since: Instant,
}

/// When the bucket is full again, in nanoseconds since it was made; 0: it is.
#[derive(Clone, Default)]
struct Tat(Arc<AtomicU64>);

/// The house's clock.
#[derive(Clone, Copy)]
struct Mono;

impl Clock for Mono {
    type Instant = Instant;

    fn now(&self) -> Instant {
        clock::mono()
    }
}

impl StateStore for Tat {
    type Key = NotKeyed;

    fn measure_and_replace<T, F, E>(&self, _: &NotKeyed, decide: F) -> Result<T, E>
    where
        F: Fn(Option<Nanos>) -> Result<(T, Nanos), E>,
    {
        let mut before = self.0.load(Ordering::Acquire);
        loop {
            let known = (before > 0).then(|| Nanos::new(before));
            let (verdict, after) = decide(known)?;
            let order = Ordering::AcqRel;
            match self
                .0
                .compare_exchange_weak(before, after.as_u64(), order, Ordering::Relaxed)
            {
                Ok(_) => return Ok(verdict),
                Err(now) => before = now,
            }
        }
    }
}

impl Bucket {
    fn new(limit: Option<u32>) -> Option<Self> {
        let limit = NonZeroU32::new(limit?)?;
        let tat = Tat::default();
        Some(Self {
            limit,
            limiter: RateLimiter::new(Quota::per_minute(limit), tat.clone(), Mono),
            tat,
            since: clock::mono(),
        })
    }

    /// Takes `wanted`, if it is there; how long it takes until it is, otherwise.
    fn take(&self, wanted: u32) -> Result<(), Duration> {
        let Some(wanted) = NonZeroU32::new(wanted) else {
            return Ok(());
        };
        match self.limiter.check_n(wanted) {
            Ok(Ok(())) => Ok(()),
            Ok(Err(not_until)) => Err(not_until.wait_time_from(clock::mono())),
            // No more is wanted than the bucket holds.
            Err(_) => Err(MINUTE),
        }
    }

    /// Of `taken`, only `used` was needed; or more than that.
    fn settle(&self, taken: u32, used: u64) {
        let each = self.each_nanos();
        let now = self.now_nanos();
        let back = u64::from(taken).saturating_mul(each);
        let more = used.saturating_mul(each);
        // What is owed is bounded: nobody waits for longer than that.
        let most = now.saturating_add(MOST_DEBT_NANOS);
        let moved = |tat: u64| {
            Some(
                tat.max(now)
                    .saturating_add(more)
                    .saturating_sub(back)
                    .min(most),
            )
        };
        _ = self
            .tat
            .0
            .fetch_update(Ordering::AcqRel, Ordering::Relaxed, moved);
    }

    /// What one of the limit takes to come in.
    fn each_nanos(&self) -> u64 {
        nanos(MINUTE) / u64::from(self.limit.get())
    }

    /// The time, by which the bucket is kept.
    fn now_nanos(&self) -> u64 {
        nanos(clock::mono().saturating_duration_since(self.since))
    }

    fn level(&self) -> Level {
        let now = self.now_nanos();
        let missing = self.tat.0.load(Ordering::Acquire).saturating_sub(now);
        let missing = missing.div_ceil(self.each_nanos().max(1));
        let missing = u32::try_from(missing).unwrap_or(u32::MAX);
        Level {
            limit: self.limit.get(),
            left: self.limit.get().saturating_sub(missing),
        }
    }
}

fn nanos(span: Duration) -> u64 {
    u64::try_from(span.as_nanos()).unwrap_or(u64::MAX)
}

impl Level {
    /// How long it takes until all is there again.
    pub fn full_after(&self) -> Duration {
        let missing = u64::from(self.limit.saturating_sub(self.left));
        let minute = u64::try_from(MINUTE.as_millis()).unwrap_or(u64::MAX);
        Duration::from_millis(missing * minute / u64::from(self.limit.max(1)))
    }
}

#[cfg(test)]
mod tests;
