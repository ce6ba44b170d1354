//! What only a file can do: crashes, locks, damage, other releases.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a failed assumption is a failed test"
)]

use std::collections::HashSet;
use std::fs::{self, OpenOptions};
use std::io::{BufRead, BufReader, Write};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use sqlx::Connection;
use tempfile::TempDir;

use super::{Access, database};
use crate::conformance::{NOON, sample};
use crate::journal::Limits;
use crate::sql::open;
use crate::{
    Entry, GroupBy, Location, Mode, NanoUsd, NewKey, RequestId, RollupDifference, RollupQuery,
    Store, StoreError, UsageQuery,
};

/// Tells the re-executed test binary which database to record into.
const CHILD_DATABASE: &str = "TOLLWARD_TEST_CHILD_DATABASE";

fn folder() -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("tollward.db");
    (folder, path)
}

async fn gateway(path: &Path) -> Store {
    Store::open(&Location::file(path), Mode::Gateway)
        .await
        .unwrap()
}

async fn refused(path: &Path, mode: Mode) -> StoreError {
    match Store::open(&Location::file(path), mode).await {
        Ok(_) => panic!("{} was opened", path.display()),
        Err(error) => error,
    }
}

async fn requests(store: &Store) -> HashSet<RequestId> {
    let entries = store.ledger.recent(u32::MAX).await.unwrap();
    entries.into_iter().map(|entry| entry.request).collect()
}

fn new_key(name: &str) -> NewKey {
    NewKey {
        name: name.to_owned(),
        allowed_models: vec![],
        account: None,
        now_ms: NOON,
        expires_ms: None,
    }
}

/// Copies the database with its neighbours, as a crash at this moment would leave them.
fn snapshot(from: &Path) -> (TempDir, PathBuf) {
    let (copy, path) = folder();
    copy_folder(from.parent().unwrap(), copy.path());
    (copy, path)
}

