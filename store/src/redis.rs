//! Buckets of rate limits in Redis, each a key that says when the bucket is full again.
//!
//! One script decides over all buckets of a call by the server's clock, so that calls of all gateways are in one
//! order. A key lives no longer than its bucket takes to fill. Nothing else is kept here: what is
//! lost with the server is what came in the last minute.

use std::sync::LazyLock;
use std::time::Duration;

use async_trait::async_trait;
use redis::aio::{ConnectionManager, ConnectionManagerConfig};
use redis::{Client, Script};
use secrecy::{ExposeSecret, SecretString};

use crate::StoreError;
use crate::rates::{Correction, Draw, Drawn, SharedRates};

/// How long a call waits for an answer.
const ANSWERING: Duration = Duration::from_millis(250);
/// How long connecting may take.
const CONNECTING: Duration = Duration::from_secs(1);
/// Before the name of each bucket; the braces keep all of them on one server of a cluster.
const PREFIX: &str = "{tollward}:rate:";

/// Times are microseconds since 2025, which leaves a double room for fractions. A bucket of `limit` is emptied by
/// as much time as it takes to fill: one of it is a minute divided by `limit`.
const CLOCK: &str = "
local time = redis.call('TIME')
local now = (time[1] - 1735689600) * 1000000 + time[2]
local minute = 60000000
local function full_at(key) return math.max(tonumber(redis.call('GET', key) or '0'), now) end
local function keep(key, at)
    if at <= now then redis.call('DEL', key)
    else redis.call('SET', key, string.format('%.3f', at), 'PX', math.ceil((at - now) / 1000)) end
end
";

/// Answers which bucket has too little, 0 for none, for how many microseconds, and what is left in each.
const TAKE: &str = "
local lacks, wait, after, answer = 0, 0, {}, {}
for i, key in ipairs(KEYS) do
    local limit, amount = tonumber(ARGV[2 * i - 1]), tonumber(ARGV[2 * i])
    local at = full_at(key)
    after[i] = at + amount * minute / limit
    local late = after[i] - now - minute
    if lacks == 0 and amount > 0 and late > 0.5 then lacks, wait = i, math.ceil(late) end
    answer[i + 2] = at
end
for i, key in ipairs(KEYS) do
    local limit, amount = tonumber(ARGV[2 * i - 1]), tonumber(ARGV[2 * i])
    local at = answer[i + 2]
    if lacks == 0 then
        at = after[i]
        if amount > 0 then keep(key, at) end
    end
    answer[i + 2] = math.max(math.floor((minute - (at - now)) * limit / minute + 0.000001), 0)
end
answer[1], answer[2] = lacks, wait
return answer
";

const CORRECT: &str = "
for i, key in ipairs(KEYS) do
    local limit, taken, used = tonumber(ARGV[3 * i - 2]), tonumber(ARGV[3 * i - 1]), tonumber(ARGV[3 * i])
    local at = full_at(key) + (used - taken) * minute / limit
    keep(key, math.min(at, now + 60 * minute))
end
";

static TAKING: LazyLock<Script> = LazyLock::new(|| Script::new(&[CLOCK, TAKE].concat()));
static CORRECTING: LazyLock<Script> = LazyLock::new(|| Script::new(&[CLOCK, CORRECT].concat()));

pub(crate) struct RedisRates(ConnectionManager);

impl RedisRates {
    /// Buckets at `url`; connects when it is first asked.
    ///
    /// # Errors
    /// It is no address.
    pub(crate) fn at(url: &SecretString) -> Result<Self, StoreError> {
        // An error would repeat the address, which may hold a password.
        let client = Client::open(url.expose_secret()).map_err(|_| StoreError::BadRedisAddress)?;
        let config = ConnectionManagerConfig::new()
            .set_number_of_retries(0)
            .set_response_timeout(Some(ANSWERING))
            .set_connection_timeout(Some(CONNECTING));
        let manager = ConnectionManager::new_lazy_with_config(client, config);
        manager.map(Self).map_err(|error| failed(&error))
    }
}

#[async_trait]
impl SharedRates for RedisRates {
    async fn take(&self, draws: &[Draw]) -> Result<Drawn, StoreError> {
        let mut asking = TAKING.prepare_invoke();
        for draw in draws {
            asking.key(name(&draw.bucket));
            asking.arg(draw.limit).arg(draw.amount);
        }
        let mut manager = self.0.clone();
        let asked = asking.invoke_async::<Vec<u64>>(&mut manager);
        let answer = tokio::time::timeout(ANSWERING, asked)
            .await
            .map_err(|late| StoreError::Redis(late.into()))?
            .map_err(|error| failed(&error))?;
        drawn(&answer).ok_or_else(|| StoreError::Redis("an answer that is none".into()))
    }

    async fn correct(&self, corrections: &[Correction]) -> Result<(), StoreError> {
        let mut asking = CORRECTING.prepare_invoke();
        for it in corrections {
            asking.key(name(&it.bucket));
            asking.arg(it.limit).arg(it.taken).arg(it.used);
        }
        let mut manager = self.0.clone();
        let asked = asking.invoke_async::<()>(&mut manager);
        asked.await.map_err(|error| failed(&error))
    }
}

fn name(bucket: &str) -> String {
    format!("{PREFIX}{bucket}")
}

/// What the answer of [`TAKE`] says.
fn drawn(answer: &[u64]) -> Option<Drawn> {
    let [lacks, wait, left @ ..] = answer else {
        return None;
    };
    let place = usize::try_from(*lacks).ok()?.checked_sub(1);
    Some(Drawn {
        lacks: place.map(|it| (it, Duration::from_micros(*wait))),
        left: left
            .iter()
            .map(|it| u32::try_from(*it).unwrap_or(u32::MAX))
            .collect(),
    })
}

/// An error without what it was about.
fn failed(error: &redis::RedisError) -> StoreError {
    StoreError::Redis(error.to_string().into())
}

#[cfg(test)]
mod tests;
