//! Reading the rollups, and the entries where a span does not begin or end with an hour.
//!
//! Both tell the same columns, so one statement is written for either. Comparing them adds the
//! rollups to the negated entries; what is left over differs.

use std::fmt::Write as _;
use std::ops::Range;
use std::sync::Arc;

use sqlx::any::AnyRow;
use sqlx::{AnyConnection, AssertSqlSafe, Row};
use uuid::Uuid;

use super::hours::COUNTS;
use super::report::{count, things, tokens};
use super::{Database, begin_reading};
use crate::rollup::{HOUR_MS, RollupQuery, RollupRow, Source, Split, Whose, Width};
use crate::{KeyId, NanoUsd, RequestId, RollupCheck, RollupDifference, StoreError, Sums};

/// A request counts where this holds of its entry.
const FIRST: &str = "NOT EXISTS (SELECT 1 FROM ledger_entry o
    WHERE o.request = e.request AND o.attempt < e.attempt)";
const FIRST_AT_PROVIDER: &str = "NOT EXISTS (SELECT 1 FROM ledger_entry o
    JOIN ledger_label k ON k.id = o.label
    WHERE o.request = e.request AND o.attempt < e.attempt AND k.provider = l.provider)";
const FIRST_AT_DEPLOYMENT: &str = "NOT EXISTS (SELECT 1 FROM ledger_entry o
    JOIN ledger_label k ON k.id = o.label
    WHERE o.request = e.request AND o.attempt < e.attempt AND k.deployment = l.deployment)";

/// Sums up as `query` asks.
pub(super) async fn rollup(
    database: &Database,
    connection: &mut AnyConnection,
    query: &RollupQuery,
) -> Result<Vec<RollupRow>, StoreError> {
    let fail = |error| database.error(error);
    // One view of hours and entries, whatever the gateway books meanwhile.
    let mut transaction = begin_reading(connection).await.map_err(fail)?;
    let mut found = Vec::new();
    for source in query.sources() {
        let rows = match source {
            Source::Hours(hours) => of_hours(&mut transaction, query, hours).await,
            Source::Entries(span) => of_entries(&mut transaction, query, span).await,
        };
        found.extend(rows.map_err(fail)?);
    }
    transaction.commit().await.map_err(fail)?;
    RollupRow::merged(found)
}

async fn of_hours(
    connection: &mut AnyConnection,
    query: &RollupQuery,
    hours: Range<i64>,
) -> Result<Vec<RollupRow>, sqlx::Error> {
    let part = match query.width {
        None => "0",
        Some(Width::Day) => "e.hour / 24",
        Some(Width::Hour | Width::Minute) => "e.hour",
    };
    let requests = match query.split {
        Split {
            deployment: true, ..
        } => "e.deployment_requests",
        Split { provider: true, .. } => "e.provider_requests",
        Split { .. } => "e.requests",
    };
    let key = match query.whose {
        Whose::All => None,
        Whose::Open => Some(Vec::new()),
        Whose::Key(key) => Some(key.uuid().as_bytes().to_vec()),
        Whose::Account(account) => Some(account.uuid().as_bytes().to_vec()),
    };
    let sums = COUNTS.iter().skip(3).fold(String::new(), |mut sums, it| {
        let _ = write!(sums, ", CAST(SUM(e.{it}) AS BIGINT) AS {it}");
        sums
    });
    let statement = format!(
        "SELECT {part} AS part{}, CAST(SUM({requests}) AS BIGINT) AS requests{sums}
         FROM ledger_hour e JOIN ledger_label l ON l.id = e.label
         WHERE e.hour >= $1 AND e.hour < $2{}",
        columns(query.split),
        narrowed(query, key.as_deref(), 2)
    );
    let bound = sqlx::query(AssertSqlSafe(Arc::<str>::from(statement)))
        .bind(hours.start)
        .bind(hours.end);
    let rows = bind(bound, key, query).fetch_all(connection).await?;
    rows.iter().map(|it| row(query, it)).collect()
}

async fn of_entries(
    connection: &mut AnyConnection,
    query: &RollupQuery,
    span: Range<i64>,
) -> Result<Vec<RollupRow>, sqlx::Error> {
    let (key, open) = match query.whose {
        Whose::All => (None, ""),
        Whose::Open => (None, " AND e.virtual_key IS NULL"),
        Whose::Key(key) => (Some(key.uuid().as_bytes().to_vec()), ""),
        Whose::Account(account) => (Some(account.uuid().as_bytes().to_vec()), ""),
    };
    let part = match query.width {
        None => "0".to_owned(),
        Some(width) => format!("e.at_ms / {}", width.millis()),
    };
    let first = match query.split {
        Split {
            deployment: true, ..
        } => FIRST_AT_DEPLOYMENT,
        Split { provider: true, .. } => FIRST_AT_PROVIDER,
        Split { .. } => FIRST,
    };
    let statement = format!(
        "SELECT {part} AS part{}, CAST(SUM(CASE WHEN {first} THEN 1 ELSE 0 END) AS BIGINT) AS requests,
             {ENTRY_SUMS}
         FROM ledger_entry e JOIN ledger_label l ON l.id = e.label
         WHERE e.request >= $1 AND e.request <= $2 AND e.at_ms >= $3 AND e.at_ms < $4{open}{}",
        columns(query.split),
        narrowed(query, key.as_deref(), 4)
    );
    let skew: i64 = sqlx::query_scalar("SELECT skew_ms FROM ledger_state")
        .fetch_one(&mut *connection)
        .await?;
    let (first, last) = request_range(&span, skew);
    let bound = sqlx::query(AssertSqlSafe(Arc::<str>::from(statement)))
        .bind(first.as_bytes().to_vec())
        .bind(last.as_bytes().to_vec())
        .bind(span.start)
        .bind(span.end);
    let rows = bind(bound, key, query).fetch_all(connection).await?;
    rows.iter().map(|it| row(query, it)).collect()
}

