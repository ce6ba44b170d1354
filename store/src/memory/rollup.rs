//! Sums over the entries in memory.

use std::collections::HashSet;

use super::Book;
use crate::rollup::{RollupQuery, RollupRow};
use crate::{Entry, KeyId, StoreError, Sums};

impl Book {
    /// Sums up as `query` asks; `below` are the keys of the account that it asks for.
    pub(super) fn rollup(
        &self,
        query: &RollupQuery,
        below: &HashSet<KeyId>,
    ) -> Result<Vec<RollupRow>, StoreError> {
        let asked = |entry: &&Entry| {
            (query.since_ms..query.until_ms).contains(&entry.at_ms)
                && query.whose.has(entry.key, below)
                && (query.operations.is_empty()
                    || query.operations.contains(&entry.operation.as_ref()))
        };
        let entries = self.entries.values().filter(asked);
        RollupRow::merged(entries.map(|entry| self.row(query, entry)))
    }

    /// What one entry adds.
    fn row(&self, query: &RollupQuery, entry: &Entry) -> RollupRow {
        let split = query.split;
        let text = |is_there: bool, text: &str| {
            if is_there {
                text.to_owned()
            } else {
                String::new()
            }
        };
        RollupRow {
            start_ms: query.start_of(entry.at_ms),
            key: entry.key.filter(|_| split.key),
            model: text(split.model, &entry.model),
            provider: text(split.provider || split.deployment, &entry.provider),
            deployment: text(split.deployment, &entry.deployment),
            upstream_model: text(split.deployment, &entry.upstream_model),
            operation: text(split.operation, &entry.operation),
            sums: Sums {
                requests: u64::from(self.is_first(query, entry)),
                ..Sums::of(entry)
            },
        }
    }

    /// Whether the request counts with this attempt.
    fn is_first(&self, query: &RollupQuery, entry: &Entry) -> bool {
        let split = query.split;
        let before = (entry.request, 0)..(entry.request, entry.attempt);
        !self.entries.range(before).any(|(_, it)| {
            if split.deployment {
                it.deployment == entry.deployment
            } else {
                !split.provider || it.provider == entry.provider
            }
        })
    }
}
