//! Answers in memory.

use std::collections::HashMap;

use async_trait::async_trait;
use parking_lot::Mutex;

use crate::StoreError;
use crate::answer::{AnswerStore, KeptAnswer};

/// Answers of one process.
#[derive(Default)]
pub(crate) struct MemoryAnswers(Mutex<HashMap<[u8; 32], KeptAnswer>>);

#[async_trait]
impl AnswerStore for MemoryAnswers {
    async fn keep(&self, answer: &KeptAnswer) -> Result<(), StoreError> {
        answer.check_size()?;
        let mut all = self.0.lock();
        let found = all.get(&answer.name);
        if found.is_none_or(|it| it.expires_ms <= answer.created_ms) {
            all.insert(answer.name, answer.clone());
        }
        Ok(())
    }

    async fn find(&self, name: &[u8; 32], now_ms: i64) -> Result<Option<KeptAnswer>, StoreError> {
        let all = self.0.lock();
        let found = all.get(name).filter(|it| it.expires_ms > now_ms);
        Ok(found.cloned())
    }

    async fn expire(&self, until_ms: i64) -> Result<u64, StoreError> {
        let mut all = self.0.lock();
        let before = all.len();
        all.retain(|_, it| it.expires_ms > until_ms);
        Ok((before - all.len()) as u64)
    }

    async fn trim(&self, per_key: u64, all_bytes: u64) -> Result<u64, StoreError> {
        let mut all = self.0.lock();
        let before = all.len();
        let mut newest_first: Vec<_> = all
            .values()
            .map(|it| (it.created_ms, it.name, it.key, it.bytes() as u64))
            .collect();
        newest_first.sort_by(|one, other| other.cmp(one));
        let mut held: HashMap<_, u64> = HashMap::new();
        let mut held_by_all: u64 = 0;
        for (_, name, key, bytes) in newest_first {
            let held = held.entry(key).or_default();
            *held = held.saturating_add(bytes);
            if *held > per_key {
                all.remove(&name);
                continue;
            }
            held_by_all = held_by_all.saturating_add(bytes);
            if held_by_all > all_bytes {
                all.remove(&name);
            }
        }
        Ok((before - all.len()) as u64)
    }
}
