//! What it costs to see of a request what routing decides by, beside parsing it.
//!
//! `cargo bench --bench request`

use std::hint::black_box;

use bytes::Bytes;
use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use serde_json::{Value, json};
use tollward::policy::estimate;
use tollward_wire::conversation::beginnings;
use tollward_wire::document::Document;
use tollward_wire::view::needs::Needs;

const WORDS: &str =
    "The quick brown fox jumps over the lazy dog, and says \\\"hello\\\" to 42 others. ";

/// A chat of so many messages with tools, as an agent sends it.
fn chat(messages: usize, is_marked: bool) -> Bytes {
    let message = |place: usize| {
        let role = if place.is_multiple_of(2) {
            "user"
        } else {
            "assistant"
        };
        let text = WORDS.repeat(1 + place % 12);
        json!({"role": role, "content": [{"type": "text", "text": text}]})
    };
    let mut messages: Vec<Value> = (0..messages).map(message).collect();
    if let (true, Some(last)) = (is_marked, messages.last_mut()) {
        let text = json!({"type": "text", "text": WORDS, "cache_control": {"type": "ephemeral"}});
        *last = json!({"role": "assistant", "content": [text]});
    }
    let tool = json!({"type": "function", "function": {
        "name": "look_up", "description": WORDS,
        "parameters": {"type": "object", "properties": {"of": {"type": "string"}}},
    }});
    let body = json!({"model": "chat", "stream": true, "messages": messages, "tools": [tool]});
    Bytes::from(body.to_string())
}

fn seeing(criterion: &mut Criterion) {
    for (name, body) in [
        ("3 messages", chat(3, false)),
        ("200 messages", chat(200, false)),
        ("200 messages, marked", chat(200, true)),
    ] {
        let mut group = criterion.benchmark_group(name);
        group.throughput(Throughput::Bytes(body.len() as u64));
        let Ok(document) = Document::parse(body.clone()) else {
            continue;
        };
        let mut bench = |what: &str, of: &dyn Fn()| {
            group.bench_function(BenchmarkId::from_parameter(what), |it| it.iter(of));
        };
        bench("parse", &|| {
            let _ = black_box(Document::parse(black_box(body.clone())));
        });
        bench("needs", &|| {
            black_box(Needs::of(black_box(&document)));
        });
        bench("tokens", &|| {
            black_box(estimate::input_tokens(black_box(&body)));
        });
        bench("beginnings", &|| {
            black_box(beginnings(black_box(&document)));
        });
    }
}

criterion_group!(benches, seeing);
criterion_main!(benches);
