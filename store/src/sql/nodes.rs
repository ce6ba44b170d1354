//! Which of several gateways this one is, and which others there are.

use std::fs;
use std::io::Write;
use std::path::Path;
use std::time::Duration;

use async_trait::async_trait;
use sqlx::any::AnyRow;
use sqlx::{AnyConnection, Row};

use super::book::{self, Known, Source};
use super::connections::Line;
use super::dialect::Dialect;
use super::report::{count, uuid};
use super::{Database, begin, charges, leases};
use crate::journal::codec;
use crate::lease::{Ask, Share};
use crate::node::{NODE_GONE_MS, Node, NodeRecord, Shares};
use crate::{Entry, NodeId, StoreError};

/// How long a call waits for its part of a budget (faults P-13).
const LEASING: Duration = Duration::from_millis(500);

/// Parts of budgets and gateways, in a database that several share.
pub(super) struct SqlShares {
    /// For what calls wait for.
    leasing: Line,
    /// For the rest.
    line: Line,
    /// Which gateway this is; `None`: none.
    node: Option<Node>,
}

impl SqlShares {
    pub(super) fn new(database: Database, node: Option<Node>) -> Self {
        Self {
            leasing: Line::new(database.clone()),
            line: Line::new(database),
            node,
        }
    }

    fn own(&self) -> Result<Node, StoreError> {
        self.node.ok_or(StoreError::ReadOnly)
    }
}

#[async_trait]
impl Shares for SqlShares {
    async fn lease(&self, asks: &[Ask], now_ms: i64) -> Result<Vec<Share>, StoreError> {
        let node = self.own()?;
        let lease = async |connection: &mut AnyConnection| {
            leases::lease(connection, node, asks, now_ms).await
        };
        let shares = self.leasing.run_within(LEASING, lease).await?;
        shares.ok_or(StoreError::Fenced)
    }

    async fn sign(&self, now_ms: i64) -> Result<u64, StoreError> {
        let node = self.own()?;
        let signed = async |connection: &mut AnyConnection| {
            if !sign(connection, node, now_ms).await? {
                return Ok(None);
            }
            alive(connection, now_ms).await.map(Some)
        };
        self.line.run(signed).await?.ok_or(StoreError::Fenced)
    }

    async fn leave(&self, now_ms: i64) -> Result<(), StoreError> {
        let node = self.own()?;
        let left = async |connection: &mut AnyConnection| leave(connection, node, now_ms).await;
        self.line.run(left).await
    }

    async fn nodes(&self) -> Result<Vec<NodeRecord>, StoreError> {
        self.line
            .run(async |connection: &mut AnyConnection| list(connection).await)
            .await
    }

    async fn forget(&self, node: NodeId, now_ms: i64) -> Result<Option<Vec<Entry>>, StoreError> {
        let nodes = self.nodes().await?;
        if !nodes.iter().any(|it| it.id == node && !it.is_alive(now_ms)) {
            return Ok(None);
        }
        let held =
            async |connection: &mut AnyConnection| charges::open_holds(connection, node).await;
        let left = self.line.run(held).await?;
        let payloads = left.iter().map(payload).collect::<Result<Vec<_>, _>>()?;
        let records: Vec<_> = payloads.iter().filter_map(|it| codec::decode(it)).collect();
        let forget = async |connection: &mut AnyConnection| {
            let source = Source {
                node: Node { id: node, epoch: 0 },
                applied: None,
            };
            book::book(connection, &mut Known::default(), &records, source).await?;
            forget(connection, node, now_ms).await
        };
        let is_forgotten = self.line.run(forget).await?;
        Ok(is_forgotten.then_some(left))
    }
}

fn payload(entry: &Entry) -> Result<Vec<u8>, StoreError> {
    let mut payload = Vec::new();
    codec::encode(entry, &mut payload)?;
    Ok(payload)
}

/// Which gateway's files lie here, if any.
pub(super) fn known(database: &Database) -> Result<Option<Node>, StoreError> {
    match database.dialect {
        Dialect::Sqlite => Ok(Some(Node::alone())),
        Dialect::Postgres => load(&database.beside("node")),
    }
}

/// Finds out which gateway this is, and begins a new epoch of it.
///
/// # Errors
/// The files here are a copy of an older state, cannot be read or written, or the database failed.
pub(super) async fn enter(
    database: &Database,
    connection: &mut AnyConnection,
) -> Result<Node, StoreError> {
    let path = database.beside("node");
    let fail = |error| database.error(error);
    if database.dialect == Dialect::Sqlite {
        return Ok(Node::alone());
    }
    let node = match known(database)? {
        None => {
            let node = Node {
                id: NodeId::new(0),
                epoch: 1,
            };
            insert(connection, node).await.map_err(fail)?;
            node
        }
        Some(last) => {
            let node = Node {
                epoch: last.epoch + 1,
                ..last
            };
            // A start that died before it wrote the file left the database one ahead, where this one wants it.
            let begun = begin_epoch(connection, last, node).await;
            if !begun.map_err(fail)? {
                return Err(StoreError::OutdatedNode { path });
            }
            node
        }
    };
    keep(&path, node)?;
    Ok(node)
}

async fn insert(connection: &mut AnyConnection, node: Node) -> Result<(), sqlx::Error> {
    sqlx::query(
        "INSERT INTO node (id, epoch, host, segment, offset_bytes, seen_ms)
         VALUES ($1, $2, $3, 0, 0, 0)",
    )
    .bind(node.bytes())
    .bind(node.epoch)
    .bind(host())
    .execute(connection)
    .await
    .map(|_| ())
}

