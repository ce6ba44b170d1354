//! Measures what booking an entry costs the thread that records and the writer's threads.
//!
//! `cargo run --release -p tollward-store --example ledger_cost [entries] [batch]`, where a
//! batch is what the writer finds when it wakes: the request rate times 200 ms.
//! Linux only, because it reads CPU times from `/proc`.
#![expect(clippy::print_stdout, reason = "its output is its purpose")]

use std::borrow::Cow;
use std::error::Error;
use std::fs;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;
use tollward_store::{
    CostSource, Course, Entry, GroupBy, KeyId, Location, Mode, NanoUsd, Outcome, Reach, RequestId,
    Store, ThingCounts, TokenCounts, UsageQuery,
};

const START_MS: i64 = 1_795_521_600_000;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let argument = |number, default| {
        std::env::args()
            .nth(number)
            .map_or(Ok(default), |text| text.parse::<u64>())
    };
    let (entries, batch) = (argument(1, 200_000)?, argument(2, 2_000)?);
    let folder = tempfile::tempdir_in(".")?;
    let path = folder.path().join("tollward.db");
    let store = Store::open(&Location::file(&path), Mode::Gateway).await?;
    let template = template();

    let (mut recording, mut naming) = (Duration::ZERO, Duration::ZERO);
    let before = cpu_of_others_ns()?;
    for first in (0..entries).step_by(usize::try_from(batch)?) {
        let start = Instant::now();
        let numbers = first..entries.min(first + batch);
        let gathered: Vec<Entry> = numbers.map(|number| numbered(&template, number)).collect();
        naming += start.elapsed();
        let start = Instant::now();
        for entry in &gathered {
            store.ledger.record(entry)?;
        }
        recording += start.elapsed();
        store.ledger.flush().await?;
    }
    let writing = cpu_of_others_ns()? - before;
    let per_entry = |time: Duration| time.as_nanos() / u128::from(entries);
    println!(
        "id      {:>6} ns per entry (a request id and a clone of the entry)",
        per_entry(naming)
    );
    println!(
        "journal {:>6} ns per entry (time of the recording thread)",
        per_entry(recording)
    );
    println!(
        "sql     {:>6} ns per entry (CPU of the writer's threads)",
        writing / entries
    );

    let presented = [b'x'; 52];
    let start = Instant::now();
    for _ in 0..entries {
        std::hint::black_box(store.pepper.hash(std::hint::black_box(&presented)));
    }
    println!(
        "hash    {:>6} ns per presented key",
        per_entry(start.elapsed())
    );

    query(&store).await?;
    store.ledger.close().await?;
    println!(
        "file    {:>6} bytes per entry",
        fs::metadata(&path)?.len() / entries
    );
    Ok(())
}

/// Sums the whole ledger in several ways.
async fn query(store: &Store) -> Result<(), Box<dyn Error>> {
    for by in [GroupBy::Model, GroupBy::Key, GroupBy::Day] {
        let start = cpu_ticks()?;
        let rows = store
            .ledger
            .usage(&UsageQuery {
                by,
                since_ms: None,
                until_ms: None,
                within: Reach::Gateway,
            })
            .await?;
        println!(
            "usage   {:>6} ms for {by:?}, {} rows",
            10 * (cpu_ticks()? - start),
            rows.len()
        );
    }
    Ok(())
}

/// CPU time of all threads of the process but this one.
fn cpu_of_others_ns() -> Result<u64, Box<dyn Error>> {
    let own = fs::read_link("/proc/thread-self")?;
    let mut sum = 0;
    for task in fs::read_dir("/proc/self/task")? {
        let path = task?.path();
        if path.file_name() != own.file_name() {
            let text = fs::read_to_string(path.join("schedstat"))?;
            sum += text
                .split_whitespace()
                .next()
                .ok_or("empty schedstat")?
                .parse::<u64>()?;
        }
    }
    Ok(sum)
}

/// CPU time of the process in ticks of 10 ms, threads that ended included.
fn cpu_ticks() -> Result<u64, Box<dyn Error>> {
    let stat = fs::read_to_string("/proc/self/stat")?;
    let fields = stat
        .rsplit_once(')')
        .ok_or("no command in stat")?
        .1
        .split_whitespace();
    let times: Result<Vec<u64>, _> = fields.skip(11).take(2).map(str::parse).collect();
    Ok(times?.iter().sum())
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
        things: ThingCounts::default(),
        cost: Some(NanoUsd(1_233_000)),
        cost_source: CostSource::Computed,
        saved: None,
        estimated: false,
        price_id: Some(Arc::from("2026-11-24/openai/gpt-5-mini")),
        credential: None,
        course: Course::default(),
        held: None,
        attempts: 1,
        first_content_ms: Some(412),
        duration_ms: 5_120,
    }
}
