//! What it costs to put the candidates of a call in order, to arrange the whole plan, and to ask
//! conditions about a request.
//!
//! `cargo bench --bench plan`

use std::hint::black_box;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use serde_json::{Value, json};
use tollward::assembly::{Assembly, Standing};
use tollward::clock;
use tollward::pipeline::authenticate::Caller;
use tollward::pipeline::explain::Inquiry;
use tollward::pipeline::route::prospect;
use tollward::pipeline::route::survey::Question;
use tollward::policy::condition::{Condition, Facts, Scope};
use tollward::policy::obstacle::Obstacle;
use tollward::policy::plan::Lineup;
use tollward::policy::routing::{Draw, Outlook, POLICIES, RoutingPolicy, mix, order, policy};
use tollward::shelf::Shelf;
use tollward::snapshot::Snapshot;
use tollward::snapshot::route::Group;
use tollward::telemetry::metric::Metrics;
use tollward::upstream::affinity::Affinity;
use tollward_config::Sources;
use tollward_store::NanoUsd;
use tollward_wire::document::Document;
use tollward_wire::view::needs::Needs;

const SIZES: [u64; 3] = [5, 50, 500];

/// The lists of policies that are measured: each by itself, as the configuration completes it, and two
/// of several.
fn lists() -> Vec<Vec<&'static dyn RoutingPolicy>> {
    let of = |names: &[&str]| -> Vec<&'static dyn RoutingPolicy> {
        let policies = names.iter().filter_map(|it| policy(it));
        let mut policies: Vec<_> = policies.collect();
        assert_eq!(policies.len(), names.len());
        if !policies.iter().any(|it| it.is_total()) {
            policies.extend(policy("weighted"));
        }
        policies
    };
    let single = POLICIES.iter().map(|it| of(&[it.name()]));
    let several = [of(&["sticky", "cheapest"]), of(&["headroom", "fastest"])];
    single.chain(several).collect()
}

/// Candidates as they are in the middle of a day: busy, of known speed and price.
fn outlooks(many: u64) -> Vec<Outlook> {
    let outlook = |identity| {
        let dice = mix(identity);
        Outlook {
            identity,
            weight: 1_000 * (1 + dice % 5),
            in_flight: u32::from((dice >> 8).to_le_bytes()[0] % 50),
            first_content_us: Some(200_000 + (dice >> 16) % 800_000),
            cost: Some(NanoUsd(1_000 + ((dice >> 24) % 1_000).cast_signed())),
            headroom: Some(u32::from((dice >> 32).to_le_bytes()[0]) * 4),
            is_warm: identity == many / 2,
        }
    };
    (0..many).map(outlook).collect()
}

/// A tenth of the candidates rest.
fn obstacles(many: u64) -> Vec<Option<Obstacle>> {
    let rests = |place| Obstacle::Broken(Duration::from_secs(1 + mix(place) % 9));
    let obstacle = |place| (place % 10 == 3).then(|| rests(place));
    (0..many).map(obstacle).collect()
}

fn ordering(criterion: &mut Criterion) {
    for policies in lists() {
        let names: Vec<&str> = policies.iter().map(|it| it.name()).collect();
        let mut group = criterion.benchmark_group(names.join("+"));
        for many in SIZES {
            let outlooks = outlooks(many);
            let mut turn = 0;
            let mut draw = || {
                turn += 1;
                Draw::of_turn(turn, mix(turn))
            };
            group.bench_function(BenchmarkId::new("order", many), |bencher| {
                bencher.iter(|| order(&policies, black_box(&outlooks), draw()));
            });
        }
    }
}

fn arranging(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("arrange");
    for many in SIZES {
        let obstacles = obstacles(many);
        let places = usize::try_from(many).unwrap_or_default();
        group.bench_function(BenchmarkId::from_parameter(many), |bencher| {
            bencher.iter(|| {
                let mut lineup = Lineup::default();
                for place in black_box(0..places) {
                    let obstacle = obstacles.get(place).and_then(Option::as_ref);
                    lineup.add(place, obstacle);
                }
                lineup.in_order()
            });
        });
    }
}

