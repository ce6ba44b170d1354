//! Virtual keys in SQL.
//!
//! One connection serves them all: keys change rarely, and the gateway only
//! polls `version` and reloads the list when it moved.

use std::sync::Arc;

use async_trait::async_trait;
use secrecy::{ExposeSecret, SecretString};
use sqlx::any::AnyRow;
use sqlx::{AnyConnection, Row};
use uuid::Uuid;

use super::connections::Line;
use super::{Database, begin};
use crate::key::{KEY, check, hint, mint};
use crate::{AccountId, KeyHash, KeyId, KeyRecord, KeyStore, KeyTerms, NewKey, Pepper, StoreError};

pub(super) struct SqlKeys {
    line: Line,
    pepper: Arc<Pepper>,
}

impl SqlKeys {
    pub(super) fn new(database: Database, pepper: Arc<Pepper>) -> Self {
        Self {
            line: Line::durable(database),
            pepper,
        }
    }
}

#[async_trait]
impl KeyStore for SqlKeys {
    async fn create(&self, new: NewKey) -> Result<(KeyRecord, SecretString), StoreError> {
        let secret = mint(KEY)?;
        let record = KeyRecord::from_new(new, hint(KEY, secret.expose_secret()))?;
        let hash = self.pepper.hash(secret.expose_secret().as_bytes());
        let insert =
            async |connection: &mut AnyConnection| insert(connection, &record, &hash).await;
        if self.line.run_naming(insert).await?.is_some() {
            Ok((record, secret))
        } else {
            Err(StoreError::NameTaken { name: record.name })
        }
    }

    async fn list(&self) -> Result<Vec<KeyRecord>, StoreError> {
        let list = async |connection: &mut AnyConnection| {
            let rows = sqlx::query("SELECT * FROM virtual_key ORDER BY created_ms, id")
                .fetch_all(connection)
                .await?;
            rows.iter().map(record).collect()
        };
        self.line.run(list).await
    }

    async fn revoke(&self, id_or_name: &str, now_ms: i64) -> Result<Option<KeyRecord>, StoreError> {
        let revoke = async |connection: &mut AnyConnection| {
            let Some(found) = find(connection, id_or_name).await? else {
                return Ok(None);
            };
            mark_revoked(connection, found.id, now_ms).await?;
            // Read again: another process may have revoked it at another time.
            find(connection, &found.id.to_string()).await
        };
        self.line.run(revoke).await
    }

    async fn change(&self, id: KeyId, terms: KeyTerms) -> Result<Option<KeyRecord>, StoreError> {
        check(&terms.name, &terms.allowed_models)?;
        let change = async |connection: &mut AnyConnection| change(connection, id, &terms).await;
        match self.line.run_naming(change).await? {
            Some(changed) => Ok(changed),
            None => Err(StoreError::NameTaken { name: terms.name }),
        }
    }

    async fn active(&self) -> Result<Vec<(KeyHash, KeyRecord)>, StoreError> {
        let active = async |connection: &mut AnyConnection| {
            let rows = sqlx::query(
                "SELECT * FROM virtual_key WHERE revoked_ms IS NULL ORDER BY created_ms, id",
            )
            .fetch_all(connection)
            .await?;
            let read = |row: &AnyRow| Ok((KeyHash(fixed(row, "hash")?), record(row)?));
            rows.iter().map(read).collect()
        };
        self.line.run(active).await
    }

    async fn version(&self) -> Result<u64, StoreError> {
        let version = async |connection: &mut AnyConnection| {
            sqlx::query_scalar("SELECT version FROM key_state")
                .fetch_one(connection)
                .await
        };
        let version: i64 = self.line.run(version).await?;
        Ok(version.unsigned_abs())
    }
}

/// Changes a key that is not revoked, and moves the version if there is one.
async fn change(
    connection: &mut AnyConnection,
    id: KeyId,
    terms: &KeyTerms,
) -> Result<Option<KeyRecord>, sqlx::Error> {
    let mut transaction = begin(connection).await?;
    let changed = sqlx::query(
        "UPDATE virtual_key SET name = $1, allowed_models = $2, account = $3, expires_ms = $4
         WHERE id = $5 AND revoked_ms IS NULL",
    )
    .bind(terms.name.clone())
    .bind(models_text(&terms.allowed_models)?)
    .bind(terms.account.map(|it| it.uuid().as_bytes().to_vec()))
    .bind(terms.expires_ms)
    .bind(id.uuid().as_bytes().to_vec())
    .execute(&mut *transaction)
    .await;
    let is_there = match changed {
        Ok(changed) => changed.rows_affected() > 0,
        Err(error) => {
            transaction.rollback().await?;
            return Err(error);
        }
    };
    if !is_there {
        transaction.rollback().await?;
        return Ok(None);
    }
    move_version(&mut transaction).await?;
    let changed = find(&mut transaction, &id.to_string()).await?;
    transaction.commit().await?;
    Ok(changed)
}