fn copy_folder(from: &Path, to: &Path) {
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            fs::create_dir_all(&target).unwrap();
            copy_folder(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}

fn segments(path: &Path) -> Vec<PathBuf> {
    let journal = path.with_file_name("tollward.db.journal");
    let mut found: Vec<_> = fs::read_dir(journal)
        .unwrap()
        .map(|e| e.unwrap().path())
        .collect();
    found.sort();
    found
}

#[cfg(unix)]
#[tokio::test]
async fn nobody_but_its_owner_may_read_what_is_stored() {
    use std::os::unix::fs::PermissionsExt;
    let (_folder, path) = folder();
    let store = gateway(&path).await;
    // Files beside the database come with the first that is asked of it.
    assert_eq!(store.keys.list().await.unwrap(), []);
    let beside = |ending: &str| PathBuf::from(format!("{}{ending}", path.display()));
    for file in [path.clone(), beside("-wal"), beside("-shm")] {
        let mode = fs::metadata(&file).unwrap().permissions().mode();
        assert_eq!(mode & 0o077, 0, "{}", file.display());
    }
    drop(store);
}

#[tokio::test]
async fn keys_and_entries_survive_a_restart_and_the_journal_is_empty_after_a_close() {
    let (_folder, path) = folder();
    let store = gateway(&path).await;
    let (key, _) = store.keys.create(new_key("ci")).await.unwrap();
    store.ledger.record(&sample(1)).unwrap();
    store.ledger.close().await.unwrap();
    assert_eq!(segments(&path), Vec::<PathBuf>::new());
    drop(store);
    let store = gateway(&path).await;
    assert_eq!(store.keys.list().await.unwrap(), [key]);
    assert_eq!(requests(&store).await.len(), 1);
}

#[tokio::test]
async fn dropping_the_store_without_closing_it_writes_everything() {
    let (_folder, path) = folder();
    let store = gateway(&path).await;
    store.ledger.record(&sample(1)).unwrap();
    drop(store);
    assert_eq!(segments(&path), Vec::<PathBuf>::new());
    let tool = Store::open(&Location::file(&path), Mode::Tool)
        .await
        .unwrap();
    assert_eq!(requests(&tool).await.len(), 1);
}

#[tokio::test]
async fn a_second_gateway_is_refused_until_the_first_is_gone() {
    // P-08
    let (_folder, path) = folder();
    let first = gateway(&path).await;
    let error = refused(&path, Mode::Gateway).await;
    assert!(matches!(error, StoreError::Locked { .. }));
    assert!(error.to_string().contains("tollward.db.lock"), "{error}");
    Store::open(&Location::file(&path), Mode::Tool)
        .await
        .unwrap();
    first.ledger.close().await.unwrap();
    gateway(&path).await;
}

#[tokio::test]
async fn a_tool_sees_what_a_gateway_recorded_a_moment_ago_and_records_nothing() {
    let (_folder, path) = folder();
    let gateway = gateway(&path).await;
    let tool = Store::open(&Location::file(&path), Mode::Tool)
        .await
        .unwrap();
    for seed in 0..700 {
        gateway.ledger.record(&sample(seed)).unwrap();
    }
    assert_eq!(requests(&tool).await.len(), 700);
    assert!(matches!(
        tool.ledger.record(&sample(1)),
        Err(StoreError::ReadOnly)
    ));
    let query = UsageQuery {
        by: GroupBy::Day,
        since_ms: None,
        until_ms: None,
        within: crate::Reach::Gateway,
    };
    assert_eq!(
        gateway.ledger.usage(&query).await.unwrap()[0].sums.attempts,
        700
    );
}

#[tokio::test]
async fn what_a_dead_gateway_left_is_booked_by_a_tool_and_by_its_successor_once() {
    let (_folder, path) = folder();
    let store = gateway(&path).await;
    for seed in 0..10 {
        store.ledger.record(&sample(seed)).unwrap();
    }
    let (_copy, crashed) = snapshot(&path);
    let tool = Store::open(&Location::file(&crashed), Mode::Tool)
        .await
        .unwrap();
    assert_eq!(requests(&tool).await.len(), 10);
    let successor = gateway(&crashed).await;
    assert_eq!(successor.ledger.recent(99).await.unwrap().len(), 10);
    successor.ledger.record(&sample(11)).unwrap();
    assert_eq!(successor.ledger.recent(99).await.unwrap().len(), 11);
    successor.ledger.close().await.unwrap();
    assert_eq!(segments(&crashed), Vec::<PathBuf>::new());
}

#[tokio::test]
async fn every_prefix_of_the_journal_opens_with_exactly_its_whole_records() {
    // P-05: power loss leaves some prefix, here at every 7th byte and around each record.
    let (_folder, path) = folder();
    let store = gateway(&path).await;
    let (_copy, crashed) = snapshot(&path);
    let mut ends = vec![8];
    for seed in 0..4 {
        store.ledger.record(&sample(seed)).unwrap();
        ends.push(usize::try_from(fs::metadata(&segments(&path)[0]).unwrap().len()).unwrap());
    }
    let whole = fs::read(&segments(&path)[0]).unwrap();
    assert_eq!(ends[4], whole.len());
    let near =
        |cut: &usize| cut.is_multiple_of(7) || ends.iter().any(|end| cut.abs_diff(*end) <= 1);
    for cut in (0..=whole.len()).filter(near) {
        let (_copy, path) = snapshot(&crashed);
        fs::write(&segments(&path)[0], &whole[..cut]).unwrap();
        let store = gateway(&path).await;
        let want = ends.iter().skip(1).filter(|end| **end <= cut).count();
        assert_eq!(requests(&store).await.len(), want, "cut at {cut}");
    }
}

#[tokio::test]
async fn every_prefix_of_the_wal_opens_and_the_journal_makes_up_for_what_it_lost() {
    // P-05
    let (_folder, path) = folder();
    let store = gateway(&path).await;
    for round in 0..10 {
        for seed in 0..30 {
            store.ledger.record(&sample(round * 30 + seed)).unwrap();
        }
        store.ledger.flush().await.unwrap();
    }
    let wal = fs::read(path.with_file_name("tollward.db-wal")).unwrap();
    for step in 0..=24 {
        let (_copy, path) = snapshot(&path);
        // A power cut takes the shared-memory index with it.
        fs::remove_file(path.with_file_name("tollward.db-shm")).unwrap();
        let cut = wal.len() * step / 24;
        fs::write(path.with_file_name("tollward.db-wal"), &wal[..cut]).unwrap();
        let store = gateway(&path).await;
        assert_eq!(requests(&store).await.len(), 300, "cut at {cut}");
    }
}

#[tokio::test]
async fn a_damaged_segment_is_kept_and_what_precedes_and_follows_it_is_booked() {
    let (_folder, path) = folder();
    let limits = Limits {
        segment_bytes: 8_192,
        journal_bytes: 1 << 20,
    };
    let store = open(&Location::file(&path), Mode::Gateway, limits)
        .await
        .unwrap();
    let (_copy, crashed) = snapshot(&path);
    for seed in 0..100 {
        store.ledger.record(&sample(seed)).unwrap();
    }
    copy_folder(path.parent().unwrap(), crashed.parent().unwrap());
    // The copy may race with the writer; only the journal of the crash is wanted.
    let database = database(&crashed, Access::Write).unwrap();
    let mut connection = database.connect().await.unwrap();
    sqlx::query("DELETE FROM ledger_entry")
        .execute(&mut connection)
        .await
        .unwrap();
    sqlx::query("UPDATE node SET segment = 0, offset_bytes = 0")
        .execute(&mut connection)
        .await
        .unwrap();
    connection.close().await.unwrap();

    let damaged = &segments(&crashed)[0];
    OpenOptions::new()
        .write(true)
        .open(damaged)
        .unwrap()
        .write_all_at(&[0xff; 3], 2_000)
        .unwrap();
    let store = gateway(&crashed).await;
    let booked = requests(&store).await.len();
    assert!((50..100).contains(&booked), "{booked}");
    assert!(damaged.with_extension("damaged").exists());
    store.ledger.close().await.unwrap();
    assert_eq!(segments(&crashed), [damaged.with_extension("damaged")]);
}

#[tokio::test]
async fn a_damaged_database_is_refused_by_name_and_left_alone() {
    // P-09
    let (_folder, path) = folder();
    let store = gateway(&path).await;
    for seed in 0..2_000 {
        store.ledger.record(&sample(seed)).unwrap();
    }
    store.ledger.close().await.unwrap();
    drop(store);
    let sound = fs::read(&path).unwrap();
    let noise: Vec<u8> = (0..8_192_u32)
        .map(|n| u8::try_from(n * 31 % 251).unwrap())
        .collect();
    for (what, offset) in [("header", 0), ("schema", 100), ("pages", sound.len() / 2)] {
        let mut damaged = sound.clone();
        let end = damaged.len().min(offset + noise.len());
        damaged[offset..end].copy_from_slice(&noise[..end - offset]);
        fs::write(&path, &damaged).unwrap();
        let error = refused(&path, Mode::Gateway).await;
        assert!(
            matches!(error, StoreError::Corrupt { .. }),
            "{what}: {error:?}"
        );
        assert!(error.to_string().contains("tollward.db"), "{error}");
        let inspected = Store::inspect(&Location::file(&path)).await;
        assert!(
            matches!(inspected, Err(StoreError::Corrupt { .. })),
            "{what}: {inspected:?}"
        );
        assert_eq!(fs::read(&path).unwrap(), damaged, "{what}");
    }
    fs::write(&path, b"").unwrap();
    assert!(matches!(
        refused(&path, Mode::Gateway).await,
        StoreError::Corrupt { .. }
    ));
    assert_eq!(fs::metadata(&path).unwrap().len(), 0);
}

#[tokio::test]
async fn a_whole_database_is_inspected_beside_its_gateway_and_an_absent_one_is_not_made() {
    let (_folder, path) = folder();
    assert!(Store::inspect(&Location::file(&path)).await.is_err());
    assert!(!path.exists());
    let store = gateway(&path).await;
    store.ledger.record(&sample(1)).unwrap();
    let inspected = Store::inspect(&Location::file(&path)).await;
    assert!(inspected.is_ok(), "{inspected:?}");
    for name in ["kept", "gone"] {
        store.keys.create(new_key(name)).await.unwrap();
    }
    store.keys.revoke("gone", 1).await.unwrap();
    assert_eq!(
        Store::key_names(&Location::file(&path)).await.unwrap(),
        ["kept"]
    );
    store.ledger.close().await.unwrap();
}

#[tokio::test]
async fn a_database_of_a_newer_release_is_refused() {
    // P-10
    let (_folder, path) = folder();
    drop(gateway(&path).await);
    let database = database(&path, Access::Write).unwrap();
    let mut connection = database.connect().await.unwrap();
    sqlx::query(
        "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time)
         VALUES (1000, 'from the future', 1, x'00', 0)",
    )
    .execute(&mut connection)
    .await
    .unwrap();
    connection.close().await.unwrap();
    let inspected = Store::inspect(&Location::file(&path)).await;
    assert!(
        matches!(inspected, Err(StoreError::NewerSchema { found: 1000, .. })),
        "{inspected:?}"
    );
    for mode in [Mode::Gateway, Mode::Tool] {
        let error = refused(&path, mode).await;
        assert!(
            matches!(
                error,
                StoreError::NewerSchema {
                    found: 1000,
                    known: 11,
                    ..
                }
            ),
            "{error:?}"
        );
    }
}

#[tokio::test]
async fn keys_without_their_pepper_are_refused_instead_of_locked_out() {
    // S-02: the pepper is not in the database, so losing it must be told, not papered over.
    let (_folder, path) = folder();
    let store = gateway(&path).await;
    store.keys.create(new_key("ci")).await.unwrap();
    store.ledger.close().await.unwrap();
    drop(store);
    let pepper = path.with_file_name("tollward.db.pepper");
    let right = fs::read(&pepper).unwrap();
    assert!(
        !fs::read(&path)
            .unwrap()
            .windows(32)
            .any(|window| window == right)
    );
    fs::write(&pepper, [7; 32]).unwrap();
    assert!(matches!(
        refused(&path, Mode::Tool).await,
        StoreError::PepperInvalid { .. }
    ));
    fs::remove_file(&pepper).unwrap();
    assert!(matches!(
        refused(&path, Mode::Gateway).await,
        StoreError::PepperMissing { .. }
    ));
    fs::write(&pepper, right).unwrap();
    gateway(&path).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_that_refuses_only_delays_entries() {
    // P-06, P-08: recording goes on while the table is gone, and catches up when it is back.
    let (_folder, path) = folder();
    let store = gateway(&path).await;
    let database = database(&path, Access::Write).unwrap();
    let mut other = database.connect().await.unwrap();
    sqlx::query("ALTER TABLE ledger_entry RENAME TO away")
        .execute(&mut other)
        .await
        .unwrap();
    for seed in 0..10 {
        store.ledger.record(&sample(seed)).unwrap();
    }
    assert!(matches!(
        store.ledger.flush().await,
        Err(StoreError::Database { .. })
    ));
    let backlog = store.ledger.backlog();
    assert!(
        backlog.pending_bytes > 0 && backlog.failure.is_some(),
        "{backlog:?}"
    );
    sqlx::query("ALTER TABLE away RENAME TO ledger_entry")
        .execute(&mut other)
        .await
        .unwrap();
    store.ledger.flush().await.unwrap();
    let backlog = store.ledger.backlog();
    assert_eq!((backlog.pending_bytes, backlog.failure), (0, None));
    assert_eq!(requests(&store).await.len(), 10);
}

#[tokio::test]
async fn applied_segments_are_deleted_while_the_gateway_runs() {
    let (_folder, path) = folder();
    let limits = Limits {
        segment_bytes: 4_096,
        journal_bytes: 1 << 20,
    };
    let store = open(&Location::file(&path), Mode::Gateway, limits)
        .await
        .unwrap();
    for round in 0..10 {
        for seed in 0..100 {
            store.ledger.record(&sample(round * 100 + seed)).unwrap();
        }
        store.ledger.flush().await.unwrap();
        assert_eq!(segments(&path).len(), 1);
    }
    assert_eq!(store.ledger.recent(u32::MAX).await.unwrap().len(), 1_000);
}

/// Records until it is killed, one line for each acknowledged entry. Idle unless re-executed.
#[tokio::test]
#[expect(
    clippy::disallowed_methods,
    reason = "the only argument that a test process can be given"
)]
async fn child_that_records_until_it_is_killed() {
    let Some(path) = std::env::var_os(CHILD_DATABASE) else {
        return;
    };
    let store = gateway(Path::new(&path)).await;
    let mut out = std::io::stdout().lock();
    writeln!(out, "\nready").unwrap();
    for seed in 0.. {
        let entry = Entry {
            model: format!("model-{}", seed % 50).into(),
            ..sample(seed)
        };
        store.ledger.record(&entry).unwrap();
        writeln!(out, "ack {}", entry.request).unwrap();
    }
}

