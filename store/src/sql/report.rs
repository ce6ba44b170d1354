//! Single entries of the ledger: the newest, and pages of all. Sums are in `rollup`.

use std::borrow::Cow;
use std::sync::Arc;

use sqlx::any::AnyRow;
use sqlx::{AnyConnection, Row};
use uuid::Uuid;

use crate::{
    CostSource, Course, Entry, KeyId, NanoUsd, Outcome, PageQuery, RequestId, ThingCounts,
    TokenCounts,
};

/// The newest `limit` entries.
pub(super) async fn recent(
    connection: &mut AnyConnection,
    limit: u32,
) -> Result<Vec<Entry>, sqlx::Error> {
    let rows = sqlx::query(
        "SELECT e.*, l.operation, l.model, l.provider, l.deployment, l.upstream_model, l.price_id
         FROM ledger_entry e JOIN ledger_label l ON l.id = e.label
         ORDER BY e.request DESC, e.attempt DESC LIMIT $1",
    )
    .bind(i64::from(limit))
    .fetch_all(connection)
    .await?;
    rows.iter().map(entry).collect()
}

/// A page of entries, oldest first.
pub(super) async fn page(
    connection: &mut AnyConnection,
    query: &PageQuery,
) -> Result<Vec<Entry>, sqlx::Error> {
    let (request, attempt) = match query.after {
        Some((request, attempt)) => (request, i64::from(attempt)),
        None => (RequestId::floor(query.since_ms), -1),
    };
    let end = query.end().map(|it| it.uuid().as_bytes().to_vec());
    let rows = sqlx::query(
        "SELECT e.*, l.operation, l.model, l.provider, l.deployment, l.upstream_model, l.price_id
         FROM ledger_entry e JOIN ledger_label l ON l.id = e.label
         WHERE (e.request, e.attempt) > ($1, $2) AND ($3 IS NULL OR e.request < $3)
         ORDER BY e.request, e.attempt LIMIT $4",
    )
    .bind(request.uuid().as_bytes().to_vec())
    .bind(attempt)
    .bind(end)
    .bind(i64::from(query.limit))
    .fetch_all(connection)
    .await?;
    rows.iter().map(entry).collect()
}

pub(super) fn entry(row: &AnyRow) -> Result<Entry, sqlx::Error> {
    let text = |column: &str| row.try_get::<&str, _>(column).map(Arc::<str>::from);
    let some_text = |column: &str| {
        let text = row.try_get::<Option<&str>, _>(column);
        text.map(|it| it.map(Arc::<str>::from))
    };
    let price_id = Some(text("price_id")?).filter(|price_id| !price_id.is_empty());
    let cost: Option<i64> = row.try_get("cost_nano")?;
    let saved: Option<i64> = row.try_get("saved_nano")?;
    let first_content_ms: Option<i64> = row.try_get("first_content_ms")?;
    Ok(Entry {
        request: RequestId::from_uuid(uuid(row.try_get("request")?)?),
        attempt: narrow(row, "attempt")?,
        at_ms: row.try_get("at_ms")?,
        key: key(row, "virtual_key")?,
        operation: Cow::Owned(row.try_get("operation")?),
        model: text("model")?,
        provider: text("provider")?,
        deployment: text("deployment")?,
        upstream_model: text("upstream_model")?,
        status: narrow(row, "status")?,
        outcome: Outcome::from_code(narrow(row, "outcome")?).ok_or_else(|| unknown("outcome"))?,
        streamed: count(row, "streamed")? != 0,
        tokens: tokens(row)?,
        things: things(row)?,
        cost: cost.map(NanoUsd),
        cost_source: CostSource::from_code(narrow(row, "cost_source")?)
            .ok_or_else(|| unknown("cost_source"))?,
        saved: saved.map(NanoUsd),
        estimated: count(row, "estimated")? != 0,
        price_id,
        credential: some_text("credential")?,
        course: Course {
            rule: some_text("rule")?,
            tried: some_text("tried")?,
            decision: some_text("decision")?,
        },
        held: None,
        attempts: narrow(row, "attempts")?,
        first_content_ms: first_content_ms.and_then(|ms| u32::try_from(ms).ok()),
        duration_ms: narrow(row, "duration_ms")?,
    })
}

pub(super) fn tokens(row: &AnyRow) -> Result<TokenCounts, sqlx::Error> {
    Ok(TokenCounts {
        input: count(row, "input")?,
        cache_read: count(row, "cache_read")?,
        cache_write: count(row, "cache_write")?,
        audio_input: count(row, "audio_input")?,
        output: count(row, "output")?,
        reasoning: count(row, "reasoning")?,
        audio_output: count(row, "audio_output")?,
    })
}

pub(super) fn things(row: &AnyRow) -> Result<ThingCounts, sqlx::Error> {
    let count = |column| match row.try_get(column)? {
        None => Ok(0),
        Some(value) => to_narrow(value),
    };
    Ok(ThingCounts {
        images: count("images")?,
        input_ms: count("input_ms")?,
        characters: count("characters")?,
    })
}

pub(super) fn key(row: &AnyRow, column: &str) -> Result<Option<KeyId>, sqlx::Error> {
    let bytes: Option<&[u8]> = row.try_get(column)?;
    bytes
        .map(|bytes| uuid(bytes).map(KeyId::from_uuid))
        .transpose()
}

pub(super) fn uuid(bytes: &[u8]) -> Result<Uuid, sqlx::Error> {
    Uuid::from_slice(bytes).map_err(|error| sqlx::Error::Decode(Box::new(error)))
}

pub(super) fn count(row: &AnyRow, column: &str) -> Result<u64, sqlx::Error> {
    narrow(row, column)
}

/// Reads an integer column into the narrower type that it was written from.
pub(super) fn narrow<T: TryFrom<i64, Error: std::error::Error + Send + Sync + 'static>>(
    row: &AnyRow,
    column: &str,
) -> Result<T, sqlx::Error> {
    to_narrow(row.try_get(column)?)
}

fn to_narrow<T: TryFrom<i64, Error: std::error::Error + Send + Sync + 'static>>(
    value: i64,
) -> Result<T, sqlx::Error> {
    T::try_from(value).map_err(|error| sqlx::Error::Decode(Box::new(error)))
}

pub(super) fn unknown(column: &'static str) -> sqlx::Error {
    sqlx::Error::Decode(format!("unknown code in column {column}").into())
}
