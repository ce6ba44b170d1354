//! Putting decoded entries into the database, many rows at a time.
//!
//! An insert repeats one row of placeholders up to 512 times, in four sizes so
//! that the prepared statements stay few. A row whose (request, attempt) is
//! already booked is skipped. Texts go to `ledger_label` once and are
//! remembered by their bytes.

use std::collections::HashMap;
use std::sync::{Arc, LazyLock};

use sqlx::sqlite::SqliteArguments;
use sqlx::{Arguments, AssertSqlSafe, Connection, Row as _, SqliteConnection};

use crate::journal::Position;
use crate::journal::codec::{Label, Row};

/// Labels remembered at most; a label is an operation, model, deployment and price.
const MAX_LABELS: usize = 10_000;
const COLUMNS: usize = 29;
const INSERT: &str = "INSERT INTO ledger_entry (request, attempt, at_ms, virtual_key, label, \
    status, outcome, is_error, streamed, input, cache_read, cache_write, audio_input, output, \
    reasoning, audio_output, cost_nano, cost_source, estimated, attempts, first_content_ms, \
    duration_ms, images, input_ms, characters, credential, rule, tried, \
    decision) VALUES ";
/// Rows per statement, largest first. `SQLite` takes 32,766 parameters.
static STATEMENTS: LazyLock<[(usize, Arc<str>); 4]> =
    LazyLock::new(|| [512, 64, 8, 1].map(|rows| (rows, insert_statement(rows))));

/// Ids of labels that were seen.
#[derive(Default)]
pub(super) struct Labels(HashMap<Box<[u8]>, i64>);

/// How far the journal is applied, as the database remembers it.
pub(super) async fn position(connection: &mut SqliteConnection) -> Result<Position, sqlx::Error> {
    let row = sqlx::query("SELECT segment, offset_bytes FROM ledger_state")
        .fetch_one(connection)
        .await?;
    let segment: i64 = row.try_get("segment")?;
    let offset: i64 = row.try_get("offset_bytes")?;
    Ok(Position {
        segment: segment.unsigned_abs(),
        offset: offset.unsigned_abs(),
    })
}

