//! Why something that is governed is not found or not changed.

use tollward_store::{AccountKind, Reach, Role, StoreError};

/// What somebody named that is not there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Named {
    /// An organisation or a team.
    Account(AccountKind),
    /// A virtual key.
    Key,
    /// A budget.
    Budget,
    /// Limits.
    Limits,
    /// An admin token.
    Token,
    /// One of several gateways.
    Node,
}

/// A refusal.
#[derive(Debug, thiserror::Error)]
pub enum RegisterError {
    /// There is none of that name or id, or none that the caller may see.
    #[error("no {} has the name or id `{name}`", .kind.name())]
    Unknown {
        /// What was asked for.
        kind: Named,
        /// What it was called.
        name: String,
    },
    /// The account takes nothing new.
    #[error("the {} `{name}` is closed", .kind.name())]
    Closed {
        /// Which of the two it is.
        kind: AccountKind,
        /// What it is called.
        name: String,
    },
    /// The budget has ended.
    #[error("the budget `{0}` has ended")]
    Ended(String),
    /// The key is revoked.
    #[error("the key `{0}` is revoked")]
    Revoked(String),
    /// The caller sees it, and may not do that.
    #[error("the role `{}` {} does not allow this", .role.name(), reach_text(.reach))]
    Denied {
        /// What the caller may do.
        role: Role,
        /// Where.
        reach: Reach,
    },
    /// Without it nobody would be left who may do everything.
    #[error("`{0}` is the last owner of the gateway; issue another owner's token first")]
    LastOwner(String),
    /// A value that cannot be one.
    #[error("{message}")]
    Invalid {
        /// The field.
        field: &'static str,
        /// What is wrong with it.
        message: String,
    },
    /// The store refused.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Named {
    /// The word that people write.
    pub fn name(self) -> &'static str {
        match self {
            Self::Account(kind) => kind.name(),
            Self::Key => "key",
            Self::Budget => "budget",
            Self::Limits => "limits",
            Self::Token => "token",
            Self::Node => "gateway",
        }
    }

    /// The command that lists them.
    pub fn listing(self) -> &'static str {
        match self {
            Self::Account(AccountKind::Organization) => "tollward org list",
            Self::Account(AccountKind::Team) => "tollward team list",
            Self::Key => "tollward key list",
            Self::Budget => "tollward budget list",
            Self::Limits => "tollward limit list",
            Self::Token => "tollward token list",
            Self::Node => "tollward node list",
        }
    }
}

impl RegisterError {
    pub(crate) fn unknown(kind: Named, name: &str) -> Self {
        let name = name.to_owned();
        Self::Unknown { kind, name }
    }

    pub(crate) fn invalid(field: &'static str, message: impl Into<String>) -> Self {
        let message = message.into();
        Self::Invalid { field, message }
    }
}

fn reach_text(reach: &Reach) -> &'static str {
    match reach {
        Reach::Gateway => "for the gateway",
        Reach::Organization(_) => "for one organization",
        Reach::Team(_) => "for one team",
    }
}
