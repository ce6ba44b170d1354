//! The suite that every row of the registry must pass.
//!
//! Each kind has a folder under `testdata/`: what a caller sent (`request.json`), what the
//! vendor must receive (`upstream.json`), a stream in the vendor's manner (`stream.sse`), and
//! what all of it must amount to (`expect.json`). A kind without its folder fails, as does one
//! with a form of its own for embeddings or rankings and no file about it, see `batch`.
#![expect(clippy::unwrap_used, clippy::panic, reason = "tests")]

mod batch;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, HeaderName, Method, StatusCode, Uri};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use tollward_wire::chat::seal::Seal;
use tollward_wire::dialect::Echo;
use tollward_wire::document::Document;
use tollward_wire::operation::Operation;
use tollward_wire::reader::{Seen, StreamEnd, StreamReader, UsageChunk};
use tollward_wire::segments::Segments;
use tollward_wire::translate::AnswerReader;
use tollward_wire::usage::{ReportedCost, Usage};
use tollward_wire::view::RequestView;

use crate::count::{Question, ask};
use crate::shape::{Reading, Shaped, shape};
use crate::{
    Call, EncodeError, HostScope, Kind, Origin, Outbound, Provider, RetryAfter, Unsigned, build,
    kinds,
};

/// Any key will do.
static SEAL: Seal = Seal::new([7; 32]);

