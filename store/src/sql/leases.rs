//! Sharing windows of budgets out to gateways.
//!
//! A row of `budget_window` is one gateway's part of a window: what it was granted in all, and what it has
//! spent, which the same transaction counts up that books its entries. Who asks locks the budget, so that
//! two never see the same room.

use sqlx::any::AnyRow;
use sqlx::{AnyConnection, Row};

use super::budgets::from_json;
use super::{begin, nodes};
use crate::lease::{Ask, Share, grant};
use crate::node::Node;
use crate::{BudgetTerms, NanoUsd, Window, budget};

/// One gateway's part of a window.
struct Part {
    is_own: bool,
    spent: i64,
    granted: i64,
}

/// Grants what fits of `asks`, or takes back; what the gateway has of each window then. `None` if somebody else goes by
/// the gateway's id.
///
/// # Cancellation
/// A dropped future rolls back, or was too late; the answer to the next question tells.
pub(super) async fn lease(
    connection: &mut AnyConnection,
    node: Node,
    asks: &[Ask],
    now_ms: i64,
) -> Result<Option<Vec<Share>>, sqlx::Error> {
    let mut transaction = begin(connection).await?;
    if !nodes::sign(&mut transaction, node, now_ms).await? {
        transaction.rollback().await?;
        return Ok(None);
    }
    let gateways = nodes::alive(&mut transaction, now_ms).await?;
    // Always in the same order: two gateways with two budgets cannot wait for each other.
    let mut order: Vec<(usize, &Ask)> = asks.iter().enumerate().collect();
    order.sort_by_key(|(_, ask)| ask.window);
    let mut shares = vec![Share::default(); asks.len()];
    for (place, ask) in order {
        let share = share(&mut transaction, node, (ask, gateways), now_ms).await?;
        if let Some(slot) = shares.get_mut(place) {
            *slot = share;
        }
    }
    transaction.commit().await?;
    Ok(Some(shares))
}

async fn share(
    connection: &mut AnyConnection,
    node: Node,
    (ask, gateways): (&Ask, u64),
    now_ms: i64,
) -> Result<Share, sqlx::Error> {
    let limit = locked_limit(connection, ask.window, now_ms).await?;
    let parts = parts(connection, node, ask.window).await?;
    let others = || parts.iter().filter(|it| !it.is_own);
    let spent: i64 = others().map(|it| it.spent).sum();
    let left: i64 = others().map(|it| (it.granted - it.spent).max(0)).sum();
    let own = parts.iter().find(|it| it.is_own);
    let own_spent = own.map_or(0, |it| it.spent);
    let had = own.map_or(0, |it| it.granted.max(it.spent));
    let free = limit.0.saturating_sub(spent).saturating_sub(left);
    let free = NanoUsd(free.saturating_sub(had).max(0));
    let granted = grant(ask, NanoUsd(had), free, gateways);
    if own.is_none_or(|it| it.granted != granted.0) {
        set_granted(connection, node, ask.window, granted).await?;
    }
    Ok(Share {
        granted: NanoUsd(granted.0.max(own_spent)),
        spent: NanoUsd(own_spent),
        spent_by_others: NanoUsd(spent),
        left_to_others: NanoUsd(left),
    })
}

/// What may be spent in a window; nobody else is told before this transaction ends. Nothing of a budget that has ended.
async fn locked_limit(
    connection: &mut AnyConnection,
    window: Window,
    now_ms: i64,
) -> Result<NanoUsd, sqlx::Error> {
    let row = sqlx::query(
        "UPDATE budget SET id = id WHERE id = $1 AND ended_ms IS NULL RETURNING limit_nano, terms",
    )
    .bind(window.budget.uuid().as_bytes().to_vec())
    .fetch_optional(connection)
    .await?;
    let Some(row) = row else {
        return Ok(NanoUsd::ZERO);
    };
    let terms: BudgetTerms = from_json(&row, "terms")?;
    let limit = NanoUsd(row.try_get("limit_nano")?);
    Ok(budget::limit_at(limit, &terms, now_ms))
}

async fn parts(
    connection: &mut AnyConnection,
    node: Node,
    window: Window,
) -> Result<Vec<Part>, sqlx::Error> {
    let rows = sqlx::query(
        "SELECT node, spent_nano, granted_nano FROM budget_window
         WHERE budget = $1 AND start_ms = $2 AND subject = $3",
    )
    .bind(window.budget.uuid().as_bytes().to_vec())
    .bind(window.start_ms)
    .bind(window.subject.cast_signed())
    .fetch_all(connection)
    .await?;
    let part = |row: &AnyRow| {
        Ok(Part {
            is_own: row.try_get::<&[u8], _>("node")? == node.id.uuid().as_bytes(),
            spent: row.try_get("spent_nano")?,
            granted: row.try_get("granted_nano")?,
        })
    };
    rows.iter().map(part).collect()
}

async fn set_granted(
    connection: &mut AnyConnection,
    node: Node,
    window: Window,
    granted: NanoUsd,
) -> Result<(), sqlx::Error> {
    sqlx::query(
        "INSERT INTO budget_window (budget, start_ms, subject, node, spent_nano, granted_nano)
         VALUES ($1, $2, $3, $4, 0, $5)
         ON CONFLICT (budget, start_ms, subject, node)
         DO UPDATE SET granted_nano = excluded.granted_nano",
    )
    .bind(window.budget.uuid().as_bytes().to_vec())
    .bind(window.start_ms)
    .bind(window.subject.cast_signed())
    .bind(node.bytes())
    .bind(granted.0)
    .execute(connection)
    .await
    .map(|_| ())
}
