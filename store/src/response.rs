//! Responses that callers go on from: the one place where prompts and answers are kept.
//!
//! A response belongs to the key that asked for it; to any other it does not exist. Each
//! holds its own turn and names the one before, so a conversation is a chain. A response
//! expires when its time is up, and lives as long as the newest one that goes on from it.
//! Of a response that its vendor keeps only the name is here, whose it is, and where.

use async_trait::async_trait;

use crate::{KeyId, RequestId, StoreError};

/// Largest response that is kept: input, output and object together, in bytes.
pub const MAX_RESPONSE_BYTES: usize = 32 << 20;

/// Where responses are kept.
#[async_trait]
pub trait ResponseStore: Send + Sync {
    /// Keeps a response, and those it goes on from for as long; one that is there stays as it is.
    ///
    /// # Errors
    /// It is larger than [`MAX_RESPONSE_BYTES`], or the database failed. Nothing was kept then.
    async fn put(&self, response: &StoredResponse) -> Result<(), StoreError>;

    /// The response of that id, if it is the asker's.
    ///
    /// # Errors
    /// The database failed.
    async fn get(&self, id: RequestId, asker: Asker) -> Result<Option<StoredResponse>, StoreError>;

    /// The conversation that ends with the response of that id.
    ///
    /// # Errors
    /// The database failed.
    async fn history(
        &self,
        id: RequestId,
        asker: Asker,
        bounds: HistoryBounds,
    ) -> Result<History, StoreError>;

    /// Deletes a response with its words; `false` if the asker has none of that id.
    ///
    /// # Errors
    /// The database failed.
    async fn delete(&self, id: RequestId, asker: Asker) -> Result<bool, StoreError>;

    /// Remembers a response that its vendor keeps; one of that id that is there stays as it is.
    ///
    /// # Errors
    /// The database failed. Nothing was remembered then.
    async fn remember(&self, response: &VendorResponse) -> Result<(), StoreError>;

    /// Which of the names are those of a remembered response or an item of it, whoever's it is,
    /// in no order. What has expired at `now_ms` is not there.
    ///
    /// # Errors
    /// The database failed.
    async fn locate(&self, names: &[String], now_ms: i64) -> Result<Vec<Located>, StoreError>;

    /// Forgets a response that its vendor keeps; `false` if the asker has none of that id.
    ///
    /// # Errors
    /// The database failed.
    async fn forget(&self, id: &str, asker: Asker) -> Result<bool, StoreError>;

    /// Deletes all that expire at or before `until_ms`; how many there were.
    ///
    /// # Errors
    /// The database failed; some may be deleted.
    async fn expire(&self, until_ms: i64) -> Result<u64, StoreError>;

    /// Deletes the oldest responses of each key that holds more than `max_bytes`, until it does
    /// not; how many there were. Without keys all are one holder's.
    ///
    /// # Errors
    /// The database failed; some may be deleted.
    async fn trim(&self, max_bytes: u64) -> Result<u64, StoreError>;
}

/// Who asks for a response, and when.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Asker {
    /// The virtual key; `None` when the gateway is open.
    pub key: Option<KeyId>,
    /// The time, milliseconds since 1970: what has expired does not exist.
    pub now_ms: i64,
}

/// A response, and what was asked. Its words are not for logs.
#[derive(Clone, PartialEq, Eq)]
pub struct StoredResponse {
    /// The request that was answered.
    pub id: RequestId,
    /// The virtual key that asked; `None` when the gateway was open.
    pub key: Option<KeyId>,
    /// The response that this one goes on from.
    pub previous: Option<RequestId>,
    /// The public name of the model.
    pub model: String,
    /// When it was asked for, milliseconds since 1970.
    pub created_ms: i64,
    /// From when on it does not exist, milliseconds since 1970.
    pub expires_ms: i64,
    /// The items that were sent with it, a JSON array; those of earlier turns are theirs.
    pub input: Vec<u8>,
    /// The items of the answer, a JSON array, with all that a next turn needs.
    pub output: Vec<u8>,
    /// The response as its caller got it.
    pub object: Vec<u8>,
}

/// A response that its vendor keeps.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VendorResponse {
    /// The vendor's id of it.
    pub id: String,
    /// The virtual key that asked; `None` when the gateway was open.
    pub key: Option<KeyId>,
    /// The deployment that answered.
    pub deployment: String,
    /// From when on it is not remembered, milliseconds since 1970.
    pub expires_ms: i64,
    /// The vendor's ids of the items of the answer.
    pub items: Vec<String>,
}

/// Where a name leads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Located {
    /// The id of a response or an item.
    pub name: String,
    /// Whose it is.
    pub key: Option<KeyId>,
    /// The deployment that answered.
    pub deployment: String,
}

/// The words of one turn: two JSON arrays of items.
#[derive(Clone, PartialEq, Eq)]
pub struct Turn {
    /// What was sent.
    pub input: Vec<u8>,
    /// What was answered.
    pub output: Vec<u8>,
}

/// How much of a conversation is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HistoryBounds {
    /// Most turns.
    pub turns: u32,
    /// Most bytes of input and output.
    pub bytes: u64,
}

/// What became of a conversation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum History {
    /// All turns, the oldest first.
    Whole(Vec<Turn>),
    /// This response of it does not exist for the asker.
    Missing(RequestId),
    /// It is beyond the bounds.
    TooLong,
}

impl StoredResponse {
    /// Whether it exists for the asker.
    pub(crate) fn is_for(&self, asker: Asker) -> bool {
        self.key == asker.key && self.expires_ms > asker.now_ms
    }

    /// Bytes of input and output.
    pub(crate) fn turn_bytes(&self) -> usize {
        self.input.len().saturating_add(self.output.len())
    }

    /// Bytes of all that is kept.
    pub(crate) fn bytes(&self) -> usize {
        self.turn_bytes().saturating_add(self.object.len())
    }

    /// Refuses what is too large.
    pub(crate) fn check_size(&self) -> Result<(), StoreError> {
        if self.bytes() > MAX_RESPONSE_BYTES {
            return Err(StoreError::ResponseTooLarge);
        }
        Ok(())
    }
}

impl std::fmt::Debug for StoredResponse {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("StoredResponse")
            .field("id", &self.id)
            .field("key", &self.key)
            .field("previous", &self.previous)
            .field("expires_ms", &self.expires_ms)
            .field("turn_bytes", &self.turn_bytes())
            .finish_non_exhaustive()
    }
}

impl std::fmt::Debug for Turn {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Turn")
            .field("input_bytes", &self.input.len())
            .field("output_bytes", &self.output.len())
            .finish()
    }
}