/// A model with so many deployments.
fn snapshot(many: u64, policy: &str) -> Option<Snapshot> {
    let deployment = |place| json!({"provider": "vendor", "model": format!("m-{place}"), "weight": 1 + place % 5});
    let deployments: Vec<Value> = (0..many).map(deployment).collect();
    let config = json!({
        "engine": {"enabled": "off"},
        "providers": {"vendor": {
            "kind": "openai-compatible", "base_url": "http://vendor.test/v1", "api_key": "sk",
        }},
        "models": {"chat": {"deployments": deployments, "policy": policy}},
    });
    let folder = tempfile::tempdir().ok()?;
    let file = folder.path().join("tollward.json");
    std::fs::write(&file, config.to_string()).ok()?;
    let kinds = tollward_providers::kinds().map(|row| row.kind.to_owned());
    let loaded = tollward_config::load(&Sources {
        file: Some(file),
        env: Vec::new(),
        overrides: Vec::new(),
        known_kinds: kinds.collect(),
    });
    let (models, shelf) = (folder.path().to_owned(), Shelf::new(folder.path()));
    let standing = Standing::new(Arc::new(Metrics::new()), models, shelf, &[]);
    let assembly = Assembly {
        standing: &standing,
        env: &[],
        detected: None,
    };
    assembly.snapshot(&loaded.ok()?, 1).ok()
}

/// From a request to who is asked.
fn planning(criterion: &mut Criterion) {
    let body = json!({"model": "chat", "body": {"messages": [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "What is the capital of France? ".repeat(40)},
    ]}});
    let inquiry = Inquiry::parse(&Bytes::from(body.to_string()));
    let admitted = inquiry.and_then(|it| it.admitted(Caller::Open));
    let Ok(admitted) = admitted else { return };
    let affinity = Affinity::default();
    for policy in ["weighted", "fastest", "sticky"] {
        let mut group = criterion.benchmark_group(format!("plan by {policy}"));
        for many in SIZES {
            let Some(snapshot) = snapshot(many, policy) else {
                return;
            };
            group.bench_function(BenchmarkId::from_parameter(many), |bencher| {
                bencher.iter(|| {
                    let question = Question::new(&affinity, black_box(&admitted), clock::mono());
                    let prospect = prospect(&snapshot, question, Group::next_turn);
                    prospect.and_then(|it| it.plan())
                });
            });
        }
    }
}

/// One condition, of a request that was asked about before and of a new one.
fn asking(criterion: &mut Criterion) {
    let said = r#"{"role":"user","content":"a few words"}"#;
    let body = format!(
        r#"{{"temperature":0,"messages":[{}]}}"#,
        vec![said; 20_000].join(",")
    );
    let Ok(body) = Document::parse(body.into()) else {
        return;
    };
    let facts = Facts {
        model: "chat",
        operation: "chat",
        key: "nightly",
        user: Some(""),
        tags: &["batch".into()],
        tokens: 200_000,
        max_output: 0,
        is_stream: true,
        needs: Needs::default(),
        at_unix_s: 1_795_795_200,
        body: Some(&body),
    };
    let scope = Scope::new(&facts);
    let mut group = criterion.benchmark_group("condition");
    for (name, text) in [
        ("facts", r#"tokens > 1000 && "batch" in tags"#),
        ("field", "request.temperature == 0"),
        ("messages", "size(request.messages) > 3"),
    ] {
        let Ok(when) = Condition::compile(text) else {
            continue;
        };
        group.bench_function(BenchmarkId::new("again", name), |bencher| {
            bencher.iter(|| when.holds(black_box(&scope)));
        });
        group.bench_function(BenchmarkId::new("first", name), |bencher| {
            bencher.iter(|| when.holds(&Scope::new(black_box(&facts))));
        });
    }
}

criterion_group!(benches, ordering, arranging, planning, asking);
criterion_main!(benches);
