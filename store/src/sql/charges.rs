//! What entries are charged to, and reservations of attempts that run.
//!
//! Part of the writer's transactions: an entry that is new is charged to its windows with it, both
//! or neither. The windows of an entry are kept as a set that repeats from entry to entry.

use std::collections::{BTreeMap, HashMap, HashSet};

use sqlx::any::AnyRow;
use sqlx::{AnyConnection, AssertSqlSafe, Row as _};

use super::book::Booking;
use super::dialect::Dialect;
use super::report::{count, entry, narrow, uuid};
use crate::journal::codec::windows;
use crate::node::Node;
use crate::{BudgetId, CostSource, Entry, Held, NanoUsd, NodeId, Outcome, RequestId, Window};

/// Sets remembered at most; a set is the windows of a key's calls in a period.
const MAX_SETS: usize = 10_000;

/// Reservations that one statement forgets.
const FORGOTTEN_AT_ONCE: usize = 64;

/// Ids of charge sets that were seen.
#[derive(Default)]
pub(super) struct ChargeSets(HashMap<Box<[u8]>, i64>);

impl ChargeSets {
    /// The id of a block of windows, inserted when it is new.
    pub(super) async fn id(
        &mut self,
        connection: &mut AnyConnection,
        block: &[u8],
    ) -> Result<i64, sqlx::Error> {
        if let Some(id) = self.0.get(block) {
            return Ok(*id);
        }
        let id = match find(connection, block).await? {
            Some(id) => id,
            None => insert(connection, block).await?,
        };
        if self.0.len() >= MAX_SETS {
            self.0.clear();
        }
        self.0.insert(block.into(), id);
        Ok(id)
    }
}

async fn find(connection: &mut AnyConnection, block: &[u8]) -> Result<Option<i64>, sqlx::Error> {
    sqlx::query_scalar("SELECT id FROM charge_set WHERE block = $1")
        .bind(block.to_vec())
        .fetch_optional(connection)
        .await
}

async fn insert(connection: &mut AnyConnection, block: &[u8]) -> Result<i64, sqlx::Error> {
    let inserted = sqlx::query_scalar(
        "INSERT INTO charge_set (block) VALUES ($1) ON CONFLICT DO NOTHING RETURNING id",
    )
    .bind(block.to_vec())
    .fetch_optional(&mut *connection)
    .await?;
    let id = match inserted {
        Some(id) => id,
        // Another gateway was faster.
        None => find(connection, block)
            .await?
            .ok_or(sqlx::Error::RowNotFound)?,
    };
    for window in windows(block) {
        sqlx::query(
            "INSERT INTO charge_window (charge_set, budget, start_ms, subject)
             VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING",
        )
        .bind(id)
        .bind(window.budget.uuid().as_bytes().to_vec())
        .bind(window.start_ms)
        .bind(window.subject.cast_signed())
        .execute(&mut *connection)
        .await?;
    }
    Ok(id)
}

