//! Buckets of rate limits that several gateways take from.
//!
//! A bucket holds what may come in a minute and fills evenly. A call takes what it needs of every bucket above it or of
//! none; what it used is known when it is over, and moved then.

use std::time::Duration;

use async_trait::async_trait;

use crate::StoreError;

/// What a call takes out of a bucket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Draw {
    /// Which bucket.
    pub bucket: String,
    /// What it holds, and what flows in within a minute.
    pub limit: u32,
    /// How much is taken, not more than the limit.
    pub amount: u32,
}

/// How taking went, and what is left in each bucket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Drawn {
    /// The first bucket that had too little, from 0, and how long it takes until there is enough; `None`: everything was
    /// taken.
    pub lacks: Option<(usize, Duration)>,
    /// What is left in each.
    pub left: Vec<u32>,
}

/// What a call used of what it took.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Correction {
    /// Which bucket.
    pub bucket: String,
    /// What it holds.
    pub limit: u32,
    /// What was taken.
    pub taken: u32,
    /// What was used; more leaves the bucket in debt, an hour at most.
    pub used: u64,
}

/// Where buckets are that gateways share.
#[async_trait]
pub trait SharedRates: Send + Sync {
    /// Takes all of `draws` or nothing. Answers within a quarter of a second or fails: a call waits for it.
    ///
    /// # Errors
    /// The server does not answer, or not in time; whether anything was taken nobody knows then.
    async fn take(&self, draws: &[Draw]) -> Result<Drawn, StoreError>;

    /// Moves buckets to what was used.
    ///
    /// # Errors
    /// The server does not answer.
    async fn correct(&self, corrections: &[Correction]) -> Result<(), StoreError>;
}
