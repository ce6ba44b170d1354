//! Virtual keys in `SQLite`.
//!
//! One connection serves them all: keys change rarely, and the gateway only
//! polls `version` and reloads the list when it moved.

use std::sync::Arc;

use async_trait::async_trait;
use secrecy::{ExposeSecret, SecretString};
use sqlx::sqlite::SqliteRow;
use sqlx::{Connection, Row, SqliteConnection};
use tokio::sync::Mutex;
use uuid::Uuid;

use super::Database;
use crate::key::{hint, mint};
use crate::{AccountId, KeyHash, KeyId, KeyRecord, KeyStore, NewKey, Pepper, StoreError};

pub(super) struct SqliteKeys {
    database: Database,
    connection: Mutex<SqliteConnection>,
    pepper: Arc<Pepper>,
}

impl SqliteKeys {
    pub(super) fn new(
        database: Database,
        connection: SqliteConnection,
        pepper: Arc<Pepper>,
    ) -> Self {
        Self {
            database,
            connection: Mutex::new(connection),
            pepper,
        }
    }

    /// Inserts a key and moves the version, both or neither.
    async fn insert(&self, record: &KeyRecord, hash: &KeyHash) -> Result<(), sqlx::Error> {
        let models = serde_json::to_string(&record.allowed_models)
            .map_err(|error| sqlx::Error::Encode(Box::new(error)))?;
        let mut connection = self.connection.lock().await;
        let mut transaction = connection.begin_with("BEGIN IMMEDIATE").await?;
        sqlx::query(
            "INSERT INTO virtual_key
                 (id, name, hash, hint, allowed_models, created_ms, expires_ms, account)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
        )
        .bind(record.id.uuid().as_bytes().as_slice())
        .bind(&record.name)
        .bind(hash.as_bytes().as_slice())
        .bind(&record.hint)
        .bind(models)
        .bind(record.created_ms)
        .bind(record.expires_ms)
        .bind(record.account.map(|it| it.uuid().as_bytes().to_vec()))
        .execute(&mut *transaction)
        .await?;
        move_version(&mut transaction).await?;
        transaction.commit().await
    }

    async fn find(&self, id_or_name: &str) -> Result<Option<KeyRecord>, sqlx::Error> {
        let mut connection = self.connection.lock().await;
        let row = match id_or_name.parse::<KeyId>() {
            Ok(id) => {
                sqlx::query("SELECT * FROM virtual_key WHERE id = $1")
                    .bind(id.uuid().as_bytes().as_slice())
                    .fetch_optional(&mut *connection)
                    .await?
            }
            Err(_) => {
                sqlx::query("SELECT * FROM virtual_key WHERE name = $1 AND revoked_ms IS NULL")
                    .bind(id_or_name)
                    .fetch_optional(&mut *connection)
                    .await?
            }
        };
        row.map(|row| record(&row)).transpose()
    }

    /// Marks a key revoked unless it is, and moves the version if it was not.
    async fn mark_revoked(&self, id: KeyId, now_ms: i64) -> Result<(), sqlx::Error> {
        let mut connection = self.connection.lock().await;
        let mut transaction = connection.begin_with("BEGIN IMMEDIATE").await?;
        let marked = sqlx::query(
            "UPDATE virtual_key SET revoked_ms = $1 WHERE id = $2 AND revoked_ms IS NULL",
        )
        .bind(now_ms)
        .bind(id.uuid().as_bytes().as_slice())
        .execute(&mut *transaction)
        .await?;
        if marked.rows_affected() > 0 {
            move_version(&mut transaction).await?;
        }
        transaction.commit().await
    }
}

#[async_trait]
impl KeyStore for SqliteKeys {
    async fn create(&self, new: NewKey) -> Result<(KeyRecord, SecretString), StoreError> {
        let secret = mint()?;
        let record = KeyRecord::from_new(new, hint(secret.expose_secret()))?;
        let hash = self.pepper.hash(secret.expose_secret().as_bytes());
        match self.insert(&record, &hash).await {
            Ok(()) => Ok((record, secret)),
            Err(sqlx::Error::Database(error)) if error.is_unique_violation() => {
                // Ids and hashes are random, so it is the name.
                Err(StoreError::NameTaken { name: record.name })
            }
            Err(error) => Err(self.database.error(error)),
        }
    }

