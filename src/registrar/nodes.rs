//! The gateways that share a database.

use serde_json::json;
use tollward_store::{Entry, NodeId, Shares};

use super::Registrar;
use super::audit::Deed;
use super::error::{Named, RegisterError};
use crate::policy::access::{Action, Place};

impl Registrar<'_> {
    /// Gives up a gateway that will not come back; returns the calls that it had open, which are charged with
    /// what was held for them.
    ///
    /// # Errors
    /// The actor may not, there is no such gateway that has stopped or is lost, or the store refused.
    pub async fn forget_node(
        &self,
        shares: &dyn Shares,
        id: NodeId,
    ) -> Result<Vec<Entry>, RegisterError> {
        self.actor.check(Action::Operate, Place::GATEWAY)?;
        let target = id.to_string();
        let deed = Deed {
            action: "node.forget",
            target: &target,
            place: Place::GATEWAY,
            before: None,
        };
        let forgetting = async {
            let forgotten = shares.forget(id, self.now_ms).await?;
            forgotten.ok_or_else(|| RegisterError::unknown(Named::Node, &target))
        };
        let charged = |booked: &Vec<Entry>| (target.clone(), json!({"charged": booked.len()}));
        self.recorded(deed, forgetting, charged).await
    }
}
