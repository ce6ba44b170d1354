//! Gateways that share a database: who each one is.
//!
//! A gateway is known by an id that lies beside its journal, so that one that is started again goes on with
//! what it left. Each start counts an *epoch* up; what an older start of the same id still wants to write is
//! refused. With a file for a database there is one gateway, and its id is nil.

use async_trait::async_trait;
use serde::Serialize;
use uuid::Uuid;

use crate::lease::{Ask, Share};
use crate::{Entry, NodeId, StoreError};

/// After how long without a sign a gateway counts no more among those that run, in milliseconds.
pub(crate) const NODE_GONE_MS: i64 = 30_000;

/// A gateway that writes to a database.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Node {
    /// Which one.
    pub(crate) id: NodeId,
    /// Its how manieth start this is.
    pub(crate) epoch: i64,
}

/// A gateway that has written to the database and was not forgotten.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct NodeRecord {
    /// Its id.
    pub id: NodeId,
    /// The name of its machine.
    pub host: String,
    /// When it gave its last sign, milliseconds since 1970.
    pub seen_ms: i64,
    /// When it ended in good order, milliseconds since 1970; `None`: it runs, or it died.
    pub left_ms: Option<i64>,
    /// Attempts that it sent and of which it has not said how they ended.
    pub open_holds: u64,
    /// What it was granted of budgets and has not spent, in nano-dollars.
    pub unspent_nano: i64,
}

/// Where gateways that share a database get their parts of budgets, and know of each other.
#[async_trait]
pub trait Shares: Send + Sync {
    /// Grants this gateway what fits of `asks`, or takes back; what it has of each window then, in the order
    /// of `asks`. Answers in half a second or fails: a call waits for it.
    ///
    /// # Errors
    /// Another process goes by this gateway's id, or the database failed. What was granted nobody knows then;
    /// the next answer tells.
    async fn lease(&self, asks: &[Ask], now_ms: i64) -> Result<Vec<Share>, StoreError>;

    /// Gives a sign of life, and says how many gateways run.
    ///
    /// # Errors
    /// As of [`Shares::lease`].
    async fn sign(&self, now_ms: i64) -> Result<u64, StoreError>;

    /// Notes that this gateway ends in good order.
    ///
    /// # Errors
    /// The database failed.
    async fn leave(&self, now_ms: i64) -> Result<(), StoreError>;

    /// Every gateway that was not forgotten, by the name of its machine.
    ///
    /// # Errors
    /// The database failed.
    async fn nodes(&self) -> Result<Vec<NodeRecord>, StoreError>;

    /// Gives up a gateway that will not come back: the attempts that it had sent are booked with all that was held
    /// for them, what it did not spend of budgets is given back, and it is no more. Those attempts; `None` if there is no
    /// such gateway, or it runs.
    ///
    /// # Errors
    /// The database failed.
    async fn forget(&self, node: NodeId, now_ms: i64) -> Result<Option<Vec<Entry>>, StoreError>;
}

impl Node {
    /// The only gateway of a file.
    pub(crate) fn alone() -> Self {
        Self {
            id: NodeId::from_uuid(Uuid::nil()),
            epoch: 0,
        }
    }

    /// The id as it is stored.
    pub(crate) fn bytes(self) -> Vec<u8> {
        self.id.uuid().as_bytes().to_vec()
    }
}

impl NodeRecord {
    /// Whether it runs.
    pub fn is_alive(&self, now_ms: i64) -> bool {
        self.left_ms.is_none() && now_ms.saturating_sub(self.seen_ms) < NODE_GONE_MS
    }
}
