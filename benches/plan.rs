//! What it costs to put the candidates of a call in order, to arrange the whole plan, and to ask
//! conditions about a request.
//!
//! `cargo bench --bench plan`

use std::hint::black_box;
use std::time::Duration;

use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use tollward::policy::condition::{Condition, Facts, Scope};
use tollward::policy::obstacle::Obstacle;
use tollward::policy::plan::Lineup;
use tollward::policy::routing::{Draw, Outlook, RoutingPolicy, mix, order, policy};
use tollward_store::NanoUsd;
use tollward_wire::document::Document;
use tollward_wire::view::needs::Needs;

/// The lists of policies that are measured.
const LISTS: [&[&str]; 3] = [&["weighted"], &["fastest"], &["sticky", "cheapest"]];

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
            headroom: None,
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

fn planning(criterion: &mut Criterion) {
    for names in LISTS {
        let policies: Vec<&dyn RoutingPolicy> = names.iter().filter_map(|it| policy(it)).collect();
        assert_eq!(policies.len(), names.len());
        let mut group = criterion.benchmark_group(names.join("+"));
        for many in [5, 50, 500] {
            let (outlooks, obstacles) = (outlooks(many), obstacles(many));
            let mut turn = 0;
            let mut draw = || {
                turn += 1;
                Draw::of_turn(turn, mix(turn))
            };
            group.bench_function(BenchmarkId::new("order", many), |bencher| {
                bencher.iter(|| order(&policies, black_box(&outlooks), draw()));
            });
            group.bench_function(BenchmarkId::new("arrange", many), |bencher| {
                bencher.iter(|| {
                    let mut lineup = Lineup::default();
                    for place in order(&policies, black_box(&outlooks), draw()) {
                        let obstacle = obstacles.get(place).and_then(Option::as_ref);
                        lineup.add(place, obstacle);
                    }
                    lineup.in_order()
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
        user: "",
        tags: &["batch".into()],
        tokens: 200_000,
        max_output: 0,
        is_stream: true,
        needs: Needs::default(),
        at_unix_s: 1_795_795_200,
        body: &body,
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

criterion_group!(benches, planning, asking);
criterion_main!(benches);
