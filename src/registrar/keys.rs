//! Virtual keys.

use secrecy::SecretString;
use tollward_store::{KeyRecord, NewKey};

use super::Registrar;
use super::audit::{Deed, written};
use super::directory::{Directory, PlaceName};
use super::error::{Named, RegisterError};
use crate::policy::access::{Action, Place};

/// A key that somebody wants.
#[derive(Debug, Clone)]
pub struct KeyWish {
    /// What to call it.
    pub name: String,
    /// The models that it may call; none: all.
    pub models: Vec<String>,
    /// Whose it is to be.
    pub place: PlaceName,
    /// When it stops working, milliseconds since 1970; `None`: never.
    pub expires_ms: Option<i64>,
}

/// What is to be changed of a key; `None` leaves what is there.
#[derive(Debug, Clone, Default)]
pub struct KeyChange {
    /// What to call it.
    pub name: Option<String>,
    /// The models that it may call; none: all.
    pub models: Option<Vec<String>>,
    /// Whose it is to be.
    pub place: Option<PlaceName>,
    /// When it stops working, milliseconds since 1970.
    pub expires_ms: Option<i64>,
}

impl Registrar<'_> {
    /// The keys that the actor sees, oldest first.
    ///
    /// # Errors
    /// The store cannot be read.
    pub async fn keys(&self) -> Result<Vec<KeyRecord>, RegisterError> {
        Ok(self.keys_of(&self.directory().await?))
    }

    /// Those of a directory that the actor sees, oldest first.
    pub fn keys_of(&self, directory: &Directory) -> Vec<KeyRecord> {
        let seen = |it: &&KeyRecord| self.sees(directory.place_in(it.account));
        directory.keys.iter().filter(seen).cloned().collect()
    }

    /// The key of that name or id.
    ///
    /// # Errors
    /// There is none that the actor sees, or the store cannot be read.
    pub async fn key(&self, name: &str) -> Result<KeyRecord, RegisterError> {
        let directory = self.directory().await?;
        self.seen_key(&directory, name).cloned()
    }

    /// Creates a key; its text is not kept and cannot be shown again.
    ///
    /// # Errors
    /// The actor may not, there is no such open account, the time is over, or the store refused.
    pub async fn create_key(
        &self,
        wish: KeyWish,
    ) -> Result<(KeyRecord, SecretString), RegisterError> {
        let directory = self.directory().await?;
        let account = self.open_place(&directory, &wish.place)?;
        let place = account.map_or(Place::GATEWAY, |it| directory.place_of(it));
        self.actor.check(Action::Keys, place)?;
        self.check_expiry(wish.expires_ms)?;
        let target = wish.name.clone();
        let new = NewKey {
            name: wish.name,
            allowed_models: wish.models,
            account: account.map(|it| it.id),
            now_ms: self.now_ms,
            expires_ms: wish.expires_ms,
        };
        let deed = Deed {
            action: "key.create",
            target: &target,
            place,
            before: None,
        };
        let creating = async { Ok(self.store.keys.create(new).await?) };
        self.recorded(deed, creating, |(it, _)| (it.id.to_string(), written(it)))
            .await
    }

    /// Changes a key; its text stays. One that is given to somebody else leaves what binds it, so that takes
    /// who may set bounds both where it was and where it comes.
    ///
    /// # Errors
    /// There is none that the actor sees, it is revoked, they may not change it, there is no such open
    /// account, the time is over, or the store refused.
    pub async fn change_key(
        &self,
        name: &str,
        change: KeyChange,
    ) -> Result<KeyRecord, RegisterError> {
        let directory = self.directory().await?;
        let found = self.seen_key(&directory, name)?;
        let place = directory.place_in(found.account);
        self.actor.check(Action::Keys, place)?;
        self.check_expiry(change.expires_ms)?;
        let mut terms = found.terms();
        if let Some(wanted) = &change.place {
            let account = self.open_place(&directory, wanted)?;
            let there = account.map_or(Place::GATEWAY, |it| directory.place_of(it));
            if there != place {
                self.actor.check(Action::Bounds, place)?;
                self.actor.check(Action::Bounds, there)?;
            }
            terms.account = account.map(|it| it.id);
        }
        terms.name = change.name.unwrap_or(terms.name);
        terms.allowed_models = change.models.unwrap_or(terms.allowed_models);
        terms.expires_ms = change.expires_ms.or(terms.expires_ms);
        let id = found.id.to_string();
        let deed = Deed {
            action: "key.change",
            target: &id,
            place,
            before: Some(written(found)),
        };
        let changing = async {
            let changed = self.store.keys.change(found.id, terms).await?;
            changed.ok_or_else(|| RegisterError::Revoked(found.name.clone()))
        };
        self.recorded(deed, changing, |it| (it.id.to_string(), written(it)))
            .await
    }

    /// Makes a key stop working for good.
    ///
    /// # Errors
    /// There is none that the actor sees, they may not, or the store refused.
    pub async fn revoke_key(&self, name: &str) -> Result<KeyRecord, RegisterError> {
        let directory = self.directory().await?;
        let found = self.seen_key(&directory, name)?;
        let place = directory.place_in(found.account);
        self.actor.check(Action::Keys, place)?;
        let id = found.id.to_string();
        let deed = Deed {
            action: "key.revoke",
            target: &id,
            place,
            before: Some(written(found)),
        };
        let revoking = async {
            let revoked = self.store.keys.revoke(&id, self.now_ms).await?;
            revoked.ok_or_else(|| RegisterError::unknown(Named::Key, name))
        };
        self.recorded(deed, revoking, |it| (it.id.to_string(), written(it)))
            .await
    }

    /// The key of that name or id, if the actor sees it.
    pub(super) fn seen_key<'d>(
        &self,
        directory: &'d Directory,
        name: &str,
    ) -> Result<&'d KeyRecord, RegisterError> {
        let found = directory.find_key(name)?;
        if self.sees(directory.place_in(found.account)) {
            Ok(found)
        } else {
            Err(RegisterError::unknown(Named::Key, name))
        }
    }

    /// What is given out works for a while at least.
    pub(super) fn check_expiry(&self, expires_ms: Option<i64>) -> Result<(), RegisterError> {
        if expires_ms.is_some_and(|it| it <= self.now_ms) {
            return Err(RegisterError::invalid(
                "expires_at",
                "the time is over already",
            ));
        }
        Ok(())
    }
}