fn models_text(models: &[String]) -> Result<String, sqlx::Error> {
    serde_json::to_string(models).map_err(|error| sqlx::Error::Encode(Box::new(error)))
}

/// Inserts a key and moves the version, both or neither.
async fn insert(
    connection: &mut AnyConnection,
    record: &KeyRecord,
    hash: &KeyHash,
) -> Result<(), sqlx::Error> {
    let models = models_text(&record.allowed_models)?;
    let mut transaction = begin(connection).await?;
    let inserted = sqlx::query(
        "INSERT INTO virtual_key
             (id, name, hash, hint, allowed_models, created_ms, expires_ms, account)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
    )
    .bind(record.id.uuid().as_bytes().to_vec())
    .bind(record.name.clone())
    .bind(hash.as_bytes().to_vec())
    .bind(record.hint.clone())
    .bind(models)
    .bind(record.created_ms)
    .bind(record.expires_ms)
    .bind(record.account.map(|it| it.uuid().as_bytes().to_vec()))
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

async fn find(
    connection: &mut AnyConnection,
    id_or_name: &str,
) -> Result<Option<KeyRecord>, sqlx::Error> {
    let query = match id_or_name.parse::<KeyId>() {
        Ok(id) => sqlx::query("SELECT * FROM virtual_key WHERE id = $1")
            .bind(id.uuid().as_bytes().to_vec()),
        Err(_) => sqlx::query("SELECT * FROM virtual_key WHERE name = $1 AND revoked_ms IS NULL")
            .bind(id_or_name.to_owned()),
    };
    let row = query.fetch_optional(connection).await?;
    row.map(|row| record(&row)).transpose()
}

/// Marks a key revoked unless it is, and moves the version if it was not.
async fn mark_revoked(
    connection: &mut AnyConnection,
    id: KeyId,
    now_ms: i64,
) -> Result<(), sqlx::Error> {
    let mut transaction = begin(connection).await?;
    let marked =
        sqlx::query("UPDATE virtual_key SET revoked_ms = $1 WHERE id = $2 AND revoked_ms IS NULL")
            .bind(now_ms)
            .bind(id.uuid().as_bytes().to_vec())
            .execute(&mut *transaction)
            .await?;
    if marked.rows_affected() > 0 {
        move_version(&mut transaction).await?;
    }
    transaction.commit().await
}

/// Notes that a key, an account or a budget has changed.
pub(super) async fn move_version(connection: &mut AnyConnection) -> Result<(), sqlx::Error> {
    sqlx::query("UPDATE key_state SET version = version + 1")
        .execute(connection)
        .await
        .map(|_| ())
}

/// The names of all keys by id, for the report by key.
pub(super) async fn names(
    connection: &mut AnyConnection,
) -> Result<std::collections::HashMap<KeyId, String>, sqlx::Error> {
    let rows = sqlx::query("SELECT id, name FROM virtual_key")
        .fetch_all(connection)
        .await?;
    rows.iter()
        .map(|row| Ok((id(row, "id")?, row.try_get("name")?)))
        .collect()
}

fn record(row: &AnyRow) -> Result<KeyRecord, sqlx::Error> {
    let models: String = row.try_get("allowed_models")?;
    Ok(KeyRecord {
        id: id(row, "id")?,
        name: row.try_get("name")?,
        hint: row.try_get("hint")?,
        allowed_models: serde_json::from_str(&models)
            .map_err(|error| sqlx::Error::Decode(Box::new(error)))?,
        account: some_uuid(row, "account")?.map(AccountId::from_uuid),
        created_ms: row.try_get("created_ms")?,
        expires_ms: row.try_get("expires_ms")?,
        revoked_ms: row.try_get("revoked_ms")?,
    })
}

fn id(row: &AnyRow, column: &str) -> Result<KeyId, sqlx::Error> {
    Ok(KeyId::from_uuid(Uuid::from_bytes(fixed(row, column)?)))
}

/// Reads an id that may be missing.
pub(super) fn some_uuid(row: &AnyRow, column: &str) -> Result<Option<Uuid>, sqlx::Error> {
    let is_there = row.try_get::<Option<&[u8]>, _>(column)?.is_some();
    let read = || fixed(row, column).map(Uuid::from_bytes);
    is_there.then(read).transpose()
}

/// Reads a blob of exactly `N` bytes.
pub(super) fn fixed<const N: usize>(row: &AnyRow, column: &str) -> Result<[u8; N], sqlx::Error> {
    let bytes: &[u8] = row.try_get(column)?;
    bytes
        .try_into()
        .map_err(|error| sqlx::Error::Decode(Box::new(error)))
}
