//! Decisions: pure functions over plain numbers, the clock and the dice passed in.
//!
//! Nothing here sleeps, logs or does I/O. A stage in `pipeline/` gathers
//! the numbers, asks, and acts on the verdict. Only the balance of [`allowance`] has a lock.
//!
//! - who is asked: [`routing`], [`plan`], [`condition`], [`obstacle`], [`credential`], [`decision`]
//! - what a failure means: [`retry`], [`backoff`], [`allowance`], [`breaker`], [`probe`], [`probing`]
//! - what is known of deployments: [`latency`], [`learned`]
//! - how long an answer may be: [`bound`]
//! - money: [`price`], [`estimate`]
//! - who may change what is governed: [`access`]

pub mod access;
pub mod allowance;
pub mod backoff;
pub mod bound;
pub mod breaker;
pub mod canary;
pub mod ceiling;
pub mod condition;
pub mod credential;
pub mod decision;
pub mod estimate;
pub mod latency;
pub mod learned;
pub mod obstacle;
pub mod period;
pub mod plan;
pub mod price;
pub mod probe;
pub mod probing;
pub mod retry;
pub mod routing;
pub mod share;
pub mod typical;
