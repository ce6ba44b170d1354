//! Answers in SQL: a narrow table to look names up and sum bytes in, the words in another.

use async_trait::async_trait;
use sqlx::any::AnyRow;
use sqlx::{AnyConnection, Row};
use uuid::Uuid;

use super::connections::{Connections, SWEEP};
use super::keys::fixed;
use super::{Database, begin};
use crate::answer::{AnswerStore, KeptAnswer};
use crate::{KeyId, NanoUsd, RequestId, StoreError};

pub(super) struct SqlAnswers(Connections);

/// Deletes at most `$2` answers that expire at or before `$1`.
const EXPIRE: &str =
    "DELETE FROM answer WHERE name IN (SELECT name FROM answer WHERE expires_ms <= $1 LIMIT $2)";

/// Deletes at most `$3` of the answers that `$1` holds beyond the newest `$2` bytes.
const TRIM_KEY: &str = "
    DELETE FROM answer WHERE name IN (
        SELECT name FROM (
            SELECT name, SUM(bytes) OVER (ORDER BY created_ms DESC, name DESC) AS held
            FROM answer WHERE virtual_key IS NOT DISTINCT FROM $1
        ) AS newest_first
        WHERE held > $2 LIMIT $3
    )";

/// Deletes at most `$2` of all answers beyond the newest `$1` bytes.
const TRIM_ALL: &str = "
    DELETE FROM answer WHERE name IN (
        SELECT name FROM (
            SELECT name, SUM(bytes) OVER (ORDER BY created_ms DESC, name DESC) AS held FROM answer
        ) AS newest_first
        WHERE held > $1 LIMIT $2
    )";

impl SqlAnswers {
    pub(super) fn new(database: Database) -> Self {
        Self(Connections::new(database))
    }
}

#[async_trait]
impl AnswerStore for SqlAnswers {
    async fn keep(&self, answer: &KeptAnswer) -> Result<(), StoreError> {
        answer.check_size()?;
        let keep = async |connection: &mut AnyConnection| insert(connection, answer).await;
        self.0.writing.run(keep).await
    }

    async fn find(&self, name: &[u8; 32], now_ms: i64) -> Result<Option<KeptAnswer>, StoreError> {
        let find = async |connection: &mut AnyConnection| {
            let row = sqlx::query(
                "SELECT * FROM answer JOIN answer_content USING (name)
                 WHERE name = $1 AND expires_ms > $2",
            )
            .bind(name.to_vec())
            .bind(now_ms)
            .fetch_optional(connection)
            .await?;
            row.map(|row| kept(&row)).transpose()
        };
        self.0.reading.run(find).await
    }

    async fn expire(&self, until_ms: i64) -> Result<u64, StoreError> {
        let batch = || sqlx::query(EXPIRE).bind(until_ms).bind(SWEEP);
        self.0.delete_in_batches(batch).await
    }

    async fn trim(&self, per_key: u64, all: u64) -> Result<u64, StoreError> {
        let narrow = |bytes| i64::try_from(bytes).unwrap_or(i64::MAX);
        let (per_key, all) = (narrow(per_key), narrow(all));
        let beyond = async |connection: &mut AnyConnection| {
            sqlx::query_scalar(
                "SELECT virtual_key FROM answer GROUP BY virtual_key HAVING SUM(bytes) > $1",
            )
            .bind(per_key)
            .fetch_all(connection)
            .await
        };
        let holders: Vec<Option<Vec<u8>>> = self.0.reading.run(beyond).await?;
        let mut trimmed = 0;
        for holder in holders {
            let batch = || {
                let holder = holder.clone();
                sqlx::query(TRIM_KEY).bind(holder).bind(per_key).bind(SWEEP)
            };
            trimmed += self.0.delete_in_batches(batch).await?;
        }
        let held = async |connection: &mut AnyConnection| {
            sqlx::query_scalar("SELECT CAST(COALESCE(SUM(bytes), 0) AS BIGINT) FROM answer")
                .fetch_one(connection)
                .await
        };
        let held: i64 = self.0.reading.run(held).await?;
        if held > all {
            let batch = || sqlx::query(TRIM_ALL).bind(all).bind(SWEEP);
            trimmed += self.0.delete_in_batches(batch).await?;
        }
        Ok(trimmed)
    }
}

/// Inserts an answer with its words, all or nothing, where there is none that is alive.
async fn insert(connection: &mut AnyConnection, answer: &KeptAnswer) -> Result<(), sqlx::Error> {
    let mut transaction = begin(connection).await?;
    sqlx::query("DELETE FROM answer WHERE name = $1 AND expires_ms <= $2")
        .bind(answer.name.to_vec())
        .bind(answer.created_ms)
        .execute(&mut *transaction)
        .await?;
    let inserted = sqlx::query(
        "INSERT INTO answer (name, fingerprint, virtual_key, request, created_ms, expires_ms,
             status, cost_nano, bytes)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) ON CONFLICT (name) DO NOTHING",
    )
    .bind(answer.name.to_vec())
    .bind(answer.fingerprint.to_vec())
    .bind(answer.key.map(|id| id.uuid().as_bytes().to_vec()))
    .bind(answer.request.uuid().as_bytes().to_vec())
    .bind(answer.created_ms)
    .bind(answer.expires_ms)
    .bind(i64::from(answer.status))
    .bind(answer.cost.map(|it| it.0))
    .bind(i64::try_from(answer.bytes()).unwrap_or(i64::MAX))
    .execute(&mut *transaction)
    .await?;
    if inserted.rows_affected() == 0 {
        return transaction.rollback().await;
    }
    sqlx::query("INSERT INTO answer_content (name, head, body) VALUES ($1, $2, $3)")
        .bind(answer.name.to_vec())
        .bind(answer.head.as_slice())
        .bind(answer.body.as_slice())
        .execute(&mut *transaction)
        .await?;
    transaction.commit().await
}

fn kept(row: &AnyRow) -> Result<KeptAnswer, sqlx::Error> {
    let key: Option<&[u8]> = row.try_get("virtual_key")?;
    let key = key.map(|_| fixed(row, "virtual_key")).transpose()?;
    let status: i64 = row.try_get("status")?;
    Ok(KeptAnswer {
        name: fixed(row, "name")?,
        fingerprint: fixed(row, "fingerprint")?,
        key: key.map(|it| KeyId::from_uuid(Uuid::from_bytes(it))),
        request: RequestId::from_uuid(Uuid::from_bytes(fixed(row, "request")?)),
        created_ms: row.try_get("created_ms")?,
        expires_ms: row.try_get("expires_ms")?,
        status: u16::try_from(status).map_err(|error| sqlx::Error::Decode(Box::new(error)))?,
        cost: row.try_get::<Option<i64>, _>("cost_nano")?.map(NanoUsd),
        head: row.try_get("head")?,
        body: row.try_get("body")?,
    })
}
