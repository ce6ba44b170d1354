//! Identifiers that are stored: of requests, keys, accounts, budgets, gateways, admin tokens and changes.
//!
//! All are UUID version 7, so they sort by time of creation; the ledger's
//! primary key relies on it. The clock is an argument, the random part comes
//! from the operating system.

use std::cell::RefCell;
use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use serde::{Serialize, Serializer};
use uuid::{Builder, NoContext, Timestamp, Uuid};

/// Text that is not a UUID.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a UUID")]
pub struct IdError;

/// Identifies one request of a client; its attempts share it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RequestId(Uuid);

/// Identifies one virtual key; survives its revocation.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KeyId(Uuid);

/// Identifies one organisation or team.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AccountId(Uuid);

/// Identifies one budget; survives its end.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BudgetId(Uuid);

/// Identifies one of several gateways that share a database.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NodeId(Uuid);

/// Identifies one admin token; survives its revocation.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TokenId(Uuid);

/// Identifies one change of what is governed, in the audit log.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ChangeId(Uuid);

macro_rules! id {
    ($name:ident) => {
        impl $name {
            /// Makes a new id from the wall clock in milliseconds since 1970 and fresh random bits.
            pub fn new(now_ms: i64) -> Self {
                Self(v7(now_ms))
            }

            /// The id as a UUID.
            pub fn uuid(self) -> Uuid {
                self.0
            }

            /// Takes over a UUID that was made elsewhere.
            pub fn from_uuid(uuid: Uuid) -> Self {
                Self(uuid)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}({})", stringify!($name), self.0)
            }
        }

        impl FromStr for $name {
            type Err = IdError;

            fn from_str(text: &str) -> Result<Self, IdError> {
                Uuid::try_parse(text).map(Self).map_err(|_| IdError)
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(&self.0)
            }
        }
    };
}

id!(RequestId);
id!(KeyId);
id!(AccountId);
id!(BudgetId);
id!(NodeId);
id!(TokenId);
id!(ChangeId);

impl RequestId {
    /// A new id from a time and randomness that the caller drew: no system call.
    ///
    /// The random part need not be secret, only unlikely to repeat within a millisecond.
    pub fn from_parts(now_ms: i64, random: [u8; 10]) -> Self {
        let millis = u64::try_from(now_ms).unwrap_or(0);
        Self(uuid::Builder::from_unix_timestamp_millis(millis, &random).into_uuid())
    }

    /// The creation time inside the id, milliseconds since 1970.
    pub(crate) fn time_ms(self) -> i64 {
        let bytes = self.0.as_bytes();
        bytes
            .iter()
            .take(6)
            .fold(0, |time, byte| (time << 8) | i64::from(*byte))
    }

    /// The smallest id that can carry `time_ms`; times outside 48 bits are clamped.
    pub(crate) fn floor(time_ms: i64) -> Self {
        let time = u128::from(time_ms.clamp(0, (1 << 48) - 1).unsigned_abs());
        Self(Uuid::from_u128(time << 80))
    }
}

/// A version 7 UUID whose random part is cut from a block per thread: a request
/// id is on the path of every call, and asking the system each time costs more
/// than the rest of it.
fn v7(now_ms: i64) -> Uuid {
    let time_ms = u64::try_from(now_ms).unwrap_or(0);
    if let Some(random) = RANDOM.with_borrow_mut(Block::take) {
        return Builder::from_unix_timestamp_millis(time_ms, &random).into_uuid();
    }
    let since_epoch = Duration::from_millis(time_ms);
    let (seconds, nanos) = (since_epoch.as_secs(), since_epoch.subsec_nanos());
    Uuid::new_v7(Timestamp::from_unix(NoContext, seconds, nanos))
}

thread_local! {
    static RANDOM: RefCell<Block> = const { RefCell::new(Block { bytes: [0; 320], used: 320 }) };
}

/// Random bytes that are handed out ten at a time, each once.
struct Block {
    bytes: [u8; 320],
    used: usize,
}

impl Block {
    /// The next ten bytes; `None` when the system gives none.
    fn take(&mut self) -> Option<[u8; 10]> {
        if self.used >= self.bytes.len() {
            getrandom::fill(&mut self.bytes).ok()?;
            self.used = 0;
        }
        let next = self.bytes.get(self.used..)?.first_chunk().copied();
        self.used += 10;
        next
    }
}

#[cfg(test)]
mod tests;
