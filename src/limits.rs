//! How fast calls may come: of each key, team and organisation, and of all.
//!
//! A call takes what it needs of every meter above it or of none, before it is routed: tokens of input as
//! they are estimated then. What it used is settled when it is booked; its [`Permit`] is given back
//! with its place, however it ends. Meters are this process's own and begin full; of several gateways each has its even
//! share of every limit, unless they have a place for common buckets.

pub mod meter;
pub mod pool;

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use arc_swap::ArcSwap;
use tollward_store::{BudgetStore, Holder, RateLimits, Store, StoreError};

use self::meter::{Level, Measure, Meter, Taken, Wait};
use self::pool::{Outcome, Pool, Taker};

/// The meters of a gateway.
pub struct RateMeters {
    store: Arc<dyn BudgetStore>,
    meters: ArcSwap<HashMap<Holder, Metered>>,
    /// How many gateways go by the same limits.
    gateways: AtomicU32,
    /// The buckets that they share; `None`: none.
    pool: Option<Arc<Pool>>,
}

/// Who has limits.
#[derive(Clone)]
struct Metered {
    /// Those of all gateways together.
    limits: RateLimits,
    /// With this gateway's share of them.
    meter: Arc<Meter>,
}

/// A call that has come in.
#[derive(Default)]
pub struct Permit {
    taken: Vec<Place>,
    /// Where it was taken; `None`: of the gateway's own meters.
    pool: Option<Arc<Pool>>,
    /// How the buckets stood that are elsewhere.
    stood: Option<Standing>,
    is_settled: bool,
}

/// What a call took for one holder.
struct Place {
    taker: Taker,
    meter: Arc<Meter>,
    taken: Taken,
}

/// Whose calls come too fast, and how long they have to wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{} may {}", whose(.holder), told(.wait))]
pub struct TooFast {
    /// Whose.
    pub holder: Holder,
    /// For what.
    pub wait: Wait,
    /// How the meter stands.
    pub standing: Standing,
}

/// How the tightest of the meters stand that a call is counted by.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Standing {
    /// Calls.
    pub requests: Option<Level>,
    /// Tokens.
    pub tokens: Option<Level>,
}

impl RateMeters {
    /// Reads the limits.
    ///
    /// # Errors
    /// The store cannot be read.
    pub async fn load(store: &Store) -> Result<Self, StoreError> {
        let meters = Self {
            store: Arc::clone(&store.budgets),
            meters: ArcSwap::default(),
            gateways: AtomicU32::new(1),
            pool: store.rates.clone().map(|it| Arc::new(Pool::new(it))),
        };
        meters.refresh().await?;
        Ok(meters)
    }

    /// Reads the limits again, after a change; who has the same ones goes on where it was.
    ///
    /// # Errors
    /// The store cannot be read; the limits stay as they were.
    pub async fn refresh(&self) -> Result<(), StoreError> {
        self.set(self.store.limits().await?);
        Ok(())
    }

    /// So many gateways go by the same limits now; each keeps to its even share.
    pub fn share(&self, gateways: u32) {
        if self.gateways.swap(gateways.max(1), Ordering::Relaxed) != gateways.max(1) {
            let known = self.meters.load();
            self.set(known.iter().map(|(holder, it)| (*holder, it.limits)));
        }
    }

    fn set(&self, limits: impl IntoIterator<Item = (Holder, RateLimits)>) {
        let gateways = self.gateways.load(Ordering::Relaxed);
        let before = self.meters.load();
        let metered = limits.into_iter().map(|(holder, limits)| {
            let own = share_of(&limits, gateways);
            let meter = match before.get(&holder).map(|it| &it.meter) {
                Some(known) if *known.limits() == own => Arc::clone(known),
                Some(known) => Arc::new(known.changed(own)),
                None => Arc::new(Meter::new(own)),
            };
            (holder, Metered { limits, meter })
        });
        self.meters.store(Arc::new(metered.collect()));
    }

    /// The buckets that gateways share, if they do.
    pub fn pool(&self) -> Option<&Arc<Pool>> {
        self.pool.as_ref()
    }

    /// Whether nobody has limits.
    pub fn is_empty(&self) -> bool {
        self.meters.load().is_empty()
    }

    /// Lets a call of `holders` in, which has about `input` tokens if anybody asks.
    ///
    /// # Errors
    /// The first of them whose calls come too fast.
    pub async fn admit(
        &self,
        holders: Vec<Holder>,
        input: impl Fn() -> u64,
    ) -> Result<Permit, TooFast> {
        let metered: Vec<(Holder, Metered)> = {
            let meters = self.meters.load();
            let known = |holder| Some((holder, meters.get(&holder)?.clone()));
            holders.into_iter().filter_map(known).collect()
        };
        let counts = |(_, it): &(Holder, Metered)| it.meter.counts_tokens();
        let tokens = if metered.iter().any(counts) {
            input()
        } else {
            0
        };
        if let Some(pool) = self.pool.as_ref().filter(|_| !metered.is_empty()) {
            let takers: Vec<Taker> = metered
                .iter()
                .map(|(holder, it)| (*holder, it.limits))
                .collect();
            let outcome = pool.take(&takers, tokens).await;
            if let Some(outcome) = outcome {
                return admit_by(pool, &metered, outcome);
            }
        }
        admit_here(&metered, tokens)
    }
}