#[tokio::test]
async fn five_kills_under_load_lose_no_acknowledged_entry() {
    // P-04
    let (_folder, path) = folder();
    let mut acknowledged = HashSet::new();
    for kill_after in [1, 900, 5_000, 333, 12_000] {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args([
                "--exact",
                "sql::sqlite::tests::child_that_records_until_it_is_killed",
            ])
            .args(["--nocapture", "--test-threads=1"])
            .env(CHILD_DATABASE, &path)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut seen = 0;
        for line in lines {
            // After the kill the pipe still holds acknowledgements; a cut last line is none.
            let Some(id) = line
                .unwrap()
                .strip_prefix("ack ")
                .and_then(|id| id.parse().ok())
            else {
                continue;
            };
            acknowledged.insert(id);
            seen += 1;
            if seen == kill_after {
                child.kill().unwrap();
            }
        }
        assert!(!child.wait().unwrap().success());
        assert!(seen >= kill_after, "the child ended early");
    }
    let store = gateway(&path).await;
    let booked = requests(&store).await;
    assert_eq!(acknowledged.difference(&booked).count(), 0);
    assert!(acknowledged.len() > 18_000);
    // Each kill may leave one entry that was booked but not yet acknowledged.
    assert!(
        booked.len() - acknowledged.len() <= 5 + 64 * 1024 / 40,
        "{}",
        booked.len()
    );
}

