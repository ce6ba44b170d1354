//! How fast calls may come: of each key, team and organisation, and of all.
//!
//! A call takes what it needs of every meter above it or of none, before it is routed: tokens of input as
//! they are estimated then. What it used is settled when it is booked; its [`Permit`] is given back
//! with its place, however it ends. Meters are this process's own and begin full.

pub mod meter;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use tollward_store::{BudgetStore, Holder, StoreError};

use self::meter::{Level, Measure, Meter, Taken, Wait};

/// The meters of a gateway.
pub struct RateMeters {
    store: Arc<dyn BudgetStore>,
    meters: ArcSwap<HashMap<Holder, Arc<Meter>>>,
}

/// A call that has come in.
#[derive(Default)]
pub struct Permit {
    taken: Vec<(Arc<Meter>, Taken)>,
    is_settled: bool,
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
    pub async fn load(store: Arc<dyn BudgetStore>) -> Result<Self, StoreError> {
        let meters = Self {
            store,
            meters: ArcSwap::default(),
        };
        meters.refresh().await?;
        Ok(meters)
    }

    /// Reads the limits again, after a change; who has the same ones goes on where it was.
    ///
    /// # Errors
    /// The store cannot be read; the limits stay as they were.
    pub async fn refresh(&self) -> Result<(), StoreError> {
        let limits = self.store.limits().await?;
        let before = self.meters.load();
        let meters = limits.into_iter().map(|(holder, limits)| {
            let meter = match before.get(&holder) {
                Some(known) if *known.limits() == limits => Arc::clone(known),
                Some(known) => Arc::new(known.changed(limits)),
                None => Arc::new(Meter::new(limits)),
            };
            (holder, meter)
        });
        self.meters.store(Arc::new(meters.collect()));
        Ok(())
    }

    /// Whether nobody has limits.
    pub fn is_empty(&self) -> bool {
        self.meters.load().is_empty()
    }

    /// Lets a call of `holders` in, which has about `input` tokens if anybody asks.
    ///
    /// # Errors
    /// The first of them whose calls come too fast.
    pub fn admit(
        &self,
        holders: impl IntoIterator<Item = Holder>,
        input: impl Fn() -> u64,
    ) -> Result<Permit, TooFast> {
        let meters = self.meters.load();
        let mut permit = Permit::default();
        let mut counted = None;
        for holder in holders {
            let Some(meter) = meters.get(&holder) else {
                continue;
            };
            let tokens = if meter.counts_tokens() {
                *counted.get_or_insert_with(&input)
            } else {
                0
            };
            match meter.take(tokens) {
                Ok(taken) => permit.taken.push((Arc::clone(meter), taken)),
                Err(wait) => {
                    permit.undo();
                    let standing = Standing::of(std::iter::once(&**meter));
                    return Err(TooFast {
                        holder,
                        wait,
                        standing,
                    });
                }
            }
        }
        Ok(permit)
    }
}

impl Permit {
    /// The call has used that, all attempts together.
    pub fn settle(&mut self, input: u64, output: u64) {
        if std::mem::replace(&mut self.is_settled, true) {
            return;
        }
        for (meter, taken) in &self.taken {
            meter.settle(*taken, input, output);
        }
    }

    /// How the tightest of its meters stand; `None` if there are none.
    pub fn standing(&self) -> Option<Standing> {
        let meters = self.taken.iter().map(|(meter, _)| &**meter);
        (!self.taken.is_empty()).then(|| Standing::of(meters))
    }

    /// It has not come.
    fn undo(&mut self) {
        for (meter, taken) in self.taken.drain(..) {
            meter.undo(taken);
        }
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        for (meter, taken) in &self.taken {
            if !self.is_settled {
                // It was refused, or nobody was asked.
                meter.give_back(*taken);
            }
            meter.end();
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
