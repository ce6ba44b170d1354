//! Answers that may be given again: what a call was answered whose caller named it by an idempotency key.
//!
//! An answer is found under a name of 32 bytes, which its keeper makes of whose it is and of the
//! caller's key. What was asked is here only as a fingerprint under a secret, so nobody can look for a
//! prompt; the answer's words are here until their time is up. One answer is whole or not there.

use async_trait::async_trait;

use crate::{KeyId, NanoUsd, RequestId, StoreError};

/// Largest answer that is kept: head and body together, in bytes.
pub const MAX_ANSWER_BYTES: usize = 64 << 20;

/// Where answers are kept.
#[async_trait]
pub trait AnswerStore: Send + Sync {
    /// Keeps an answer. One of that name stays as it is, unless it had expired when this one was made.
    ///
    /// # Errors
    /// It is larger than [`MAX_ANSWER_BYTES`], or the database failed. Nothing was kept then.
    async fn keep(&self, answer: &KeptAnswer) -> Result<(), StoreError>;

    /// The answer of that name; what has expired at `now_ms`, milliseconds since 1970, is not there.
    ///
    /// # Errors
    /// The database failed.
    async fn find(&self, name: &[u8; 32], now_ms: i64) -> Result<Option<KeptAnswer>, StoreError>;

    /// Deletes all that expire at or before `until_ms`; how many there were.
    ///
    /// # Errors
    /// The database failed; some may be deleted.
    async fn expire(&self, until_ms: i64) -> Result<u64, StoreError>;

    /// Deletes the oldest answers of each key that holds more than `per_key` bytes, then the oldest of
    /// all while they hold more than `all`; how many there were. Without keys all are one holder's.
    ///
    /// # Errors
    /// The database failed; some may be deleted.
    async fn trim(&self, per_key: u64, all: u64) -> Result<u64, StoreError>;
}

/// An answer as its caller got it. Its words are not for logs.
#[derive(Clone, PartialEq, Eq)]
pub struct KeptAnswer {
    /// Under which it is found; whose it is, is part of it.
    pub name: [u8; 32],
    /// What was asked, hashed under a secret.
    pub fingerprint: [u8; 32],
    /// The virtual key that asked; `None` when the gateway was open.
    pub key: Option<KeyId>,
    /// The request that was answered.
    pub request: RequestId,
    /// When it was complete, milliseconds since 1970.
    pub created_ms: i64,
    /// From when on it does not exist, milliseconds since 1970.
    pub expires_ms: i64,
    /// Its HTTP status.
    pub status: u16,
    /// What it had cost; `None` if no price was known.
    pub cost: Option<NanoUsd>,
    /// Its header lines, as `name: value` with a line end each.
    pub head: Vec<u8>,
    /// Its body.
    pub body: Vec<u8>,
}

impl KeptAnswer {
    /// Bytes of head and body.
    pub(crate) fn bytes(&self) -> usize {
        self.head.len().saturating_add(self.body.len())
    }

    /// Refuses what is too large.
    pub(crate) fn check_size(&self) -> Result<(), StoreError> {
        if self.bytes() > MAX_ANSWER_BYTES {
            return Err(StoreError::ResponseTooLarge);
        }
        Ok(())
    }
}

impl std::fmt::Debug for KeptAnswer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("KeptAnswer")
            .field("request", &self.request)
            .field("key", &self.key)
            .field("status", &self.status)
            .field("expires_ms", &self.expires_ms)
            .field("bytes", &self.bytes())
            .finish_non_exhaustive()
    }
}
