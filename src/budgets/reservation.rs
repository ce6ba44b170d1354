//! What is held for an attempt, on its budgets.

use std::sync::Arc;

use tollward_store::{Held, NanoUsd};

use super::Budgets;
use super::purse::{Full, Wanted};

/// What is held for an attempt. Dropped, it is given back.
pub struct Reservation {
    budgets: Arc<Budgets>,
    held: Held,
}

impl Budgets {
    /// Holds `hold` on each of `wanted`, or on none.
    ///
    /// # Errors
    /// The first that has no room for it.
    pub fn reserve(
        self: &Arc<Self>,
        wanted: &[Wanted],
        hold: NanoUsd,
    ) -> Result<Reservation, Full> {
        self.purses.lock().reserve(wanted, hold)?;
        Ok(Reservation {
            budgets: Arc::clone(self),
            held: Held {
                amount: hold,
                windows: wanted.iter().map(|it| it.window).collect(),
            },
        })
    }
}

impl Reservation {
    /// What is held, and where.
    pub fn held(&self) -> &Held {
        &self.held
    }

    /// Holds that much more, on every window or on none; `false` if this gateway's parts of them have no room yet and it
    /// was asked for more.
    ///
    /// # Errors
    /// The first that has no room for it, whoever is asked.
    pub fn extend(&mut self, wanted: &[Wanted], more: NanoUsd) -> Result<bool, Full> {
        let mut purses = self.budgets.purses.lock();
        if purses.reserve(wanted, more).is_ok() {
            self.held.amount = NanoUsd(self.held.amount.0.saturating_add(more.0.max(0)));
            return Ok(true);
        }
        if let Some(full) = purses.hopeless(wanted, more) {
            return Err(full);
        }
        drop(purses);
        self.budgets.provide_soon(wanted, more);
        Ok(false)
    }

    /// A part of the attempt has ended, and cost that; the rest stays held.
    pub fn charge(&mut self, charge: NanoUsd) {
        let mut purses = self.budgets.purses.lock();
        purses.settle(&self.held.windows, NanoUsd::ZERO, charge);
    }

    /// The attempt has ended, and cost that.
    pub fn settle(mut self, charge: NanoUsd) {
        self.end(charge);
    }

    fn end(&mut self, charge: NanoUsd) {
        let held = std::mem::replace(
            &mut self.held,
            Held {
                amount: NanoUsd::ZERO,
                windows: Arc::from([]),
            },
        );
        let mut purses = self.budgets.purses.lock();
        purses.settle(&held.windows, held.amount, charge);
    }
}

impl Drop for Reservation {
    fn drop(&mut self) {
        self.end(NanoUsd::ZERO);
    }
}
