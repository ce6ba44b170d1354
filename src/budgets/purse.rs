//! What is spent and held of the windows of budgets: sums, and nothing that is asked of anybody.
//!
//! A reservation is made on all of its windows or on none, and ends once. What is held is never more
//! than what is left, so that what is spent passes a limit only as far as an attempt costs more than was held
//! for it. Where several gateways spend from one budget, what is left here is what is left of this one's part.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use tollward_store::{Ask, NanoUsd, Share, Window};

/// After how long it is asked again for what was not granted.
const ASK_AGAIN: Duration = Duration::from_millis(200);

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
    /// Charged here for attempts that have ended.
    pub spent: i64,
    /// Reserved here for attempts that run.
    pub held: i64,
    /// This gateway's part; `None`: it is alone, and has all of it.
    pub part: Option<Part>,
}

/// One gateway's part of a window that several share, in nano-dollars, as it was when it was last asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Part {
    /// What may be spent here in all.
    pub granted: i64,
    /// What others have spent.
    pub spent_by_others: i64,
    /// What others were granted and have not spent.
    pub left_to_others: i64,
    /// What was asked for last and not granted, and when.
    refused: Option<(i64, Instant)>,
    /// Whether anything was reserved since it was last looked at.
    is_in_use: bool,
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
    /// What may be reserved here at once; less than nothing if the limit was passed.
    pub fn room(self, limit: NanoUsd) -> i64 {
        let left = self.left(limit);
        let own = |part: Part| {
            let granted = part.granted.saturating_sub(self.spent);
            granted.saturating_sub(self.held)
        };
        self.part.map_or(left, |part| own(part).min(left))
    }

    /// What is neither spent nor held here, nor spent elsewhere: what may be reserved if nobody else wants it.
    pub fn left(self, limit: NanoUsd) -> i64 {
        limit
            .0
            .saturating_sub(self.spent_by_all())
            .saturating_sub(self.held)
    }

    /// What may be reserved here, now or when it is asked for: what others have not spent of their parts is theirs.
    pub fn reach(self, limit: NanoUsd) -> i64 {
        let left = self.left(limit);
        self.part.map_or(left, |part| {
            left.saturating_sub(part.left_to_others)
                .max(self.room(limit))
        })
    }

    /// What was spent, here and elsewhere.
    pub fn spent_by_all(self) -> i64 {
        let others = self.part.map_or(0, |it| it.spent_by_others);
        self.spent.saturating_add(others)
    }

    /// Whether it would not help to ask for `need` again.
    fn was_refused(self, need: i64, now: Instant) -> bool {
        let refused = self.part.and_then(|it| it.refused);
        refused.is_some_and(|(least, at)| {
            least <= need && now.saturating_duration_since(at) < ASK_AGAIN
        })
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
        self.lacks(wanted, hold, Purse::room)
    }

    /// The first of `wanted` that has no room for `hold`, whoever is asked for more.
    pub fn hopeless(&self, wanted: &[Wanted], hold: NanoUsd) -> Option<Full> {
        self.lacks(wanted, hold, Purse::reach)
    }

    fn lacks(
        &self,
        wanted: &[Wanted],
        hold: NanoUsd,
        room: fn(Purse, NanoUsd) -> i64,
    ) -> Option<Full> {
        if hold.0 <= 0 {
            return None;
        }
        wanted.iter().enumerate().find_map(|(place, it)| {
            let purse = self.purse(&it.window);
            (room(purse, it.limit) < hold.0).then_some(Full { place, purse })
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
        if hold.0 <= 0 {
            // Of a window of which nothing is known nothing is to be known now.
            return Ok(());
        }
        for it in wanted {
            let purse = self.0.entry(it.window).or_default();
            purse.held += hold.0;
            if let Some(part) = &mut purse.part {
                part.is_in_use = true;
            }
        }
        Ok(())
    }

    /// Ends a reservation of `hold` on `windows` with what was charged.
    pub fn settle(&mut self, windows: &[Window], hold: NanoUsd, charge: NanoUsd) {
        if hold.0 <= 0 && charge.0 == 0 {
            return;
        }
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
            ..Purse::default()
        });
    }

    /// Those of `wanted` of which nothing is known here.
    pub fn unknown(&self, wanted: &[Wanted]) -> Vec<Window> {
        let windows = wanted.iter().map(|it| it.window);
        windows.filter(|it| !self.0.contains_key(it)).collect()
    }

    /// What is to be asked for, so that there is room for `hold` on each of `wanted`.
    pub fn asks(&self, wanted: &[Wanted], hold: NanoUsd, now: Instant) -> Vec<Ask> {
        let lacks = |it: &&Wanted| match self.0.get(&it.window) {
            // A purse without a part was only charged so far: what there is of the window is not known.
            None | Some(Purse { part: None, .. }) => true,
            Some(purse) => purse.room(it.limit) < hold.0 && !purse.was_refused(hold.0, now),
        };
        let lacking = wanted.iter().filter(lacks);
        lacking.map(|it| self.ask(it.window, hold)).collect()
    }

    fn ask(&self, window: Window, need: NanoUsd) -> Ask {
        let purse = self.purse(&window);
        Ask {
            window,
            used: NanoUsd(purse.spent.saturating_add(purse.held)),
            need,
        }
    }

    /// Takes over what was granted for `ask`.
    pub fn share(&mut self, ask: &Ask, share: Share, now: Instant) {
        let purse = self.0.entry(ask.window).or_default();
        // A start before this one may have spent more than is known here.
        purse.spent = purse.spent.max(share.spent.0);
        let wanted = ask.used.0.saturating_add(ask.need.0);
        // An answer about a window of which nothing was known tells what is used first.
        let is_refused = purse.part.is_some() && ask.need.0 > 0 && share.granted.0 < wanted;
        purse.part = Some(Part {
            granted: share.granted.0,
            spent_by_others: share.spent_by_others.0,
            left_to_others: share.left_to_others.0,
            refused: is_refused.then_some((ask.need.0, now)),
            is_in_use: purse.part.is_some_and(|it| it.is_in_use),
        });
    }

    /// Takes what is not used out of the parts that nothing was reserved in since the last time, or of which more was
    /// asked for than there was, or out of `all`: what is to be given back. Until it is, nobody here spends it.
    pub fn idle(&mut self, all: bool) -> Vec<Ask> {
        let mut idle = Vec::new();
        for (window, purse) in &mut self.0 {
            let used = purse.spent.saturating_add(purse.held);
            let Some(part) = &mut purse.part else {
                continue;
            };
            let is_idle = !part.is_in_use || part.refused.is_some();
            part.is_in_use = false;
            if part.granted > used && (all || is_idle) {
                part.granted = used;
                idle.push(Ask {
                    window: *window,
                    used: NanoUsd(used),
                    need: NanoUsd::ZERO,
                });
            }
        }
        idle
    }

    /// Forgets the windows on which nothing is held and that are not `wanted` any more.
    pub fn prune(&mut self, wanted: impl Fn(&Window) -> bool) {
        self.0
            .retain(|window, purse| purse.held > 0 || wanted(window));
    }
}

#[cfg(test)]
mod tests;