    async fn list(&self) -> Result<Vec<KeyRecord>, StoreError> {
        let mut connection = self.connection.lock().await;
        let rows = sqlx::query("SELECT * FROM virtual_key ORDER BY created_ms, id")
            .fetch_all(&mut *connection)
            .await
            .map_err(|error| self.database.error(error))?;
        rows.iter()
            .map(record)
            .collect::<Result<_, _>>()
            .map_err(|error| self.database.error(error))
    }

    async fn revoke(&self, id_or_name: &str, now_ms: i64) -> Result<Option<KeyRecord>, StoreError> {
        let fail = |error| self.database.error(error);
        let Some(found) = self.find(id_or_name).await.map_err(fail)? else {
            return Ok(None);
        };
        self.mark_revoked(found.id, now_ms).await.map_err(fail)?;
        // Read again: another process may have revoked it at another time.
        self.find(&found.id.to_string()).await.map_err(fail)
    }

    async fn active(&self) -> Result<Vec<(KeyHash, KeyRecord)>, StoreError> {
        let mut connection = self.connection.lock().await;
        let rows = sqlx::query(
            "SELECT * FROM virtual_key WHERE revoked_ms IS NULL ORDER BY created_ms, id",
        )
        .fetch_all(&mut *connection)
        .await
        .map_err(|error| self.database.error(error))?;
        rows.iter()
            .map(|row| Ok((KeyHash(fixed(row, "hash")?), record(row)?)))
            .collect::<Result<_, sqlx::Error>>()
            .map_err(|error| self.database.error(error))
    }

    async fn version(&self) -> Result<u64, StoreError> {
        let mut connection = self.connection.lock().await;
        let version: i64 = sqlx::query_scalar("SELECT version FROM key_state")
            .fetch_one(&mut *connection)
            .await
            .map_err(|error| self.database.error(error))?;
        Ok(version.unsigned_abs())
    }
}

/// Notes that a key, an account or a budget has changed.
pub(super) async fn move_version(connection: &mut SqliteConnection) -> Result<(), sqlx::Error> {
    sqlx::query("UPDATE key_state SET version = version + 1")
        .execute(connection)
        .await
        .map(|_| ())
}

/// The names of all keys by id, for the report by key.
pub(super) async fn names(
    connection: &mut SqliteConnection,
) -> Result<std::collections::HashMap<KeyId, String>, sqlx::Error> {
    let rows = sqlx::query("SELECT id, name FROM virtual_key")
        .fetch_all(connection)
        .await?;
    rows.iter()
        .map(|row| Ok((id(row, "id")?, row.try_get("name")?)))
        .collect()
}

fn record(row: &SqliteRow) -> Result<KeyRecord, sqlx::Error> {
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

fn id(row: &SqliteRow, column: &str) -> Result<KeyId, sqlx::Error> {
    Ok(KeyId::from_uuid(Uuid::from_bytes(fixed(row, column)?)))
}

/// Reads an id that may be missing.
pub(super) fn some_uuid(row: &SqliteRow, column: &str) -> Result<Option<Uuid>, sqlx::Error> {
    let is_there = row.try_get::<Option<&[u8]>, _>(column)?.is_some();
    let read = || fixed(row, column).map(Uuid::from_bytes);
    is_there.then(read).transpose()
}

/// Reads a blob of exactly `N` bytes.
pub(super) fn fixed<const N: usize>(row: &SqliteRow, column: &str) -> Result<[u8; N], sqlx::Error> {
    let bytes: &[u8] = row.try_get(column)?;
    bytes
        .try_into()
        .map_err(|error| sqlx::Error::Decode(Box::new(error)))
}
