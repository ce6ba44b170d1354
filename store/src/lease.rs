//! Parts of budgets that gateways spend from without asking.
//!
//! Of each window a gateway is granted a part. It reserves within that part in its own memory; only when the
//! part is used up it asks for more. The sum of all parts never passes the limit, so neither does what is spent.
//! A gateway that is alone with its budgets has all of them and never asks.

use crate::{NanoUsd, Window};

/// What a gateway wants of a window.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ask {
    /// Which one.
    pub window: Window,
    /// What the gateway has spent and holds in it.
    pub used: NanoUsd,
    /// What it needs beyond that now; nothing: it gives back what it does not use.
    pub need: NanoUsd,
}

/// What a gateway has of a window.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Share {
    /// What it may spend in all, including what it has spent.
    pub granted: NanoUsd,
    /// What of that it has spent, as far as the database has it.
    pub spent: NanoUsd,
    /// What others have spent.
    pub spent_by_others: NanoUsd,
    /// What others were granted and have not spent.
    pub left_to_others: NanoUsd,
}

/// What a gateway is granted in all that has `granted` now, when `free` of the window is nobody's and `gateways` run.
///
/// It gets what it needs and, so that it need not ask for each call, a share of the rest that shrinks
/// with the rest: half of its even part, in whole multiples of what it needs. If what it needs does not fit, it gets
/// nothing more: somebody may need less.
#[must_use]
pub(crate) fn grant(ask: &Ask, granted: NanoUsd, free: NanoUsd, gateways: u64) -> NanoUsd {
    if ask.need.0 <= 0 {
        return NanoUsd(granted.0.min(ask.used.0.max(0)));
    }
    let wanted = ask.used.0.saturating_add(ask.need.0);
    let missing = wanted.saturating_sub(granted.0);
    if missing <= 0 || missing > free.0 {
        return granted;
    }
    let rest = free.0.saturating_sub(missing);
    let parts = i64::try_from(gateways.max(1)).unwrap_or(i64::MAX);
    let ahead = rest / parts.saturating_mul(2) / ask.need.0 * ask.need.0;
    NanoUsd(wanted.saturating_add(ahead))
}

#[cfg(test)]
mod tests;
