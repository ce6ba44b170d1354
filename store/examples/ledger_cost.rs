//! Measures what booking an entry costs: CPU of the thread that records, and of the writer's threads.
//!
//! `cargo run --release -p tollward-store --example ledger_cost [entries]`; Linux only,
//! because it reads CPU times per thread from `/proc`.
#![expect(clippy::print_stdout, reason = "its output is its purpose")]

use std::borrow::Cow;
use std::error::Error;
use std::fs;
use std::sync::Arc;

use tollward_store::{
    CostSource, Entry, GroupBy, KeyId, Mode, NanoUsd, Outcome, RequestId, Store, TokenCounts,
    UsageQuery,
};

/// Entries between two checks that the writer keeps up.
const BURST: u64 = 2_000;
const START_MS: i64 = 1_795_521_600_000;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let entries: u64 = std::env::args()
        .nth(1)
        .map_or(Ok(200_000), |text| text.parse())?;
    let folder = tempfile::tempdir_in(".")?;
    let path = folder.path().join("tollward.db");
    let store = Store::sqlite(&path, Mode::Gateway).await?;
    let template = template();

    let mut recording = 0;
    let before = cpu_ns(true)?;
    for burst in 0..entries.div_ceil(BURST) {
        let batch: Vec<Entry> = (0..BURST)
            .map(|n| numbered(&template, burst * BURST + n))
            .collect();
        let start = cpu_ns(false)?;
        for entry in &batch {
            store.ledger.record(entry)?;
        }
        recording += cpu_ns(false)? - start;
        if burst % 4 == 0 {
            store.ledger.flush().await?;
        }
    }
    store.ledger.flush().await?;
    let writing = cpu_ns(true)? - before;
    println!(
        "journal {:>6} ns per entry (CPU of the recording thread)",
        recording / entries
    );
    println!(
        "sql     {:>6} ns per entry (CPU of all other threads)",
        writing / entries
    );

    for by in [GroupBy::Model, GroupBy::Key, GroupBy::Day] {
        let start = cpu_ns(true)?;
        let rows = store
            .ledger
            .usage(&UsageQuery {
                by,
                since_ms: None,
                until_ms: None,
            })
            .await?;
        println!(
            "usage   {:>6} us for {by:?}, {} rows",
            (cpu_ns(true)? - start) / 1_000,
            rows.len()
        );
    }
    store.ledger.close().await?;
    println!(
        "file    {:>6} bytes per entry",
        fs::metadata(&path)?.len() / entries
    );
    Ok(())
}

/// CPU time of this thread, or of all threads of the process but this one.
fn cpu_ns(of_others: bool) -> Result<u64, Box<dyn Error>> {
    let read = |path: &str| -> Result<u64, Box<dyn Error>> {
        let text = fs::read_to_string(path)?;
        Ok(text
            .split_whitespace()
            .next()
            .ok_or("empty schedstat")?
            .parse()?)
    };
    let own = read("/proc/thread-self/schedstat")?;
    if !of_others {
        return Ok(own);
    }
    let mut sum = 0;
    for task in fs::read_dir("/proc/self/task")? {
        let path = task?.path().join("schedstat");
        sum += read(path.to_str().ok_or("path")?).unwrap_or(0);
    }
    Ok(sum.saturating_sub(own))
}

fn numbered(template: &Entry, number: u64) -> Entry {
    let at_ms = START_MS + i64::try_from(number / 10).unwrap_or(0);
    Entry {
        request: RequestId::new(at_ms),
        at_ms,
        ..template.clone()
    }
}

fn template() -> Entry {
    Entry {
        request: RequestId::new(START_MS),
        attempt: 1,
        at_ms: START_MS,
        key: Some(KeyId::new(START_MS)),
        operation: Cow::Borrowed("chat"),
        model: Arc::from("gpt-5-mini"),
        provider: Arc::from("openai"),
        deployment: Arc::from("openai/gpt-5-mini-2026-08-07"),
        upstream_model: Arc::from("gpt-5-mini-2026-08-07"),
        status: 200,
        outcome: Outcome::Complete,
        streamed: true,
        tokens: TokenCounts {
            input: 1_832,
            cache_read: 1_024,
            output: 311,
            reasoning: 64,
            ..TokenCounts::default()
        },
        cost: Some(NanoUsd(1_233_000)),
        cost_source: CostSource::Computed,
        estimated: false,
        price_id: Some(Arc::from("2026-11-24/openai/gpt-5-mini")),
        attempts: 1,
        first_content_ms: Some(412),
        duration_ms: 5_120,
    }
}
