//! Responses in `SQLite`.

mod vendors;

use async_trait::async_trait;
use sqlx::sqlite::SqliteRow;
use sqlx::{Connection, Row, SqliteConnection};
use uuid::Uuid;

use super::Database;
use super::connections::{Connections, SWEEP};
use super::keys::fixed;
use crate::response::{
    Asker, History, HistoryBounds, Located, ResponseStore, StoredResponse, Turn, VendorResponse,
};
use crate::{KeyId, RequestId, StoreError};

pub(super) struct SqliteResponses(Connections);

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
        )
        WHERE held > $2 LIMIT $3
    )";

impl SqliteResponses {
    pub(super) fn new(database: Database) -> Self {
        Self(Connections::new(database))
    }

    fn failed(&self, error: sqlx::Error) -> StoreError {
        self.0.database.error(error)
    }

    /// Inserts a response and moves the expiry of those before it, all or nothing.
    async fn insert(
        connection: &mut SqliteConnection,
        response: &StoredResponse,
    ) -> Result<(), sqlx::Error> {
        let (id, key) = (blob(response.id), key(response.key));
        let turn_bytes = i64::try_from(response.turn_bytes()).unwrap_or(i64::MAX);
        let mut transaction = connection.begin_with("BEGIN IMMEDIATE").await?;
        let inserted = sqlx::query(
            "INSERT INTO response
                 (id, virtual_key, previous, model, created_ms, expires_ms, turn_bytes, object_bytes)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT (id) DO NOTHING",
        )
        .bind(id.clone())
        .bind(key.clone())
        .bind(response.previous.map(blob))
        .bind(&response.model)
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
        .bind(response.input.as_slice())
        .bind(response.output.as_slice())
        .bind(response.object.as_slice())
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
impl ResponseStore for SqliteResponses {
    async fn put(&self, response: &StoredResponse) -> Result<(), StoreError> {
        response.check_size()?;
        let mut slot = self.0.writing().await?;
        let connection = slot.as_mut().ok_or(StoreError::Closed)?;
        let inserted = Self::insert(connection, response).await;
        inserted.map_err(|error| self.failed(error))
    }

    async fn get(&self, id: RequestId, asker: Asker) -> Result<Option<StoredResponse>, StoreError> {
        let mut slot = self.0.reading().await?;
        let connection = slot.as_mut().ok_or(StoreError::Closed)?;
        let row = sqlx::query(
            "SELECT * FROM response JOIN response_content USING (id)
             WHERE id = $1 AND virtual_key IS NOT DISTINCT FROM $2 AND expires_ms > $3",
        )
        .bind(blob(id))
        .bind(key(asker.key))
        .bind(asker.now_ms)
        .fetch_optional(connection)
        .await;
        row.and_then(|row| row.map(|row| stored(id, asker, &row)).transpose())
            .map_err(|error| self.failed(error))
    }

    async fn history(
        &self,
        id: RequestId,
        asker: Asker,
        bounds: HistoryBounds,
    ) -> Result<History, StoreError> {
        let mut slot = self.0.reading().await?;
        let connection = slot.as_mut().ok_or(StoreError::Closed)?;
        let rows = sqlx::query(HISTORY)
            .bind(blob(id))
            .bind(key(asker.key))
            .bind(asker.now_ms)
            .bind(i64::from(bounds.turns))
            .bind(i64::try_from(bounds.bytes).unwrap_or(i64::MAX))
            .fetch_all(connection)
            .await;
        rows.and_then(|rows| history(id, bounds, &rows))
            .map_err(|error| self.failed(error))
    }

    async fn delete(&self, id: RequestId, asker: Asker) -> Result<bool, StoreError> {
        let mut slot = self.0.writing().await?;
        let connection = slot.as_mut().ok_or(StoreError::Closed)?;
        let deleted = sqlx::query(
            "DELETE FROM response
             WHERE id = $1 AND virtual_key IS NOT DISTINCT FROM $2 AND expires_ms > $3",
        )
        .bind(blob(id))
        .bind(key(asker.key))
        .bind(asker.now_ms)
        .execute(connection)
        .await
        .map_err(|error| self.failed(error))?;
        Ok(deleted.rows_affected() > 0)
    }

    async fn remember(&self, response: &VendorResponse) -> Result<(), StoreError> {
        let mut slot = self.0.writing().await?;
        let connection = slot.as_mut().ok_or(StoreError::Closed)?;
        let remembered = vendors::remember(connection, response).await;
        remembered.map_err(|error| self.failed(error))
    }

    async fn locate(&self, names: &[String], now_ms: i64) -> Result<Vec<Located>, StoreError> {
        let mut slot = self.0.reading().await?;
        let connection = slot.as_mut().ok_or(StoreError::Closed)?;
        let located = vendors::locate(connection, names, now_ms).await;
        located.map_err(|error| self.failed(error))
    }

    async fn forget(&self, id: &str, asker: Asker) -> Result<bool, StoreError> {
        let mut slot = self.0.writing().await?;
        let connection = slot.as_mut().ok_or(StoreError::Closed)?;
        let forgotten = vendors::forget(connection, id, asker).await;
        forgotten.map_err(|error| self.failed(error))
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
        let holders: Vec<Option<Vec<u8>>> = {
            let mut slot = self.0.reading().await?;
            let connection = slot.as_mut().ok_or(StoreError::Closed)?;
            let beyond = "SELECT virtual_key FROM response GROUP BY virtual_key
                 HAVING SUM(turn_bytes + object_bytes) > $1";
            sqlx::query_scalar(beyond)
                .bind(max_bytes)
                .fetch_all(connection)
                .await
                .map_err(|error| self.failed(error))?
        };
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
fn history(
    id: RequestId,
    bounds: HistoryBounds,
    rows: &[SqliteRow],
) -> Result<History, sqlx::Error> {
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
    let turn = |row: &SqliteRow| {
        Ok(Turn {
            input: row.try_get("input")?,
            output: row.try_get("output")?,
        })
    };
    let turns: Result<Vec<Turn>, sqlx::Error> = rows.iter().rev().map(turn).collect();
    turns.map(History::Whole)
}

fn stored(id: RequestId, asker: Asker, row: &SqliteRow) -> Result<StoredResponse, sqlx::Error> {
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

fn request(row: &SqliteRow, column: &str) -> Result<Option<RequestId>, sqlx::Error> {
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
