//! What is in the ledger: sums by group, and the newest entries.
//!
//! The database sums up; a time range narrows the scan through the primary
//! key, because request ids begin with their time.

use std::borrow::Cow;
use std::sync::Arc;

use sqlx::any::AnyRow;
use sqlx::{AnyConnection, Row};
use uuid::Uuid;

use super::Database;
use super::keys;
use crate::civil::day_text;
use crate::{
    CostSource, Course, Entry, GroupBy, KeyId, NanoUsd, Outcome, PageQuery, RequestId, StoreError,
    ThingCounts, TokenCounts, UsageQuery, UsageRow,
};

macro_rules! sums {
    ($group:literal, $from:literal) => {
        concat!(
            "SELECT ",
            $group,
            " AS grouped, COUNT(DISTINCT e.request) AS requests,
                 COUNT(*) AS attempts, CAST(SUM(e.is_error) AS BIGINT) AS errors,
                 CAST(SUM(e.input) AS BIGINT) AS input,
                 CAST(SUM(e.cache_read) AS BIGINT) AS cache_read,
                 CAST(SUM(e.cache_write) AS BIGINT) AS cache_write,
                 CAST(SUM(e.audio_input) AS BIGINT) AS audio_input,
                 CAST(SUM(e.output) AS BIGINT) AS output,
                 CAST(SUM(e.reasoning) AS BIGINT) AS reasoning,
                 CAST(SUM(e.audio_output) AS BIGINT) AS audio_output,
                 CAST(SUM(e.images) AS BIGINT) AS images,
                 CAST(SUM(e.input_ms) AS BIGINT) AS input_ms,
                 CAST(SUM(e.characters) AS BIGINT) AS characters,
                 CAST(COALESCE(SUM(e.cost_nano), 0) AS BIGINT) AS cost_nano,
                 CAST(COALESCE(SUM(e.saved_nano), 0) AS BIGINT) AS saved_nano,
                 COUNT(*) - COUNT(e.cost_nano) AS unpriced,
                 CAST(SUM(e.estimated) AS BIGINT) AS estimated
             FROM ledger_entry e ",
            $from,
            "
             WHERE e.request >= $1 AND e.request <= $2 AND e.at_ms >= $3 AND e.at_ms <= $4
                 AND ($5 IS NULL OR EXISTS (
                     SELECT 1 FROM virtual_key k LEFT JOIN account a ON a.id = k.account
                     WHERE k.id = e.virtual_key AND (k.account = $5 OR a.parent = $5)))
             GROUP BY 1"
        )
    };
}

const BY_MODEL: &str = sums!("l.model", "JOIN ledger_label l ON l.id = e.label");
const BY_DEPLOYMENT: &str = sums!("l.deployment", "JOIN ledger_label l ON l.id = e.label");
const BY_PROVIDER: &str = sums!("l.provider", "JOIN ledger_label l ON l.id = e.label");
const BY_KEY: &str = sums!("e.virtual_key", "");
/// Times are never negative, so the division rounds down.
const BY_DAY: &str = sums!("e.at_ms / 86400000", "");

/// Sums the ledger up as `query` asks.
pub(super) async fn usage(
    database: &Database,
    connection: &mut AnyConnection,
    query: &UsageQuery,
) -> Result<Vec<UsageRow>, StoreError> {
    let fail = |error| database.error(error);
    let statement = match query.by {
        GroupBy::Model => BY_MODEL,
        GroupBy::Key => BY_KEY,
        GroupBy::Deployment => BY_DEPLOYMENT,
        GroupBy::Provider => BY_PROVIDER,
        GroupBy::Day => BY_DAY,
    };
    let skew: i64 = sqlx::query_scalar("SELECT skew_ms FROM ledger_state")
        .fetch_one(&mut *connection)
        .await
        .map_err(fail)?;
    let (first, last) = request_range(query, skew);
    let found = sqlx::query(statement)
        .bind(first.as_bytes().to_vec())
        .bind(last.as_bytes().to_vec())
        .bind(query.since_ms.unwrap_or(i64::MIN))
        .bind(
            query
                .until_ms
                .map_or(i64::MAX, |until| until.saturating_sub(1)),
        )
        .bind(
            query
                .within
                .account()
                .map(|it| it.uuid().as_bytes().to_vec()),
        )
        .fetch_all(&mut *connection)
        .await
        .map_err(fail)?;
    let names = match query.by {
        GroupBy::Key => keys::names(connection).await.map_err(fail)?,
        _ => std::collections::HashMap::new(),
    };
    let mut rows = Vec::with_capacity(found.len());
    for row in &found {
        let mut summed = sums(row).map_err(fail)?;
        match query.by {
            GroupBy::Key => {
                summed.key = key(row, "grouped").map_err(fail)?;
                summed.group = UsageRow::key_name(summed.key, &names);
            }
            GroupBy::Day => summed.group = day_text(row.try_get("grouped").map_err(fail)?),
            _ => summed.group = row.try_get("grouped").map_err(fail)?,
        }
        rows.push(summed);
    }
    UsageRow::sort(&mut rows, query.by);
    Ok(rows)
}

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

/// The request ids that entries of the queried time can have, given the widest skew on record.
fn request_range(query: &UsageQuery, skew: i64) -> (Uuid, Uuid) {
    let first = query.since_ms.map_or(Uuid::nil(), |since| {
        RequestId::floor(since.saturating_sub(skew)).uuid()
    });
    let last = query.until_ms.map(|until| until.saturating_add(skew));
    // Beyond 48 bits an id cannot tell its time.
    let last = last
        .filter(|last| *last < 1 << 48)
        .map_or(Uuid::max(), |last| RequestId::floor(last).uuid());
    (first, last)
}

fn sums(row: &AnyRow) -> Result<UsageRow, sqlx::Error> {
    let mut summed = UsageRow::empty(String::new(), None);
    summed.requests = count(row, "requests")?;
    summed.attempts = count(row, "attempts")?;
    summed.errors = count(row, "errors")?;
    summed.tokens = tokens(row)?;
    summed.things = things(row)?;
    summed.cost = NanoUsd(row.try_get("cost_nano")?);
    summed.saved = NanoUsd(row.try_get("saved_nano")?);
    summed.unpriced = count(row, "unpriced")?;
    summed.estimated = count(row, "estimated")?;
    Ok(summed)
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

fn tokens(row: &AnyRow) -> Result<TokenCounts, sqlx::Error> {
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

fn things(row: &AnyRow) -> Result<ThingCounts, sqlx::Error> {
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
