//! Organisations and teams.

use tollward_store::{Account, AccountKind, NewAccount};

use super::Registrar;
use super::audit::{Deed, written};
use super::directory::{Directory, PlaceName};
use super::error::{Named, RegisterError};
use crate::policy::access::{Action, Place};

impl Registrar<'_> {
    /// The accounts of a kind that the actor sees, oldest first.
    ///
    /// # Errors
    /// The store cannot be read.
    pub async fn accounts(&self, kind: AccountKind) -> Result<Vec<Account>, RegisterError> {
        let directory = self.directory().await?;
        let seen = |it: &&Account| it.kind == kind && self.sees(directory.place_of(it));
        Ok(directory.accounts.iter().filter(seen).cloned().collect())
    }

    /// The account of that name or id.
    ///
    /// # Errors
    /// There is none that the actor sees, or the store cannot be read.
    pub async fn account(&self, kind: AccountKind, name: &str) -> Result<Account, RegisterError> {
        let directory = self.directory().await?;
        self.seen_account(&directory, kind, name).cloned()
    }

    /// Opens an organisation or a team, which may belong to the organisation of that name or id.
    ///
    /// # Errors
    /// The actor may not, there is no such open organisation, or the store refused.
    pub async fn open_account(
        &self,
        kind: AccountKind,
        parent: Option<&str>,
        name: &str,
    ) -> Result<Account, RegisterError> {
        let directory = self.directory().await?;
        let above = match parent {
            Some(parent) => PlaceName::Organization(parent.to_owned()),
            None => PlaceName::Gateway,
        };
        let above = self.open_place(&directory, &above)?;
        let place = above.map_or(Place::GATEWAY, |it| directory.place_of(it));
        self.actor.check(Action::Accounts, place)?;
        let new = NewAccount {
            kind,
            parent: above.map(|it| it.id),
            name: name.to_owned(),
            now_ms: self.now_ms,
        };
        let deed = Deed {
            action: match kind {
                AccountKind::Organization => "organization.create",
                AccountKind::Team => "team.create",
            },
            target: name,
            place,
            before: None,
        };
        let opening = async { Ok(self.store.budgets.open_account(new).await?) };
        self.recorded(deed, opening, |it| (it.id.to_string(), written(it)))
            .await
    }

    /// Gives an account that is open another name.
    ///
    /// # Errors
    /// There is none that the actor sees, it is closed, they may not change it, or the store refused.
    pub async fn rename_account(
        &self,
        kind: AccountKind,
        (name, new): (&str, &str),
    ) -> Result<Account, RegisterError> {
        let directory = self.directory().await?;
        let found = self.seen_account(&directory, kind, name)?;
        let place = directory.place_of(found);
        self.actor.check(Action::Accounts, place.above())?;
        let id = found.id.to_string();
        let deed = Deed {
            action: match kind {
                AccountKind::Organization => "organization.rename",
                AccountKind::Team => "team.rename",
            },
            target: &id,
            place,
            before: Some(written(found)),
        };
        let renaming = async {
            let renamed = self.store.budgets.rename_account(found.id, new).await?;
            let name = found.name.clone();
            renamed.ok_or(RegisterError::Closed { kind, name })
        };
        self.recorded(deed, renaming, |it| (it.id.to_string(), written(it)))
            .await
    }

    /// Closes an account: its keys, and those of its teams, stop working.
    ///
    /// # Errors
    /// There is none that the actor sees, they may not close it, or the store refused.
    pub async fn close_account(
        &self,
        kind: AccountKind,
        name: &str,
    ) -> Result<Account, RegisterError> {
        let directory = self.directory().await?;
        let found = self.seen_account(&directory, kind, name)?;
        let place = directory.place_of(found);
        self.actor.check(Action::Accounts, place.above())?;
        let id = found.id.to_string();
        let deed = Deed {
            action: match kind {
                AccountKind::Organization => "organization.close",
                AccountKind::Team => "team.close",
            },
            target: &id,
            place,
            before: Some(written(found)),
        };
        let closing = async {
            let closed = self.store.budgets.close_account(kind, &id, self.now_ms);
            let unknown = || RegisterError::unknown(Named::Account(kind), name);
            closed.await?.ok_or_else(unknown)
        };
        self.recorded(deed, closing, |it| (it.id.to_string(), written(it)))
            .await
    }

    /// The account of that name or id, if the actor sees it.
    pub(super) fn seen_account<'d>(
        &self,
        directory: &'d Directory,
        kind: AccountKind,
        name: &str,
    ) -> Result<&'d Account, RegisterError> {
        let found = directory.find_account(kind, name)?;
        if self.sees(directory.place_of(found)) {
            Ok(found)
        } else {
            Err(RegisterError::unknown(Named::Account(kind), name))
        }
    }

    /// The open account that a place's name means; `None`: the gateway.
    pub(super) fn open_place<'d>(
        &self,
        directory: &'d Directory,
        name: &PlaceName,
    ) -> Result<Option<&'d Account>, RegisterError> {
        let (kind, name) = match name {
            PlaceName::Gateway => return Ok(None),
            PlaceName::Organization(name) => (AccountKind::Organization, name),
            PlaceName::Team(name) => (AccountKind::Team, name),
        };
        let account = self.seen_account(directory, kind, name)?;
        let above = account.parent.and_then(|it| directory.account(it));
        for it in [Some(account), above].into_iter().flatten() {
            if it.closed_ms.is_some() {
                let (kind, name) = (it.kind, it.name.clone());
                return Err(RegisterError::Closed { kind, name });
            }
        }
        Ok(Some(account))
    }
}
