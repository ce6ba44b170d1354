//! Admin tokens: who may look at what is governed and change it, and the seam to where they are kept.
//!
//! A token is a person's or a program's: it has a name, one [`Role`] and a [`Reach`], and never changes;
//! whoever is to have another role gets another token. As of a virtual key, only a keyed hash of its text
//! is stored. What a role may do is the caller's to say, but for one rule that only a transaction can
//! keep: the last owner of the gateway is not revoked.

use async_trait::async_trait;
use secrecy::SecretString;
use serde::Serialize;

use crate::budget::check_name;
use crate::{AccountId, KeyHash, StoreError, TokenId};

/// What is stored about a token, except its hash.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct AdminToken {
    /// Stable identity; the audit log refers to it.
    pub id: TokenId,
    /// Whose it is; unique among tokens that are not revoked.
    pub name: String,
    /// Enough to recognise the token, useless to guess it: `twa-…abcd`.
    pub hint: String,
    /// What its holder may do.
    pub role: Role,
    /// Where.
    #[serde(flatten)]
    pub reach: Reach,
    /// When it was issued, milliseconds since 1970.
    pub created_ms: i64,
    /// From when on it is refused, milliseconds since 1970; `None` means never.
    pub expires_ms: Option<i64>,
    /// When it was revoked, milliseconds since 1970; `None` means it was not.
    pub revoked_ms: Option<i64>,
}

/// What the holder of a token may do, each more than the one before. The numbers are stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Looks, and changes nothing.
    Viewer = 0,
    /// Makes and revokes keys too.
    Member = 1,
    /// Changes everything but owners.
    Admin = 2,
    /// Changes everything.
    Owner = 3,
}

/// How far a token reaches: there and in all that is below it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case", tag = "reach", content = "reach_id")]
pub enum Reach {
    /// Everywhere.
    Gateway,
    /// In one organisation and its teams.
    Organization(AccountId),
    /// In one team.
    Team(AccountId),
}

/// What the issuer of a token decides.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewToken {
    /// 1 to 128 bytes, no control characters.
    pub name: String,
    /// What its holder may do.
    pub role: Role,
    /// Where.
    pub reach: Reach,
    /// The present, milliseconds since 1970.
    pub now_ms: i64,
    /// When it stops working, milliseconds since 1970; `None` means never.
    pub expires_ms: Option<i64>,
}

/// What became of a revocation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Revocation {
    /// The token does not work any more.
    Revoked(AdminToken),
    /// It is the gateway's last owner, and works on.
    LastOwner,
    /// There is none of that id.
    Unknown,
}

/// Where admin tokens are kept.
#[async_trait]
pub trait TokenStore: Send + Sync {
    /// Issues a token and returns its text, the only time it can be seen.
    ///
    /// # Errors
    /// The name is taken by a token that is not revoked, it cannot be one, or the backend failed.
    async fn issue(&self, new: NewToken) -> Result<(AdminToken, SecretString), StoreError>;

    /// Every token, revoked ones included, oldest first.
    ///
    /// # Errors
    /// The backend failed.
    async fn tokens(&self) -> Result<Vec<AdminToken>, StoreError>;

    /// Revokes a token, unless no other owner of the gateway would be left that works at `now_ms`.
    /// Revoking again keeps the first time.
    ///
    /// # Errors
    /// The backend failed.
    async fn revoke_token(&self, id: TokenId, now_ms: i64) -> Result<Revocation, StoreError>;

    /// The tokens that are not revoked with their hashes; expired ones are included.
    ///
    /// # Errors
    /// The backend failed.
    async fn active_tokens(&self) -> Result<Vec<(KeyHash, AdminToken)>, StoreError>;
}

impl AdminToken {
    /// Whether the token works at `now_ms`: not revoked, not expired.
    pub fn is_active(&self, now_ms: i64) -> bool {
        self.revoked_ms.is_none() && self.expires_ms.is_none_or(|expires_ms| now_ms < expires_ms)
    }

    /// Whether its holder owns the whole gateway.
    pub fn is_owner(&self) -> bool {
        self.role == Role::Owner && self.reach == Reach::Gateway
    }

    /// The one of that id, or of that name among those that are not revoked.
    pub fn named<'t>(tokens: &'t [Self], id_or_name: &str) -> Option<&'t Self> {
        let id = id_or_name.parse::<TokenId>().ok();
        tokens.iter().find(|it| match id {
            Some(id) => it.id == id,
            None => it.revoked_ms.is_none() && it.name == id_or_name,
        })
    }

    /// Whether `id` is the only one among `tokens` that owns the gateway at `now_ms`.
    pub(crate) fn is_last_owner(tokens: &[Self], id: TokenId, now_ms: i64) -> bool {
        let mut owners = tokens
            .iter()
            .filter(|it| it.is_owner() && it.is_active(now_ms));
        owners.clone().any(|it| it.id == id) && owners.all(|it| it.id == id)
    }

    /// Checks what was asked for and gives it an identity.
    pub(crate) fn from_new(new: NewToken, hint: String) -> Result<Self, StoreError> {
        check_name("name of a token", &new.name)?;
        Ok(Self {
            id: TokenId::new(new.now_ms),
            name: new.name,
            hint,
            role: new.role,
            reach: new.reach,
            created_ms: new.now_ms,
            expires_ms: new.expires_ms,
            revoked_ms: None,
        })
    }
}

impl Role {
    /// All of them, the least first.
    pub const ALL: [Self; 4] = [Self::Viewer, Self::Member, Self::Admin, Self::Owner];

    /// The word that people write.
    pub fn name(self) -> &'static str {
        match self {
            Self::Viewer => "viewer",
            Self::Member => "member",
            Self::Admin => "admin",
            Self::Owner => "owner",
        }
    }

    pub(crate) fn from_code(code: i64) -> Option<Self> {
        Self::ALL.into_iter().find(|it| *it as i64 == code)
    }
}

impl Reach {
    /// The account that it is about; `None`: the gateway.
    pub fn account(self) -> Option<AccountId> {
        match self {
            Self::Gateway => None,
            Self::Organization(id) | Self::Team(id) => Some(id),
        }
    }

    pub(crate) fn code(self) -> i64 {
        match self {
            Self::Gateway => 0,
            Self::Organization(_) => 1,
            Self::Team(_) => 2,
        }
    }

    pub(crate) fn from_code(code: i64, account: Option<AccountId>) -> Option<Self> {
        match (code, account) {
            (0, None) => Some(Self::Gateway),
            (1, Some(id)) => Some(Self::Organization(id)),
            (2, Some(id)) => Some(Self::Team(id)),
            _ => None,
        }
    }
}
