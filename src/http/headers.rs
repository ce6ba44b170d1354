//! The headers that we send to clients. Upstream headers pass only by name.

use std::borrow::Cow;
use std::fmt::Write;
use std::time::Duration;

use http::{HeaderMap, HeaderName, HeaderValue};
use tollward_config::OnUnsupported;
use tollward_store::{CostSource, NanoUsd, RequestId};

use crate::clock;
use crate::limits::Standing;
use crate::pipeline::deliver::Reply;
use crate::pipeline::settle::Way;
use crate::telemetry::metric::CacheResult;

/// The call's id.
pub const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
/// `gateway` or `upstream`: who failed.
pub const ERROR_SOURCE: HeaderName = HeaderName::from_static("x-tollward-error-source");
/// Tells SDKs whether another try makes sense.
pub const SHOULD_RETRY: HeaderName = HeaderName::from_static("x-should-retry");

/// `counted` or `estimated`: where a number of tokens comes from.
pub const TOKENS: HeaderName = HeaderName::from_static("x-tollward-tokens");

const UPSTREAM_REQUEST_ID: HeaderName = HeaderName::from_static("x-upstream-request-id");
const MODEL: HeaderName = HeaderName::from_static("x-tollward-model");
const DEPLOYMENT: HeaderName = HeaderName::from_static("x-tollward-deployment");
/// The provider that answered; of what is passed through, the one that is asked for.
pub const PROVIDER: HeaderName = HeaderName::from_static("x-tollward-provider");
const CREDENTIAL: HeaderName = HeaderName::from_static("x-tollward-credential");
const ATTEMPTS: HeaderName = HeaderName::from_static("x-tollward-attempts");
const FALLBACK_REASON: HeaderName = HeaderName::from_static("x-tollward-fallback-reason");
const RULE: HeaderName = HeaderName::from_static("x-tollward-rule");
const TRIED: HeaderName = HeaderName::from_static("x-tollward-tried");
const AFFINITY: HeaderName = HeaderName::from_static("x-tollward-affinity");
const DEGRADED: HeaderName = HeaderName::from_static("x-tollward-degraded");
const APPLIED_BOUND: HeaderName = HeaderName::from_static("x-tollward-max-tokens-applied");
/// What there may be in a minute, what is left, and when all of it is there again.
const REQUESTS: [HeaderName; 3] = [
    HeaderName::from_static("x-ratelimit-limit-requests"),
    HeaderName::from_static("x-ratelimit-remaining-requests"),
    HeaderName::from_static("x-ratelimit-reset-requests"),
];
/// The same of tokens.
const TOKENS_LEFT: [HeaderName; 3] = [
    HeaderName::from_static("x-ratelimit-limit-tokens"),
    HeaderName::from_static("x-ratelimit-remaining-tokens"),
    HeaderName::from_static("x-ratelimit-reset-tokens"),
];
const SKIPPED: HeaderName = HeaderName::from_static("x-tollward-skipped");
const DROPPED: HeaderName = HeaderName::from_static("x-tollward-dropped");
const OVERHEAD_MS: HeaderName = HeaderName::from_static("x-tollward-overhead-ms");
const COST_USD: HeaderName = HeaderName::from_static("x-tollward-cost-usd");
const COST_SOURCE: HeaderName = HeaderName::from_static("x-tollward-cost-source");
const COST_SAVED_USD: HeaderName = HeaderName::from_static("x-tollward-cost-saved-usd");
/// `new` or `replayed`: whether a call with an `Idempotency-Key` was made for this request.
const IDEMPOTENCY: HeaderName = HeaderName::from_static("x-tollward-idempotency");
/// The name under which Stripe and others say the same.
const IDEMPOTENT_REPLAYED: HeaderName = HeaderName::from_static("idempotent-replayed");
/// `hit`, `miss` or `bypass`, where the model's answers are given again.
const CACHE: HeaderName = HeaderName::from_static("x-tollward-cache");
const CACHE_AGE: HeaderName = HeaderName::from_static("x-tollward-cache-age");
/// The call whose answer it is.
const ORIGINAL_REQUEST_ID: HeaderName = HeaderName::from_static("x-tollward-original-request-id");

