//! Keeping the rollups: one row of `ledger_hour` for each hour, key and label.
//!
//! Part of the writer's transactions: an entry that is new is added to its hour with it, both or
//! neither. A sum that would leave 64 bits stays at its bound, because a count that some upstream
//! made up must not keep the writer from booking.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::fmt::Write as _;
use std::sync::{Arc, LazyLock};

use sqlx::any::AnyRow;
use sqlx::{AnyConnection, AssertSqlSafe, Row as _};

use super::book::Booking;
use super::report::narrow;
use crate::RequestId;
use crate::rollup::HOUR_MS;

/// Attempts that were booked, each once.
type New = HashSet<(RequestId, u32)>;

/// What is summed up, in the order of [`counts`].
pub(super) const COUNTS: [&str; 19] = [
    "requests",
    "provider_requests",
    "deployment_requests",
    "attempts",
    "errors",
    "unpriced",
    "estimated",
    "input",
    "cache_read",
    "cache_write",
    "audio_input",
    "output",
    "reasoning",
    "audio_output",
    "images",
    "input_ms",
    "characters",
    "cost_nano",
    "saved_nano",
];

static ADD: LazyLock<Arc<str>> = LazyLock::new(add_statement);

/// Which row of rollups; in an order in which two writers never wait for each other.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Cell {
    hour: i64,
    /// Empty: the gateway was open.
    key: Vec<u8>,
    label: i64,
}

/// What is added to rows.
type Sums = BTreeMap<Cell, [i64; COUNTS.len()]>;

/// An attempt of a request that has several.
struct Told {
    attempt: u32,
    cell: Cell,
    provider: String,
    deployment: String,
}

/// Adds those of `entries` that are `new`, of which there are no two of one attempt.
pub(super) async fn add(
    connection: &mut AnyConnection,
    entries: &[Booking<'_>],
    new: &New,
) -> Result<(), sqlx::Error> {
    let mut sums = Sums::new();
    let mut several: HashMap<RequestId, Vec<u32>> = HashMap::new();
    for booking in entries {
        let row = booking.row;
        if !new.contains(&(row.request, row.attempt)) {
            continue;
        }
        let mut counts = counts(booking);
        if row.attempt <= 1 && row.attempts <= 1 {
            // The first attempt of a call that had no other when it was booked.
            counts[..3].fill(1);
        } else {
            several.entry(row.request).or_default().push(row.attempt);
        }
        add_to(&mut sums, cell(booking), &counts);
    }
    for (request, booked) in several {
        let told = attempts_of(connection, request).await?;
        count_requests(&mut sums, &told, &booked);
    }
    for (cell, counts) in sums {
        let mut query = sqlx::query(AssertSqlSafe(Arc::clone(&ADD)))
            .bind(cell.hour)
            .bind(cell.key)
            .bind(cell.label);
        for count in counts {
            query = query.bind(count);
        }
        query.execute(&mut *connection).await?;
    }
    Ok(())
}

fn cell(booking: &Booking<'_>) -> Cell {
    let key = booking.row.key.map(|it| it.uuid().as_bytes().to_vec());
    Cell {
        hour: booking.row.at_ms / HOUR_MS,
        key: key.unwrap_or_default(),
        label: booking.label,
    }
}

/// What an entry counts besides requests.
fn counts(booking: &Booking<'_>) -> [i64; COUNTS.len()] {
    let row = booking.row;
    // The codec admits only what fits.
    let [
        input,
        cache_read,
        cache_write,
        audio_input,
        output,
        reasoning,
        audio_output,
    ] = row.tokens.map(u64::cast_signed);
    let [images, input_ms, characters] = row.things.map(u64::cast_signed);
    [
        0,
        0,
        0,
        1,
        i64::from(row.is_error()),
        i64::from(row.cost.is_none()),
        i64::from(row.estimated),
        input,
        cache_read,
        cache_write,
        audio_input,
        output,
        reasoning,
        audio_output,
        images,
        input_ms,
        characters,
        row.cost.map_or(0, |it| it.0),
        row.saved.map_or(0, |it| it.0),
    ]
}

fn add_to(sums: &mut Sums, cell: Cell, counts: &[i64; COUNTS.len()]) {
    let row = sums.entry(cell).or_insert([0; COUNTS.len()]);
    for (sum, count) in row.iter_mut().zip(counts) {
        *sum = sum.saturating_add(*count);
    }
}

/// What is booked of a request, the lowest attempt first.
async fn attempts_of(
    connection: &mut AnyConnection,
    request: RequestId,
) -> Result<Vec<Told>, sqlx::Error> {
    let rows = sqlx::query(
        "SELECT e.attempt, e.at_ms, e.virtual_key, e.label, l.provider, l.deployment
         FROM ledger_entry e JOIN ledger_label l ON l.id = e.label
         WHERE e.request = $1 ORDER BY e.attempt",
    )
    .bind(request.uuid().as_bytes().to_vec())
    .fetch_all(connection)
    .await?;
    rows.iter().map(told).collect()
}

fn told(row: &AnyRow) -> Result<Told, sqlx::Error> {
    let at_ms: i64 = row.try_get("at_ms")?;
    let key: Option<Vec<u8>> = row.try_get("virtual_key")?;
    let cell = Cell {
        hour: at_ms / HOUR_MS,
        key: key.unwrap_or_default(),
        label: row.try_get("label")?,
    };
    Ok(Told {
        attempt: narrow(row, "attempt")?,
        cell,
        provider: row.try_get("provider")?,
        deployment: row.try_get("deployment")?,
    })
}

/// Counts a request where its lowest attempts are, and no longer where they were before those of `booked`.
fn count_requests(sums: &mut Sums, told: &[Told], booked: &[u32]) {
    let before = told.iter().filter(|it| !booked.contains(&it.attempt));
    for (attempts, sign) in [
        (before.collect::<Vec<_>>(), -1),
        (told.iter().collect::<Vec<_>>(), 1),
    ] {
        let (mut providers, mut deployments) = (HashSet::new(), HashSet::new());
        for (index, it) in attempts.into_iter().enumerate() {
            let mut counts = [0; COUNTS.len()];
            let is_first = [
                index == 0,
                providers.insert(&it.provider),
                deployments.insert(&it.deployment),
            ];
            for (count, is_first) in counts.iter_mut().zip(is_first) {
                *count = if is_first { sign } else { 0 };
            }
            add_to(sums, it.cell.clone(), &counts);
        }
    }
}

/// Inserts a row or adds to it, each sum within 64 bits.
fn add_statement() -> Arc<str> {
    let mut statement = format!(
        "INSERT INTO ledger_hour (hour, virtual_key, label, {}) VALUES ($1, $2, $3",
        COUNTS.join(", ")
    );
    for index in 0..COUNTS.len() {
        let _ = write!(statement, ", ${}", index + 4);
    }
    statement.push_str(") ON CONFLICT (hour, virtual_key, label) DO UPDATE SET ");
    let (most, least) = (i64::MAX, -i64::MAX);
    let sums = COUNTS.map(|it| {
        let (there, more) = (format!("ledger_hour.{it}"), format!("excluded.{it}"));
        // One inside the other: the order in which parts of a condition are looked at is open.
        format!(
            "{it} = CASE WHEN {more} >= 0
                 THEN CASE WHEN {there} > {most} - {more} THEN {most} ELSE {there} + {more} END
                 ELSE CASE WHEN {there} < {least} - {more} THEN {least} ELSE {there} + {more} END
             END"
        )
    });
    statement.push_str(&sums.join(", "));
    Arc::from(statement)
}
