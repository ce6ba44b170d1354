//! Changes go on record before they are made, and what became of them after.

use serde_json::Value;
use tollward_store::{AuditQuery, Change, ChangeId, Ending, Recorded};

use super::Registrar;
use super::error::RegisterError;
use crate::policy::access::{Action, Place};

/// A change that is allowed and about to be made.
pub(super) struct Deed<'d> {
    /// What is done, such as `key.create`.
    pub(super) action: &'static str,
    /// What to: an id, or a name where there is no id yet.
    pub(super) target: &'d str,
    /// Where it happens.
    pub(super) place: Place,
    /// What was there before.
    pub(super) before: Option<Value>,
}

impl Registrar<'_> {
    /// The changes where the actor reaches, newest first: those before `before`, `limit` at most.
    ///
    /// # Errors
    /// The actor may not see them, or the store cannot be read.
    pub async fn changes(
        &self,
        before: Option<ChangeId>,
        limit: u32,
    ) -> Result<Vec<Recorded>, RegisterError> {
        let reach = self.actor.reach();
        let place = self.directory().await?.place_of_reach(reach);
        self.actor.check(Action::Oversee, place)?;
        let query = AuditQuery {
            reach,
            before,
            limit,
        };
        Ok(self.store.audit.changes(&query).await?)
    }

    /// Makes a change with both of its rows; `told` is what it was made to, and what is there now.
    ///
    /// # Errors
    /// Nothing is changed if it cannot be written down; otherwise those of `change`.
    ///
    /// # Cancellation
    /// The change may have been made or not; its outcome stays unknown on record.
    pub(super) async fn recorded<T>(
        &self,
        deed: Deed<'_>,
        change: impl Future<Output = Result<T, RegisterError>>,
        told: impl Fn(&T) -> (String, Value),
    ) -> Result<T, RegisterError> {
        let id = ChangeId::new(self.now_ms);
        let begun = Change {
            id,
            at_ms: self.now_ms,
            author: self.actor.author.clone(),
            action: deed.action,
            target: deed.target.to_owned(),
            organization: deed.place.organization,
            team: deed.place.team,
            before: deed.before,
        };
        self.store.audit.begin(&begun).await?;
        let changed = change.await;
        let ending = match &changed {
            Ok(changed) => {
                let (target, after) = told(changed);
                Ending::Done { target, after }
            }
            Err(error) => Ending::Failed(error.to_string()),
        };
        if let Err(error) = self.store.audit.end(id, &ending).await {
            // It is made, and on record as asked for: undoing it could fail as well.
            tracing::error!(%error, change = %id, "the outcome of a change cannot be written down");
        }
        changed
    }
}

/// What stands in the log of a thing. Nothing that is governed has a form that JSON lacks.
pub(super) fn written(thing: &impl serde::Serialize) -> Value {
    serde_json::to_value(thing).unwrap_or_default()
}
