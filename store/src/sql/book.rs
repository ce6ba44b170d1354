//! Putting decoded records into the database, many rows at a time.
//!
//! An insert repeats one row of placeholders up to 512 times, in four sizes so
//! that the prepared statements stay few. A row whose (request, attempt) is
//! already booked is skipped, and nothing is charged for it again. Texts go to `ledger_label` once and are
//! remembered by their bytes.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::{Arc, LazyLock};

use sqlx::any::AnyArguments;
use sqlx::{AnyConnection, Arguments, AssertSqlSafe, Row as _};

use super::begin;
use super::charges::{self, ChargeSets};
use super::dialect::Dialect;
use super::hours;
use crate::journal::Position;
use crate::journal::codec::{Label, Record, Row};
use crate::node::Node;
use crate::{NodeId, RequestId};

/// Labels remembered at most; a label is an operation, model, deployment and price.
const MAX_LABELS: usize = 10_000;
const COLUMNS: usize = 32;
const INSERT: &str = "INSERT INTO ledger_entry (request, attempt, at_ms, virtual_key, label, \
    status, outcome, is_error, streamed, input, cache_read, cache_write, audio_input, output, \
    reasoning, audio_output, cost_nano, cost_source, estimated, attempts, first_content_ms, \
    duration_ms, images, input_ms, characters, credential, rule, tried, \
    decision, held_nano, charge_set, saved_nano) VALUES ";
/// Rows per statement, largest first. `SQLite` takes 32,766 parameters, `PostgreSQL` twice as many.
type Statements = [(usize, Arc<str>); 4];
static OF_SQLITE: LazyLock<Statements> = LazyLock::new(|| statements(Dialect::Sqlite));
static OF_POSTGRES: LazyLock<Statements> = LazyLock::new(|| statements(Dialect::Postgres));

/// Ids of what repeats from entry to entry, as far as it was seen.
#[derive(Default)]
pub(super) struct Known {
    labels: Labels,
    charge_sets: ChargeSets,
}

/// Ids of labels that were seen.
#[derive(Default)]
struct Labels(HashMap<Box<[u8]>, i64>);

/// A row with the ids of what repeats.
pub(super) struct Booking<'r> {
    pub(super) row: &'r Row<'r>,
    pub(super) label: i64,
    pub(super) charge_set: Option<i64>,
}

/// How far the journal is applied, as the database remembers it.
pub(super) async fn position(
    connection: &mut AnyConnection,
    node: NodeId,
) -> Result<Position, sqlx::Error> {
    let row = sqlx::query("SELECT segment, offset_bytes FROM node WHERE id = $1")
        .bind(node.uuid().as_bytes().to_vec())
        .fetch_one(connection)
        .await?;
    let segment: i64 = row.try_get("segment")?;
    let offset: i64 = row.try_get("offset_bytes")?;
    Ok(Position {
        segment: segment.unsigned_abs(),
        offset: offset.unsigned_abs(),
    })
}

/// Whose journal records are from.
#[derive(Clone, Copy)]
pub(super) struct Source {
    /// Whose calls they tell of.
    pub(super) node: Node,
    /// For its owner: up to where the journal is applied with them.
    pub(super) applied: Option<Position>,
}

/// Books `records` in one transaction and, for the owner of the journal, how far it is applied; `false`, and nothing is
/// booked, if somebody else goes by the owner's id.
///
/// Who does not own the journal keeps no reservations: those of a process that runs are its own.
///
/// # Cancellation
/// A dropped future rolls back; the same records may be booked again.
pub(super) async fn book(
    connection: &mut AnyConnection,
    known: &mut Known,
    records: &[Record<'_>],
    source: Source,
) -> Result<bool, sqlx::Error> {
    let mut transaction = begin(connection).await?;
    // First, as whoever asks for a share does, so that the two cannot wait for each other.
    if let Some(applied) = source.applied
        && !move_position(&mut transaction, source.node, applied).await?
    {
        transaction.rollback().await?;
        return Ok(false);
    }
    let booked = book_in(&mut transaction, known, records, source).await;
    if booked.is_err() {
        // Ids of a transaction that is rolled back do not exist.
        *known = Known::default();
    }
    booked?;
    let committed = transaction.commit().await;
    committed.inspect_err(|_| *known = Known::default())?;
    Ok(true)
}

/// Notes how far a journal is applied; `false` if somebody else goes by its owner's id.
async fn move_position(
    connection: &mut AnyConnection,
    node: Node,
    applied: Position,
) -> Result<bool, sqlx::Error> {
    let moved =
        sqlx::query("UPDATE node SET segment = $1, offset_bytes = $2 WHERE id = $3 AND epoch = $4")
            .bind(applied.segment.cast_signed())
            .bind(applied.offset.cast_signed())
            .bind(node.bytes())
            .bind(node.epoch)
            .execute(connection)
            .await?;
    Ok(moved.rows_affected() > 0)
}

async fn book_in(
    connection: &mut AnyConnection,
    known: &mut Known,
    records: &[Record<'_>],
    source: Source,
) -> Result<(), sqlx::Error> {
    let mut entries = Vec::with_capacity(records.len());
    let mut seen = HashSet::with_capacity(records.len());
    for record in records {
        // What is recorded twice within a batch is inserted once, and must be charged once.
        if let Record::Entry(row) = record
            && seen.insert((row.request, row.attempt))
        {
            entries.push(known.booking(connection, row).await?);
        }
    }
    let mut new = HashSet::with_capacity(entries.len());
    let mut rest = entries.as_slice();
    let statements = match Dialect::of(connection) {
        Dialect::Sqlite => &*OF_SQLITE,
        Dialect::Postgres => &*OF_POSTGRES,
    };
    for (size, statement) in statements {
        while let Some((rows, tail)) = rest.split_at_checked(*size) {
            insert(connection, statement, rows, &mut new).await?;
            rest = tail;
        }
    }
    charges::charge(connection, source.node, &entries, &new).await?;
    hours::add(connection, &entries, &new).await?;
    widen_skew(connection, &entries).await?;
    let open = ended_holds(connection, records).await?;
    if source.applied.is_some() {
        for row in open {
            let booking = known.booking(connection, row).await?;
            charges::keep_hold(connection, source.node, &booking).await?;
        }
    }
    Ok(())
}

/// Forgets the reservations of attempts that have ended; those of `records` that have not.
async fn ended_holds<'r>(
    connection: &mut AnyConnection,
    records: &'r [Record<'r>],
) -> Result<Vec<&'r Row<'r>>, sqlx::Error> {
    let mut open: BTreeMap<_, &Row<'_>> = BTreeMap::new();
    let mut ended = Vec::new();
    for record in records {
        let name = match record {
            Record::Hold(row) => {
                open.insert((row.request, row.attempt), row);
                continue;
            }
            Record::Entry(row) if row.held.is_some() => (row.request, row.attempt),
            Record::Entry(_) => continue,
            Record::Release(request, attempt) => (*request, *attempt),
        };
        // Most begin and end between two batches; one that grew may have begun before.
        open.remove(&name);
        ended.push(name);
    }
    charges::forget_holds(connection, &ended).await?;
    Ok(open.into_values().collect())
}

