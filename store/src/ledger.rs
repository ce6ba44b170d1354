//! The ledger: one entry per attempt that may have cost money, written once.
//!
//! An entry is booked by (request, attempt): the first one wins, a repeat is
//! accepted and ignored, so a caller may record again after a doubt.
//! Recording is synchronous and takes about a microsecond, because it happens
//! while an answer ends, also inside a `Drop`. Reports see every entry that
//! was recorded before they were asked for.

mod cost_source;

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::Arc;

use async_trait::async_trait;
use serde::{Serialize, Serializer};

pub use self::cost_source::CostSource;
use crate::{Held, KeyId, NanoUsd, Reach, RequestId, StoreError};

/// Where entries are booked and summed up.
#[async_trait]
pub trait Ledger: Send + Sync {
    /// Books an entry; when this returns `Ok`, a SIGKILL does not lose it.
    ///
    /// Blocks for one `write` to a local file, never for the database. Text is
    /// kept up to 256 bytes a field, and NUL is stored as the six characters `\u0000`.
    ///
    /// # Errors
    /// A number is out of range, the journal is full or cannot be written, or
    /// the ledger is closed or read-only. Nothing was booked then.
    fn record(&self, entry: &Entry) -> Result<(), StoreError>;

    /// Keeps what is reserved for an attempt that is about to be sent; when this returns `Ok`, a SIGKILL
    /// does not lose it. `entry` is what is booked if nothing is heard of the attempt again; otherwise
    /// its own entry ends the reservation, or [`Ledger::release`] does.
    ///
    /// # Errors
    /// As of [`Ledger::record`], or nothing is reserved in `entry`.
    fn hold(&self, entry: &Entry) -> Result<(), StoreError>;

    /// Gives back what was reserved for an attempt that cost nothing and has no entry.
    ///
    /// # Errors
    /// As of [`Ledger::record`].
    fn release(&self, request: RequestId, attempt: u32) -> Result<(), StoreError>;

    /// Waits until every entry recorded before the call is in the database.
    ///
    /// # Errors
    /// The database refused. The entries stay in the journal.
    async fn flush(&self) -> Result<(), StoreError>;

    /// Sums entries up, one row per group, dearest first, then by name.
    ///
    /// # Errors
    /// The database failed, or a sum exceeds 64 bits.
    async fn usage(&self, query: &UsageQuery) -> Result<Vec<UsageRow>, StoreError>;

    /// The newest entries, by time of the request, newest first.
    ///
    /// # Errors
    /// The database failed.
    async fn recent(&self, limit: u32) -> Result<Vec<Entry>, StoreError>;

    /// Entries in the order in which their requests came, a page at a time, so that a long log is
    /// read with little memory. The first page has what was recorded before it was asked for.
    ///
    /// # Errors
    /// The database failed.
    async fn page(&self, query: &PageQuery) -> Result<Vec<Entry>, StoreError>;

    /// What is recorded but not in the database yet; for readiness and metrics.
    fn backlog(&self) -> Backlog;

    /// Flushes, stops the background writer and refuses entries from then on.
    ///
    /// # Errors
    /// The last flush failed; the entries stay in the journal for the next start.
    async fn close(&self) -> Result<(), StoreError>;
}

/// One attempt of one request, as it ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Entry {
    /// The client's request.
    pub request: RequestId,
    /// Which upstream attempt of it, from 1; 0 when no upstream was called.
    pub attempt: u32,
    /// When it ended, milliseconds since 1970, not negative.
    pub at_ms: i64,
    /// The virtual key; `None` when the gateway is open.
    pub key: Option<KeyId>,
    /// The operation's name, such as `chat`.
    pub operation: Cow<'static, str>,
    /// The public model name the client asked for.
    pub model: Arc<str>,
    /// The provider's name in the configuration; empty when none was reached.
    pub provider: Arc<str>,
    /// The deployment that served it; empty when none was reached.
    pub deployment: Arc<str>,
    /// The model name that was sent upstream.
    pub upstream_model: Arc<str>,
    /// The HTTP status the client got.
    pub status: u16,
    /// How it ended.
    pub outcome: Outcome,
    /// Whether the answer was a stream.
    pub streamed: bool,
    /// Tokens by class.
    pub tokens: TokenCounts,
    /// What was used besides tokens.
    #[serde(skip_serializing_if = "ThingCounts::is_nothing")]
    pub things: ThingCounts,
    /// What it cost; `None` when no price is known.
    pub cost: Option<NanoUsd>,
    /// Where the cost comes from.
    pub cost_source: CostSource,
    /// What it would have cost, where the answer of an earlier call was given again; `None` when
    /// nothing was given again, or nobody knows what that call cost.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub saved: Option<NanoUsd>,
    /// Whether the tokens are our estimate instead of the provider's count.
    pub estimated: bool,
    /// The price row that was applied; `None` when none was.
    pub price_id: Option<Arc<str>>,
    /// The provider's credential that signed it; `None` when there was no choice.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub credential: Option<Arc<str>>,
    /// Why the call went where it went.
    #[serde(flatten)]
    pub course: Course,
    /// What was reserved for it, and the windows of budgets that it is charged to; `None`: it fell into
    /// none. Entries that are read back do not tell.
    #[serde(skip)]
    pub held: Option<Held>,
    /// How many attempts the request had taken when this entry was made.
    pub attempts: u32,
    /// Time to the first content byte in milliseconds; `None` when there was none.
    pub first_content_ms: Option<u32>,
    /// Time from the request's arrival to its end in milliseconds.
    pub duration_ms: u32,
}

