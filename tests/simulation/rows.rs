//! What single rows of a log come to in a replay.

use serde_json::{Value, json};
use tollward::replay::Replay;
use tollward::replay::tally::Report;
use tollward_store::{
    CostSource, Course, Entry, KeyId, KeyRecord, NanoUsd, Outcome, RequestId, Store, ThingCounts,
    TokenCounts,
};

use crate::week::{MONDAY_MS, snapshot};

/// A call that `alpha/m` answered, in the second `second`.
fn row(second: i64, decision: &str) -> Entry {
    let at_ms = MONDAY_MS + second * 1_000;
    Entry {
        request: RequestId::from_parts(at_ms, [0; 10]),
        attempt: 1,
        at_ms,
        key: None,
        operation: "chat".into(),
        model: "chat".into(),
        provider: "alpha".into(),
        deployment: "alpha/m".into(),
        upstream_model: "m".into(),
        status: 200,
        outcome: Outcome::Complete,
        streamed: true,
        tokens: TokenCounts {
            input: 1_000,
            output: 100,
            ..TokenCounts::default()
        },
        things: ThingCounts::default(),
        cost: Some(NanoUsd(1_000_000)),
        cost_source: CostSource::Computed,
        saved: None,
        estimated: false,
        price_id: None,
        credential: None,
        course: Course {
            decision: Some(decision.into()),
            ..Course::default()
        },
        held: None,
        attempts: 1,
        first_content_ms: Some(200),
        duration_ms: 900,
    }
}

/// The same where that became of those who came to be asked, and the last one was `deployment`.
fn tried(row: Entry, tried: &str, deployment: &str) -> Entry {
    let attempts = u32::try_from(tried.split(',').count()).unwrap();
    Entry {
        attempt: attempts,
        attempts,
        deployment: deployment.into(),
        status: if tried.ends_with("ok") { 200 } else { 502 },
        course: Course {
            tried: Some(tried.into()),
            ..row.course
        },
        ..row
    }
}

fn config(models: &Value) -> Value {
    let provider = |name: &str| {
        let base_url = format!("http://{name}.test/v1");
        json!({"kind": "openai-compatible", "base_url": base_url, "api_key": "sk-test"})
    };
    let price = |name: &str| json!({"provider": name, "model": "m", "input_per_mtok": "1", "output_per_mtok": "2"});
    json!({
        "server": {"auth": "open"},
        "engine": {"enabled": "off"},
        "providers": {"alpha": provider("alpha"), "beta": provider("beta"), "gamma": provider("gamma")},
        "models": models,
        "pricing": {"overrides": [price("alpha"), price("beta")]},
    })
}

async fn replayed(config: &Value, keys: Vec<KeyRecord>, rows: &[Entry]) -> Report {
    let store = Store::memory().unwrap();
    for row in rows {
        store.ledger.record(row).unwrap();
    }
    let (snapshot, began) = snapshot(config);
    let replay = Replay::new(snapshot, keys, began, None);
    let span = (0, i64::MAX);
    replay.read(&*store.ledger, span, |_| {}).await.unwrap()
}

/// Calls that each deployment of the configuration would have had.
fn calls(report: &Report) -> Vec<(&str, u64)> {
    let rows = report.deployments.iter();
    let rows = rows.filter(|it| it.would_be.calls > 0);
    rows.map(|it| (&*it.deployment, it.would_be.calls))
        .collect()
}

const PLAIN: &str = r#"{"v":2,"tokens":900}"#;

#[tokio::test]
async fn a_call_is_priced_where_it_would_have_gone_and_timed_if_the_log_knows_how() {
    let models = json!({"chat": "beta/m"});
    let rows: Vec<Entry> = (0..10).map(|second| row(second, PLAIN)).collect();
    let report = replayed(&config(&models), Vec::new(), &rows).await;
    assert_eq!(calls(&report), [("beta/m", 10)]);
    assert_eq!(report.moved, 10);
    // A dollar and two for a million tokens.
    let costs = (report.was.cost, report.would_be.cost);
    assert_eq!(costs, (NanoUsd(10_000_000), NanoUsd(12_000_000)));
    assert_eq!(report.first_content_ms.unwrap().p50, 200);
    assert_eq!(report.first_content_would_be_ms, None);
    assert_eq!(report.untimed, 10);
    let unpriced = replayed(&config(&json!({"chat": "gamma/m"})), Vec::new(), &rows).await;
    let sums = unpriced.would_be;
    assert_eq!((sums.cost, sums.unpriced), (NanoUsd::ZERO, 10));
}