const SECRET: &str = "sk-very-secret-0123456789";

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Expect {
    /// What the kind needs to be built, besides a key.
    #[serde(default)]
    settings: Map<String, Value>,
    upstream_model: String,
    uri: String,
    scope: String,
    dropped: Vec<String>,
    usage_chunk: String,
    /// Where the vendor counts tokens, if it does; the question is in `count.json`.
    count_uri: Option<String>,
    /// Of `stream.sse`; only a kind without chats has none.
    usage: Option<ExpectUsage>,
    /// How `stream.sse` ends; absent with it.
    end: Option<String>,
    failures: Vec<ExpectFailure>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ExpectUsage {
    input: u64,
    output: u64,
    #[serde(default)]
    cache_read: u64,
    #[serde(default)]
    cache_write: u64,
    #[serde(default)]
    reasoning: u64,
    cost: Option<Box<str>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ExpectFailure {
    status: u16,
    headers: BTreeMap<String, String>,
    body: String,
    fault: String,
    after_ms: Option<u64>,
    at: Option<i64>,
}

fn file(row: &Kind, name: &str) -> Bytes {
    let path: PathBuf = [env!("CARGO_MANIFEST_DIR"), "testdata", row.kind, name]
        .iter()
        .collect();
    match std::fs::read(&path) {
        Ok(text) => text.into(),
        Err(error) => panic!("{}: {error}", path.display()),
    }
}

fn expect(row: &Kind) -> Expect {
    serde_json::from_slice(&file(row, "expect.json")).unwrap()
}

fn settings(row: &Kind) -> Map<String, Value> {
    let mut settings = Map::new();
    let takes_key = row.access.fields.contains(&"api_key");
    let field = if takes_key { "api_key" } else { "access_token" };
    settings.insert(field.to_owned(), json!(SECRET));
    settings.insert("headers".to_owned(), json!({"x-secret": SECRET}));
    let needed = expect(row).settings;
    if row.base_url.is_none() && needed.is_empty() {
        settings.insert("base_url".to_owned(), json!("http://10.0.0.7:9000/base/v1"));
    }
    settings.extend(needed);
    settings
}

fn provider(row: &Kind) -> Arc<dyn Provider> {
    build(row.kind, settings(row)).unwrap()
}

/// Signs a request of no further interest with the only credential.
fn sign(provider: &dyn Provider, headers: &mut HeaderMap) {
    let [credential] = provider.credentials() else {
        panic!("one credential")
    };
    let Origin::Written(key) = &credential.origin else {
        panic!("a key that is written")
    };
    let request = Unsigned {
        method: &Method::POST,
        uri: &Uri::from_static("https://host/v1"),
        headers,
        body: &Segments::new(),
    };
    key.sign(request, 0);
    assert!(!format!("{credential:?}").contains(SECRET));
}

fn encode(row: &Kind) -> Outbound {
    shaped(row).outbound
}

/// What is in `request.json`: a chat, or what a kind without chats is for.
fn sample(row: &Kind) -> Operation {
    let has_chats = provider(row).services(Operation::Chat, "m").is_some();
    if has_chats {
        Operation::Chat
    } else {
        Operation::Embeddings
    }
}

fn shaped(row: &Kind) -> Shaped {
    let body = file(row, "request.json");
    let document = Document::parse(body).unwrap();
    let operation = sample(row);
    let view = RequestView::read(operation, &document).unwrap();
    let call = Call {
        operation,
        document: &document,
        form: None,
        betas: None,
        view: &view,
        upstream_model: &expect(row).upstream_model,
    };
    shape(&*provider(row), &call).unwrap()
}

#[test]
fn what_the_vendor_receives_differs_only_in_named_values() {
    for row in kinds() {
        let expect = expect(row);
        let outbound = encode(row);
        let body = outbound.body.to_bytes();
        let golden = file(row, "upstream.json");
        assert_eq!(
            String::from_utf8_lossy(&body),
            String::from_utf8_lossy(&golden),
            "{}",
            row.kind
        );
        assert_eq!(outbound.uri.to_string(), expect.uri);
        assert_eq!(outbound.dropped, expect.dropped, "{}", row.kind);
        let hides = outbound.usage_chunk == UsageChunk::Hide;
        assert_eq!(hides, expect.usage_chunk == "hide", "{}", row.kind);
        let scope = match provider(row).host_scope() {
            HostScope::Public => "public",
            HostScope::Operator => "operator",
            HostScope::Metadata => "metadata",
        };
        assert_eq!(scope, expect.scope, "{}", row.kind);
    }
}

#[test]
fn the_headers_are_ours_and_hold_no_credential() {
    for row in kinds() {
        let headers = encode(row).headers;
        for (name, value) in [
            ("content-type", "application/json"),
            ("accept-encoding", "identity"),
            ("x-secret", SECRET),
        ] {
            assert_eq!(headers.get(name).unwrap(), value, "{}", row.kind);
        }
        let known = [
            "content-type",
            "accept",
            "accept-encoding",
            "x-secret",
            "anthropic-version",
        ];
        for name in headers.keys() {
            assert!(known.contains(&name.as_str()), "{} {name}", row.kind);
        }
    }
}

/// What a row asks for the number of tokens of the caller's message in `testdata/messages.json`.
fn question(row: &Kind) -> Result<Question, EncodeError> {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/testdata/messages.json");
    let document = Document::parse(std::fs::read(path).unwrap().into()).unwrap();
    let view = RequestView::for_count(None, &document).unwrap();
    let call = Call {
        operation: Operation::Messages,
        document: &document,
        form: None,
        betas: None,
        view: &view,
        upstream_model: &expect(row).upstream_model,
    };
    ask(&*provider(row), &call)
}

#[test]
fn tokens_are_counted_by_whoever_can_and_of_nothing_but_the_prompt() {
    for row in kinds() {
        let Some(uri) = expect(row).count_uri else {
            let refused = question(row).unwrap_err();
            assert_eq!(refused, EncodeError::Count { kind: row.kind });
            continue;
        };
        let Question { outbound, counter } = question(row).unwrap();
        assert_eq!(outbound.uri.to_string(), uri, "{}", row.kind);
        let golden = file(row, "count.json");
        assert_eq!(
            String::from_utf8_lossy(&outbound.body.to_bytes()),
            String::from_utf8_lossy(&golden),
            "{}",
            row.kind
        );
        assert_eq!(outbound.headers.get("accept").unwrap(), "application/json");
        let answer = |json: Value| Document::parse(json.to_string().into()).unwrap();
        let counted = answer(json!({counter.answer: 42, "tokens": [1, 2]}));
        assert_eq!(counter.read(&counted), Some(42), "{}", row.kind);
        for wrong in [
            json!({"n": 1}),
            json!({counter.answer: -1}),
            json!({counter.answer: "1"}),
        ] {
            assert_eq!(counter.read(&answer(wrong)), None, "{}", row.kind);
        }
    }
}

/// What a reader makes of a stream in the given pieces.
fn read(
    reading: &Reading,
    usage_chunk: UsageChunk,
    chunks: &[&[u8]],
) -> (Bytes, StreamEnd, Option<Usage>, u64) {
    let mut reader = match reading {
        Reading::Relay => AnswerReader::Relay(StreamReader::new(Operation::Chat, usage_chunk)),
        Reading::Translate(way) => AnswerReader::Translate(Box::new(way.stream(&Echo {
            model: "m",
            id: "id",
            created: 0,
            asks_usage: usage_chunk == UsageChunk::Keep,
            estimated_input: 1,
            seal: &SEAL,
            timing: tollward_wire::dialect::timing::Timing::default(),
            request: &Document::parse(Bytes::from_static(b"{}")).unwrap(),
        }))),
    };
    let mut out = Segments::new();
    for chunk in chunks {
        let seen = reader.push(Bytes::copy_from_slice(chunk), &mut out);
        assert!(!matches!(seen, Seen::Fault(_)), "{seen:?}");
    }
    let end = reader.finish(&mut out);
    assert!(reader.content_seen());
    if let AnswerReader::Relay(relay) = &reader {
        assert!(relay.finish_seen());
        assert_eq!(relay.malformed(), 0);
    }
    (
        out.to_bytes(),
        end,
        reader.usage().cloned(),
        reader.output_bytes(),
    )
}

#[test]
fn a_stream_reads_the_same_at_every_cut_and_yields_its_usage() {
    for row in kinds().filter(|it| sample(it) == Operation::Chat) {
        let expect = expect(row);
        let (counted, end_word) = (expect.usage.unwrap(), expect.end.unwrap());
        let stream = file(row, "stream.sse");
        let reading = shaped(row).reading;
        let is_relay = matches!(reading, Reading::Relay);
        let expected = Usage {
            input: counted.input,
            output: counted.output,
            cache_read: counted.cache_read,
            cache_write: counted.cache_write,
            reasoning: counted.reasoning,
            reported_cost: counted.cost.map(|charged| ReportedCost {
                charged,
                behind: None,
            }),
            ..Usage::default()
        };
        for usage_chunk in [UsageChunk::Keep, UsageChunk::Hide] {
            let whole = read(&reading, usage_chunk, &[&stream]);
            let (out, end, usage, output_bytes) = &whole;
            assert_eq!(usage.as_ref(), Some(&expected), "{}", row.kind);
            assert!(*output_bytes >= 3, "{}", row.kind);
            if is_relay && usage_chunk == UsageChunk::Keep && *end == StreamEnd::Complete {
                assert_eq!(out, &stream, "{}", row.kind);
            }
            let is_complete = *end == StreamEnd::Complete;
            assert_eq!(is_complete, end_word == "complete", "{}", row.kind);
            for at in 0..=stream.len() {
                let (head, tail) = stream.split_at(at);
                let cut = read(&reading, usage_chunk, &[head, tail]);
                assert_eq!(cut, whole, "{} {at}", row.kind);
            }
        }
    }
}

#[test]
fn every_refusal_is_put_into_the_right_class() {
    // U-09, U-10, U-11, U-12, U-13, U-14, U-15, U-17, U-18, U-19, U-20
    for row in kinds() {
        let provider = provider(row);
        let failures = expect(row).failures;
        assert!(failures.len() > 1, "{}", row.kind);
        for expected in failures {
            let mut headers = HeaderMap::new();
            for (name, value) in &expected.headers {
                let name: HeaderName = name.parse().unwrap();
                headers.insert(name, value.parse().unwrap());
            }
            let status = StatusCode::from_u16(expected.status).unwrap();
            let failure = provider.fault(status, &headers, expected.body.as_bytes());
            let shown = format!("{} {status} {}", row.kind, expected.body);
            assert_eq!(failure.fault.code(), expected.fault, "{shown}");
            let after = expected.after_ms.map(Duration::from_millis);
            let retry_after = after
                .map(RetryAfter::After)
                .or(expected.at.map(RetryAfter::At));
            assert_eq!(failure.retry_after, retry_after, "{shown}");
        }
    }
}

#[test]
fn no_credential_is_ever_shown() {
    for row in kinds() {
        let outbound = encode(row);
        assert!(!format!("{outbound:?}").contains(SECRET), "{}", row.kind);
        let mut headers = outbound.headers;
        sign(&*provider(row), &mut headers);
        let credentials = ["authorization", "x-api-key", "x-goog-api-key", "api-key"];
        let value = credentials.iter().find_map(|it| headers.get(*it)).unwrap();
        assert!(value.to_str().unwrap().ends_with(SECRET));
        assert!(value.is_sensitive());
        assert!(!format!("{headers:?}").contains(SECRET), "{}", row.kind);
        for broken in [
            json!({"api_key": format!("{SECRET}\n1")}),
            json!({"api_key": [SECRET]}),
            json!({"credentials": [{"api_key": format!("{SECRET}\n1")}]}),
            json!({"credentials": {"api_key": SECRET}}),
            json!({"api_key": "a", "headers": {"x-a": format!("{SECRET}\n")}}),
            json!({"api_key": "a", "base_url": format!("https://u:{SECRET}@h/v1")}),
        ] {
            let Value::Object(broken) = broken else {
                panic!("settings are an object")
            };
            let error = build(row.kind, broken).err().unwrap();
            assert!(
                !format!("{error} {error:?}").contains(SECRET),
                "{}",
                row.kind
            );
        }
    }
}

#[test]
fn a_row_is_complete_and_its_kind_is_its_own() {
    let mut names: Vec<_> = kinds().map(|it| it.kind).collect();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), kinds().count());
    for row in kinds() {
        // Who has chats answers those of every dialect.
        let has_chats = sample(row) == Operation::Chat;
        let messages = provider(row).services(Operation::Messages, "m");
        assert_eq!(messages.is_some(), has_chats, "{}", row.kind);
        assert!(!row.display_name.is_empty());
        // Without a key a request to a hosted vendor cannot succeed, so it is not built.
        assert_eq!(row.needs_key, row.key_variable.is_some(), "{}", row.kind);
        assert_eq!(build(row.kind, settings(row)).unwrap().kind(), row.kind);
    }
}