/// Why a call went where it went; `None` where there is nothing to tell.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Course {
    /// The rule of the route that sent it to another model's deployments.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rule: Option<Arc<str>>,
    /// What became of each deployment, as `deployment:what` in order, set apart by commas; `None` if
    /// one was asked once and answered.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tried: Option<Arc<str>>,
    /// What routing saw of the request, as JSON; nothing that the caller wrote besides tags.
    #[serde(skip_serializing_if = "Option::is_none", serialize_with = "as_json")]
    pub decision: Option<Arc<str>>,
}

/// Tokens by class; `input` includes the cache and audio classes, `output` the reasoning and audio ones.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct TokenCounts {
    /// All input tokens.
    pub input: u64,
    /// Input read from the provider's prompt cache.
    pub cache_read: u64,
    /// Input written to the provider's prompt cache.
    pub cache_write: u64,
    /// Audio input.
    pub audio_input: u64,
    /// All output tokens.
    pub output: u64,
    /// Hidden reasoning.
    pub reasoning: u64,
    /// Audio output.
    pub audio_output: u64,
}

/// What is counted besides tokens.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct ThingCounts {
    /// Pictures made.
    pub images: u64,
    /// Milliseconds of sound sent.
    pub input_ms: u64,
    /// Characters spoken.
    pub characters: u64,
}

/// How an attempt ended. The numbers are stored; never reuse one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// The whole answer was delivered.
    Complete = 0,
    /// The provider failed or answered with an error.
    UpstreamError = 1,
    /// The client left before the end.
    ClientGone = 2,
    /// The request's total time ran out.
    Deadline = 3,
    /// The provider went silent.
    IdleTimeout = 4,
    /// The gateway stopped before the end.
    Shutdown = 5,
    /// The gateway refused the request before any upstream saw it.
    Refused = 6,
    /// The attempt was given up for another one and may still have been billed.
    Abandoned = 7,
    /// The gateway died while it ran, so nobody knows how it ended; booked with what was held for it.
    Recovered = 8,
}

/// What to sum up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UsageQuery {
    /// What makes a row.
    pub by: GroupBy,
    /// Only entries that ended at or after this time, milliseconds since 1970.
    pub since_ms: Option<i64>,
    /// Only entries that ended before this time, milliseconds since 1970.
    pub until_ms: Option<i64>,
    /// Only entries of keys that are there or below now.
    pub within: Reach,
}

/// A part of the ledger.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PageQuery {
    /// Only entries of requests that came at or after this time, milliseconds since 1970.
    pub since_ms: i64,
    /// Only entries of requests that came before this time, milliseconds since 1970.
    pub until_ms: i64,
    /// Request and attempt of the last entry of the page before; `None` for the first page.
    pub after: Option<(RequestId, u32)>,
    /// Most entries of the page.
    pub limit: u32,
}

/// What makes a row of the usage report.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum GroupBy {
    /// The public model name.
    Model,
    /// The virtual key.
    Key,
    /// The deployment.
    Deployment,
    /// The provider.
    Provider,
    /// The day in UTC on which the attempt ended, `YYYY-MM-DD`; rows are in order of time.
    Day,
}

/// One row of the usage report.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct UsageRow {
    /// The model, deployment, provider or day, or the key's name; empty for calls without one.
    pub group: String,
    /// The key, when rows are keys and this one is not the row of open access.
    pub key: Option<KeyId>,
    /// Distinct requests.
    pub requests: u64,
    /// Entries: attempts that were booked.
    pub attempts: u64,
    /// Entries with a status of 400 or above, or an outcome that is an error.
    pub errors: u64,
    /// Tokens by class.
    pub tokens: TokenCounts,
    /// What was used besides tokens.
    #[serde(skip_serializing_if = "ThingCounts::is_nothing")]
    pub things: ThingCounts,
    /// The sum of known costs.
    pub cost: NanoUsd,
    /// The sum of what answers that were given again would have cost, as far as it is known.
    pub saved: NanoUsd,
    /// Entries without a known cost.
    pub unpriced: u64,
    /// Entries whose tokens are our estimate.
    pub estimated: u64,
}