#[tokio::test]
async fn rows_that_cannot_be_walked_are_counted() {
    let bare = Entry {
        course: Course::default(),
        ..row(1, PLAIN)
    };
    let file = Entry {
        operation: "passthrough".into(),
        course: Course::default(),
        ..row(2, PLAIN)
    };
    let rows = [
        row(0, r#"{"tokens":900}"#),
        bare,
        file,
        row(3, r#"{"v":9}"#),
        row(4, r#"{"v":2,"tokens":9,"more_tags":true}"#),
    ];
    let report = replayed(&config(&json!({"chat": "alpha/m"})), Vec::new(), &rows).await;
    let left_out = report.left_out;
    let counts = (left_out.undecided, left_out.unrouted, left_out.unreadable);
    assert_eq!(counts, (1, 1, 1));
    assert_eq!(report.was.calls, 2);
    assert_eq!((report.notes.older, report.notes.cut_tags), (1, 1));
}

#[tokio::test]
async fn rows_of_one_request_are_one_call_and_what_failed_is_paid_where_it_would_have_failed() {
    let failed = Entry {
        outcome: Outcome::Abandoned,
        course: Course::default(),
        ..row(0, PLAIN)
    };
    let last = tried(row(0, PLAIN), "alpha/m:upstream_error,beta/m:ok", "beta/m");
    let both = json!({"chat": {"deployments": ["alpha/m", "beta/m"], "policy": "ordered"}});
    let rows = [failed, last];
    let report = replayed(&config(&both), Vec::new(), &rows).await;
    assert_eq!((report.was.calls, report.moved), (1, 0));
    assert_eq!(report.would_be.cost, NanoUsd(2 * 1_200_000));
    let turned = json!({"chat": {"deployments": ["beta/m", "alpha/m"], "policy": "ordered"}});
    let report = replayed(&config(&turned), Vec::new(), &rows).await;
    assert_eq!(report.would_be.cost, NanoUsd(1_200_000));
}

#[tokio::test]
async fn a_refusal_follows_the_call_and_an_outage_stays_where_it_is() {
    let refused = tried(row(0, PLAIN), "alpha/m:invalid_request", "alpha/m");
    let report = replayed(&config(&json!({"chat": "beta/m"})), Vec::new(), &[refused]).await;
    assert_eq!(
        (calls(&report), report.would_be.answered),
        (vec![("beta/m", 1)], 0)
    );

    let down = |second| {
        tried(
            row(second, PLAIN),
            "alpha/m:upstream_unreachable,beta/m:ok",
            "beta/m",
        )
    };
    let other = |second| Entry {
        deployment: "gamma/m".into(),
        ..row(second, PLAIN)
    };
    let rows: Vec<Entry> = [
        down(0),
        down(1),
        other(2),
        other(3),
        row(4, PLAIN),
        other(5),
    ]
    .into();
    let first_alpha = json!({"chat": {"deployments": ["alpha/m", "gamma/m"], "policy": "ordered"}});
    let report = replayed(&config(&first_alpha), Vec::new(), &rows).await;
    // Down for four calls; then it answers, and so it does for the last one.
    assert_eq!(calls(&report), [("alpha/m", 2), ("gamma/m", 4)]);
}

#[tokio::test]
async fn a_request_that_is_too_long_turns_off_as_it_would() {
    let long = tried(row(0, PLAIN), "alpha/m:context_length_exceeded", "alpha/m");
    let models = json!({
        "chat": {"deployments": ["alpha/m"], "context_fallbacks": ["long"]},
        "long": "beta/m",
    });
    let report = replayed(&config(&models), Vec::new(), &[long]).await;
    // Whether it would have fitted there is not in the log: it is refused again.
    assert_eq!(
        (calls(&report), report.would_be.answered),
        (vec![("beta/m", 1)], 0)
    );
    let fits = tried(
        row(0, PLAIN),
        "alpha/m:context_length_exceeded,beta/m:ok",
        "beta/m",
    );
    let report = replayed(&config(&models), Vec::new(), &[fits]).await;
    assert_eq!(
        (calls(&report), report.would_be.answered),
        (vec![("beta/m", 1)], 1)
    );
}

#[tokio::test]
async fn what_a_key_may_not_use_and_what_a_guard_keeps_back_is_refused() {
    let key = KeyRecord {
        id: KeyId::new(MONDAY_MS),
        name: "narrow".to_owned(),
        hint: String::new(),
        allowed_models: vec!["other".to_owned()],
        account: None,
        created_ms: MONDAY_MS,
        expires_ms: None,
        revoked_ms: None,
    };
    let of = |second, key: Option<KeyId>| Entry {
        key,
        ..row(second, r#"{"v":2,"tokens":9,"tags":["secret"]}"#)
    };
    let mut config = config(&json!({"chat": "alpha/m", "other": "beta/m"}));
    config["routing"] = json!({"guards": [
        {"name": "local", "when": "\"secret\" in tags", "only": ["local"]},
        {"name": "user", "when": "user == \"me\"", "only": ["local"]},
    ]});
    let rows = [
        of(0, Some(key.id)),
        of(1, None),
        of(2, Some(KeyId::new(MONDAY_MS))),
        row(3, PLAIN),
    ];
    let report = replayed(&config, vec![key], &rows).await;
    let denied: Vec<_> = report.denied.iter().map(|(why, n)| (&**why, *n)).collect();
    let expected = [
        ("excluded_by_policy, guard `local`", 2),
        // Who the user was is not known, and a guard that cannot be answered holds.
        ("excluded_by_policy, guard `user`", 1),
        ("model_not_found", 1),
    ];
    assert_eq!(denied, expected);
    assert_eq!(report.notes.not_kept, ["guard `user`"]);
    assert_eq!(report.notes.strangers, 1);
}

#[tokio::test]
async fn turns_of_a_conversation_stay_together_by_what_the_rows_know() {
    let models =
        |policy: Value| json!({"chat": {"deployments": ["alpha/m", "beta/m"], "policy": policy}});
    let turn = |second: i64| {
        let (conversation, number) = (second % 7, second / 7);
        let after = (number > 0).then(|| format!(r#","after":"{conversation}{:x}""#, number - 1));
        let after = after.unwrap_or_default();
        row(
            second,
            &format!(r#"{{"v":2,"tokens":9,"turn":"{conversation}{number:x}"{after}}}"#),
        )
    };
    let named = |second: i64| {
        row(
            second,
            &format!(r#"{{"v":2,"tokens":9,"session":"{:x}"}}"#, second % 7),
        )
    };
    let by_turns: Vec<Entry> = (0..70).map(turn).collect();
    let by_name: Vec<Entry> = (0..70).map(named).collect();
    for rows in [by_turns, by_name] {
        let loose = replayed(&config(&models(json!("round_robin"))), Vec::new(), &rows).await;
        assert_eq!(calls(&loose), [("alpha/m", 35), ("beta/m", 35)]);
        let sticky = models(json!(["sticky", "round_robin"]));
        let sticky = replayed(&config(&sticky), Vec::new(), &rows).await;
        // Seven conversations in turn, each with all of its ten turns.
        assert_eq!(calls(&sticky), [("alpha/m", 40), ("beta/m", 30)]);
    }
}

#[tokio::test]
async fn what_failed_for_everybody_and_would_be_answered_has_an_expected_cost() {
    let failed = Entry {
        tokens: TokenCounts::default(),
        cost: Some(NanoUsd::ZERO),
        cost_source: CostSource::Zero,
        saved: None,
        ..tried(row(0, PLAIN), "alpha/m:upstream_error", "alpha/m")
    };
    let report = replayed(&config(&json!({"chat": "beta/m"})), Vec::new(), &[failed]).await;
    assert_eq!((report.was.answered, report.would_be.answered), (0, 1));
    // 900 tokens and the 300 that are taken for an answer before anything is known.
    assert_eq!(report.would_be.cost, NanoUsd(1_500_000));
    assert_eq!(report.notes.expected, 1);
}
