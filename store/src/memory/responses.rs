//! Responses in memory.

use std::collections::HashMap;

use async_trait::async_trait;
use parking_lot::Mutex;

use crate::response::{
    Asker, History, HistoryBounds, Located, ResponseStore, StoredResponse, Turn, VendorResponse,
};
use crate::{RequestId, StoreError};

/// Responses of one process.
#[derive(Default)]
pub(crate) struct MemoryResponses {
    own: Mutex<HashMap<RequestId, StoredResponse>>,
    vendors: Mutex<HashMap<String, VendorResponse>>,
}

#[async_trait]
impl ResponseStore for MemoryResponses {
    async fn put(&self, response: &StoredResponse) -> Result<(), StoreError> {
        response.check_size()?;
        let mut all = self.own.lock();
        if all.contains_key(&response.id) {
            return Ok(());
        }
        let mut earlier = response.previous;
        while let Some(found) = earlier.and_then(|id| all.get_mut(&id)) {
            // A circle, which cannot be, would end here too.
            if found.key != response.key || found.expires_ms >= response.expires_ms {
                break;
            }
            found.expires_ms = response.expires_ms;
            earlier = found.previous;
        }
        all.insert(response.id, response.clone());
        Ok(())
    }

    async fn get(&self, id: RequestId, asker: Asker) -> Result<Option<StoredResponse>, StoreError> {
        let all = self.own.lock();
        Ok(all.get(&id).filter(|it| it.is_for(asker)).cloned())
    }

    async fn history(
        &self,
        id: RequestId,
        asker: Asker,
        bounds: HistoryBounds,
    ) -> Result<History, StoreError> {
        let all = self.own.lock();
        let (mut turns, mut bytes, mut next) = (Vec::new(), 0_u64, Some(id));
        while let Some(id) = next {
            let Some(found) = all.get(&id).filter(|it| it.is_for(asker)) else {
                return Ok(History::Missing(id));
            };
            bytes = bytes.saturating_add(found.turn_bytes() as u64);
            if turns.len() >= bounds.turns as usize || bytes > bounds.bytes {
                return Ok(History::TooLong);
            }
            turns.push(Turn {
                input: found.input.clone(),
                output: found.output.clone(),
            });
            next = found.previous;
        }
        turns.reverse();
        Ok(History::Whole(turns))
    }

    async fn delete(&self, id: RequestId, asker: Asker) -> Result<bool, StoreError> {
        let mut all = self.own.lock();
        let is_there = all.get(&id).is_some_and(|it| it.is_for(asker));
        if is_there {
            all.remove(&id);
        }
        Ok(is_there)
    }

    async fn remember(&self, response: &VendorResponse) -> Result<(), StoreError> {
        let mut all = self.vendors.lock();
        if all.contains_key(&response.id) {
            return Ok(());
        }
        let mut response = response.clone();
        // An item belongs to the response in which it came first.
        response
            .items
            .retain(|item| !all.values().any(|it| it.items.contains(item)));
        all.insert(response.id.clone(), response);
        Ok(())
    }

    async fn locate(&self, names: &[String], now_ms: i64) -> Result<Vec<Located>, StoreError> {
        let all = self.vendors.lock();
        let alive = all.values().filter(|it| it.expires_ms > now_ms);
        let found = alive.flat_map(|it| {
            let all = std::iter::once(&it.id).chain(&it.items);
            let wanted = all.filter(|name| names.contains(name));
            wanted.map(|name| Located {
                name: name.clone(),
                key: it.key,
                deployment: it.deployment.clone(),
            })
        });
        Ok(found.collect())
    }

    async fn forget(&self, id: &str, asker: Asker) -> Result<bool, StoreError> {
        let mut all = self.vendors.lock();
        let found = all.get(id);
        let is_there = found.is_some_and(|it| it.key == asker.key && it.expires_ms > asker.now_ms);
        if is_there {
            all.remove(id);
        }
        Ok(is_there)
    }

    async fn expire(&self, until_ms: i64) -> Result<u64, StoreError> {
        let (mut own, mut vendors) = (self.own.lock(), self.vendors.lock());
        let before = own.len() + vendors.len();
        own.retain(|_, it| it.expires_ms > until_ms);
        vendors.retain(|_, it| it.expires_ms > until_ms);
        Ok((before - own.len() - vendors.len()) as u64)
    }

    async fn trim(&self, max_bytes: u64) -> Result<u64, StoreError> {
        let mut all = self.own.lock();
        let mut newest_first: Vec<_> = all
            .values()
            .map(|it| (it.created_ms, it.id, it.key, it.bytes() as u64))
            .collect();
        newest_first.sort_by(|one, other| other.cmp(one));
        let mut held: HashMap<_, u64> = HashMap::new();
        let before = all.len();
        for (_, id, key, bytes) in newest_first {
            let held = held.entry(key).or_default();
            *held = held.saturating_add(bytes);
            if *held > max_bytes {
                all.remove(&id);
            }
        }
        Ok((before - all.len()) as u64)
    }
}
