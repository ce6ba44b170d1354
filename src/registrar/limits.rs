//! How fast the calls of each holder may come.

use serde::Serialize;
use tollward_store::{AccountKind, Holder, RateLimits};

use super::Registrar;
use super::audit::{Deed, written};
use super::directory::{Directory, HolderName};
use super::error::{Named, RegisterError};
use crate::policy::access::Action;

/// The limits of a holder.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct HeldLimits {
    /// Whose calls.
    #[serde(flatten)]
    pub holder: Holder,
    /// How fast they may come.
    #[serde(flatten)]
    pub limits: RateLimits,
}

impl Registrar<'_> {
    /// The limits that the actor sees.
    ///
    /// # Errors
    /// The store cannot be read.
    pub async fn limits(&self) -> Result<Vec<HeldLimits>, RegisterError> {
        let directory = self.directory().await?;
        let all = self.store.budgets.limits().await?;
        let seen = all
            .into_iter()
            .filter(|(holder, _)| self.sees(directory.place_of_holder(*holder)));
        Ok(seen
            .map(|(holder, limits)| HeldLimits { holder, limits })
            .collect())
    }

    /// The limits of `gateway`, or of the holder of that id.
    ///
    /// # Errors
    /// There are none that the actor sees, or the store cannot be read.
    pub async fn limits_of(&self, called: &str) -> Result<HeldLimits, RegisterError> {
        let limits = self.limits().await?;
        let found = limits
            .into_iter()
            .find(|it| holder_text(it.holder) == called);
        found.ok_or_else(|| RegisterError::unknown(Named::Limits, called))
    }

    /// Whom an id means, or `gateway`.
    ///
    /// # Errors
    /// The store cannot be read.
    pub async fn holder_called(&self, called: &str) -> Result<HolderName, RegisterError> {
        if called == "gateway" {
            return Ok(HolderName::Gateway);
        }
        let directory = self.directory().await?;
        let id = called.parse().ok();
        let account = id.and_then(|it| directory.account(it));
        let name = called.to_owned();
        Ok(match account.map(|it| it.kind) {
            Some(AccountKind::Organization) => HolderName::Organization(name),
            Some(AccountKind::Team) => HolderName::Team(name),
            None => HolderName::Key(name),
        })
    }

    /// Sets the limits of a holder in place of those before; nothing takes them back.
    ///
    /// # Errors
    /// There is no such holder that the actor sees, they may not bind it, or the store refused.
    pub async fn set_limits(
        &self,
        name: &HolderName,
        limits: RateLimits,
    ) -> Result<HeldLimits, RegisterError> {
        self.change_limits(name, |_| limits).await
    }

    /// Sets the limits of a holder to what `change` makes of those before.
    ///
    /// # Errors
    /// As of [`Registrar::set_limits`].
    pub async fn change_limits(
        &self,
        name: &HolderName,
        change: impl FnOnce(RateLimits) -> RateLimits,
    ) -> Result<HeldLimits, RegisterError> {
        let directory = self.directory().await?;
        let holder = self.bindable(&directory, name)?;
        let before = self.store.budgets.limits().await?;
        let before = before.into_iter().find(|(it, _)| *it == holder);
        let limits = change(before.map(|(_, it)| it).unwrap_or_default());
        let target = holder_text(holder);
        let deed = Deed {
            action: if limits.is_nothing() {
                "limits.clear"
            } else {
                "limits.set"
            },
            target: &target,
            place: directory.place_of_holder(holder),
            before: before.map(|(_, it)| written(&it)),
        };
        let setting = async {
            self.store.budgets.set_limits(holder, limits).await?;
            Ok(HeldLimits { holder, limits })
        };
        self.recorded(deed, setting, |it| (target.clone(), written(&it.limits)))
            .await
    }

    /// The holder of that name, if the actor sees it and may bind it.
    pub(super) fn bindable(
        &self,
        directory: &Directory,
        name: &HolderName,
    ) -> Result<Holder, RegisterError> {
        let holder = directory.find_holder(name)?;
        if !self.sees(directory.place_of_holder(holder)) {
            let (kind, name) = name.named();
            // The gateway is no secret; what it is bound by is not everybody's to see.
            if kind != Named::Limits {
                return Err(RegisterError::unknown(kind, name));
            }
        }
        self.actor
            .check(Action::Bounds, directory.place_above(holder))?;
        Ok(holder)
    }
}

/// A holder in one word: its id, or `gateway`.
pub fn holder_text(holder: Holder) -> String {
    match holder {
        Holder::Gateway => "gateway".to_owned(),
        Holder::Organization(id) | Holder::Team(id) => id.to_string(),
        Holder::Key(id) => id.to_string(),
    }
}
