//! Who may do what: one table of roles, and how far a token reaches.
//!
//! Everything that is governed has a [`Place`], and a token reaches places. What binds a holder (its budgets,
//! its limits, whether it is open) is changed from above it: the place of such a change is the holder's
//! parent, so that nobody loosens what binds them. What is done with the answer is the caller's.

use tollward_store::{AccountId, Reach, Role};

/// Something that somebody may be allowed to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Action {
    /// Look at accounts, keys, budgets, limits, usage and deployments.
    Read,
    /// Make and revoke virtual keys.
    Keys,
    /// Open and close organisations and teams.
    Accounts,
    /// Set what may be spent, and how fast calls may come.
    Bounds,
    /// Take deployments out and ask where calls would go.
    Operate,
    /// Look at who changed what, and at who has tokens.
    Oversee,
    /// Issue and revoke tokens of that role.
    Tokens(Role),
}

/// Where something is: in a team, in an organisation, or at the gateway itself.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct Place {
    /// The organisation, also of a team that belongs to one.
    pub organization: Option<AccountId>,
    /// The team.
    pub team: Option<AccountId>,
}

/// Whether the holder of a token with that role and reach may do `action` at `place`.
pub fn may(role: Role, reach: Reach, action: Action, place: Place) -> bool {
    allows(role, action) && reaches(reach, place)
}

/// The table: what each role may do where it reaches.
fn allows(role: Role, action: Action) -> bool {
    let least = match action {
        Action::Read => Role::Viewer,
        Action::Keys => Role::Member,
        Action::Accounts | Action::Bounds | Action::Operate | Action::Oversee => Role::Admin,
        // Nobody makes or removes who may do more than they may.
        Action::Tokens(other) => other.max(Role::Admin),
    };
    role >= least
}

/// Whether a token of that reach reaches `place`.
pub fn reaches(reach: Reach, place: Place) -> bool {
    match reach {
        Reach::Gateway => true,
        Reach::Organization(id) => place.organization == Some(id),
        Reach::Team(id) => place.team == Some(id),
    }
}

impl Place {
    /// The gateway itself.
    pub const GATEWAY: Self = Self {
        organization: None,
        team: None,
    };

    /// What is one up from here.
    #[must_use]
    pub fn above(self) -> Self {
        match self.team {
            Some(_) => Self { team: None, ..self },
            None => Self::GATEWAY,
        }
    }
}

#[cfg(test)]
mod tests;
