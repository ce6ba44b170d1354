//! Admin tokens in the database.
//!
//! They change rarely and are read whole, by one connection for all.

use std::sync::Arc;

use async_trait::async_trait;
use secrecy::{ExposeSecret, SecretString};
use sqlx::any::AnyRow;
use sqlx::{AnyConnection, Row};

use super::connections::Line;
use super::keys::{fixed, move_version, some_uuid};
use super::report::{unknown, uuid};
use super::{Database, begin};
use crate::key::{TOKEN, hint, mint};
use crate::{
    AccountId, AdminToken, KeyHash, NewToken, Pepper, Reach, Revocation, Role, StoreError, TokenId,
    TokenStore,
};

pub(super) struct SqlTokens {
    line: Line,
    pepper: Arc<Pepper>,
}

impl SqlTokens {
    pub(super) fn new(database: Database, pepper: Arc<Pepper>) -> Self {
        Self {
            line: Line::durable(database),
            pepper,
        }
    }
}

#[async_trait]
impl TokenStore for SqlTokens {
    async fn issue(&self, new: NewToken) -> Result<(AdminToken, SecretString), StoreError> {
        let secret = mint(TOKEN)?;
        let token = AdminToken::from_new(new, hint(TOKEN, secret.expose_secret()))?;
        let hash = self.pepper.hash(secret.expose_secret().as_bytes());
        let insert = async |connection: &mut AnyConnection| insert(connection, &token, &hash).await;
        if self.line.run_naming(insert).await?.is_some() {
            Ok((token, secret))
        } else {
            Err(StoreError::Taken { name: token.name })
        }
    }

    async fn tokens(&self) -> Result<Vec<AdminToken>, StoreError> {
        let tokens = self.line.run(all).await?;
        Ok(tokens.into_iter().map(|(_, it)| it).collect())
    }

    async fn revoke_token(&self, id: TokenId, now_ms: i64) -> Result<Revocation, StoreError> {
        let revoke = async |connection: &mut AnyConnection| revoke(connection, id, now_ms).await;
        self.line.run(revoke).await
    }

    async fn active_tokens(&self) -> Result<Vec<(KeyHash, AdminToken)>, StoreError> {
        let mut tokens = self.line.run(all).await?;
        tokens.retain(|(_, it)| it.revoked_ms.is_none());
        Ok(tokens)
    }
}

/// Inserts a token and moves the version, both or neither.
async fn insert(
    connection: &mut AnyConnection,
    token: &AdminToken,
    hash: &KeyHash,
) -> Result<(), sqlx::Error> {
    let mut transaction = begin(connection).await?;
    let reach = token
        .reach
        .account()
        .map(|it| it.uuid().as_bytes().to_vec());
    let inserted = sqlx::query(
        "INSERT INTO admin_token
             (id, name, hash, hint, role, reach_kind, reach, created_ms, expires_ms)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
    )
    .bind(token.id.uuid().as_bytes().to_vec())
    .bind(token.name.clone())
    .bind(hash.as_bytes().to_vec())
    .bind(token.hint.clone())
    .bind(token.role as i64)
    .bind(token.reach.code())
    .bind(reach)
    .bind(token.created_ms)
    .bind(token.expires_ms)
    .execute(&mut *transaction)
    .await;
    if let Err(error) = inserted {
        // Told at once: one that is dropped lives on until the connection is used again.
        transaction.rollback().await?;
        return Err(error);
    }
    move_version(&mut transaction).await?;
    transaction.commit().await
}

/// Revokes a token, unless it is the last owner.
///
/// The version is moved first: that lets one such transaction in at a time, so that two owners who
/// revoke each other do not both succeed.
async fn revoke(
    connection: &mut AnyConnection,
    id: TokenId,
    now_ms: i64,
) -> Result<Revocation, sqlx::Error> {
    let mut transaction = begin(connection).await?;
    move_version(&mut transaction).await?;
    let tokens = all(&mut transaction).await?;
    let tokens: Vec<AdminToken> = tokens.into_iter().map(|(_, it)| it).collect();
    let found = tokens.iter().find(|it| it.id == id).cloned();
    let refused = match &found {
        None => Some(Revocation::Unknown),
        Some(token) if token.revoked_ms.is_some() => Some(Revocation::Revoked(token.clone())),
        Some(_) if AdminToken::is_last_owner(&tokens, id, now_ms) => Some(Revocation::LastOwner),
        Some(_) => None,
    };
    let (Some(found), None) = (found, &refused) else {
        transaction.rollback().await?;
        return Ok(refused.unwrap_or(Revocation::Unknown));
    };
    sqlx::query("UPDATE admin_token SET revoked_ms = $1 WHERE id = $2")
        .bind(now_ms)
        .bind(id.uuid().as_bytes().to_vec())
        .execute(&mut *transaction)
        .await?;
    transaction.commit().await?;
    let revoked_ms = Some(now_ms);
    Ok(Revocation::Revoked(AdminToken {
        revoked_ms,
        ..found
    }))
}

async fn all(connection: &mut AnyConnection) -> Result<Vec<(KeyHash, AdminToken)>, sqlx::Error> {
    let rows = sqlx::query("SELECT * FROM admin_token ORDER BY created_ms, id")
        .fetch_all(connection)
        .await?;
    let read = |row: &AnyRow| Ok((KeyHash(fixed(row, "hash")?), token(row)?));
    rows.iter().map(read).collect()
}

fn token(row: &AnyRow) -> Result<AdminToken, sqlx::Error> {
    let account = some_uuid(row, "reach")?.map(AccountId::from_uuid);
    let reach = Reach::from_code(row.try_get("reach_kind")?, account);
    Ok(AdminToken {
        id: TokenId::from_uuid(uuid(row.try_get("id")?)?),
        name: row.try_get("name")?,
        hint: row.try_get("hint")?,
        role: Role::from_code(row.try_get("role")?).ok_or_else(|| unknown("role"))?,
        reach: reach.ok_or_else(|| unknown("reach_kind"))?,
        created_ms: row.try_get("created_ms")?,
        expires_ms: row.try_get("expires_ms")?,
        revoked_ms: row.try_get("revoked_ms")?,
    })
}
