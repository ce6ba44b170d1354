//! Responses that their vendors keep, in SQL.

use sqlx::any::AnyRow;
use sqlx::{AnyConnection, AssertSqlSafe, Row};
use uuid::Uuid;

use super::key;
use crate::KeyId;
use crate::response::{Asker, Located, VendorResponse};
use crate::sql::begin;
use crate::sql::dialect::Dialect;
use crate::sql::keys::fixed;

/// Deletes at most `$2` responses that expire at or before `$1`, and with them their items.
pub(super) const EXPIRE: &str = "
    DELETE FROM vendor_response
    WHERE id IN (SELECT id FROM vendor_response WHERE expires_ms <= $1 LIMIT $2)";

/// Inserts a response with its items, all or nothing.
pub(super) async fn remember(
    connection: &mut AnyConnection,
    response: &VendorResponse,
) -> Result<(), sqlx::Error> {
    let mut transaction = begin(connection).await?;
    let inserted = sqlx::query(
        "INSERT INTO vendor_response (id, virtual_key, deployment, expires_ms)
         VALUES ($1, $2, $3, $4) ON CONFLICT (id) DO NOTHING",
    )
    .bind(response.id.clone())
    .bind(key(response.key))
    .bind(response.deployment.clone())
    .bind(response.expires_ms)
    .execute(&mut *transaction)
    .await?;
    if inserted.rows_affected() == 0 {
        return transaction.rollback().await;
    }
    // An item belongs to the response in which it came first.
    let items = Dialect::of(&transaction).texts();
    sqlx::query(AssertSqlSafe(format!(
        "INSERT INTO vendor_item (id, response)
         SELECT value, $2 FROM {items} WHERE true ON CONFLICT (id) DO NOTHING"
    )))
    .bind(array(&response.items))
    .bind(response.id.clone())
    .execute(&mut *transaction)
    .await?;
    transaction.commit().await
}

/// Where `names` lead at the time `now_ms`.
pub(super) async fn locate(
    connection: &mut AnyConnection,
    names: &[String],
    now_ms: i64,
) -> Result<Vec<Located>, sqlx::Error> {
    let asked = Dialect::of(connection).texts();
    let locate = format!(
        "SELECT id AS name, virtual_key, deployment FROM vendor_response
         WHERE id IN (SELECT value FROM {asked}) AND expires_ms > $2
         UNION ALL
         SELECT item.id, response.virtual_key, response.deployment
         FROM vendor_item AS item JOIN vendor_response AS response ON response.id = item.response
         WHERE item.id IN (SELECT value FROM {asked}) AND response.expires_ms > $2"
    );
    let rows = sqlx::query(AssertSqlSafe(locate))
        .bind(array(names))
        .bind(now_ms)
        .fetch_all(connection)
        .await?;
    rows.iter().map(located).collect()
}

pub(super) async fn forget(
    connection: &mut AnyConnection,
    id: &str,
    asker: Asker,
) -> Result<bool, sqlx::Error> {
    let deleted = sqlx::query(
        "DELETE FROM vendor_response
         WHERE id = $1 AND virtual_key IS NOT DISTINCT FROM $2 AND expires_ms > $3",
    )
    .bind(id.to_owned())
    .bind(key(asker.key))
    .bind(asker.now_ms)
    .execute(connection)
    .await?;
    Ok(deleted.rows_affected() > 0)
}

fn array(names: &[String]) -> String {
    serde_json::Value::from(names).to_string()
}

fn located(row: &AnyRow) -> Result<Located, sqlx::Error> {
    let owner: Option<&[u8]> = row.try_get("virtual_key")?;
    let owner = owner.map(|_| fixed(row, "virtual_key")).transpose()?;
    Ok(Located {
        name: row.try_get("name")?,
        key: owner.map(|it| KeyId::from_uuid(Uuid::from_bytes(it))),
        deployment: row.try_get("deployment")?,
    })
}
