//! The ledger by the hour: what rollups are asked, and what they answer.
//!
//! The writer keeps one row for each hour, key and label in the transaction that books its entries,
//! so a report over a year reads hours instead of calls. A span of time that does not begin or end
//! with an hour is read from the entries there, and only there.
//! A request counts once: with the lowest of its attempts, or with the lowest at a provider or a
//! deployment where sums are told apart by those.

use std::collections::{BTreeMap, HashSet};
use std::ops::Range;

use serde::Serialize;

use crate::{AccountId, KeyId, StoreError, Sums};

/// Milliseconds of an hour.
pub(crate) const HOUR_MS: i64 = 3_600_000;

/// What to sum up over a span of time.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RollupQuery {
    /// From this time on, milliseconds since 1970.
    pub since_ms: i64,
    /// Before this time, milliseconds since 1970.
    pub until_ms: i64,
    /// The parts of the span that have sums of their own; `None`: the span has one.
    pub width: Option<Width>,
    /// What else tells sums apart.
    pub split: Split,
    /// Whose calls.
    pub whose: Whose,
    /// Only calls of these operations; none: of all.
    pub operations: Vec<&'static str>,
}

/// Whose calls are summed up.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Whose {
    /// Everybody's.
    #[default]
    All,
    /// Those that were made without a key.
    Open,
    /// Those of one key.
    Key(KeyId),
    /// Those of the keys that an organisation or a team has now, and the teams below it.
    Account(AccountId),
}

/// How long a part of a span is. Parts begin with the minute, the hour or the day in UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Width {
    /// A minute, which is read from the entries.
    Minute,
    /// An hour.
    Hour,
    /// A day.
    Day,
}

/// What tells sums apart.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "independent columns, not a state"
)]
pub struct Split {
    /// The virtual key.
    pub key: bool,
    /// The public model name.
    pub model: bool,
    /// The provider.
    pub provider: bool,
    /// The deployment, with its provider and the model name that is sent there.
    pub deployment: bool,
    /// The operation.
    pub operation: bool,
}

/// Sums of one part of a span; texts by which it is not split are empty.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RollupRow {
    /// When the part begins, milliseconds since 1970; 0 where the span has one.
    pub start_ms: i64,
    /// The virtual key; `None` also for calls of an open gateway.
    pub key: Option<KeyId>,
    /// The public model name.
    pub model: String,
    /// The provider; empty also where none was reached.
    pub provider: String,
    /// The deployment; empty also where none was reached.
    pub deployment: String,
    /// The model name that was sent there.
    pub upstream_model: String,
    /// The operation.
    pub operation: String,
    /// What was counted.
    pub sums: Sums,
}

/// What comparing the rollups with the entries found.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct RollupCheck {
    /// Rows of rollups.
    pub rows: u64,
    /// What does not agree.
    pub differences: Vec<RollupDifference>,
}

/// An hour of a key and a deployment that does not say what its entries say.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RollupDifference {
    /// When the hour begins, milliseconds since 1970.
    pub start_ms: i64,
    /// The virtual key; `None`: of an open gateway.
    pub key: Option<KeyId>,
    /// The public model name.
    pub model: String,
    /// The deployment.
    pub deployment: String,
    /// Attempts that the rollup has too many, or too few if it is negative.
    pub attempts: i64,
    /// Nano-dollars that it has too many.
    pub cost_nano: i64,
}

/// Where the sums of a part of a span are read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Source {
    /// Rollups of these hours since 1970.
    Hours(Range<i64>),
    /// Entries of these milliseconds since 1970.
    Entries(Range<i64>),
}

impl Whose {
    /// Whether calls of that key, or without one, are summed up; `below` are the keys of the account that is asked for.
    pub(crate) fn has(self, key: Option<KeyId>, below: &HashSet<KeyId>) -> bool {
        match self {
            Self::All => true,
            Self::Open => key.is_none(),
            Self::Key(own) => key == Some(own),
            Self::Account(_) => key.is_some_and(|it| below.contains(&it)),
        }
    }
}

impl Width {
    /// Its length in milliseconds.
    pub fn millis(self) -> i64 {
        match self {
            Self::Minute => 60_000,
            Self::Hour => HOUR_MS,
            Self::Day => 24 * HOUR_MS,
        }
    }

    /// The number of the part in which a time lies.
    pub(crate) fn part(self, time_ms: i64) -> i64 {
        time_ms.div_euclid(self.millis())
    }
}

impl RollupQuery {
    /// Where the answer is read: whole hours from the rollups, the rest from the entries.
    pub(crate) fn sources(&self) -> Vec<Source> {
        // No entry is older than 1970.
        let (since, until) = (self.since_ms.max(0), self.until_ms);
        if since >= until {
            return Vec::new();
        }
        let first = since / HOUR_MS + i64::from(since % HOUR_MS != 0);
        let last = until / HOUR_MS;
        if self.width == Some(Width::Minute) || first >= last {
            return vec![Source::Entries(since..until)];
        }
        // Where nothing ends the span, its last hour is as good as over.
        let end = if until == i64::MAX {
            i64::MAX
        } else {
            last * HOUR_MS
        };
        let parts = [
            Source::Entries(since..first * HOUR_MS),
            Source::Hours(first..last),
            Source::Entries(end..until),
        ];
        let is_there = |source: &Source| match source {
            Source::Hours(range) | Source::Entries(range) => !range.is_empty(),
        };
        parts.into_iter().filter(is_there).collect()
    }

    /// The beginning of the part in which a time lies; 0 where the span has one.
    pub(crate) fn start_of(&self, time_ms: i64) -> i64 {
        let start = |width: Width| width.part(time_ms).saturating_mul(width.millis());
        self.width.map_or(0, start)
    }
}

impl RollupRow {
    /// Adds rows up that tell the same apart; in order of time, then of key and texts.
    ///
    /// # Errors
    /// A sum exceeds 64 bits.
    pub(crate) fn merged(rows: impl IntoIterator<Item = Self>) -> Result<Vec<Self>, StoreError> {
        let mut merged: BTreeMap<_, Self> = BTreeMap::new();
        for row in rows {
            let cell = (
                row.start_ms,
                row.key,
                [
                    row.model.clone(),
                    row.deployment.clone(),
                    row.provider.clone(),
                    row.upstream_model.clone(),
                    row.operation.clone(),
                ],
            );
            match merged.entry(cell) {
                std::collections::btree_map::Entry::Vacant(free) => {
                    free.insert(row);
                }
                std::collections::btree_map::Entry::Occupied(mut there) => {
                    let sums = there.get().sums.checked_add(&row.sums);
                    there.get_mut().sums = sums.ok_or(StoreError::Overflow)?;
                }
            }
        }
        Ok(merged.into_values().collect())
    }
}

#[cfg(test)]
mod tests;
