//! Everything in memory: for tests, and for runs that shall leave no trace.
//!
//! Entries pass through the journal's encoding, so what this store keeps is
//! what the durable one would. It grows with every entry; nothing is evicted.

mod answers;
mod audit;
mod budgets;
mod responses;
mod rollup;
mod tokens;

use std::collections::{BTreeMap, HashMap, HashSet};
use std::ops::Bound;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use async_trait::async_trait;
use parking_lot::Mutex;
use secrecy::{ExposeSecret, SecretString};

use crate::journal::codec::{self, Record};
use crate::key::{KEY, check, hint, mint};
use crate::{
    Account, AdminToken, Backlog, Budget, Entry, Holder, KeyHash, KeyId, KeyRecord, KeyStore,
    KeyTerms, Ledger, NewKey, PageQuery, Pepper, RateLimits, RequestId, RollupCheck, RollupQuery,
    RollupRow, StoreError, UsageQuery, UsageRow, Whose,
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
    fn keys_within(&self, whose: Whose) -> Option<HashSet<KeyId>> {
        let Whose::Account(place) = whose else {
            return None;
        };
        let accounts = self.accounts.lock();
        let mut below = accounts.iter().filter(|it| it.parent == Some(place));
        let below: HashSet<_> = below.by_ref().map(|it| it.id).chain([place]).collect();
        let keys = self.keys.lock();
        let within = keys.iter().map(|(_, it)| it);
        let within = within.filter(|it| it.account.is_some_and(|it| below.contains(&it)));
        Some(within.map(|it| it.id).collect())
    }

    fn summed(&self, query: &RollupQuery) -> Result<Vec<RollupRow>, StoreError> {
        let below = self.keys_within(query.whose).unwrap_or_default();
        self.entries.lock().rollup(query, &below)
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
        let found = self.summed(&query.rollup())?;
        Ok(UsageRow::report(found, query.by, &names))
    }

    async fn rollup(&self, query: &RollupQuery) -> Result<Vec<RollupRow>, StoreError> {
        self.summed(query)
    }

    async fn check_rollups(&self) -> Result<RollupCheck, StoreError> {
        // Sums are made from the entries when they are asked for.
        Ok(RollupCheck::default())
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
