//! Everything in memory: for tests, and for runs that shall leave no trace.
//!
//! Entries pass through the journal's encoding, so what this store keeps is
//! what the durable one would. It grows with every entry; nothing is evicted.

mod answers;
mod audit;
mod budgets;
mod responses;
mod tokens;

use std::collections::{BTreeMap, HashMap, HashSet};
use std::ops::Bound;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use async_trait::async_trait;
use parking_lot::Mutex;
use secrecy::{ExposeSecret, SecretString};

use crate::civil::{DAY_MS, day_text};
use crate::journal::codec::{self, Record};
use crate::key::{KEY, check, hint, mint};
use crate::ledger::is_error;
use crate::{
    Account, AdminToken, Backlog, Budget, Entry, GroupBy, Holder, KeyHash, KeyId, KeyRecord,
    KeyStore, KeyTerms, Ledger, NanoUsd, NewKey, PageQuery, Pepper, RateLimits, Reach, RequestId,
    StoreError, UsageQuery, UsageRow,
};

pub(crate) use self::answers::MemoryAnswers;
pub(crate) use self::audit::MemoryAudit;
pub(crate) use self::responses::MemoryResponses;

/// Keys and ledger of one process; the report by key needs both.
pub(crate) struct Memory {
    pepper: Arc<Pepper>,
    keys: Mutex<Vec<(KeyHash, KeyRecord)>>,
    tokens: Mutex<Vec<(KeyHash, AdminToken)>>,
    accounts: Mutex<Vec<Account>>,
    budgets: Mutex<Vec<Budget>>,
    limits: Mutex<HashMap<Holder, RateLimits>>,
    /// Grows with every change of any of these.
    version: AtomicU64,
    entries: Mutex<Book>,
}

#[derive(Default)]
struct Book {
    entries: BTreeMap<(RequestId, u32), Entry>,
    /// Attempts that were sent and have not ended, as they would be booked.
    holds: BTreeMap<(RequestId, u32), Entry>,
    is_closed: bool,
}

impl Memory {
    pub(crate) fn new(pepper: Arc<Pepper>) -> Self {
        Self {
            pepper,
            keys: Mutex::default(),
            tokens: Mutex::default(),
            accounts: Mutex::default(),
            budgets: Mutex::default(),
            limits: Mutex::default(),
            version: AtomicU64::new(0),
            entries: Mutex::default(),
        }
    }

    fn move_version(&self) {
        self.version.fetch_add(1, Ordering::Relaxed);
    }
}

#[async_trait]
impl KeyStore for Memory {
    async fn create(&self, new: NewKey) -> Result<(KeyRecord, SecretString), StoreError> {
        let secret = mint(KEY)?;
        let record = KeyRecord::from_new(new, hint(KEY, secret.expose_secret()))?;
        let hash = self.pepper.hash(secret.expose_secret().as_bytes());
        let mut keys = self.keys.lock();
        let is_taken =
            |(_, key): &(KeyHash, KeyRecord)| key.revoked_ms.is_none() && key.name == record.name;
        if keys.iter().any(is_taken) {
            return Err(StoreError::NameTaken { name: record.name });
        }
        keys.push((hash, record.clone()));
        self.move_version();
        Ok((record, secret))
    }

    async fn list(&self) -> Result<Vec<KeyRecord>, StoreError> {
        Ok(self
            .keys
            .lock()
            .iter()
            .map(|(_, key)| key.clone())
            .collect())
    }

    async fn revoke(&self, id_or_name: &str, now_ms: i64) -> Result<Option<KeyRecord>, StoreError> {
        let mut keys = self.keys.lock();
        let id = id_or_name.parse::<KeyId>().ok();
        let found = keys.iter_mut().find(|(_, key)| match id {
            Some(id) => key.id == id,
            None => key.revoked_ms.is_none() && key.name == id_or_name,
        });
        Ok(found.map(|(_, key)| {
            if key.revoked_ms.is_none() {
                key.revoked_ms = Some(now_ms);
                self.move_version();
            }
            key.clone()
        }))
    }

    async fn change(&self, id: KeyId, terms: KeyTerms) -> Result<Option<KeyRecord>, StoreError> {
        check(&terms.name, &terms.allowed_models)?;
        let mut keys = self.keys.lock();
        let mut active = keys.iter().filter(|(_, it)| it.revoked_ms.is_none());
        if active.any(|(_, it)| it.id != id && it.name == terms.name) {
            return Err(StoreError::NameTaken { name: terms.name });
        }
        let mut active = keys.iter_mut().filter(|(_, it)| it.revoked_ms.is_none());
        let found = active.find(|(_, it)| it.id == id);
        Ok(found.map(|(_, key)| {
            *key = key.clone().with(terms);
            self.move_version();
            key.clone()
        }))
    }

    async fn active(&self) -> Result<Vec<(KeyHash, KeyRecord)>, StoreError> {
        let keys = self.keys.lock();
        Ok(keys
            .iter()
            .filter(|(_, key)| key.revoked_ms.is_none())
            .cloned()
            .collect())
    }

    async fn version(&self) -> Result<u64, StoreError> {
        Ok(self.version.load(Ordering::Relaxed))
    }
}

impl Memory {
    /// The keys of a place and below; `None`: all, and calls without any.
    fn keys_within(&self, reach: Reach) -> Option<HashSet<KeyId>> {
        let place = reach.account()?;
        let accounts = self.accounts.lock();
        let mut below = accounts.iter().filter(|it| it.parent == Some(place));
        let below: HashSet<_> = below.by_ref().map(|it| it.id).chain([place]).collect();
        let keys = self.keys.lock();
        let within = keys.iter().map(|(_, it)| it);
        let within = within.filter(|it| it.account.is_some_and(|it| below.contains(&it)));
        Some(within.map(|it| it.id).collect())
    }

