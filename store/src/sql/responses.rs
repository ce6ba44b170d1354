//! Responses in SQL.

mod vendors;

use async_trait::async_trait;
use sqlx::any::AnyRow;
use sqlx::{AnyConnection, Row};
use uuid::Uuid;

use super::connections::{Connections, SWEEP};
use super::keys::fixed;
use super::{Database, begin};
use crate::response::{
    Asker, History, HistoryBounds, Located, ResponseStore, StoredResponse, Turn, VendorResponse,
};
use crate::{KeyId, RequestId, StoreError};

pub(super) struct SqlResponses(Connections);

/// The chain that ends with `$1` as far as it is `$2`'s at the time `$3`. The first row
/// beyond `$4` turns or `$5` bytes is the last one.
const HISTORY: &str = "
    WITH RECURSIVE chain (id, previous, turns, bytes) AS (
        SELECT id, previous, 1, turn_bytes FROM response
        WHERE id = $1 AND virtual_key IS NOT DISTINCT FROM $2 AND expires_ms > $3
        UNION ALL
        SELECT earlier.id, earlier.previous, chain.turns + 1, chain.bytes + earlier.turn_bytes
        FROM chain JOIN response AS earlier ON earlier.id = chain.previous
        WHERE earlier.virtual_key IS NOT DISTINCT FROM $2 AND earlier.expires_ms > $3
            AND chain.turns <= $4 AND chain.bytes <= $5
    )
    SELECT chain.previous, chain.turns, chain.bytes, content.input, content.output
    FROM chain JOIN response_content AS content ON content.id = chain.id
    ORDER BY chain.turns";

/// Lets the chain that ends with `$1` live until `$2`, as far as it is `$3`'s and would not.
const EXTEND: &str = "
    WITH RECURSIVE chain (id, previous) AS (
        SELECT id, previous FROM response
        WHERE id = $1 AND virtual_key IS NOT DISTINCT FROM $3 AND expires_ms < $2
        UNION
        SELECT earlier.id, earlier.previous
        FROM chain JOIN response AS earlier ON earlier.id = chain.previous
        WHERE earlier.virtual_key IS NOT DISTINCT FROM $3 AND earlier.expires_ms < $2
    )
    UPDATE response SET expires_ms = $2 WHERE id IN (SELECT id FROM chain)";

/// Deletes at most `$2` responses that expire at or before `$1`.
const EXPIRE: &str = "
    DELETE FROM response WHERE id IN (SELECT id FROM response WHERE expires_ms <= $1 LIMIT $2)";

/// Deletes at most `$3` of the responses that `$1` holds beyond the newest `$2` bytes.
const TRIM: &str = "
    DELETE FROM response WHERE id IN (
        SELECT id FROM (
            SELECT id, SUM(turn_bytes + object_bytes) OVER (ORDER BY created_ms DESC, id DESC) AS held
            FROM response WHERE virtual_key IS NOT DISTINCT FROM $1
        ) AS newest_first
        WHERE held > $2 LIMIT $3
    )";

impl SqlResponses {
    pub(super) fn new(database: Database) -> Self {
        Self(Connections::new(database))
    }

    /// Inserts a response and moves the expiry of those before it, all or nothing.
    async fn insert(
        connection: &mut AnyConnection,
        response: &StoredResponse,
    ) -> Result<(), sqlx::Error> {
        let (id, key) = (blob(response.id), key(response.key));
        let turn_bytes = i64::try_from(response.turn_bytes()).unwrap_or(i64::MAX);
        let mut transaction = begin(connection).await?;
        let inserted = sqlx::query(
            "INSERT INTO response
                 (id, virtual_key, previous, model, created_ms, expires_ms, turn_bytes, object_bytes)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT (id) DO NOTHING",
        )
        .bind(id.clone())
        .bind(key.clone())
        .bind(response.previous.map(blob))
        .bind(response.model.clone())
        .bind(response.created_ms)
        .bind(response.expires_ms)
        .bind(turn_bytes)
        .bind(i64::try_from(response.object.len()).unwrap_or(i64::MAX))
        .execute(&mut *transaction)
        .await?;
        if inserted.rows_affected() == 0 {
            return transaction.rollback().await;
        }
        sqlx::query(
            "INSERT INTO response_content (id, input, output, object) VALUES ($1, $2, $3, $4)",
        )
        .bind(id)
        .bind(response.input.clone())
        .bind(response.output.clone())
        .bind(response.object.clone())
        .execute(&mut *transaction)
        .await?;
        if let Some(previous) = response.previous {
            sqlx::query(EXTEND)
                .bind(blob(previous))
                .bind(response.expires_ms)
                .bind(key)
                .execute(&mut *transaction)
                .await?;
        }
        transaction.commit().await
    }
}

#[async_trait]
impl ResponseStore for SqlResponses {
    async fn put(&self, response: &StoredResponse) -> Result<(), StoreError> {
        response.check_size()?;
        let put = async |connection: &mut AnyConnection| Self::insert(connection, response).await;
        self.0.writing.run(put).await
    }

    async fn get(&self, id: RequestId, asker: Asker) -> Result<Option<StoredResponse>, StoreError> {
        let get = async |connection: &mut AnyConnection| {
            let row = sqlx::query(
                "SELECT * FROM response JOIN response_content USING (id)
                 WHERE id = $1 AND virtual_key IS NOT DISTINCT FROM $2 AND expires_ms > $3",
            )
            .bind(blob(id))
            .bind(key(asker.key))
            .bind(asker.now_ms)
            .fetch_optional(connection)
            .await?;
            row.map(|row| stored(id, asker, &row)).transpose()
        };
        self.0.reading.run(get).await
    }