/// Charges those of `entries` that are `new` to the parts of their windows that are `node`'s.
pub(super) async fn charge(
    connection: &mut AnyConnection,
    node: Node,
    entries: &[Booking<'_>],
    new: &HashSet<(RequestId, u32)>,
) -> Result<(), sqlx::Error> {
    // In order, as shares are handed out: two transactions cannot wait for each other.
    let mut sums: BTreeMap<Window, i64> = BTreeMap::new();
    for booking in entries {
        let row = booking.row;
        let Some(held) = row
            .held
            .filter(|_| new.contains(&(row.request, row.attempt)))
        else {
            continue;
        };
        let charge = row.cost.unwrap_or(held.amount).0;
        for window in windows(held.windows) {
            let sum = sums.entry(window).or_default();
            *sum = sum.saturating_add(charge);
        }
    }
    for (window, sum) in sums {
        sqlx::query(
            "INSERT INTO budget_window (budget, start_ms, subject, node, spent_nano, granted_nano)
             VALUES ($1, $2, $3, $4, $5, 0)
             ON CONFLICT (budget, start_ms, subject, node)
             DO UPDATE SET spent_nano = CASE
                 WHEN budget_window.spent_nano > 9223372036854775807 - excluded.spent_nano
                 THEN 9223372036854775807
                 ELSE budget_window.spent_nano + excluded.spent_nano END",
        )
        .bind(window.budget.uuid().as_bytes().to_vec())
        .bind(window.start_ms)
        .bind(window.subject.cast_signed())
        .bind(node.bytes())
        .bind(sum)
        .execute(&mut *connection)
        .await?;
    }
    Ok(())
}

/// Keeps the reservation of an attempt that runs, unless it has ended; what is held may have grown.
pub(super) async fn keep_hold(
    connection: &mut AnyConnection,
    node: Node,
    booking: &Booking<'_>,
) -> Result<(), sqlx::Error> {
    let row = booking.row;
    let (Some(held), Some(charge_set)) = (row.held, booking.charge_set) else {
        return Ok(());
    };
    let [input, ..] = row.tokens;
    sqlx::query(
        "INSERT INTO open_hold
             (request, attempt, at_ms, virtual_key, label, streamed, input, held_nano, charge_set, node)
         SELECT $1, $2, $3, $4, $5, $6, $7, $8, $9, $10
         WHERE NOT EXISTS (SELECT 1 FROM ledger_entry WHERE request = $1 AND attempt = $2)
         ON CONFLICT (request, attempt) DO UPDATE SET held_nano = excluded.held_nano",
    )
    .bind(row.request.uuid().as_bytes().to_vec())
    .bind(i64::from(row.attempt))
    .bind(row.at_ms)
    .bind(row.key.map(|it| it.uuid().as_bytes().to_vec()))
    .bind(booking.label)
    .bind(i64::from(row.streamed))
    .bind(input.cast_signed())
    .bind(held.amount.0)
    .bind(charge_set)
    .bind(node.bytes())
    .execute(connection)
    .await
    .map(|_| ())
}

/// Forgets the reservations of attempts that have ended, many with one statement.
pub(super) async fn forget_holds(
    connection: &mut AnyConnection,
    ended: &[(RequestId, u32)],
) -> Result<(), sqlx::Error> {
    let dialect = Dialect::of(connection);
    for some in ended.chunks(FORGOTTEN_AT_ONCE) {
        let rows: Vec<String> = (0..some.len()).map(|it| dialect.row(it * 2, 2)).collect();
        let statement = format!(
            "DELETE FROM open_hold WHERE (request, attempt) IN (VALUES {})",
            rows.join(",")
        );
        let mut query = sqlx::query(AssertSqlSafe(statement));
        for (request, attempt) in some {
            query = query
                .bind(request.uuid().as_bytes().to_vec())
                .bind(i64::from(*attempt));
        }
        // One of each length would crowd out the statements that are worth keeping.
        query
            .persistent(some.len() == FORGOTTEN_AT_ONCE)
            .execute(&mut *connection)
            .await?;
    }
    Ok(())
}

/// The reservations of attempts that `node` sent, as they would be booked.
pub(super) async fn open_holds(
    connection: &mut AnyConnection,
    node: NodeId,
) -> Result<Vec<Entry>, sqlx::Error> {
    let recovered = i64::from(Outcome::Recovered as u8);
    let computed = i64::from(CostSource::Computed as u8);
    let rows = sqlx::query(
        "SELECT h.request, h.attempt, h.at_ms, h.virtual_key, h.streamed, h.input,
                h.held_nano AS cost_nano, h.charge_set, s.block,
                l.operation, l.model, l.provider, l.deployment, l.upstream_model, l.price_id,
                0 AS status, $1 AS outcome, $2 AS cost_source, 1 AS estimated, h.attempt AS attempts,
                0 AS cache_read, 0 AS cache_write, 0 AS audio_input, 0 AS output, 0 AS reasoning,
                0 AS audio_output, CAST(NULL AS BIGINT) AS images, CAST(NULL AS BIGINT) AS input_ms,
                CAST(NULL AS BIGINT) AS characters, CAST(NULL AS TEXT) AS credential,
                CAST(NULL AS TEXT) AS rule, CAST(NULL AS TEXT) AS tried,
                CAST(NULL AS TEXT) AS decision, CAST(NULL AS BIGINT) AS first_content_ms,
                CAST(NULL AS BIGINT) AS saved_nano, 0 AS duration_ms
         FROM open_hold h JOIN ledger_label l ON l.id = h.label
              JOIN charge_set s ON s.id = h.charge_set
         WHERE h.node = $3 ORDER BY h.request, h.attempt",
    )
    .bind(recovered)
    .bind(computed)
    .bind(node.uuid().as_bytes().to_vec())
    .fetch_all(connection)
    .await?;
    rows.iter().map(held_entry).collect()
}

fn held_entry(row: &AnyRow) -> Result<Entry, sqlx::Error> {
    let block: &[u8] = row.try_get("block")?;
    let mut entry = entry(row)?;
    entry.held = Some(Held {
        amount: NanoUsd(row.try_get("cost_nano")?),
        windows: windows(block).collect(),
    });
    Ok(entry)
}

/// The request of a row.
pub(super) fn request(row: &AnyRow) -> Result<RequestId, sqlx::Error> {
    uuid(row.try_get("request")?).map(RequestId::from_uuid)
}

/// The window of a row.
pub(super) fn window(row: &AnyRow) -> Result<Window, sqlx::Error> {
    let subject: i64 = row.try_get("subject")?;
    Ok(Window {
        budget: BudgetId::from_uuid(uuid(row.try_get("budget")?)?),
        start_ms: row.try_get("start_ms")?,
        subject: subject.cast_unsigned(),
    })
}

/// What each window should say by the entries that are charged to it, and how many those are.
pub(super) async fn sums_of_entries(
    connection: &mut AnyConnection,
) -> Result<(HashMap<Window, NanoUsd>, u64), sqlx::Error> {
    let rows = sqlx::query(
        "SELECT w.budget, w.start_ms, w.subject, CAST(SUM(c.charged) AS BIGINT) AS charged
         FROM (SELECT charge_set, SUM(COALESCE(cost_nano, held_nano)) AS charged
               FROM ledger_entry WHERE charge_set IS NOT NULL GROUP BY charge_set) c
              JOIN charge_window w ON w.charge_set = c.charge_set
         GROUP BY w.budget, w.start_ms, w.subject",
    )
    .fetch_all(&mut *connection)
    .await?;
    let mut sums = HashMap::with_capacity(rows.len());
    for row in &rows {
        sums.insert(window(row)?, NanoUsd(row.try_get("charged")?));
    }
    let entries =
        sqlx::query("SELECT COUNT(*) AS entries FROM ledger_entry WHERE charge_set IS NOT NULL")
            .fetch_one(connection)
            .await?;
    Ok((sums, count(&entries, "entries")?))
}

/// How many reservations are there.
pub(super) async fn count_holds(connection: &mut AnyConnection) -> Result<u64, sqlx::Error> {
    let row = sqlx::query("SELECT COUNT(*) AS holds FROM open_hold")
        .fetch_one(connection)
        .await?;
    narrow(&row, "holds")
}
