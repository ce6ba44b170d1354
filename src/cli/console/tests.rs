#![expect(clippy::unwrap_used, reason = "tests")]

use super::*;

/// Runs `body` with a console and returns what it wrote: results, remarks.
pub(crate) async fn capture<T>(
    body: impl AsyncFnOnce(&mut Console<'_>) -> T,
) -> (T, String, String) {
    let (mut out, mut notes) = (Vec::new(), Vec::new());
    let mut console = Console {
        out: &mut out,
        notes: &mut notes,
        is_terminal: false,
    };
    let value = body(&mut console).await;
    (
        value,
        String::from_utf8(out).unwrap(),
        String::from_utf8(notes).unwrap(),
    )
}

#[tokio::test]
async fn a_table_is_plain_columns_without_trailing_space() {
    let rows = [["one", ""], ["", "two\u{1b}[31m"]].map(|row| row.map(str::to_owned));
    let (result, out, _) = capture(async |console| console.table(["A", "B"], rows)).await;
    result.unwrap();
    assert_eq!(out, "A    B\none\n     two[31m\n");
}

#[test]
fn control_characters_do_not_reach_a_terminal() {
    assert_eq!(printable("a\u{1b}[2Jb\u{7}\r\n\tc\u{9b}"), "a[2Jb\n\tc");
}

#[test]
fn times_are_written_in_utc() {
    assert_eq!(time_text(1_795_521_900_000), "2026-11-24 12:05");
    assert_eq!(time_text(i64::MAX), i64::MAX.to_string());
}
