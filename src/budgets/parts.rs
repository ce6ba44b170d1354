//! Budgets that several gateways spend from: this one's part of each window.
//!
//! A call is admitted from the part that this gateway has, in memory. Only where that does not do, the
//! database is asked for more, one question at a time for all calls that wait. What is not used is given back after a
//! second or two, and all of it at the end. While the database is away, what is left of the parts can be spent.
//! A gateway that is alone asks for nothing but the sums of windows that begin.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio_util::sync::CancellationToken;
use tollward_store::{Ask, NanoUsd, StoreError, Window};

use super::Budgets;
use super::purse::Wanted;
use crate::clock;
use crate::limits::RateMeters;

/// How often parts are looked through, and the sign of life is given.
const EVERY: Duration = Duration::from_secs(1);
/// After a failure nobody waits for the database for so long.
const REST: Duration = Duration::from_secs(1);
/// Questions for one reservation: what is used may be news, and somebody else may be faster.
const QUESTIONS: usize = 3;

/// The database that shares budgets out did not answer, now or a moment ago.
#[derive(Debug, thiserror::Error)]
#[error("the database with the budgets does not answer")]
pub struct Unanswered;

impl Budgets {
    /// Sees to it that there is room here for `hold` on each of `wanted`, as far as there is any.
    ///
    /// # Errors
    /// It is to be asked for, and the database does not answer.
    pub async fn provide(&self, wanted: &[Wanted], hold: NanoUsd) -> Result<(), Unanswered> {
        // What is free is held on nothing, and needs no part of anything.
        if hold.0 <= 0 && self.is_shared() {
            return Ok(());
        }
        for _ in 0..QUESTIONS {
            if self.is_provided(wanted, hold) {
                return Ok(());
            }
            let _alone = self.asking.lock().await;
            // Whoever asked before may have got enough for two.
            if self.is_provided(wanted, hold) {
                return Ok(());
            }
            self.ask(wanted, hold).await?;
        }
        Ok(())
    }

    /// The same for who cannot wait.
    pub(super) fn provide_soon(&self, wanted: &[Wanted], hold: NanoUsd) {
        *self.wanted.lock() = Some((wanted.to_vec(), hold));
        self.wake.notify_one();
    }

    /// So many gateways run.
    pub(super) fn count(&self, gateways: u64) {
        let gateways = u32::try_from(gateways).unwrap_or(u32::MAX);
        self.gateways.store(gateways.max(1), Ordering::Relaxed);
    }

    /// How many gateways spend from the same budgets, this one included.
    pub fn gateways(&self) -> u32 {
        self.gateways.load(Ordering::Relaxed)
    }

    /// Whether other gateways spend from the same budgets.
    pub fn is_shared(&self) -> bool {
        self.shares.is_some()
    }

    /// Whether it would be no use to ask.
    fn is_provided(&self, wanted: &[Wanted], hold: NanoUsd) -> bool {
        let purses = self.purses.lock();
        if self.is_shared() {
            purses.asks(wanted, hold, clock::mono()).is_empty()
        } else {
            purses.unknown(wanted).is_empty()
        }
    }

    async fn ask(&self, wanted: &[Wanted], hold: NanoUsd) -> Result<(), Unanswered> {
        let failed = *self.failed.lock();
        if failed.is_some_and(|at| clock::mono().saturating_duration_since(at) < REST) {
            return Err(Unanswered);
        }
        let answered = if self.is_shared() {
            let asks = self.purses.lock().asks(wanted, hold, clock::mono());
            self.lease(&asks).await
        } else {
            self.learn(wanted).await
        };
        let failure = answered.err();
        *self.failed.lock() = failure.is_some().then(clock::mono);
        let Some(error) = failure else {
            return Ok(());
        };
        let error = anyhow::Error::from(error);
        tracing::warn!(error = %format!("{error:#}"), "the database with the budgets does not answer");
        Err(Unanswered)
    }

    /// Takes over what is on record of windows that begin.
    async fn learn(&self, wanted: &[Wanted]) -> Result<(), StoreError> {
        let unknown = self.purses.lock().unknown(wanted);
        self.recall(&unknown).await
    }

    /// Takes over what is on record of `windows` of which nothing is known here.
    pub(super) async fn recall(&self, windows: &[Window]) -> Result<(), StoreError> {
        let spent = self.store.spent(windows).await?;
        let mut purses = self.purses.lock();
        for it in spent {
            purses.recall(it.window, it.amount);
        }
        for window in windows {
            purses.recall(*window, NanoUsd::ZERO);
        }
        Ok(())
    }

    /// Asks for parts, or gives back.
    pub(super) async fn lease(&self, asks: &[Ask]) -> Result<(), StoreError> {
        let Some(shares) = self.shares.as_ref().filter(|_| !asks.is_empty()) else {
            return Ok(());
        };
        let granted = shares.lease(asks, clock::unix_ms()).await?;
        let mut purses = self.purses.lock();
        for (ask, share) in asks.iter().zip(granted) {
            purses.share(ask, share, clock::mono());
        }
        Ok(())
    }

    /// Gives back what is not used, or has not been for a while.
    async fn give_back(&self, all: bool) -> Result<(), StoreError> {
        let _alone = self.asking.lock().await;
        let idle = self.purses.lock().idle(all);
        self.lease(&idle).await
    }

    /// Gives back everything and takes leave: this gateway ends.
    pub async fn leave(&self) {
        let Some(shares) = &self.shares else {
            return;
        };
        let left = async {
            self.give_back(true).await?;
            shares.leave(clock::unix_ms()).await
        };
        if let Err(error) = left.await {
            let error = anyhow::Error::from(error);
            tracing::warn!(%error, "the parts of budgets are not given back; `tollward node forget` does it");
        }
    }

    /// Looks after the parts until `stop`, and tells `meters` how many gateways there are.
    pub async fn follow(self: Arc<Self>, meters: Arc<RateMeters>, stop: CancellationToken) {
        let Some(shares) = &self.shares else {
            return;
        };
        let providing = async {
            loop {
                self.wake.notified().await;
                let wanted = self.wanted.lock().take();
                if let Some((wanted, hold)) = wanted {
                    // Whoever wants it asks again, or is cut.
                    _ = self.provide(&wanted, hold).await;
                }
            }
        };
        let looking = async {
            loop {
                tokio::time::sleep(EVERY).await;
                let signed = shares.sign(clock::unix_ms()).await;
                if let Ok(gateways) = signed {
                    self.count(gateways);
                    meters.share(self.gateways());
                }
                // What is given back is spent by nobody until it is: not while the database is away.
                let given = match signed {
                    Ok(_) => self.give_back(false).await,
                    Err(error) => Err(error),
                };
                if let Err(error) = given {
                    let error = anyhow::Error::from(error);
                    tracing::debug!(%error, "the parts of budgets were not looked after");
                }
            }
        };
        let following = async { tokio::join!(providing, looking) };
        stop.run_until_cancelled(following).await;
    }
}
