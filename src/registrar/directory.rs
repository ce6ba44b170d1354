//! Who there is, and where everybody is: the accounts and keys, read once for a question.

use tollward_store::{
    Account, AccountId, AccountKind, Holder, KeyId, KeyRecord, Reach, Store, StoreError,
};

use super::error::{Named, RegisterError};
use crate::policy::access::Place;

/// Whose budget or limits are meant, as somebody named them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HolderName {
    /// Everybody's.
    Gateway,
    /// Those of the organisation of that name or id.
    Organization(String),
    /// Those of the team of that name or id.
    Team(String),
    /// Those of the key of that name or id.
    Key(String),
}

/// Where a new key or a token's holder belongs, as somebody named it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PlaceName {
    /// The gateway: nobody's in particular.
    Gateway,
    /// The organisation of that name or id.
    Organization(String),
    /// The team of that name or id.
    Team(String),
}

/// The accounts and keys that there are.
pub struct Directory {
    /// Organisations and teams, closed ones included.
    pub accounts: Vec<Account>,
    /// Virtual keys, revoked ones included.
    pub keys: Vec<KeyRecord>,
}

impl Directory {
    /// Reads them.
    ///
    /// # Errors
    /// The store cannot be read.
    pub async fn read(store: &Store) -> Result<Self, StoreError> {
        Ok(Self {
            accounts: store.budgets.accounts().await?,
            keys: store.keys.list().await?,
        })
    }

    /// Where an account is: the place that its own name stands for.
    pub fn place_of(&self, account: &Account) -> Place {
        match account.kind {
            AccountKind::Organization => Place {
                organization: Some(account.id),
                team: None,
            },
            AccountKind::Team => Place {
                organization: account.parent,
                team: Some(account.id),
            },
        }
    }

    /// Where what belongs to an account is; what belongs to nobody is at the gateway.
    pub fn place_in(&self, account: Option<AccountId>) -> Place {
        let found = account.and_then(|it| self.account(it));
        found.map_or(Place::GATEWAY, |it| self.place_of(it))
    }

    /// Where a holder is, from where it is looked at.
    pub fn place_of_holder(&self, holder: Holder) -> Place {
        match holder {
            Holder::Gateway => Place::GATEWAY,
            Holder::Organization(id) | Holder::Team(id) => self.place_in(Some(id)),
            Holder::Key(id) => self.place_in(self.key(id).and_then(|it| it.account)),
        }
    }

    /// From where it is changed what binds a holder: from above it.
    pub fn place_above(&self, holder: Holder) -> Place {
        let place = self.place_of_holder(holder);
        match holder {
            // A key is below the account that it belongs to.
            Holder::Key(_) => place,
            Holder::Gateway | Holder::Organization(_) | Holder::Team(_) => place.above(),
        }
    }

    /// Where a token's reach begins.
    pub fn place_of_reach(&self, reach: Reach) -> Place {
        self.place_in(reach.account())
    }

    /// The account of that id.
    pub fn account(&self, id: AccountId) -> Option<&Account> {
        self.accounts.iter().find(|it| it.id == id)
    }

    /// The key of that id.
    pub fn key(&self, id: KeyId) -> Option<&KeyRecord> {
        self.keys.iter().find(|it| it.id == id)
    }

    /// The account of that name or id.
    ///
    /// # Errors
    /// There is none.
    pub fn find_account(&self, kind: AccountKind, name: &str) -> Result<&Account, RegisterError> {
        Account::named(&self.accounts, kind, name)
            .ok_or_else(|| RegisterError::unknown(Named::Account(kind), name))
    }

    /// The key of that id, or of that name among those that are not revoked.
    ///
    /// # Errors
    /// There is none.
    pub fn find_key(&self, name: &str) -> Result<&KeyRecord, RegisterError> {
        let id = name.parse::<KeyId>().ok();
        let found = self.keys.iter().find(|it| match id {
            Some(id) => it.id == id,
            None => it.revoked_ms.is_none() && it.name == name,
        });
        found.ok_or_else(|| RegisterError::unknown(Named::Key, name))
    }

    /// Whom a name means.
    ///
    /// # Errors
    /// There is nobody of that name.
    pub fn find_holder(&self, name: &HolderName) -> Result<Holder, RegisterError> {
        let account = |kind, name| Ok(Holder::of(self.find_account(kind, name)?));
        match name {
            HolderName::Gateway => Ok(Holder::Gateway),
            HolderName::Organization(name) => account(AccountKind::Organization, name),
            HolderName::Team(name) => account(AccountKind::Team, name),
            HolderName::Key(name) => Ok(Holder::Key(self.find_key(name)?.id)),
        }
    }
}

impl HolderName {
    /// What it is called when nobody of that name is found.
    pub(crate) fn named(&self) -> (Named, &str) {
        match self {
            Self::Gateway => (Named::Limits, "gateway"),
            Self::Organization(name) => (Named::Account(AccountKind::Organization), name),
            Self::Team(name) => (Named::Account(AccountKind::Team), name),
            Self::Key(name) => (Named::Key, name),
        }
    }
}
