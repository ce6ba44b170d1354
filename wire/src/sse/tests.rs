//! The scanner against a naive reading of the whole stream.
#![expect(clippy::indexing_slicing, reason = "tests")]

use proptest::prelude::*;

use super::*;

type Read = (Option<Vec<u8>>, Vec<u8>);

/// The events of a stream as the specification words it, over the complete text.
fn reference(stream: &[u8]) -> Vec<Read> {
    let stream = stream.strip_prefix(BOM).unwrap_or(stream);
    let mut lines: Vec<Vec<u8>> = vec![Vec::new()];
    let mut at = 0;
    while at < stream.len() {
        match stream[at] {
            b'\r' if stream.get(at + 1) == Some(&b'\n') => {
                at += 1;
                lines.push(Vec::new());
            }
            b'\r' | b'\n' => lines.push(Vec::new()),
            byte => lines.last_mut().into_iter().for_each(|it| it.push(byte)),
        }
        at += 1;
    }
    // What follows the last line end is a line that never ended.
    lines.pop();
    let mut events = Vec::new();
    let (mut name, mut data): (Option<Vec<u8>>, Option<Vec<u8>>) = (None, None);
    for line in lines {
        if line.is_empty() {
            if let Some(data) = data.take() {
                events.push((name.take(), data));
            }
            name = None;
            continue;
        }
        let (field, value) = match line.iter().position(|it| *it == b':') {
            Some(colon) => (&line[..colon], &line[colon + 1..]),
            None => (&line[..], &[][..]),
        };
        let value = value.strip_prefix(b" ").unwrap_or(value).to_vec();
        match (field, &mut data) {
            (b"event", _) => name = Some(value),
            (b"data", Some(data)) => {
                data.push(b'\n');
                data.extend(value);
            }
            (b"data", None) => data = Some(value),
            _ => {}
        }
    }
    events
}

/// The events that the scanner finds, the bytes it covered, and what is left over.
fn scanned(chunks: &[&[u8]]) -> (Vec<Read>, Vec<u8>, Vec<u8>) {
    let mut scanner = Scanner::new();
    let mut events = Vec::new();
    let mut covered = Vec::new();
    for chunk in chunks {
        let mut at = 0;
        while let Ok(Some(boundary)) = scanner.next_event(chunk, at) {
            let raw = match &boundary.carried {
                Some(carried) => carried,
                None => &chunk[at..boundary.end],
            };
            covered.extend_from_slice(raw);
            let event = if boundary.is_first {
                Event::parse_first(raw)
            } else {
                Event::parse(raw)
            };
            if let Some(data) = event.data {
                events.push((event.name.map(<[u8]>::to_vec), data.into_owned()));
            }
            at = boundary.end;
        }
    }
    (events, covered, scanner.remainder().to_vec())
}

fn cut(stream: &[u8], mut cuts: Vec<usize>) -> Vec<&[u8]> {
    cuts.push(0);
    cuts.push(stream.len());
    cuts.sort_unstable();
    cuts.windows(2).map(|it| &stream[it[0]..it[1]]).collect()
}

#[test]
fn every_cut_of_every_framing_gives_the_same_events() {
    // U-33, U-34, U-35, U-36, U-40
    let lines = [
        "data: {\"a\":\"é😀\"}",
        "",
        ": comment",
        "",
        "event: ping",
        "",
        "id: 7",
        "retry: 10",
        "data:one",
        "data: two",
        "data",
        "data:  three",
        "",
        "",
        "event: error",
        "data: x",
        "",
        "data: [DONE]",
        "",
        "",
    ];
    for end in ["\n", "\r\n", "\r"] {
        for bom in ["", "\u{feff}"] {
            let stream = format!("{bom}{}", lines.join(end)).into_bytes();
            let expected = reference(&stream);
            assert_eq!(expected.len(), 4);
            for first in 0..=stream.len() {
                for second in [first, (first + 1).min(stream.len()), stream.len() / 2] {
                    let chunks = cut(&stream, vec![first, second]);
                    let (events, covered, rest) = scanned(&chunks);
                    assert_eq!(events, expected, "{end:?} {first} {second}");
                    assert_eq!([covered, rest].concat(), stream);
                }
            }
            let bytes: Vec<&[u8]> = stream.chunks(1).collect();
            assert_eq!(scanned(&bytes).0, expected);
        }
    }
}

