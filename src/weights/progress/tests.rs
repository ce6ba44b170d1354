#![expect(clippy::unwrap_used, reason = "tests")]

use super::*;

#[test]
fn lines_speak_once_at_every_tenth() {
    let mut out = Vec::new();
    let mut lines = Lines::new(&mut out);
    lines.note("hello");
    lines.begin(0, 1000);
    for done in [50, 99, 100, 150, 199, 420, 430, 1000] {
        lines.advance(done);
    }
    lines.end();
    let expected = "hello\n10%  100 B of 1.0 kB\n40%  420 B of 1.0 kB\n100%  1.0 kB of 1.0 kB\n";
    assert_eq!(String::from_utf8(out).unwrap(), expected);
}

#[test]
fn a_resumed_transfer_does_not_announce_what_was_here_before() {
    let mut out = Vec::new();
    let mut lines = Lines::new(&mut out);
    lines.begin(900, 1000);
    lines.advance(950);
    lines.end();
    assert!(out.is_empty());
}

#[test]
fn sizes_are_said_in_decimal_units() {
    let said = [999, 1_000, 98_362_432, 1_060_000_000].map(bytes_text);
    assert_eq!(said, ["999 B", "1.0 kB", "98.3 MB", "1.0 GB"]);
}