    async fn history(
        &self,
        id: RequestId,
        asker: Asker,
        bounds: HistoryBounds,
    ) -> Result<History, StoreError> {
        let read = async |connection: &mut AnyConnection| {
            let rows = sqlx::query(HISTORY)
                .bind(blob(id))
                .bind(key(asker.key))
                .bind(asker.now_ms)
                .bind(i64::from(bounds.turns))
                .bind(i64::try_from(bounds.bytes).unwrap_or(i64::MAX))
                .fetch_all(connection)
                .await?;
            history(id, bounds, &rows)
        };
        self.0.reading.run(read).await
    }

    async fn delete(&self, id: RequestId, asker: Asker) -> Result<bool, StoreError> {
        let delete = async |connection: &mut AnyConnection| {
            sqlx::query(
                "DELETE FROM response
                 WHERE id = $1 AND virtual_key IS NOT DISTINCT FROM $2 AND expires_ms > $3",
            )
            .bind(blob(id))
            .bind(key(asker.key))
            .bind(asker.now_ms)
            .execute(connection)
            .await
        };
        Ok(self.0.writing.run(delete).await?.rows_affected() > 0)
    }

    async fn remember(&self, response: &VendorResponse) -> Result<(), StoreError> {
        let remember =
            async |connection: &mut AnyConnection| vendors::remember(connection, response).await;
        self.0.writing.run(remember).await
    }

    async fn locate(&self, names: &[String], now_ms: i64) -> Result<Vec<Located>, StoreError> {
        let locate =
            async |connection: &mut AnyConnection| vendors::locate(connection, names, now_ms).await;
        self.0.reading.run(locate).await
    }

    async fn forget(&self, id: &str, asker: Asker) -> Result<bool, StoreError> {
        let forget =
            async |connection: &mut AnyConnection| vendors::forget(connection, id, asker).await;
        self.0.writing.run(forget).await
    }

    async fn expire(&self, until_ms: i64) -> Result<u64, StoreError> {
        let mut all = 0;
        for statement in [EXPIRE, vendors::EXPIRE] {
            let batch = || sqlx::query(statement).bind(until_ms).bind(SWEEP);
            all += self.0.delete_in_batches(batch).await?;
        }
        Ok(all)
    }

    async fn trim(&self, max_bytes: u64) -> Result<u64, StoreError> {
        let max_bytes = i64::try_from(max_bytes).unwrap_or(i64::MAX);
        let beyond = async |connection: &mut AnyConnection| {
            sqlx::query_scalar(
                "SELECT virtual_key FROM response GROUP BY virtual_key
                 HAVING SUM(turn_bytes + object_bytes) > $1",
            )
            .bind(max_bytes)
            .fetch_all(connection)
            .await
        };
        let holders: Vec<Option<Vec<u8>>> = self.0.reading.run(beyond).await?;
        let mut all = 0;
        for holder in holders {
            let batch = || {
                let holder = holder.clone();
                sqlx::query(TRIM).bind(holder).bind(max_bytes).bind(SWEEP)
            };
            all += self.0.delete_in_batches(batch).await?;
        }
        Ok(all)
    }
}

/// What the rows of [`HISTORY`] say.
fn history(id: RequestId, bounds: HistoryBounds, rows: &[AnyRow]) -> Result<History, sqlx::Error> {
    let Some(oldest) = rows.last() else {
        return Ok(History::Missing(id));
    };
    let (turns, bytes): (i64, i64) = (oldest.try_get("turns")?, oldest.try_get("bytes")?);
    if turns > i64::from(bounds.turns) || bytes.unsigned_abs() > bounds.bytes {
        return Ok(History::TooLong);
    }
    if let Some(previous) = request(oldest, "previous")? {
        return Ok(History::Missing(previous));
    }
    let turn = |row: &AnyRow| {
        Ok(Turn {
            input: row.try_get("input")?,
            output: row.try_get("output")?,
        })
    };
    let turns: Result<Vec<Turn>, sqlx::Error> = rows.iter().rev().map(turn).collect();
    turns.map(History::Whole)
}

fn stored(id: RequestId, asker: Asker, row: &AnyRow) -> Result<StoredResponse, sqlx::Error> {
    Ok(StoredResponse {
        id,
        key: asker.key,
        previous: request(row, "previous")?,
        model: row.try_get("model")?,
        created_ms: row.try_get("created_ms")?,
        expires_ms: row.try_get("expires_ms")?,
        input: row.try_get("input")?,
        output: row.try_get("output")?,
        object: row.try_get("object")?,
    })
}

fn request(row: &AnyRow, column: &str) -> Result<Option<RequestId>, sqlx::Error> {
    let bytes: Option<&[u8]> = row.try_get(column)?;
    let bytes = bytes.map(|_| fixed(row, column)).transpose()?;
    Ok(bytes.map(|it| RequestId::from_uuid(Uuid::from_bytes(it))))
}

fn blob(id: RequestId) -> Vec<u8> {
    id.uuid().as_bytes().to_vec()
}

fn key(key: Option<KeyId>) -> Option<Vec<u8>> {
    key.map(|id| id.uuid().as_bytes().to_vec())
}