#[test]
fn an_event_inside_one_chunk_is_not_copied() {
    let chunk = b"data: a\n\ndata: b\n\ndata";
    let mut scanner = Scanner::new();
    let mut at = 0;
    while let Ok(Some(boundary)) = scanner.next_event(chunk, at) {
        assert!(boundary.carried.is_none());
        at = boundary.end;
    }
    assert_eq!(at, 18);
    assert_eq!(scanner.remainder(), b"data");
}

#[test]
fn a_late_line_feed_belongs_to_the_event_before() {
    // U-33
    let mut scanner = Scanner::new();
    let first = scanner.next_event(b"data: a\r\n\r", 0);
    assert!(matches!(
        first,
        Ok(Some(Boundary {
            end: 10,
            is_tail: false,
            ..
        }))
    ));
    let tail = scanner.next_event(b"\ndata: b\r\n\r\n", 0);
    assert!(matches!(
        tail,
        Ok(Some(Boundary {
            end: 1,
            is_tail: true,
            ..
        }))
    ));
    let second = scanner.next_event(b"\ndata: b\r\n\r\n", 1);
    assert!(matches!(
        second,
        Ok(Some(Boundary {
            end: 12,
            is_tail: false,
            ..
        }))
    ));
}

#[test]
fn an_event_of_one_megabyte_passes_and_one_over_the_limit_does_not() {
    // U-37, U-38
    let mut scanner = Scanner::new();
    let piece = vec![b'x'; 64 * 1024];
    for _ in 0..16 {
        assert!(matches!(scanner.next_event(&piece, 0), Ok(None)));
    }
    let boundary = scanner.next_event(b"\n\n", 0).ok().flatten();
    let carried = boundary.and_then(|it| it.carried).unwrap_or_default();
    assert_eq!(carried.len(), 1024 * 1024 + 2);

    let mut scanner = Scanner::new();
    for _ in 0..256 {
        assert!(matches!(scanner.next_event(&piece, 0), Ok(None)));
    }
    assert_eq!(scanner.next_event(b"x", 0).err(), Some(EventTooLarge));
}

#[test]
fn done_is_recognised_in_every_spelling() {
    // U-32
    for text in [
        "data: [DONE]",
        "data:[DONE]",
        "data: [DONE] ",
        "data:  [DONE]\t",
        "event: [DONE]",
        "event: [DONE]\ndata: {}",
        "event: done\ndata: [DONE]",
        "id: 1\r\ndata: [DONE]",
    ] {
        let event = format!("{text}\n\n");
        assert!(Event::parse(event.as_bytes()).is_done(), "{text}");
    }
    for text in [
        "data: {\"content\":\"[DONE]\"}",
        "data: \"[DONE]\"",
        ": [DONE]",
        "data: DONE",
    ] {
        assert!(
            !Event::parse(format!("{text}\n\n").as_bytes()).is_done(),
            "{text}"
        );
    }
}

#[test]
fn what_the_encoder_writes_is_one_event() {
    assert_eq!(data_event(b"{}").as_ref(), b"data: {}\n\n");
    assert!(Event::parse(DONE).is_done());
}

/// Text made of the bytes that framing hangs on.
fn stream() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop::sample::select(vec![
        "\n",
        "\r",
        "\r\n",
        "\n\n",
        ":",
        " ",
        "data",
        "data:",
        "data: ",
        "event:",
        "event: error",
        "[DONE]",
        "x",
        "é",
        "{\"a\":1}",
        ": ping",
        "id: 1",
        "\u{feff}",
    ]);
    prop::collection::vec(piece, 0..40).prop_map(|it| it.concat().into_bytes())
}

proptest! {
    #[test]
    fn any_text_under_any_cut_reads_like_the_reference(
        stream in stream(),
        cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..8),
    ) {
        let cuts = cuts.iter().map(|it| it.index(stream.len() + 1)).collect();
        let (events, covered, rest) = scanned(&cut(&stream, cuts));
        prop_assert_eq!([covered, rest].concat(), stream.clone());
        prop_assert_eq!(events, reference(&stream));
    }
}
