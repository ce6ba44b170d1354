//! What is governed, and everything that is done with it: accounts, keys, budgets, limits, admin tokens.
//!
//! Commands and the admin API do the same through here, so that both find, allow, refuse and write down
//! alike. Who may do what is decided in `policy/access`; who somebody is has been found out before.
//! What a caller may not see does not exist for them; what they see and may not change is refused.
//! Every change is on record in the audit log before it is made.

pub mod accounts;
pub mod audit;
pub mod budgets;
pub mod directory;
pub mod error;
pub mod keys;
pub mod limits;
pub mod nodes;
pub mod roster;
pub mod terms;
pub mod tokens;
pub mod usage;

use std::net::IpAddr;

use tollward_store::{AdminToken, Author, AuthorKind, Reach, Role, Store};

use self::directory::Directory;
use self::error::RegisterError;
use crate::policy::access::{Action, Place, may};

/// Who asks, and what they may do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Actor {
    /// Who it is, for the audit log.
    pub author: Author,
    role: Role,
    reach: Reach,
}

/// What is governed, as one actor sees and changes it at one time.
#[derive(Clone, Copy)]
pub struct Registrar<'a> {
    /// Where it is kept.
    pub store: &'a Store,
    /// Who asks.
    pub actor: &'a Actor,
    /// The present, milliseconds since 1970.
    pub now_ms: i64,
}

impl Actor {
    /// Somebody with a command on the machine that has the database: whoever may write there may do all.
    /// `account` is what they are called there, as far as it is known.
    pub fn at_the_machine(account: Option<&str>) -> Self {
        Self {
            author: Author {
                kind: AuthorKind::Command,
                id: None,
                name: account.unwrap_or("unknown").to_owned(),
                origin: "cli".to_owned(),
            },
            role: Role::Owner,
            reach: Reach::Gateway,
        }
    }

    /// The holder of a token, asking from `origin`.
    pub fn with_token(token: &AdminToken, origin: IpAddr) -> Self {
        Self {
            author: Author {
                kind: AuthorKind::Token,
                id: Some(token.id),
                name: token.name.clone(),
                origin: origin.to_string(),
            },
            role: token.role,
            reach: token.reach,
        }
    }

    /// How far they reach.
    pub fn reach(&self) -> Reach {
        self.reach
    }

    /// What they may do there.
    pub fn role(&self) -> Role {
        self.role
    }

    /// Whether they may do that there.
    pub fn may(&self, action: Action, place: Place) -> bool {
        may(self.role, self.reach, action, place)
    }

    /// # Errors
    /// They may not.
    pub fn check(&self, action: Action, place: Place) -> Result<(), RegisterError> {
        if self.may(action, place) {
            return Ok(());
        }
        Err(RegisterError::Denied {
            role: self.role,
            reach: self.reach,
        })
    }
}

impl Registrar<'_> {
    /// Who and what there is.
    ///
    /// # Errors
    /// The store cannot be read.
    pub async fn directory(&self) -> Result<Directory, RegisterError> {
        Ok(Directory::read(self.store).await?)
    }

    fn sees(&self, place: Place) -> bool {
        self.actor.may(Action::Read, place)
    }
}

#[cfg(test)]
mod tests;
