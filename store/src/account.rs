//! Organisations and teams: who keys belong to, and who may hold a budget.
//!
//! A key belongs to a team, to an organisation, or to nobody; a team belongs to an organisation or
//! to nobody. Accounts are closed, never deleted, because budgets and keys refer to them.

use serde::Serialize;

use crate::{AccountId, StoreError};

/// An organisation or a team.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Account {
    /// Stable identity; keys and budgets refer to it.
    pub id: AccountId,
    /// Which of the two.
    pub kind: AccountKind,
    /// The organisation of a team, if it has one.
    pub parent: Option<AccountId>,
    /// What people call it; unique among open accounts of its kind.
    pub name: String,
    /// When it was opened, milliseconds since 1970.
    pub created_ms: i64,
    /// When it was closed, milliseconds since 1970; `None`: it is open.
    pub closed_ms: Option<i64>,
}

/// What an account is. The numbers are stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum AccountKind {
    /// Has teams and keys.
    Organization = 0,
    /// Has keys.
    Team = 1,
}

/// What the maker of an account decides.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewAccount {
    /// Which of the two.
    pub kind: AccountKind,
    /// The organisation of a team.
    pub parent: Option<AccountId>,
    /// 1 to 128 bytes, no control characters.
    pub name: String,
    /// The present, milliseconds since 1970.
    pub now_ms: i64,
}

impl AccountKind {
    /// The word that people write.
    pub fn name(self) -> &'static str {
        match self {
            Self::Organization => "organization",
            Self::Team => "team",
        }
    }

    /// The command and the flag that people write.
    pub fn command(self) -> &'static str {
        match self {
            Self::Organization => "org",
            Self::Team => "team",
        }
    }

    pub(crate) fn from_code(code: i64) -> Option<Self> {
        match code {
            0 => Some(Self::Organization),
            1 => Some(Self::Team),
            _ => None,
        }
    }
}

impl Account {
    /// The one of that id, or of that name among open ones of its kind.
    pub fn named<'a>(
        accounts: &'a [Self],
        kind: AccountKind,
        id_or_name: &str,
    ) -> Option<&'a Self> {
        let id = id_or_name.parse::<AccountId>().ok();
        let mut accounts = accounts.iter().filter(|it| it.kind == kind);
        accounts.find(|it| match id {
            Some(id) => it.id == id,
            None => it.closed_ms.is_none() && it.name == id_or_name,
        })
    }

    /// Checks what was asked for and gives it an identity.
    pub(crate) fn from_new(new: NewAccount) -> Result<Self, StoreError> {
        crate::budget::check_name("name of an account", &new.name)?;
        Ok(Self {
            id: AccountId::new(new.now_ms),
            kind: new.kind,
            parent: new.parent,
            name: new.name,
            created_ms: new.now_ms,
            closed_ms: None,
        })
    }
}