/// Sums of entries under the names of [`COUNTS`], without the requests.
const ENTRY_SUMS: &str = "COUNT(*) AS attempts,
    CAST(SUM(e.is_error) AS BIGINT) AS errors,
    COUNT(*) - COUNT(e.cost_nano) AS unpriced,
    CAST(SUM(e.estimated) AS BIGINT) AS estimated,
    CAST(SUM(e.input) AS BIGINT) AS input,
    CAST(SUM(e.cache_read) AS BIGINT) AS cache_read,
    CAST(SUM(e.cache_write) AS BIGINT) AS cache_write,
    CAST(SUM(e.audio_input) AS BIGINT) AS audio_input,
    CAST(SUM(e.output) AS BIGINT) AS output,
    CAST(SUM(e.reasoning) AS BIGINT) AS reasoning,
    CAST(SUM(e.audio_output) AS BIGINT) AS audio_output,
    CAST(COALESCE(SUM(e.images), 0) AS BIGINT) AS images,
    CAST(COALESCE(SUM(e.input_ms), 0) AS BIGINT) AS input_ms,
    CAST(COALESCE(SUM(e.characters), 0) AS BIGINT) AS characters,
    CAST(COALESCE(SUM(e.cost_nano), 0) AS BIGINT) AS cost_nano,
    CAST(COALESCE(SUM(e.saved_nano), 0) AS BIGINT) AS saved_nano";

/// The columns by which the sums are split.
fn split_columns(split: Split) -> Vec<&'static str> {
    let mut columns = Vec::new();
    columns.extend(split.key.then_some("e.virtual_key"));
    columns.extend(split.model.then_some("l.model"));
    columns.extend((split.provider || split.deployment).then_some("l.provider"));
    columns.extend(
        split
            .deployment
            .then_some(["l.deployment", "l.upstream_model"])
            .into_iter()
            .flatten(),
    );
    columns.extend(split.operation.then_some("l.operation"));
    columns
}

fn columns(split: Split) -> String {
    let columns = split_columns(split).into_iter();
    columns.flat_map(|it| [", ", it]).collect()
}

/// What else a row must be, after as many parameters, and how rows are put together.
fn narrowed(query: &RollupQuery, key: Option<&[u8]>, mut parameters: usize) -> String {
    let mut text = String::new();
    if key.is_some() {
        parameters += 1;
        let _ = match query.whose {
            Whose::Account(_) => write!(
                text,
                " AND EXISTS (SELECT 1 FROM virtual_key k LEFT JOIN account a ON a.id = k.account
                 WHERE k.id = e.virtual_key AND (k.account = ${parameters} OR a.parent = ${parameters}))"
            ),
            Whose::All | Whose::Open | Whose::Key(_) => {
                write!(text, " AND e.virtual_key = ${parameters}")
            }
        };
    }
    if !query.operations.is_empty() {
        let range = parameters + 1..=parameters + query.operations.len();
        let list: Vec<_> = range.map(|it| format!("${it}")).collect();
        let _ = write!(text, " AND l.operation IN ({})", list.join(", "));
    }
    let columns = split_columns(query.split).len() + 1;
    let numbers: Vec<_> = (1..=columns).map(|it| it.to_string()).collect();
    let _ = write!(text, " GROUP BY {}", numbers.join(", "));
    text
}

type Query<'q> = sqlx::query::Query<'q, sqlx::Any, sqlx::any::AnyArguments>;

/// Binds what [`narrowed`] asks for.
fn bind<'q>(mut bound: Query<'q>, key: Option<Vec<u8>>, query: &RollupQuery) -> Query<'q> {
    if let Some(key) = key {
        bound = bound.bind(key);
    }
    for operation in &query.operations {
        bound = bound.bind(*operation);
    }
    bound
}

