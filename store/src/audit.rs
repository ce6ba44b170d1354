//! The audit log: who changed what, from where, and what became of it.
//!
//! A change is written down twice: before it is made ([`Change`]) and when it is known what became of it
//! ([`Ending`]). So there is no change without a row; one that a crash left without its second row is
//! listed as [`Made::Unknown`]. Rows are added and never changed. What stands in `before`
//! and `after` is the caller's; secrets do not belong there.

use async_trait::async_trait;
use serde::Serialize;
use serde_json::Value;

use crate::{AccountId, ChangeId, Reach, StoreError, TokenId};

/// Who changes something, and from where.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Author {
    /// By which way.
    pub kind: AuthorKind,
    /// The token, if it was one.
    pub id: Option<TokenId>,
    /// What the token is called, or the account on this machine.
    pub name: String,
    /// The address of the caller, or `cli`.
    pub origin: String,
}

/// By which way somebody changes something. The numbers are stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum AuthorKind {
    /// By a command, on the machine that has the database.
    Command = 0,
    /// By the admin API, with a token.
    Token = 1,
}

/// A change that is about to be made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// Identifies it; the time in it is when it was asked for.
    pub id: ChangeId,
    /// When, milliseconds since 1970.
    pub at_ms: i64,
    /// Who makes it.
    pub author: Author,
    /// What is done, such as `key.create`.
    pub action: &'static str,
    /// What to, by its id, or its name where it has no id yet.
    pub target: String,
    /// The organisation that it happens in, if it does in one.
    pub organization: Option<AccountId>,
    /// The team that it happens in, if it does in one.
    pub team: Option<AccountId>,
    /// What was there before; `None`: nothing.
    pub before: Option<Value>,
}

/// What became of a change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ending {
    /// It was made.
    Done {
        /// What it was made to, by its id.
        target: String,
        /// What is there now.
        after: Value,
    },
    /// It was not made, for that reason.
    Failed(String),
}

/// A change as it is on record.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Recorded {
    /// Identifies it.
    pub id: ChangeId,
    /// When it was asked for, milliseconds since 1970.
    pub at_ms: i64,
    /// Who asked.
    pub author: Author,
    /// What was to be done, such as `key.create`.
    pub action: String,
    /// What to: its id, or its name if it never had one.
    pub target: String,
    /// The organisation that it happened in.
    pub organization: Option<AccountId>,
    /// The team that it happened in.
    pub team: Option<AccountId>,
    /// What was there before.
    pub before: Option<Value>,
    /// What was there after.
    pub after: Option<Value>,
    /// Whether it was made.
    pub outcome: Made,
    /// Why it failed.
    pub failure: Option<String>,
}

/// Whether a change was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Made {
    /// It was.
    Done,
    /// It was not.
    Failed,
    /// The process ended meanwhile, or the change is being made.
    Unknown,
}

/// Which changes are asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AuditQuery {
    /// Those that happened there or below.
    pub reach: Reach,
    /// Those before this one; `None`: the newest.
    pub before: Option<ChangeId>,
    /// How many at most.
    pub limit: u32,
}

/// Where changes are written down.
#[async_trait]
pub trait AuditLog: Send + Sync {
    /// Writes down that a change is about to be made; on disk when this returns `Ok`.
    ///
    /// # Errors
    /// The backend failed.
    async fn begin(&self, change: &Change) -> Result<(), StoreError>;

    /// Writes down what became of a change, once.
    ///
    /// # Errors
    /// The backend failed.
    async fn end(&self, id: ChangeId, ending: &Ending) -> Result<(), StoreError>;

    /// Changes, newest first.
    ///
    /// # Errors
    /// The backend failed.
    async fn changes(&self, query: &AuditQuery) -> Result<Vec<Recorded>, StoreError>;
}

impl Made {
    /// The word that people read.
    pub fn name(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Failed => "failed",
            Self::Unknown => "unknown",
        }
    }
}

impl AuthorKind {
    pub(crate) fn from_code(code: i64) -> Option<Self> {
        match code {
            0 => Some(Self::Command),
            1 => Some(Self::Token),
            _ => None,
        }
    }
}

impl Recorded {
    /// A change of which it is not known yet what became of it.
    pub(crate) fn begun(change: &Change) -> Self {
        Self {
            id: change.id,
            at_ms: change.at_ms,
            author: change.author.clone(),
            action: change.action.to_owned(),
            target: change.target.clone(),
            organization: change.organization,
            team: change.team,
            before: change.before.clone(),
            after: None,
            outcome: Made::Unknown,
            failure: None,
        }
    }

    /// The same with what became of it.
    pub(crate) fn ended(self, ending: Ending) -> Self {
        match ending {
            Ending::Done { target, after } => Self {
                target,
                after: Some(after),
                outcome: Made::Done,
                ..self
            },
            Ending::Failed(reason) => Self {
                outcome: Made::Failed,
                failure: Some(reason),
                ..self
            },
        }
    }

    /// Whether it happened in `reach`.
    pub(crate) fn is_in(&self, reach: Reach) -> bool {
        match reach {
            Reach::Gateway => true,
            Reach::Organization(id) => self.organization == Some(id),
            Reach::Team(id) => self.team == Some(id),
        }
    }
}