/// What the background writer has not finished.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Backlog {
    /// Bytes recorded that are not in the database yet.
    pub pending_bytes: u64,
    /// Bytes the journal takes on disk, applied ones included.
    pub journal_bytes: u64,
    /// Why the database does not take entries at present; `None` when it does.
    pub failure: Option<String>,
}

impl PageQuery {
    /// The first id that is too late; `None` if none is.
    pub(crate) fn end(&self) -> Option<RequestId> {
        // Beyond 48 bits an id cannot tell its time.
        (self.until_ms < 1 << 48).then(|| RequestId::floor(self.until_ms))
    }

    /// Whether a request came before the end.
    pub(crate) fn has(&self, request: RequestId) -> bool {
        self.end().is_none_or(|end| request < end)
    }
}

/// Writes a text that is JSON as what it is.
#[expect(clippy::ref_option, reason = "serde passes references")]
fn as_json<S: Serializer>(text: &Option<Arc<str>>, serializer: S) -> Result<S::Ok, S::Error> {
    let text = text.as_deref().unwrap_or_default();
    match serde_json::from_str::<serde_json::Value>(text) {
        Ok(value) => value.serialize(serializer),
        Err(_) => text.serialize(serializer),
    }
}

impl Outcome {
    /// Whether it counts as an error in reports; a client that left does not.
    pub fn is_error(self) -> bool {
        match self {
            Self::Complete | Self::ClientGone | Self::Abandoned => false,
            Self::UpstreamError
            | Self::Deadline
            | Self::IdleTimeout
            | Self::Shutdown
            | Self::Refused
            | Self::Recovered => true,
        }
    }

    pub(crate) const ALL: [Self; 9] = [
        Self::Complete,
        Self::UpstreamError,
        Self::ClientGone,
        Self::Deadline,
        Self::IdleTimeout,
        Self::Shutdown,
        Self::Refused,
        Self::Abandoned,
        Self::Recovered,
    ];

    pub(crate) fn from_code(code: u8) -> Option<Self> {
        Self::ALL.get(usize::from(code)).copied()
    }
}

impl TokenCounts {
    /// The classes in the order in which they are declared.
    pub(crate) fn to_array(self) -> [u64; 7] {
        let Self {
            input,
            cache_read,
            cache_write,
            audio_input,
            output,
            reasoning,
            audio_output,
        } = self;
        [
            input,
            cache_read,
            cache_write,
            audio_input,
            output,
            reasoning,
            audio_output,
        ]
    }

    pub(crate) fn from_array(counts: [u64; 7]) -> Self {
        let [
            input,
            cache_read,
            cache_write,
            audio_input,
            output,
            reasoning,
            audio_output,
        ] = counts;
        Self {
            input,
            cache_read,
            cache_write,
            audio_input,
            output,
            reasoning,
            audio_output,
        }
    }
}

impl ThingCounts {
    /// Whether nothing was counted.
    pub fn is_nothing(&self) -> bool {
        *self == Self::default()
    }

    /// The counts in the order in which they are declared.
    pub(crate) fn to_array(self) -> [u64; 3] {
        let Self {
            images,
            input_ms,
            characters,
        } = self;
        [images, input_ms, characters]
    }

    pub(crate) fn from_array(counts: [u64; 3]) -> Self {
        let [images, input_ms, characters] = counts;
        Self {
            images,
            input_ms,
            characters,
        }
    }
}

/// Whether an attempt counts as an error in reports.
pub(crate) fn is_error(status: u16, outcome: Outcome) -> bool {
    status >= 400 || outcome.is_error()
}

impl UsageRow {
    /// A row of zeros.
    pub(crate) fn empty(group: String, key: Option<KeyId>) -> Self {
        Self {
            group,
            key,
            requests: 0,
            attempts: 0,
            errors: 0,
            tokens: TokenCounts::default(),
            things: ThingCounts::default(),
            cost: NanoUsd::ZERO,
            saved: NanoUsd::ZERO,
            unpriced: 0,
            estimated: 0,
        }
    }

    /// What a row of the report by key is called: the key's name, or its id when it is unknown.
    pub(crate) fn key_name(key: Option<KeyId>, names: &HashMap<KeyId, String>) -> String {
        key.map(|id| names.get(&id).cloned().unwrap_or_else(|| id.to_string()))
            .unwrap_or_default()
    }

    /// Orders rows as [`Ledger::usage`] promises.
    pub(crate) fn sort(rows: &mut [Self], by: GroupBy) {
        rows.sort_by(|a, b| match by {
            GroupBy::Day => a.group.cmp(&b.group),
            _ => b
                .cost
                .cmp(&a.cost)
                .then_with(|| a.group.cmp(&b.group))
                .then(a.key.cmp(&b.key)),
        });
    }
}
