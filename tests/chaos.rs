//! The gateway is killed again and again while it is used, and three books are held against one another: what
//! callers were told, what the provider charged, and the ledger.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use serde_json::{Value, json};
use tokio::task::JoinSet;

use crate::support::client::{Client, Request};
use crate::support::config::Config;
use crate::support::gateway::Home;
use crate::support::openai;
use crate::support::script::Script;
use crate::support::until;
use crate::support::upstream::Upstream;

/// Kills; each comes after some forty calls.
const KILLS: usize = 20;
const CALLS: usize = 40;
/// Callers at once.
const CALLERS: usize = 6;
/// Nano-dollars for a token of output.
const PRICE: u64 = 10_000;

/// A provider that takes up to 15 ms, and what it has charged: it charges what it has answered, whoever
/// heard it.
async fn provider() -> (Upstream, Arc<AtomicU64>) {
    let charged = Arc::new(AtomicU64::new(0));
    let book = Arc::clone(&charged);
    let upstream = Upstream::answering(move |seen| {
        let call = book.load(Ordering::Relaxed) / PRICE;
        let output = 1 + call % 900;
        book.fetch_add(output * PRICE, Ordering::Relaxed);
        let mut answer = openai::answer("x");
        answer["usage"] = openai::usage(10, output);
        let wait = Duration::from_millis(call % 16);
        let is_stream = seen.json()["stream"] == true;
        let script = Script::new().sleep(wait);
        if is_stream {
            let last = openai::usage_only(10, output);
            let pieces = [
                openai::role(),
                openai::text("x"),
                openai::finish(),
                last,
                openai::DONE.to_owned(),
            ];
            script.then(Script::stream_of(pieces))
        } else {
            script.then(Script::json("200 OK", &answer))
        }
    })
    .await;
    (upstream, charged)
}

/// Calls until the connection breaks; the ids of those that were answered whole.
async fn caller(gateway: SocketAddr, key: String, is_stream: bool) -> Vec<String> {
    let mut body = openai::chat();
    body["max_completion_tokens"] = json!(1_000);
    body["stream"] = json!(is_stream);
    let request = Request::chat(&body).key(&key);
    let mut client = Client::connect(gateway).await;
    let mut told = Vec::new();
    loop {
        client.write(&request.to_bytes()).await;
        let Some(answer) = client.try_answer().await else {
            return told;
        };
        let is_whole = !is_stream || answer.text().ends_with(openai::DONE);
        if answer.status != 200 || !is_whole {
            return told;
        }
        told.extend(answer.header("x-request-id").map(str::to_owned));
    }
}

fn nano(row: &Value) -> u64 {
    let cost = row["cost"].as_str().unwrap();
    let (whole, part) = cost.split_once('.').unwrap_or((cost, ""));
    format!("{whole}{part:0<9}").parse().unwrap()
}

// P-04, K-04
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn three_books_agree_after_twenty_kills_under_load() {
    let (upstream, charged) = provider().await;
    let price = json!({
        "provider": "alpha", "model": "upstream-name", "input_per_mtok": "0", "output_per_mtok": "10",
    });
    let config = Config::one(&upstream)
        .keyed()
        .set("/pricing", json!({"overrides": [price]}));
    let mut home = Home::new(&config);
    let key = home.create_key("app", &[]).await;
    let made = home
        .run(&["budget", "create", "app", "--key", "app", "--limit", "1000"])
        .await;
    assert!(made.status.success(), "{}", made.stderr);
    let mut told = Vec::new();
    for _ in 0..KILLS {
        let gateway = home.serve().await;
        let mut callers = JoinSet::new();
        for place in 0..CALLERS {
            callers.spawn(caller(gateway.public, key.clone(), place % 2 == 0));
        }
        let before = upstream.calls();
        until("some calls were made", async || {
            (upstream.calls() >= before + CALLS).then_some(())
        })
        .await;
        home = gateway.kill().await;
        while let Some(ids) = callers.join_next().await {
            told.extend(ids.unwrap());
        }
    }
    // What ran at the last kill is booked at the start.
    let gateway = home.serve().await;
    let home = &gateway.home;
    let rows = home.recent(10_000).await;
    let mut booked = BTreeMap::new();
    for row in &rows {
        let twice = booked.insert(row["request"].as_str().unwrap(), row);
        assert!(twice.is_none(), "{row} is booked twice");
    }
    // The callers' book: who was answered finds the call in the ledger, as it was.
    assert!(told.len() > KILLS * CALLS / 2, "{}", told.len());
    for id in &told {
        let row = booked
            .get(id.as_str())
            .unwrap_or_else(|| panic!("{id} is lost"));
        assert_eq!(row["outcome"], "complete", "{row}");
    }
    // The provider's book: each of its calls is in the ledger, and what it charged too. A call that was
    // held and not sent yet may be there besides.
    let recovered = rows
        .iter()
        .filter(|row| row["outcome"] == "recovered")
        .count();
    assert!((1..=KILLS * CALLERS).contains(&recovered), "{recovered}");
    assert!(
        rows.len() >= upstream.calls(),
        "{} of {}",
        rows.len(),
        upstream.calls()
    );
    assert!(rows.len() <= upstream.calls() + recovered);
    let sum: u64 = rows.iter().map(nano).sum();
    let charged = charged.load(Ordering::Relaxed);
    let most = charged + recovered as u64 * (1_000 * PRICE + 16);
    assert!((charged..=most).contains(&sum), "{charged} {sum} {most}");
    // The budget's book.
    let budgets = home.json(&["budget", "list", "--json"]).await;
    let spent = nano(&json!({"cost": budgets[0]["spent"]}));
    assert_eq!(spent, sum);
    let verified = home.json(&["ledger", "verify", "--json"]).await;
    assert_eq!(
        (&verified["open_holds"], &verified["differences"]),
        (&json!(0), &json!([]))
    );
    assert_eq!(verified["entries"], rows.len());
}