/// This gateway's share of limits that hold for so many.
fn share_of(limits: &RateLimits, gateways: u32) -> RateLimits {
    let share = |limit: Option<u32>| limit.map(|it| (it / gateways.max(1)).max(1));
    RateLimits {
        requests_per_minute: share(limits.requests_per_minute),
        tokens_per_minute: share(limits.tokens_per_minute),
        input_tokens_per_minute: share(limits.input_tokens_per_minute),
        output_tokens_per_minute: share(limits.output_tokens_per_minute),
        parallel: share(limits.parallel),
    }
}

/// Lets a call in by the gateway's own meters.
fn admit_here(metered: &[(Holder, Metered)], tokens: u64) -> Result<Permit, TooFast> {
    let mut permit = Permit::default();
    for (holder, it) in metered {
        match it.meter.take(tokens) {
            Ok(taken) => permit.take(*holder, it, taken),
            Err(wait) => {
                permit.undo();
                let standing = Standing::of(std::iter::once(&*it.meter));
                return Err(TooFast {
                    holder: *holder,
                    wait,
                    standing,
                });
            }
        }
    }
    Ok(permit)
}

/// Lets a call in that took what it needs elsewhere, if not too many run here.
fn admit_by(
    pool: &Arc<Pool>,
    metered: &[(Holder, Metered)],
    outcome: Outcome,
) -> Result<Permit, TooFast> {
    let too_fast = |place: usize, wait, standing| TooFast {
        holder: metered.get(place).map_or(Holder::Gateway, |it| it.0),
        wait,
        standing,
    };
    let (taken, standing) = match outcome {
        Outcome::Taken(taken, standing) => (taken, standing),
        Outcome::Lacks(place, wait, standing) => return Err(too_fast(place, wait, standing)),
    };
    let mut permit = Permit {
        taken: Vec::with_capacity(metered.len()),
        pool: Some(Arc::clone(pool)),
        stood: Some(standing),
        is_settled: false,
    };
    for (place, ((holder, it), taken)) in metered.iter().zip(taken).enumerate() {
        // Dropped, the permit gives the tokens back.
        it.meter
            .run()
            .map_err(|wait| too_fast(place, wait, standing))?;
        permit.take(*holder, it, taken);
    }
    Ok(permit)
}

impl Permit {
    fn take(&mut self, holder: Holder, metered: &Metered, taken: Taken) {
        self.taken.push(Place {
            taker: (holder, metered.limits),
            meter: Arc::clone(&metered.meter),
            taken,
        });
    }

    /// A part of the call has used that: an attempt that was given up, or a response of a session.
    pub fn used(&self, input: u64, output: u64) {
        self.settle_with(|_| Taken::default(), input, output);
    }

    /// The rest of the call has used that.
    pub fn settle(&mut self, input: u64, output: u64) {
        if std::mem::replace(&mut self.is_settled, true) {
            return;
        }
        self.settle_with(|it| it.taken, input, output);
    }

    fn settle_with(&self, taken: impl Fn(&Place) -> Taken, input: u64, output: u64) {
        for place in &self.taken {
            match &self.pool {
                Some(pool) => pool.settle(&place.taker, taken(place), input, output),
                None => place.meter.settle(taken(place), input, output),
            }
        }
    }

    /// How the tightest of its meters stand; `None` if there are none.
    pub fn standing(&self) -> Option<Standing> {
        let meters = self.taken.iter().map(|it| &*it.meter);
        let own = || (!self.taken.is_empty()).then(|| Standing::of(meters));
        self.stood.or_else(own)
    }

    /// It has not come.
    fn undo(&mut self) {
        for place in self.taken.drain(..) {
            place.meter.undo(place.taken);
        }
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        for place in &self.taken {
            // Where nothing is settled it was refused, or nobody was asked.
            match &self.pool {
                _ if self.is_settled => {}
                Some(pool) => pool.settle(&place.taker, place.taken, 0, 0),
                None => place.meter.give_back(place.taken),
            }
            place.meter.end();
        }
    }
}

impl Standing {
    fn of<'m>(meters: impl Iterator<Item = &'m Meter>) -> Self {
        let mut standing = Self::default();
        for meter in meters {
            let (requests, tokens) = meter.levels();
            standing.requests = tighter(standing.requests, requests);
            standing.tokens = tighter(standing.tokens, tokens);
        }
        standing
    }

    /// A bucket of `measure` stands so.
    fn tighten(&mut self, measure: Measure, level: Level) {
        match measure {
            Measure::Requests => self.requests = tighter(self.requests, Some(level)),
            Measure::Tokens | Measure::InputTokens => {
                self.tokens = tighter(self.tokens, Some(level));
            }
            Measure::OutputTokens | Measure::Parallel => {}
        }
    }
}

/// Of two levels the one with less left.
fn tighter(one: Option<Level>, other: Option<Level>) -> Option<Level> {
    one.into_iter().chain(other).min_by_key(|it| it.left)
}

impl TooFast {
    /// How long it takes until such a call comes in.
    pub fn retry_after(&self) -> Duration {
        self.wait.wait
    }
}

fn whose(holder: &Holder) -> &'static str {
    match holder {
        Holder::Gateway => "all calls of this gateway together",
        Holder::Organization(_) => "the keys of this key's organization together",
        Holder::Team(_) => "the keys of this key's team together",
        Holder::Key(_) => "this key",
    }
}

fn told(wait: &Wait) -> String {
    let limit = wait.limit;
    match wait.measure {
        Measure::Requests => format!("make {limit} calls a minute"),
        Measure::Tokens => format!("use {limit} tokens a minute"),
        Measure::InputTokens => format!("send {limit} tokens of input a minute"),
        Measure::OutputTokens => format!("be answered with {limit} tokens a minute"),
        Measure::Parallel => format!("have {limit} calls running at once"),
    }
}