/// A request id as a header.
pub fn own_id(request: RequestId) -> HeaderValue {
    text(&request.to_string())
}

/// A new request id as a header, for a request that is none of ours to serve.
pub fn fresh_id() -> HeaderValue {
    own_id(RequestId::from_parts(clock::unix_ms(), clock::id_bytes()))
}

/// Says who answered, after how many attempts, at what cost.
pub fn describe(headers: &mut HeaderMap, reply: &Reply) {
    headers.reserve(15);
    let id = reply
        .client_request_id
        .clone()
        .unwrap_or_else(|| own_id(reply.request));
    headers.insert(REQUEST_ID, id);
    if let Some(id) = &reply.head.request_id {
        headers.insert(UPSTREAM_REQUEST_ID, id.clone());
    }
    let named = &reply.deployment.headers;
    headers.insert(MODEL, named.model.clone());
    headers.insert(DEPLOYMENT, named.deployment.clone());
    headers.insert(PROVIDER, named.provider.clone());
    if !reply.credential.is_empty() {
        headers.insert(CREDENTIAL, text(&reply.credential));
    }
    describe_way(headers, &reply.way);
    if let Some(affinity) = reply.affinity {
        headers.insert(AFFINITY, HeaderValue::from_static(affinity));
    }
    if reply.is_degraded {
        headers.insert(DEGRADED, HeaderValue::from_static("true"));
    }
    if let Some(standing) = &reply.standing {
        describe_limits(headers, standing);
    }
    if let Some(tokens) = reply.applied_bound {
        headers.insert(APPLIED_BOUND, HeaderValue::from(tokens));
    }
    if !reply.skipped.is_empty() {
        headers.insert(SKIPPED, text(&reply.skipped.join(",")));
    }
    let is_told = reply.deployment.on_unsupported != OnUnsupported::Drop;
    if is_told && !reply.head.dropped.is_empty() {
        headers.insert(DROPPED, dropped(&reply.head.dropped));
    }
    let mut overhead = String::with_capacity(12);
    let micros = reply.overhead.as_micros();
    // Writing to a string cannot fail.
    let _ = write!(overhead, "{}.{:03}", micros / 1_000, micros % 1_000);
    headers.insert(OVERHEAD_MS, text(&overhead));
    if let Some(booked) = &reply.booked {
        headers.insert(COST_SOURCE, HeaderValue::from_static(booked.source.name()));
        if let Some(cost) = booked.cost {
            headers.insert(COST_USD, text(&cost.to_decimal()));
        }
    }
}

/// Says how the limits stand, as `OpenAI` does.
/// Source: <https://developers.openai.com/api/docs/guides/rate-limits> (read 2026-11).
pub fn describe_limits(headers: &mut HeaderMap, standing: &Standing) {
    let levels = [
        (REQUESTS, standing.requests),
        (TOKENS_LEFT, standing.tokens),
    ];
    for ([limit, remaining, reset], level) in levels {
        let Some(level) = level else { continue };
        headers.insert(limit, HeaderValue::from(level.limit));
        headers.insert(remaining, HeaderValue::from(level.left));
        headers.insert(reset, text(&span(level.full_after())));
    }
}

/// A stretch of time as `OpenAI` writes it: `120ms`, `1.5s`, `6m0s`.
fn span(span: Duration) -> String {
    let millis = span.as_millis();
    let (minutes, rest) = (millis / 60_000, millis % 60_000);
    match (minutes, rest) {
        (0, rest) if rest < 1_000 => format!("{rest}ms"),
        (0, rest) => format!("{}s", seconds(rest)),
        (minutes, rest) => format!("{minutes}m{}s", seconds(rest)),
    }
}