/// Moves a node on; `false` if it is not where `from` says, and not where a start that died had left it.
async fn begin_epoch(
    connection: &mut AnyConnection,
    from: Node,
    to: Node,
) -> Result<bool, sqlx::Error> {
    let moved = sqlx::query(
        "UPDATE node SET epoch = $1, host = $2, left_ms = NULL WHERE id = $3 AND (epoch = $4 OR epoch = $1)",
    )
    .bind(to.epoch)
    .bind(host())
    .bind(to.bytes())
    .bind(from.epoch)
    .execute(connection)
    .await?;
    Ok(moved.rows_affected() > 0)
}

/// Gives a sign of life; `false` if somebody else goes by this gateway's id.
pub(super) async fn sign(
    connection: &mut AnyConnection,
    node: Node,
    now_ms: i64,
) -> Result<bool, sqlx::Error> {
    let signed = sqlx::query("UPDATE node SET seen_ms = $1 WHERE id = $2 AND epoch = $3")
        .bind(now_ms)
        .bind(node.bytes())
        .bind(node.epoch)
        .execute(connection)
        .await?;
    Ok(signed.rows_affected() > 0)
}

/// Notes that a gateway ends in good order.
pub(super) async fn leave(
    connection: &mut AnyConnection,
    node: Node,
    now_ms: i64,
) -> Result<(), sqlx::Error> {
    sqlx::query("UPDATE node SET left_ms = $1 WHERE id = $2 AND epoch = $3")
        .bind(now_ms)
        .bind(node.bytes())
        .bind(node.epoch)
        .execute(connection)
        .await
        .map(|_| ())
}

/// How many gateways run.
pub(super) async fn alive(connection: &mut AnyConnection, now_ms: i64) -> Result<u64, sqlx::Error> {
    let row =
        sqlx::query("SELECT COUNT(*) AS nodes FROM node WHERE left_ms IS NULL AND seen_ms > $1")
            .bind(now_ms.saturating_sub(NODE_GONE_MS))
            .fetch_one(connection)
            .await?;
    count(&row, "nodes")
}

/// Every gateway that was not forgotten, by the name of its machine.
pub(super) async fn list(connection: &mut AnyConnection) -> Result<Vec<NodeRecord>, sqlx::Error> {
    let rows = sqlx::query(
        "SELECT n.id, n.host, n.seen_ms, n.left_ms,
                (SELECT COUNT(*) FROM open_hold h WHERE h.node = n.id) AS open_holds,
                (SELECT CAST(COALESCE(SUM(w.granted_nano - w.spent_nano), 0) AS BIGINT)
                 FROM budget_window w
                 WHERE w.node = n.id AND w.granted_nano > w.spent_nano) AS unspent_nano
         FROM node n WHERE n.epoch > 0 ORDER BY n.host, n.id",
    )
    .fetch_all(connection)
    .await?;
    rows.iter().map(record).collect()
}

/// Ends what a gateway that will not come back has open: its share of windows is given back, and it is no more.
/// The attempts that it had sent are to be booked before. `false` if there is none of that id, or it runs.
pub(super) async fn forget(
    connection: &mut AnyConnection,
    id: NodeId,
    now_ms: i64,
) -> Result<bool, sqlx::Error> {
    let mut transaction = begin(connection).await?;
    let forgotten = sqlx::query(
        "DELETE FROM node WHERE id = $1 AND epoch > 0 AND (left_ms IS NOT NULL OR seen_ms <= $2)",
    )
    .bind(id.uuid().as_bytes().to_vec())
    .bind(now_ms.saturating_sub(NODE_GONE_MS))
    .execute(&mut *transaction)
    .await?;
    if forgotten.rows_affected() == 0 {
        transaction.rollback().await?;
        return Ok(false);
    }
    sqlx::query("UPDATE budget_window SET granted_nano = spent_nano WHERE node = $1")
        .bind(id.uuid().as_bytes().to_vec())
        .execute(&mut *transaction)
        .await?;
    transaction.commit().await?;
    Ok(true)
}

fn record(row: &AnyRow) -> Result<NodeRecord, sqlx::Error> {
    Ok(NodeRecord {
        id: NodeId::from_uuid(uuid(row.try_get("id")?)?),
        host: row.try_get("host")?,
        seen_ms: row.try_get("seen_ms")?,
        left_ms: row.try_get("left_ms")?,
        open_holds: count(row, "open_holds")?,
        unspent_nano: row.try_get("unspent_nano")?,
    })
}

/// The id and the epoch of the last start, as they lie beside the journal.
fn load(path: &Path) -> Result<Option<Node>, StoreError> {
    let text = match fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(source) => return Err(StoreError::file("read", path, source)),
    };
    let mut words = text.split_whitespace();
    let id = words.next().and_then(|it| it.parse::<NodeId>().ok());
    let epoch = words.next().and_then(|it| it.parse().ok());
    match (id, epoch) {
        (Some(id), Some(epoch)) => Ok(Some(Node { id, epoch })),
        _ => Err(StoreError::file(
            "read",
            path,
            std::io::Error::other("it holds no id and epoch of a gateway"),
        )),
    }
}

/// Writes the id and the epoch, whole or not at all.
fn keep(path: &Path, node: Node) -> Result<(), StoreError> {
    let new = path.with_added_extension("new");
    let write = || {
        let mut file = fs::File::create(&new)?;
        writeln!(file, "{} {}", node.id, node.epoch)?;
        file.sync_all()?;
        fs::rename(&new, path)
    };
    write().map_err(|source| StoreError::file("write", path, source))
}

/// The name of this machine, for people; empty if it has none.
fn host() -> String {
    let name = fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    name.trim().chars().take(128).collect()
}
