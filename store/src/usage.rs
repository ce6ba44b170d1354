//! Sums over the ledger, as reports tell them.
//!
//! [`Sums`] is what is counted, [`UsageRow`] names what it was counted for. Where the sums come from,
//! hours or single entries, is in `rollup`.

use std::collections::HashMap;

use serde::Serialize;

use crate::civil::day_text;
use crate::ledger::is_error;
use crate::rollup::{RollupQuery, RollupRow, Split, Whose, Width};
use crate::{Entry, KeyId, NanoUsd, Reach, ThingCounts, TokenCounts};

/// What to sum up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UsageQuery {
    /// What makes a row.
    pub by: GroupBy,
    /// Only entries that ended at or after this time, milliseconds since 1970.
    pub since_ms: Option<i64>,
    /// Only entries that ended before this time, milliseconds since 1970.
    pub until_ms: Option<i64>,
    /// Only entries of keys that are there or below now.
    pub within: Reach,
}

/// What makes a row of the usage report.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum GroupBy {
    /// The public model name.
    Model,
    /// The virtual key.
    Key,
    /// The deployment.
    Deployment,
    /// The provider.
    Provider,
    /// The day in UTC on which the attempt ended, `YYYY-MM-DD`; rows are in order of time.
    Day,
}

/// One row of the usage report.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct UsageRow {
    /// The model, deployment, provider or day, or the key's name; empty for calls without one.
    pub group: String,
    /// The key, when rows are keys and this one is not the row of open access.
    pub key: Option<KeyId>,
    /// What was counted.
    #[serde(flatten)]
    pub sums: Sums,
}

/// What is counted over entries.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Sums {
    /// Requests; each counts once, with its first attempt here.
    pub requests: u64,
    /// Entries: attempts that were booked.
    pub attempts: u64,
    /// Entries with a status of 400 or above, or an outcome that is an error.
    pub errors: u64,
    /// Tokens by class.
    pub tokens: TokenCounts,
    /// What was used besides tokens.
    #[serde(skip_serializing_if = "ThingCounts::is_nothing")]
    pub things: ThingCounts,
    /// The sum of known costs.
    pub cost: NanoUsd,
    /// The sum of what answers that were given again would have cost, as far as it is known.
    pub saved: NanoUsd,
    /// Entries without a known cost.
    pub unpriced: u64,
    /// Entries whose tokens are our estimate.
    pub estimated: u64,
}

impl Sums {
    /// What one entry counts; `requests` is for the caller to say.
    pub(crate) fn of(entry: &Entry) -> Self {
        Self {
            requests: 0,
            attempts: 1,
            errors: u64::from(is_error(entry.status, entry.outcome)),
            tokens: entry.tokens,
            things: entry.things,
            cost: entry.cost.unwrap_or(NanoUsd::ZERO),
            saved: entry.saved.unwrap_or(NanoUsd::ZERO),
            unpriced: u64::from(entry.cost.is_none()),
            estimated: u64::from(entry.estimated),
        }
    }

    /// Both together; `None` when a sum exceeds what a database can hold.
    #[must_use]
    pub fn checked_add(&self, other: &Self) -> Option<Self> {
        let [requests, attempts, errors, unpriced, estimated] = summed(
            [
                self.requests,
                self.attempts,
                self.errors,
                self.unpriced,
                self.estimated,
            ],
            [
                other.requests,
                other.attempts,
                other.errors,
                other.unpriced,
                other.estimated,
            ],
        )?;
        let tokens = summed(self.tokens.to_array(), other.tokens.to_array())?;
        let things = summed(self.things.to_array(), other.things.to_array())?;
        Some(Self {
            requests,
            attempts,
            errors,
            tokens: TokenCounts::from_array(tokens),
            things: ThingCounts::from_array(things),
            cost: self.cost.checked_add(other.cost)?,
            saved: self.saved.checked_add(other.saved)?,
            unpriced,
            estimated,
        })
    }
}

fn summed<const N: usize>(mut sums: [u64; N], counts: [u64; N]) -> Option<[u64; N]> {
    for (sum, count) in sums.iter_mut().zip(counts) {
        // The bound is that of the databases' sums, not ours.
        *sum = sum
            .checked_add(count)
            .filter(|sum| i64::try_from(*sum).is_ok())?;
    }
    Some(sums)
}

impl UsageQuery {
    /// The same question to the rollups.
    pub(crate) fn rollup(&self) -> RollupQuery {
        let split = Split::default();
        let (width, split) = match self.by {
            GroupBy::Model => (
                None,
                Split {
                    model: true,
                    ..split
                },
            ),
            GroupBy::Key => (None, Split { key: true, ..split }),
            GroupBy::Deployment => (
                None,
                Split {
                    deployment: true,
                    ..split
                },
            ),
            GroupBy::Provider => (
                None,
                Split {
                    provider: true,
                    ..split
                },
            ),
            GroupBy::Day => (Some(Width::Day), split),
        };
        RollupQuery {
            since_ms: self.since_ms.unwrap_or(0),
            until_ms: self.until_ms.unwrap_or(i64::MAX),
            width,
            split,
            whose: self.within.account().map_or(Whose::All, Whose::Account),
            ..RollupQuery::default()
        }
    }
}

impl UsageRow {
    /// The rows of the report, dearest first, then by name; days in order of time.
    pub(crate) fn report(
        found: Vec<RollupRow>,
        by: GroupBy,
        names: &HashMap<KeyId, String>,
    ) -> Vec<Self> {
        let mut rows: Vec<_> = found
            .into_iter()
            .map(|row| {
                let (group, key) = match by {
                    GroupBy::Model => (row.model, None),
                    GroupBy::Deployment => (row.deployment, None),
                    GroupBy::Provider => (row.provider, None),
                    GroupBy::Key => (Self::key_name(row.key, names), row.key),
                    GroupBy::Day => (day_text(Width::Day.part(row.start_ms)), None),
                };
                let sums = row.sums;
                Self { group, key, sums }
            })
            .collect();
        rows.sort_by(|a, b| {
            let dearest = match by {
                GroupBy::Day => std::cmp::Ordering::Equal,
                _ => b.sums.cost.cmp(&a.sums.cost),
            };
            let order = dearest.then_with(|| a.group.cmp(&b.group));
            order.then(a.key.cmp(&b.key))
        });
        rows
    }

    /// What a row of the report by key is called: the key's name, or its id when it is unknown.
    fn key_name(key: Option<KeyId>, names: &HashMap<KeyId, String>) -> String {
        key.map(|id| names.get(&id).cloned().unwrap_or_else(|| id.to_string()))
            .unwrap_or_default()
    }
}