/// Milliseconds as seconds, without zeros at the end.
fn seconds(millis: u128) -> String {
    let text = format!("{}.{:03}", millis / 1_000, millis % 1_000);
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// Says after how many attempts, and what became of them.
pub fn describe_way(headers: &mut HeaderMap, way: &Way) {
    headers.insert(ATTEMPTS, HeaderValue::from(way.attempts));
    if let Some(fault) = way.fallback_reason {
        headers.insert(FALLBACK_REASON, HeaderValue::from_static(fault.code()));
    }
    if let Some(rule) = &way.rule {
        headers.insert(RULE, text(rule));
    }
    if let Some(tried) = &way.tried {
        headers.insert(TRIED, text(tried));
    }
}

/// What is told of a call by its answer, and is not so of one that is given the answer again.
const OF_ONE_CALL: [HeaderName; 6] = [
    REQUEST_ID,
    HeaderName::from_static("request-id"),
    OVERHEAD_MS,
    COST_USD,
    COST_SOURCE,
    IDEMPOTENCY,
];

/// Says that a call was made that will not be made again.
pub fn tell_made(headers: &mut HeaderMap) {
    headers.insert(IDEMPOTENCY, HeaderValue::from_static("new"));
}

/// Names the call that is given the answer of `original`.
pub fn give_again(headers: &mut HeaderMap, id: HeaderValue, original: RequestId) {
    for name in OF_ONE_CALL {
        headers.remove(name);
    }
    let is_limit = |it: &&HeaderName| it.as_str().starts_with("x-ratelimit-");
    let limits: Vec<HeaderName> = headers.keys().filter(is_limit).cloned().collect();
    for name in limits {
        headers.remove(name);
    }
    headers.insert(REQUEST_ID, id);
    headers.insert(ORIGINAL_REQUEST_ID, own_id(original));
}

/// Says why an answer costs nothing, and what it would have cost, as far as that is known.
pub fn tell_saved(headers: &mut HeaderMap, source: CostSource, saved: Option<NanoUsd>) {
    headers.insert(COST_SOURCE, HeaderValue::from_static(source.name()));
    headers.insert(COST_USD, HeaderValue::from_static("0"));
    if let Some(saved) = saved {
        headers.insert(COST_SAVED_USD, text(&saved.to_decimal()));
    }
    if source == CostSource::Replayed {
        headers.insert(IDEMPOTENCY, HeaderValue::from_static("replayed"));
        headers.insert(IDEMPOTENT_REPLAYED, HeaderValue::from_static("true"));
    }
}

/// Says what became of a call to a model whose answers are given again.
pub fn tell_cache(headers: &mut HeaderMap, result: CacheResult) {
    let told = match result {
        // To its caller it is all the same when the other one was made.
        CacheResult::Hit | CacheResult::Joined => "hit",
        CacheResult::Miss => "miss",
        CacheResult::Bypass => "bypass",
    };
    headers.insert(CACHE, HeaderValue::from_static(told));
}

/// Says how old an answer is, in seconds.
pub fn tell_age(headers: &mut HeaderMap, age: Duration) {
    headers.insert(CACHE_AGE, HeaderValue::from(age.as_secs()));
}

/// Adds fields that were left out before the call began.
pub fn tell_dropped(headers: &mut HeaderMap, fields: &[&'static str]) {
    if !fields.is_empty() {
        headers.insert(DROPPED, text(&fields.join(",")));
    }
}

/// The names of fields, as far as they can stand in a header: some are the caller's own.
fn dropped(fields: &[Cow<'static, str>]) -> HeaderValue {
    let is_plain = |it: &&Cow<'static, str>| {
        it.len() <= 64
            && it
                .bytes()
                .all(|byte| byte.is_ascii_graphic() && byte != b',')
    };
    let named: Vec<&str> = fields
        .iter()
        .filter(is_plain)
        .take(32)
        .map(|it| &**it)
        .collect();
    text(&named.join(","))
}

/// Repeats the call's id under the name that Anthropic's SDKs report.
pub fn name_for_anthropic(headers: &mut HeaderMap) {
    if let Some(id) = headers.get(REQUEST_ID).cloned() {
        headers.insert(HeaderName::from_static("request-id"), id);
    }
}

fn text(value: &str) -> HeaderValue {
    HeaderValue::from_str(value).unwrap_or(HeaderValue::from_static(""))
}
