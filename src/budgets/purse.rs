//! What is spent and held of the windows of budgets: sums, and nothing that is asked of anybody.
//!
//! A reservation is made on all of its windows or on none, and ends once. What is held is never more
//! than what is left, so that what is spent passes a limit only as far as an attempt costs more than was held
//! for it.

use std::collections::HashMap;

use tollward_store::{NanoUsd, Window};

/// One window on which is to be reserved, and what may be spent in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wanted {
    /// Which one.
    pub window: Window,
    /// What may be spent in it.
    pub limit: NanoUsd,
}

/// What there is of a window, in nano-dollars.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Purse {
    /// Charged for attempts that have ended.
    pub spent: i64,
    /// Reserved for attempts that run.
    pub held: i64,
}

/// A window that has no room.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Full {
    /// Which of those that were wanted, from 0.
    pub place: usize,
    /// What there is of it.
    pub purse: Purse,
}

/// The windows that were reserved on since the start or have a sum on record.
#[derive(Debug, Default)]
pub struct Purses(HashMap<Window, Purse>);

impl Purse {
    /// What is left of `limit`; less than nothing if it was passed.
    pub fn room(self, limit: NanoUsd) -> i64 {
        limit.0.saturating_sub(self.spent).saturating_sub(self.held)
    }
}

impl Purses {
    /// What there is of a window.
    pub fn purse(&self, window: &Window) -> Purse {
        self.0.get(window).copied().unwrap_or_default()
    }

    /// The first of `wanted` that has no room for `hold`. Nothing is held for what is free, so it
    /// always has room.
    pub fn full(&self, wanted: &[Wanted], hold: NanoUsd) -> Option<Full> {
        if hold.0 <= 0 {
            return None;
        }
        wanted.iter().enumerate().find_map(|(place, it)| {
            let purse = self.purse(&it.window);
            (purse.room(it.limit) < hold.0).then_some(Full { place, purse })
        })
    }

    /// Holds `hold` on each of `wanted`, or on none.
    ///
    /// # Errors
    /// The first that has no room for it.
    pub fn reserve(&mut self, wanted: &[Wanted], hold: NanoUsd) -> Result<(), Full> {
        if let Some(full) = self.full(wanted, hold) {
            return Err(full);
        }
        for it in wanted {
            self.0.entry(it.window).or_default().held += hold.0.max(0);
        }
        Ok(())
    }

    /// Ends a reservation of `hold` on `windows` with what was charged.
    pub fn settle(&mut self, windows: &[Window], hold: NanoUsd, charge: NanoUsd) {
        for window in windows {
            let purse = self.0.entry(*window).or_default();
            purse.held = purse.held.saturating_sub(hold.0.max(0));
            purse.spent = purse.spent.saturating_add(charge.0);
        }
    }

    /// What is on record of a window, unless more is known of it here.
    pub fn recall(&mut self, window: Window, spent: NanoUsd) {
        self.0.entry(window).or_insert(Purse {
            spent: spent.0,
            held: 0,
        });
    }

    /// Forgets the windows on which nothing is held and that are not `wanted` any more.
    pub fn prune(&mut self, wanted: impl Fn(&Window) -> bool) {
        self.0
            .retain(|window, purse| purse.held > 0 || wanted(window));
    }
}

#[cfg(test)]
mod tests;