/// Books attempts whose requests have several, at two deployments, some twice.
fn retried() -> Vec<Entry> {
    let entry = |seed: u64, attempt, provider: &str| Entry {
        request: sample(seed).request,
        attempt,
        attempts: attempt.max(2),
        provider: provider.into(),
        deployment: format!("{provider}/up").into(),
        cost: (attempt != 3).then_some(NanoUsd(7)),
        ..sample(seed)
    };
    let first = sample(1).request;
    let mut entries = vec![entry(1, 2, "a"), entry(1, 1, "b"), entry(1, 3, "a")];
    for it in &mut entries {
        it.request = first;
    }
    entries.push(sample(2));
    entries.push(Entry {
        key: None,
        at_ms: NOON + 3_600_000,
        ..sample(3)
    });
    entries
}

async fn sql(path: &Path, statement: &'static str) -> u64 {
    let database = database(path, Access::Write).unwrap();
    let mut connection = database.connect().await.unwrap();
    let done = sqlx::query(statement).execute(&mut connection).await;
    connection.close().await.unwrap();
    done.unwrap().rows_affected()
}

#[tokio::test]
async fn an_hour_that_does_not_say_what_its_entries_say_is_found() {
    let (_folder, path) = folder();
    let store = gateway(&path).await;
    for entry in retried() {
        store.ledger.record(&entry).unwrap();
        store.ledger.flush().await.unwrap();
    }
    let found = store.ledger.check_rollups().await.unwrap();
    assert_eq!((found.rows, found.differences), (5, vec![]));
    for (statement, attempts, cost) in [
        (
            "UPDATE ledger_hour SET cost_nano = cost_nano + 5 WHERE LENGTH(virtual_key) = 0",
            0,
            5,
        ),
        (
            "UPDATE ledger_hour SET cost_nano = cost_nano - 5, attempts = 9 WHERE LENGTH(virtual_key) = 0",
            8,
            0,
        ),
        (
            "DELETE FROM ledger_hour WHERE LENGTH(virtual_key) = 0",
            -1,
            -12_345,
        ),
    ] {
        assert_eq!(sql(&path, statement).await, 1);
        let found = store.ledger.check_rollups().await.unwrap();
        let expected = RollupDifference {
            start_ms: NOON + 3_600_000,
            key: None,
            model: "model-0".to_owned(),
            deployment: "provider-1/up-0".to_owned(),
            attempts,
            cost_nano: cost,
        };
        assert_eq!(found.differences, [expected], "{statement}");
    }
}