/// Books `rows` in one transaction and, for the owner of the journal, how far it is applied.
///
/// # Cancellation
/// A dropped future rolls back; the same rows may be booked again.
pub(super) async fn book(
    connection: &mut SqliteConnection,
    labels: &mut Labels,
    rows: &[Row<'_>],
    applied: Option<Position>,
) -> Result<(), sqlx::Error> {
    let mut transaction = connection.begin_with("BEGIN IMMEDIATE").await?;
    let booked = book_in(&mut transaction, labels, rows, applied).await;
    if booked.is_err() {
        // Labels of a transaction that is rolled back do not exist.
        labels.0.clear();
    }
    booked?;
    transaction.commit().await.inspect_err(|_| labels.0.clear())
}

async fn book_in(
    connection: &mut SqliteConnection,
    labels: &mut Labels,
    rows: &[Row<'_>],
    applied: Option<Position>,
) -> Result<(), sqlx::Error> {
    let mut ids = Vec::with_capacity(rows.len());
    for row in rows {
        ids.push(labels.id(connection, row.label).await?);
    }
    let mut rest: Vec<(&Row<'_>, i64)> = rows.iter().zip(ids).collect();
    for (size, statement) in &*STATEMENTS {
        while rest.len() >= *size {
            let tail = rest.split_off(*size);
            insert(connection, statement, &rest).await?;
            rest = tail;
        }
    }
    widen_skew(connection, rows).await?;
    if let Some(applied) = applied {
        sqlx::query("UPDATE ledger_state SET segment = $1, offset_bytes = $2")
            .bind(applied.segment.cast_signed())
            .bind(applied.offset.cast_signed())
            .execute(connection)
            .await?;
    }
    Ok(())
}

async fn insert(
    connection: &mut SqliteConnection,
    statement: &Arc<str>,
    rows: &[(&Row<'_>, i64)],
) -> Result<(), sqlx::Error> {
    let mut arguments = SqliteArguments::default();
    arguments.reserve(rows.len() * COLUMNS, 0);
    for (row, label) in rows {
        bind(&mut arguments, row, *label).map_err(sqlx::Error::Encode)?;
    }
    let statement = AssertSqlSafe(Arc::clone(statement));
    sqlx::query_with(statement, arguments)
        .execute(connection)
        .await
        .map(|_| ())
}

/// Binds the columns in the order of [`INSERT`].
fn bind(
    arguments: &mut SqliteArguments,
    row: &Row<'_>,
    label: i64,
) -> Result<(), sqlx::error::BoxDynError> {
    arguments.add(row.request.uuid().as_bytes().as_slice())?;
    arguments.add(i64::from(row.attempt))?;
    arguments.add(row.at_ms)?;
    arguments.add(row.key.as_ref().map(|key| key.uuid().as_bytes().to_vec()))?;
    arguments.add(label)?;
    arguments.add(i64::from(row.status))?;
    arguments.add(i64::from(row.outcome as u8))?;
    arguments.add(i64::from(row.is_error()))?;
    arguments.add(i64::from(row.streamed))?;
    for count in row.tokens {
        // The codec admits only what fits.
        arguments.add(count.cast_signed())?;
    }
    arguments.add(row.cost.map(|cost| cost.0))?;
    arguments.add(i64::from(row.cost_source as u8))?;
    arguments.add(i64::from(row.estimated))?;
    arguments.add(i64::from(row.attempts))?;
    arguments.add(row.first_content_ms.map(i64::from))?;
    arguments.add(i64::from(row.duration_ms))?;
    for count in row.things {
        // Most rows have none: such a column takes up no room.
        arguments.add(Some(count.cast_signed()).filter(|it| *it > 0))?;
    }
    for text in [row.credential, row.rule, row.tried] {
        arguments.add(text.map(str::to_owned))?;
    }
    arguments.add(row.decision.map(str::to_owned))
}

/// Keeps the margin that reports over a time range add to the range of request ids.
///
/// Rounded up to a power of two, so that it is written a few dozen times in a database's life.
async fn widen_skew(
    connection: &mut SqliteConnection,
    rows: &[Row<'_>],
) -> Result<(), sqlx::Error> {
    let skew = |row: &Row<'_>| row.at_ms.abs_diff(row.request.time_ms());
    let widest = rows.iter().map(skew).max().unwrap_or(0);
    let rounded = widest
        .checked_next_power_of_two()
        .map_or(i64::MAX, |wide| i64::try_from(wide).unwrap_or(i64::MAX));
    sqlx::query("UPDATE ledger_state SET skew_ms = $1 WHERE skew_ms < $1")
        .bind(rounded)
        .execute(connection)
        .await
        .map(|_| ())
}

impl Labels {
    /// The id of a label block, inserted when it is new.
    async fn id(
        &mut self,
        connection: &mut SqliteConnection,
        block: &[u8],
    ) -> Result<i64, sqlx::Error> {
        if let Some(id) = self.0.get(block) {
            return Ok(*id);
        }
        let label = Label::decode(block)
            .ok_or_else(|| sqlx::Error::Decode("label block of a journal record".into()))?;
        sqlx::query(
            "INSERT INTO ledger_label
                 (operation, model, provider, deployment, upstream_model, price_id)
             VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT DO NOTHING",
        )
        .bind(label.operation.to_owned())
        .bind(label.model.to_owned())
        .bind(label.provider.to_owned())
        .bind(label.deployment.to_owned())
        .bind(label.upstream_model.to_owned())
        .bind(label.price_id.unwrap_or_default().to_owned())
        .execute(&mut *connection)
        .await?;
        let id = sqlx::query_scalar(
            "SELECT id FROM ledger_label WHERE operation = $1 AND model = $2 AND provider = $3
                 AND deployment = $4 AND upstream_model = $5 AND price_id = $6",
        )
        .bind(label.operation.to_owned())
        .bind(label.model.to_owned())
        .bind(label.provider.to_owned())
        .bind(label.deployment.to_owned())
        .bind(label.upstream_model.to_owned())
        .bind(label.price_id.unwrap_or_default().to_owned())
        .fetch_one(connection)
        .await?;
        if self.0.len() >= MAX_LABELS {
            self.0.clear();
        }
        self.0.insert(block.into(), id);
        Ok(id)
    }
}

fn insert_statement(rows: usize) -> Arc<str> {
    let row = format!("({})", ["?"; COLUMNS].join(","));
    let rows = vec![row; rows].join(",");
    Arc::from(format!("{INSERT}{rows} ON CONFLICT DO NOTHING"))
}