fn row(query: &RollupQuery, row: &AnyRow) -> Result<RollupRow, sqlx::Error> {
    let split = query.split;
    let text = |is_there: bool, column: &str| {
        let text = is_there.then(|| row.try_get::<String, _>(column));
        text.transpose().map(Option::unwrap_or_default)
    };
    let part: i64 = row.try_get("part")?;
    Ok(RollupRow {
        start_ms: part * query.width.map_or(0, Width::millis),
        key: if split.key { some_key(row)? } else { None },
        model: text(split.model, "model")?,
        provider: text(split.provider || split.deployment, "provider")?,
        deployment: text(split.deployment, "deployment")?,
        upstream_model: text(split.deployment, "upstream_model")?,
        operation: text(split.operation, "operation")?,
        sums: Sums {
            requests: count(row, "requests")?,
            attempts: count(row, "attempts")?,
            errors: count(row, "errors")?,
            tokens: tokens(row)?,
            things: things(row)?,
            cost: NanoUsd(row.try_get("cost_nano")?),
            saved: NanoUsd(row.try_get("saved_nano")?),
            unpriced: count(row, "unpriced")?,
            estimated: count(row, "estimated")?,
        },
    })
}

/// The key of a row; neither NULL, as in entries, nor empty, as in rollups, is one.
fn some_key(row: &AnyRow) -> Result<Option<KeyId>, sqlx::Error> {
    let bytes: Option<Vec<u8>> = row.try_get("virtual_key")?;
    let bytes = bytes.filter(|it| !it.is_empty());
    bytes
        .map(|it| super::report::uuid(&it).map(KeyId::from_uuid))
        .transpose()
}

/// The request ids that entries of the span can have, given the widest skew on record.
fn request_range(span: &Range<i64>, skew: i64) -> (Uuid, Uuid) {
    let first = RequestId::floor(span.start.saturating_sub(skew)).uuid();
    // Beyond 48 bits an id cannot tell its time.
    let last = span.end.saturating_add(skew);
    let last = Some(last).filter(|last| *last < 1 << 48);
    let last = last.map_or(Uuid::max(), |last| RequestId::floor(last).uuid());
    (first, last)
}

/// Compares the rollups with what the entries say.
pub(super) async fn check(connection: &mut AnyConnection) -> Result<RollupCheck, sqlx::Error> {
    let mut transaction = begin_reading(connection).await?;
    let rows = sqlx::query("SELECT COUNT(*) AS found FROM ledger_hour")
        .fetch_one(&mut *transaction)
        .await?;
    let different = sqlx::query(AssertSqlSafe(Arc::<str>::from(check_statement())))
        .bind(Vec::<u8>::new())
        .fetch_all(&mut *transaction)
        .await?;
    transaction.commit().await?;
    let difference = |row: &AnyRow| {
        Ok(RollupDifference {
            start_ms: row.try_get::<i64, _>("hour")?.saturating_mul(HOUR_MS),
            key: some_key(row)?,
            model: row.try_get("model")?,
            deployment: row.try_get("deployment")?,
            attempts: row.try_get("attempts")?,
            cost_nano: row.try_get("cost_nano")?,
        })
    };
    Ok(RollupCheck {
        rows: count(&rows, "found")?,
        differences: different
            .iter()
            .map(difference)
            .collect::<Result<_, sqlx::Error>>()?,
    })
}

fn check_statement() -> String {
    let names = COUNTS.join(", ");
    let summed = COUNTS.map(|it| format!("SUM({it})"));
    let is_zero = summed.iter().map(|it| format!("{it} <> 0"));
    let is_zero: Vec<_> = is_zero.collect();
    let one = |condition: &str| format!("CASE WHEN {condition} THEN -1 ELSE 0 END");
    let (first, at_provider, at_deployment) =
        (one(FIRST), one(FIRST_AT_PROVIDER), one(FIRST_AT_DEPLOYMENT));
    format!(
        "SELECT d.hour, d.virtual_key, l.model, l.deployment, d.attempts, d.cost_nano FROM (
             SELECT hour, virtual_key, label, CAST(SUM(attempts) AS BIGINT) AS attempts,
                    CAST(SUM(cost_nano) AS BIGINT) AS cost_nano
             FROM (
                 SELECT hour, virtual_key, label, {names} FROM ledger_hour
                 UNION ALL
                 SELECT e.at_ms / {HOUR_MS}, COALESCE(e.virtual_key, $1), e.label,
                        {first}, {at_provider}, {at_deployment}, -1, -e.is_error,
                        CASE WHEN e.cost_nano IS NULL THEN -1 ELSE 0 END, -e.estimated,
                        -e.input, -e.cache_read, -e.cache_write, -e.audio_input, -e.output,
                        -e.reasoning, -e.audio_output, -COALESCE(e.images, 0),
                        -COALESCE(e.input_ms, 0), -COALESCE(e.characters, 0),
                        -COALESCE(e.cost_nano, 0), -COALESCE(e.saved_nano, 0)
                 FROM ledger_entry e JOIN ledger_label l ON l.id = e.label
             ) told
             GROUP BY hour, virtual_key, label HAVING {}
         ) d JOIN ledger_label l ON l.id = d.label
         ORDER BY d.hour, d.virtual_key, d.label",
        is_zero.join(" OR ")
    )
}
