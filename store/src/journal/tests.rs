#![expect(clippy::unwrap_used, reason = "tests")]

use std::fs::{self, File};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use super::{Active, Journal, Limits, Position, segment};
use crate::StoreError;

const BEGINNING: Position = Position {
    segment: 0,
    offset: 0,
};

fn open(folder: &Path, segment_bytes: u64, journal_bytes: u64) -> Journal {
    Journal::open(
        folder,
        BEGINNING,
        Limits {
            segment_bytes,
            journal_bytes,
        },
    )
    .unwrap()
}

fn record(payload: &[u8]) -> Vec<u8> {
    let mut record = vec![0; segment::FRAME];
    record.extend_from_slice(payload);
    segment::seal(&mut record);
    record
}

/// Every payload in the folder, in order.
fn payloads(folder: &Path) -> Vec<Vec<u8>> {
    let mut found = Vec::new();
    for (number, _) in segment::list(folder).unwrap() {
        let bytes = segment::read(folder, number, segment::START, u64::MAX)
            .unwrap()
            .unwrap();
        let mut rest = bytes.as_slice();
        while let segment::Scan::Record(payload) = segment::scan(rest) {
            found.push(payload.to_vec());
            rest = rest.get(segment::FRAME + payload.len()..).unwrap();
        }
    }
    found
}

#[test]
fn records_rotate_through_segments_and_stay_in_order() {
    let folder = tempfile::tempdir().unwrap();
    let journal = open(folder.path(), 100, 1 << 20);
    let want: Vec<Vec<u8>> = (0..50_u8).map(|n| vec![n; 30]).collect();
    for payload in &want {
        journal.append(&record(payload)).unwrap();
    }
    assert_eq!(payloads(folder.path()), want);
    let segments = segment::list(folder.path()).unwrap();
    assert_eq!(segments.len(), 25);
    let on_disk: u64 = segments.iter().map(|(_, length)| length).sum();
    assert_eq!(journal.backlog().journal_bytes, on_disk);
    assert_eq!(journal.backlog().pending_bytes, 50 * 38);
    assert!(segments.iter().all(|(_, length)| *length <= 100));
}

#[test]
fn a_full_journal_refuses_and_takes_entries_again_once_segments_are_gone() {
    // P-06: the journal is bounded, and refusing writes nothing.
    let folder = tempfile::tempdir().unwrap();
    let journal = open(folder.path(), 100, 250);
    let accepted = (0..50)
        .take_while(|_| journal.append(&record(&[1; 30])).is_ok())
        .count();
    assert_eq!(payloads(folder.path()).len(), accepted);
    let full = journal.append(&record(&[1; 30])).unwrap_err();
    assert!(
        matches!(
            full,
            StoreError::JournalFull {
                limit_bytes: 250,
                ..
            }
        ),
        "{full}"
    );
    let active = journal.next_work(Duration::ZERO).target.segment;
    journal.delete_before(active).unwrap();
    journal.append(&record(&[2; 30])).unwrap();
}

#[test]
fn what_has_happened_waits_in_memory_for_room_and_is_written_in_order() {
    // P-06
    let folder = tempfile::tempdir().unwrap();
    let journal = open(folder.path(), 100, 250);
    let accepted = (0..50)
        .take_while(|_| journal.append(&record(&[1; 30])).is_ok())
        .count();
    for byte in [2, 3] {
        let kept = journal.append_or_keep(&record(&[byte; 30]));
        assert!(matches!(kept, Err(StoreError::JournalFull { .. })));
    }
    assert_eq!(payloads(folder.path()).len(), accepted);
    let active = journal.next_work(Duration::ZERO).target.segment;
    journal.delete_before(active).unwrap();
    journal.append(&record(&[4; 30])).unwrap();
    let payloads = payloads(folder.path());
    let written: Vec<u8> = payloads
        .iter()
        .filter_map(|it| it.first())
        .copied()
        .collect();
    assert!(written.ends_with(&[2, 3, 4]), "{written:?}");
}

#[test]
fn a_writer_without_work_looks_whether_there_is_room_again() {
    // P-06
    let folder = tempfile::tempdir().unwrap();
    let journal = open(folder.path(), 1_000, 1 << 20);
    let full = Arc::new(File::options().append(true).open("/dev/full").unwrap());
    journal.state.lock().active.file = full;
    assert!(journal.append_or_keep(&record(b"kept")).is_err());
    let work = journal.next_work(Duration::ZERO);
    assert!(work.target.offset > segment::START);
    assert_eq!(payloads(folder.path()), [b"kept"]);
}

#[test]
fn a_new_process_continues_behind_what_it_finds() {
    let folder = tempfile::tempdir().unwrap();
    open(folder.path(), 1_000, 1 << 20)
        .append(&record(b"old"))
        .unwrap();
    let journal = open(folder.path(), 1_000, 1 << 20);
    assert_eq!(journal.backlog().pending_bytes, 11);
    journal.append(&record(b"new")).unwrap();
    assert_eq!(payloads(folder.path()), [b"old", b"new"]);
}

#[test]
fn a_failed_write_is_an_error_and_the_next_record_goes_to_a_new_segment() {
    // P-06, P-07: `/dev/full` answers every write with ENOSPC.
    let folder = tempfile::tempdir().unwrap();
    let journal = open(folder.path(), 1_000, 1 << 20);
    journal.append(&record(b"before")).unwrap();
    let full = Arc::new(File::options().append(true).open("/dev/full").unwrap());
    {
        let mut state = journal.state.lock();
        let number = state.active.number;
        state.active = Active {
            file: full,
            number,
            is_broken: false,
        };
    }
    let refused = journal.append(&record(b"lost")).unwrap_err();
    assert!(matches!(refused, StoreError::File { .. }), "{refused}");
    journal.append(&record(b"after")).unwrap();
    assert_eq!(payloads(folder.path()), [b"before".as_slice(), b"after"]);
}

#[test]
fn a_read_only_handle_is_an_error_not_a_panic() {
    // P-07
    let folder = tempfile::tempdir().unwrap();
    let journal = open(folder.path(), 1_000, 1 << 20);
    let read_only = Arc::new(File::open(folder.path().join("0000000000000001.seg")).unwrap());
    journal.state.lock().active.file = read_only;
    assert!(journal.append(&record(b"x")).is_err());
}

#[test]
fn a_segment_that_is_set_aside_is_kept_and_no_longer_counted() {
    let folder = tempfile::tempdir().unwrap();
    let journal = open(folder.path(), 1_000, 1 << 20);
    journal.append(&record(b"x")).unwrap();
    let aside = journal.set_aside(1).unwrap();
    assert!(fs::metadata(aside).unwrap().len() > segment::START);
    assert_eq!(journal.segment_from(0), Some(2));
    assert_eq!(journal.backlog().journal_bytes, segment::START);
    journal.append(&record(b"y")).unwrap();
}

#[test]
fn a_closed_journal_refuses_and_a_writer_that_is_gone_leaves_nobody_waiting() {
    let folder = tempfile::tempdir().unwrap();
    let journal = open(folder.path(), 1_000, 1 << 20);
    let mut waiting = journal.request_flush().unwrap();
    let mut closing = journal.request_close();
    assert!(matches!(
        journal.append(&record(b"x")),
        Err(StoreError::Closed)
    ));
    assert!(matches!(journal.request_flush(), Err(StoreError::Closed)));
    journal.end();
    let mut late = journal.request_close();
    for answer in [&mut waiting, &mut closing, &mut late] {
        assert!(matches!(
            answer.try_recv(),
            Err(tokio::sync::oneshot::error::TryRecvError::Closed)
        ));
    }
}
