//! What was used, as far as the actor may know.

use std::collections::HashSet;

use tollward_store::{GroupBy, KeyId, UsageQuery, UsageRow};

use super::Registrar;
use super::error::RegisterError;
use crate::policy::access::{Action, Place};

impl Registrar<'_> {
    /// Sums of the ledger. Who does not reach the whole gateway gets those of the keys that they see,
    /// and may ask for sums by key alone.
    ///
    /// # Errors
    /// The actor may not see what was asked for, or the ledger cannot be read.
    pub async fn usage(&self, query: &UsageQuery) -> Result<Vec<UsageRow>, RegisterError> {
        if self.actor.may(Action::Read, Place::GATEWAY) {
            return Ok(self.store.ledger.usage(query).await?);
        }
        if query.by != GroupBy::Key {
            self.actor.check(Action::Read, Place::GATEWAY)?;
        }
        let keys: HashSet<KeyId> = self.keys().await?.iter().map(|it| it.id).collect();
        let mut rows = self.store.ledger.usage(query).await?;
        rows.retain(|it| it.key.is_some_and(|key| keys.contains(&key)));
        Ok(rows)
    }
}
