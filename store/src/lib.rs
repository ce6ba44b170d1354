//! What must outlive a request: virtual keys, budgets, the ledger, responses to go on from, answers
//! to be given again, admin tokens and the log of what was changed with them.
//!
//! [`Store`] bundles the seams, [`KeyStore`], [`BudgetStore`], [`Ledger`], [`ResponseStore`],
//! [`AnswerStore`], [`TokenStore`] and [`AuditLog`], with the [`Pepper`] that turns a presented key into the hash it is looked up by.
//! A `SQLite` file is the durable backend of one gateway, a `PostgreSQL` database that of several; memory is for tests
//! and for runs that shall leave no trace. All pass one conformance suite. [`Shares`] and [`SharedRates`] are what
//! several gateways have between them.
//!
//! Invariants: a ledger entry that was acknowledged survives SIGKILL; an entry
//! is booked once per (request, attempt), however often it is recorded; money
//! is integer nano-dollars; no clock is read here, time is an argument.
//! Not here: HTTP, prices, request bodies, policies about what a key may spend.

mod account;
mod answer;
mod audit;
mod budget;
mod civil;
mod error;
mod ids;
mod journal;
mod key;
mod lease;
mod ledger;
mod limit;
mod memory;
mod money;
mod node;
mod pepper;
mod rates;
mod redis;
mod response;
mod rollup;
mod sql;
mod store;
mod token;
mod usage;

#[cfg(test)]
mod conformance;

pub use account::{Account, AccountKind, NewAccount};
pub use answer::{AnswerStore, KeptAnswer, MAX_ANSWER_BYTES};
pub use audit::{AuditLog, AuditQuery, Author, AuthorKind, Change, Ending, Made, Recorded};
pub use budget::{
    Budget, BudgetStore, BudgetTerms, Difference, Estimate, Held, Holder, MAX_CHARGES, NewBudget,
    Period, Raise, Scope, Spent, Then, Verification, Webhook, Window,
};
pub use error::StoreError;
pub use ids::{AccountId, BudgetId, ChangeId, IdError, KeyId, NodeId, RequestId, TokenId};
pub use key::{KeyRecord, KeyStore, KeyTerms, NewKey, is_well_formed_key, is_well_formed_token};
pub use lease::{Ask, Share};
pub use ledger::{
    Backlog, CostSource, Course, Entry, Ledger, Outcome, PageQuery, ThingCounts, TokenCounts,
};
pub use limit::RateLimits;
pub use money::{MoneyError, NanoUsd, Part, PicoUsd};
pub use node::{NodeRecord, Shares};
pub use pepper::{KeyHash, Pepper};
pub use rates::{Correction, Draw, Drawn, SharedRates};
pub use response::{
    Asker, History, HistoryBounds, Located, MAX_RESPONSE_BYTES, ResponseStore, StoredResponse,
    Turn, VendorResponse,
};
pub use rollup::{RollupCheck, RollupDifference, RollupQuery, RollupRow, Split, Whose, Width};
pub use store::{Location, Mode, Store};
pub use token::{AdminToken, NewToken, Reach, Revocation, Role, TokenStore};
pub use usage::{GroupBy, Sums, UsageQuery, UsageRow};