#[tokio::test]
async fn a_database_from_before_there_were_rollups_gets_them() {
    let (_folder, path) = folder();
    let store = gateway(&path).await;
    for entry in retried() {
        store.ledger.record(&entry).unwrap();
    }
    store.ledger.close().await.unwrap();
    drop(store);
    sql(&path, "DROP TABLE ledger_hour").await;
    assert_eq!(
        sql(&path, "DELETE FROM _sqlx_migrations WHERE version = 10").await,
        1
    );
    let store = gateway(&path).await;
    let found = store.ledger.check_rollups().await.unwrap();
    assert_eq!((found.rows, found.differences), (5, vec![]));
}

#[tokio::test]
async fn sums_of_an_hour_beyond_64_bits_do_not_keep_the_ledger_from_booking() {
    let (_folder, path) = folder();
    let store = gateway(&path).await;
    let entry = |seed, cost| Entry {
        key: None,
        at_ms: NOON,
        cost: Some(NanoUsd(cost)),
        ..sample(seed)
    };
    for (seed, cost) in [(0, i64::MAX), (6, i64::MAX), (12, 3), (18, -8)] {
        store.ledger.record(&entry(seed, cost)).unwrap();
        store.ledger.flush().await.unwrap();
    }
    assert_eq!(requests(&store).await.len(), 4);
    let hour = RollupQuery {
        until_ms: i64::MAX,
        ..RollupQuery::default()
    };
    let [row] = store
        .ledger
        .rollup(&hour)
        .await
        .unwrap()
        .try_into()
        .unwrap();
    assert_eq!(row.sums.cost, NanoUsd(i64::MAX - 8));
}
