//! What a replay says of another configuration is what comes of running it.
//!
//! A week of calls is answered live by one configuration, whose log is then replayed through another;
//! and the same week is answered live by that one. `cargo test --test simulation replay -- --nocapture`
//! prints the table of docs/replay.md.

use serde_json::{Value, json};
use tollward::replay::Replay;
use tollward::replay::tally::Report;
use tollward_store::Store;

use crate::site::{Nature, Spell, Trouble};
use crate::week::{Arrival, Came, Live, MONDAY_MS, WEEK, snapshot, traffic};

const CALLS: usize = 5_000;

/// What the deployments are like: their speed, and what goes wrong on Wednesday and Friday.
fn natures() -> Vec<(&'static str, Nature)> {
    let like = |first_ms, errors| Nature {
        errors,
        body: std::time::Duration::from_secs(4),
        ..Nature::like(1, first_ms)
    };
    let mut natures = vec![
        ("alpha/m", like(400, 3)),
        ("beta/m", like(700, 5)),
        ("gamma/m", like(1_200, 2)),
        ("delta/m", like(900, 2)),
    ];
    let hour = 3_600;
    let wednesday = 2 * 24 * hour + 10 * hour;
    let friday = 4 * 24 * hour + 14 * hour;
    let down = Spell::of(Trouble::Down, wednesday, wednesday + 2 * hour);
    let slow = Spell::of(Trouble::Slow(6), friday, friday + 3 * hour);
    natures[0].1.spells.push(down);
    natures[1].1.spells.push(slow);
    natures
}

fn config(models: &Value, guards: &Value) -> Value {
    let provider = |name: &str| {
        let base_url = format!("http://{name}.test/v1");
        json!({"kind": "openai-compatible", "base_url": base_url, "api_key": "sk-test"})
    };
    let names = ["alpha", "beta", "gamma", "delta"];
    let providers: serde_json::Map<String, Value> = names
        .iter()
        .map(|it| ((*it).to_owned(), provider(it)))
        .collect();
    let price = |(name, input, output): (&str, &str, &str)| json!({"provider": name, "model": "m", "input_per_mtok": input, "output_per_mtok": output});
    let prices = [
        ("alpha", "2.5", "10"),
        ("beta", "1", "8"),
        ("gamma", "3", "2"),
        ("delta", "0.5", "4"),
    ];
    json!({
        "server": {"auth": "open"},
        "engine": {"enabled": "off"},
        "providers": providers,
        "models": models,
        "routing": {"guards": guards},
        "pricing": {"overrides": prices.map(price)},
    })
}

fn weighed(provider: &str, weight: u32) -> Value {
    json!({"provider": provider, "model": "m", "weight": weight})
}

fn old() -> Value {
    let chat = [weighed("alpha", 6), weighed("beta", 3), weighed("gamma", 1)];
    config(
        &json!({"chat": {"deployments": chat, "policy": "weighted"}}),
        &json!([]),
    )
}

/// What an operator might try instead.
fn others() -> Vec<(&'static str, Value)> {
    let chat = |more: Value| {
        let mut chat = json!({"deployments": [
            weighed("alpha", 1),
            {"provider": "beta", "model": "m", "tags": ["eu"]},
            weighed("gamma", 1),
        ]});
        let more = more.as_object().unwrap().clone();
        chat.as_object_mut().unwrap().extend(more);
        chat
    };
    let none = json!([]);
    let rules = json!([
        {"name": "long", "when": "tokens > 2000", "use": "long"},
        {"name": "night", "when": "hour >= 20 || hour < 8", "use": "night"},
    ]);
    let by_rules = json!({
        "chat": chat(json!({"policy": "cheapest", "rules": rules})),
        "long": {"deployments": ["delta/m"]},
        "night": {"deployments": [weighed("beta", 1), weighed("gamma", 3)], "policy": "weighted"},
    });
    let guard = json!([{"name": "residency", "when": "\"secret\" in tags && tokens > 300", "only": ["eu"]}]);
    vec![
        (
            "other weights, no retries",
            config(
                &json!({"chat": {"deployments": [weighed("alpha", 4), weighed("beta", 4), weighed("gamma", 2)], "policy": "weighted", "attempts": 0}}),
                &none,
            ),
        ),
        (
            "`cheapest`",
            config(&json!({"chat": chat(json!({"policy": "cheapest"}))}), &none),
        ),
        (
            "`fastest`",
            config(&json!({"chat": chat(json!({"policy": "fastest"}))}), &none),
        ),
        (
            "`sticky`, `least_busy`",
            config(
                &json!({"chat": chat(json!({"policy": ["sticky", "least_busy"]}))}),
                &none,
            ),
        ),
        ("rules and a guard", config(&by_rules, &guard)),
    ]
}

async fn replayed(config: &Value, log: &Store) -> Report {
    let (snapshot, began) = snapshot(config);
    let end_ms = MONDAY_MS + i64::try_from(WEEK.as_millis()).unwrap();
    let replay = Replay::new(snapshot, Vec::new(), began, None);
    let span = (MONDAY_MS, end_ms);
    replay.read(&*log.ledger, span, |_| {}).await.unwrap()
}

fn lived(config: &Value, log: &Store, traffic: &[Arrival], seed: u64) -> Came {
    Live::new(config, log, natures(), seed).play(traffic)
}

