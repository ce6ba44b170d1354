#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

use std::fs;

use super::{FRAME, MAX_PAYLOAD, START, Scan, create, is_torn, list, path, scan, seal};

fn record(payload: &[u8]) -> Vec<u8> {
    let mut record = vec![0; FRAME];
    record.extend_from_slice(payload);
    seal(&mut record);
    record
}

#[test]
fn every_prefix_of_a_record_is_incomplete_and_the_whole_is_found() {
    let record = record(b"payload");
    for cut in 0..record.len() {
        assert_eq!(scan(&record[..cut]), Scan::Incomplete, "{cut}");
    }
    assert_eq!(scan(&record), Scan::Record(b"payload"));
}

#[test]
fn any_flipped_bit_is_noticed() {
    let record = record(b"payload");
    for bit in 0..record.len() * 8 {
        let mut flipped = record.clone();
        flipped[bit / 8] ^= 1 << (bit % 8);
        assert!(!matches!(scan(&flipped), Scan::Record(_)), "{bit}");
    }
}

#[test]
fn zeros_are_no_record() {
    assert_eq!(scan(&[0; 64]), Scan::Damaged);
}

#[test]
fn a_torn_tail_is_one_record_of_anything_and_then_zeros() {
    assert!(is_torn(b""));
    assert!(is_torn(&[7; FRAME + MAX_PAYLOAD]));
    let mut tail = vec![7; FRAME + MAX_PAYLOAD];
    tail.resize(100_000, 0);
    assert!(is_torn(&tail));
    tail[99_999] = 1;
    assert!(!is_torn(&tail));
}

#[test]
fn only_segments_are_listed_and_in_order() {
    let folder = tempfile::tempdir().unwrap();
    for number in [11, 2] {
        create(folder.path(), number).unwrap();
    }
    for other in ["0000000000000005.damaged", "notes.seg", "7.txt"] {
        fs::write(folder.path().join(other), b"x").unwrap();
    }
    assert_eq!(list(folder.path()).unwrap(), [(2, START), (11, START)]);
    assert_eq!(list(&folder.path().join("missing")).unwrap(), []);
    assert!(path(folder.path(), 2).exists());
}
