//! What was used, as far as the actor may know.

use tollward_store::{UsageQuery, UsageRow};

use super::Registrar;
use super::error::RegisterError;
use crate::policy::access::Action;

impl Registrar<'_> {
    /// Sums of the ledger, of the calls of keys that the actor reaches.
    ///
    /// # Errors
    /// The ledger cannot be read.
    pub async fn usage(&self, query: UsageQuery) -> Result<Vec<UsageRow>, RegisterError> {
        let within = self.actor.reach();
        let place = self.directory().await?.place_of_reach(within);
        self.actor.check(Action::Read, place)?;
        let query = UsageQuery { within, ..query };
        Ok(self.store.ledger.usage(&query).await?)
    }
}