/// Inserts `rows`; `new` gets those that were not there.
async fn insert(
    connection: &mut AnyConnection,
    statement: &Arc<str>,
    rows: &[Booking<'_>],
    new: &mut HashSet<(RequestId, u32)>,
) -> Result<(), sqlx::Error> {
    let mut arguments = AnyArguments::default();
    arguments.reserve(rows.len() * COLUMNS, 0);
    for booking in rows {
        bind(&mut arguments, booking).map_err(sqlx::Error::Encode)?;
    }
    let statement = AssertSqlSafe(Arc::clone(statement));
    let inserted = sqlx::query_with(statement, arguments)
        .fetch_all(connection)
        .await?;
    for row in &inserted {
        let attempt: i64 = row.try_get("attempt")?;
        let attempt = u32::try_from(attempt).unwrap_or(u32::MAX);
        new.insert((charges::request(row)?, attempt));
    }
    Ok(())
}

/// Binds the columns in the order of [`INSERT`].
fn bind(
    arguments: &mut AnyArguments,
    booking: &Booking<'_>,
) -> Result<(), sqlx::error::BoxDynError> {
    let row = booking.row;
    arguments.add(row.request.uuid().as_bytes().as_slice())?;
    arguments.add(i64::from(row.attempt))?;
    arguments.add(row.at_ms)?;
    arguments.add(row.key.as_ref().map(|key| key.uuid().as_bytes().to_vec()))?;
    arguments.add(booking.label)?;
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
    arguments.add(row.decision.map(str::to_owned))?;
    arguments.add(row.held.map(|it| it.amount.0))?;
    arguments.add(booking.charge_set)?;
    arguments.add(row.saved.map(|it| it.0))
}

/// Keeps the margin that reports over a time range add to the range of request ids.
///
/// Rounded up to a power of two, so that it is written a few dozen times in a database's life.
async fn widen_skew(
    connection: &mut AnyConnection,
    entries: &[Booking<'_>],
) -> Result<(), sqlx::Error> {
    let skew = |it: &Booking<'_>| it.row.at_ms.abs_diff(it.row.request.time_ms());
    let widest = entries.iter().map(skew).max().unwrap_or(0);
    let rounded = widest
        .checked_next_power_of_two()
        .map_or(i64::MAX, |wide| i64::try_from(wide).unwrap_or(i64::MAX));
    sqlx::query("UPDATE ledger_state SET skew_ms = $1 WHERE skew_ms < $1")
        .bind(rounded)
        .execute(connection)
        .await
        .map(|_| ())
}

impl Known {
    /// A row with the ids of what repeats, inserted where it is new.
    async fn booking<'r>(
        &mut self,
        connection: &mut AnyConnection,
        row: &'r Row<'r>,
    ) -> Result<Booking<'r>, sqlx::Error> {
        let charge_set = match row.held {
            Some(held) => Some(self.charge_sets.id(connection, held.windows).await?),
            None => None,
        };
        Ok(Booking {
            row,
            label: self.labels.id(connection, row.label).await?,
            charge_set,
        })
    }
}

impl Labels {
    /// The id of a label block, inserted when it is new.
    async fn id(
        &mut self,
        connection: &mut AnyConnection,
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

fn statements(dialect: Dialect) -> Statements {
    [512, 64, 8, 1].map(|rows| {
        let row = |number| dialect.row(number * COLUMNS, COLUMNS);
        let values: Vec<String> = (0..rows).map(row).collect();
        let values = values.join(",");
        let statement =
            format!("{INSERT}{values} ON CONFLICT DO NOTHING RETURNING request, attempt");
        (rows, Arc::from(statement))
    })
}