#[test]
#[expect(clippy::print_stdout, reason = "the table is for people")]
fn what_a_replay_foretells_comes_true() {
    let traffic = traffic(CALLS, 3);
    let log = Store::memory().unwrap();
    let was = lived(&old(), &log, &traffic, 1);
    let tried = std::thread::scope(|scope| {
        let (log, traffic, was) = (&log, &traffic, &was);
        let others = others().into_iter();
        let threads = others
            .map(|(name, config)| scope.spawn(move || (name, tried(&config, (log, was), traffic))));
        let threads: Vec<_> = threads.collect();
        let tried = threads.into_iter().map(|it| it.join().unwrap());
        tried.collect::<Vec<_>>()
    });
    println!(
        "| New configuration | | alpha | beta | gamma | delta | Cost, $ | Denied | Unanswered | p50, ms | p95, ms |\n|---|---|---|---|---|---|---|---|---|---|---|"
    );
    println!("| the old one | live | {} |", Told::of(&was).written());
    for (name, (foretold, came)) in &tried {
        println!("| {name} | replay | {} |", foretold.written());
        println!("| | live | {} |", came.written());
    }
    for (name, (foretold, came)) in &tried {
        foretold.is_near(came, name);
    }
}

/// What the log foretells of a configuration, and what comes of it.
fn tried(config: &Value, (log, was): (&Store, &Came), traffic: &[Arrival]) -> (Told, Told) {
    let runtime = tokio::runtime::Builder::new_current_thread().build();
    let replay = || runtime.as_ref().unwrap().block_on(replayed(config, log));
    let report = replay();
    assert_eq!(
        (report.was.calls, report.was.cost.0),
        (CALLS as u64, was.cost)
    );
    for row in &report.deployments {
        let calls = was.calls.get(&*row.deployment).copied();
        assert_eq!(row.was.calls, calls.unwrap_or(0), "{}", row.deployment);
    }
    let json = |it: &Report| serde_json::to_string(it).unwrap();
    assert_eq!(json(&report), json(&replay()), "replayed twice");
    let came = lived(config, &Store::memory().unwrap(), traffic, 2);
    (Told::foretold(&report), Told::of(&came))
}

/// What is said of a week.
struct Told {
    /// Of a hundred calls, those that go to each deployment.
    shares: [f64; 4],
    dollars: f64,
    denied: f64,
    failed: f64,
    times: [Option<u64>; 2],
}

impl Told {
    fn of(came: &Came) -> Self {
        let mut times = came.first_ms.clone();
        times.sort_unstable();
        let time = |percent| times.get(times.len() * percent / 100).copied();
        Self::new(
            |id| came.calls.get(id).copied().unwrap_or(0),
            came.cost,
            (came.denied, came.failed),
            [time(50), time(95)],
        )
    }

    fn foretold(report: &Report) -> Self {
        let denied: u64 = report.denied.values().sum();
        let failed = report.would_be.calls - report.would_be.answered - denied;
        let calls = |id: &str| {
            let mut rows = report.deployments.iter();
            let row = rows.find(|it| &*it.deployment == id);
            row.map_or(0, |it| it.would_be.calls)
        };
        let times = report.first_content_would_be_ms;
        Self::new(
            calls,
            report.would_be.cost.0,
            (denied, failed),
            [times.map(|it| it.p50), times.map(|it| it.p95)],
        )
    }

    fn new(
        calls: impl Fn(&str) -> u64,
        nanos: i64,
        (denied, failed): (u64, u64),
        times: [Option<u64>; 2],
    ) -> Self {
        let number = |it: u64| f64::from(u32::try_from(it).unwrap());
        let all = number(CALLS as u64);
        let ids = ["alpha/m", "beta/m", "gamma/m", "delta/m"];
        Self {
            shares: ids.map(|id| 100.0 * number(calls(id)) / all),
            dollars: number(u64::try_from(nanos / 1_000).unwrap()) / 1e6,
            denied: number(denied),
            failed: number(failed),
            times,
        }
    }

    fn written(&self) -> String {
        let shares = self.shares.map(|it| format!("{it:.2} %"));
        let times = self
            .times
            .map(|it| it.map_or("–".to_owned(), |it| it.to_string()));
        format!(
            "{} | {:.3} | {} | {} | {}",
            shares.join(" | "),
            self.dollars,
            self.denied,
            self.failed,
            times.join(" | ")
        )
    }

    /// Whether the two agree: within five percent, and within half a percent of all calls where that
    /// is more.
    fn is_near(&self, other: &Self, name: &str) {
        let near = |a: f64, b: f64, least: f64| (a - b).abs() <= (b * 0.05).max(least);
        for (a, b) in self.shares.iter().zip(other.shares) {
            assert!(near(*a, b, 0.5), "{name}: {a} % of the calls, not {b} %");
        }
        let (a, b) = (self.dollars, other.dollars);
        assert!(near(a, b, 0.0), "{name}: {a} $, not {b} $");
        let (a, b) = (self.denied, other.denied);
        assert!(near(a, b, 0.0), "{name}: {a} denied, not {b}");
        let (a, b) = (self.failed, other.failed);
        assert!(near(a, b, 12.0), "{name}: {a} without an answer, not {b}");
    }
}