    /// Applies a record as the durable store would.
    fn apply(&self, payload: &[u8]) -> Result<(), StoreError> {
        let unreadable = StoreError::InvalidEntry { field: "payload" };
        let record = codec::decode(payload).ok_or(unreadable)?;
        let mut book = self.entries.lock();
        if book.is_closed {
            return Err(StoreError::Closed);
        }
        match record {
            Record::Entry(row) => {
                let id = (row.request, row.attempt);
                let entry = row
                    .to_entry()
                    .ok_or(StoreError::InvalidEntry { field: "label" })?;
                book.holds.remove(&id);
                book.entries.entry(id).or_insert(entry);
            }
            Record::Hold(row) => {
                let id = (row.request, row.attempt);
                let entry = row
                    .to_entry()
                    .ok_or(StoreError::InvalidEntry { field: "label" })?;
                if !book.entries.contains_key(&id) {
                    book.holds.insert(id, entry);
                }
            }
            Record::Release(request, attempt) => {
                book.holds.remove(&(request, attempt));
            }
        }
        Ok(())
    }
}

#[async_trait]
impl Ledger for Memory {
    fn record(&self, entry: &Entry) -> Result<(), StoreError> {
        let mut payload = Vec::with_capacity(256);
        codec::encode(entry, &mut payload)?;
        self.apply(&payload)
    }

    fn hold(&self, entry: &Entry) -> Result<(), StoreError> {
        let mut payload = Vec::with_capacity(256);
        codec::encode_hold(entry, &mut payload)?;
        self.apply(&payload)
    }

    fn release(&self, request: RequestId, attempt: u32) -> Result<(), StoreError> {
        let mut payload = Vec::with_capacity(32);
        codec::encode_release(request, attempt, &mut payload);
        self.apply(&payload)
    }

    async fn flush(&self) -> Result<(), StoreError> {
        Ok(())
    }

    async fn usage(&self, query: &UsageQuery) -> Result<Vec<UsageRow>, StoreError> {
        let names: HashMap<KeyId, String> = self
            .keys
            .lock()
            .iter()
            .map(|(_, key)| (key.id, key.name.clone()))
            .collect();
        let mut groups: HashMap<(String, Option<KeyId>), (UsageRow, HashSet<RequestId>)> =
            HashMap::new();
        let within = self.keys_within(query.within);
        let is_within = |key: Option<KeyId>| {
            let within = within.as_ref();
            within.is_none_or(|within| key.is_some_and(|it| within.contains(&it)))
        };
        for entry in self.entries.lock().entries.values() {
            if !is_within(entry.key)
                || query.since_ms.is_some_and(|since| entry.at_ms < since)
                || query.until_ms.is_some_and(|until| entry.at_ms >= until)
            {
                continue;
            }
            let group = group_of(entry, query.by, &names);
            let (row, requests) = groups
                .entry(group.clone())
                .or_insert_with(|| (UsageRow::empty(group.0, group.1), HashSet::new()));
            requests.insert(entry.request);
            add(row, entry).ok_or(StoreError::Overflow)?;
            row.requests = u64::try_from(requests.len()).unwrap_or(u64::MAX);
        }
        let mut rows: Vec<_> = groups.into_values().map(|(row, _)| row).collect();
        UsageRow::sort(&mut rows, query.by);
        Ok(rows)
    }

    async fn recent(&self, limit: u32) -> Result<Vec<Entry>, StoreError> {
        let limit = usize::try_from(limit).unwrap_or(usize::MAX);
        Ok(self
            .entries
            .lock()
            .entries
            .values()
            .rev()
            .take(limit)
            .cloned()
            .collect())
    }

    async fn page(&self, query: &PageQuery) -> Result<Vec<Entry>, StoreError> {
        let first = (RequestId::floor(query.since_ms), 0);
        let from = query.after.map_or(Bound::Included(first), Bound::Excluded);
        let book = self.entries.lock();
        let entries = book.entries.range((from, Bound::Unbounded));
        let entries = entries.take_while(|((request, _), _)| query.has(*request));
        let limit = usize::try_from(query.limit).unwrap_or(usize::MAX);
        Ok(entries.take(limit).map(|(_, it)| it.clone()).collect())
    }

    fn backlog(&self) -> Backlog {
        Backlog::default()
    }

    async fn close(&self) -> Result<(), StoreError> {
        self.entries.lock().is_closed = true;
        Ok(())
    }
}

fn group_of(entry: &Entry, by: GroupBy, names: &HashMap<KeyId, String>) -> (String, Option<KeyId>) {
    let text = match by {
        GroupBy::Model => &entry.model,
        GroupBy::Deployment => &entry.deployment,
        GroupBy::Provider => &entry.provider,
        GroupBy::Day => return (day_text(entry.at_ms.div_euclid(DAY_MS)), None),
        GroupBy::Key => return (UsageRow::key_name(entry.key, names), entry.key),
    };
    (text.to_string(), None)
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

fn add(row: &mut UsageRow, entry: &Entry) -> Option<()> {
    row.tokens =
        crate::TokenCounts::from_array(summed(row.tokens.to_array(), entry.tokens.to_array())?);
    row.things =
        crate::ThingCounts::from_array(summed(row.things.to_array(), entry.things.to_array())?);
    row.cost = row.cost.checked_add(entry.cost.unwrap_or(NanoUsd::ZERO))?;
    row.saved = row
        .saved
        .checked_add(entry.saved.unwrap_or(NanoUsd::ZERO))?;
    row.attempts += 1;
    row.errors += u64::from(is_error(entry.status, entry.outcome));
    row.unpriced += u64::from(entry.cost.is_none());
    row.estimated += u64::from(entry.estimated);
    Some(())
}
