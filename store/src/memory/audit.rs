//! The audit log in memory; it grows with every change.

use std::collections::BTreeMap;

use async_trait::async_trait;
use parking_lot::Mutex;

use crate::{AuditLog, AuditQuery, Change, ChangeId, Ending, Recorded, StoreError};

/// Changes by their ids, which are in order of time.
#[derive(Default)]
pub(crate) struct MemoryAudit {
    changes: Mutex<BTreeMap<ChangeId, Recorded>>,
}

#[async_trait]
impl AuditLog for MemoryAudit {
    async fn begin(&self, change: &Change) -> Result<(), StoreError> {
        let mut changes = self.changes.lock();
        changes.insert(change.id, Recorded::begun(change));
        Ok(())
    }

    async fn end(&self, id: ChangeId, ending: &Ending) -> Result<(), StoreError> {
        let mut changes = self.changes.lock();
        if let Some(begun) = changes.remove(&id) {
            changes.insert(id, begun.ended(ending.clone()));
        }
        Ok(())
    }

    async fn changes(&self, query: &AuditQuery) -> Result<Vec<Recorded>, StoreError> {
        let changes = self.changes.lock();
        let newest = changes.values().rev();
        let found = newest
            .filter(|it| query.before.is_none_or(|before| it.id < before))
            .filter(|it| it.is_in(query.reach));
        let limit = usize::try_from(query.limit).unwrap_or(usize::MAX);
        Ok(found.take(limit).cloned().collect())
    }
}
