//! Frames as botocore writes them, and frames of chance.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

use proptest::prelude::*;

use super::*;

/// A `contentBlockDelta` event and a `throttlingException`, as botocore 1.44.5 writes and reads them.
pub(crate) const EVENT: &str = "0000009400000057b4ab9aee0d3a6d6573736167652d747970650700056576656e740b3a6576656e742d74797065070011636f6e74656e74426c6f636b44656c74610d3a636f6e74656e742d747970650700106170706c69636174696f6e2f6a736f6e7b22636f6e74656e74426c6f636b496e646578223a302c2264656c7461223a7b2274657874223a224869227d7d5db19242";
pub(crate) const EXCEPTION: &str = "0000008800000061de0175f40d3a6d6573736167652d74797065070009657863657074696f6e0f3a657863657074696f6e2d747970650700137468726f74746c696e67457863657074696f6e0d3a636f6e74656e742d747970650700106170706c69636174696f6e2f6a736f6e7b226d657373616765223a22736c6f7720646f776e227d4e43b958";

pub(crate) fn unhex(hex: &str) -> Vec<u8> {
    let digits: Vec<u32> = hex.chars().map(|it| it.to_digit(16).unwrap()).collect();
    let bytes = digits.chunks(2).map(|it| u8::try_from(it[0] << 4 | it[1]));
    bytes.collect::<Result<_, _>>().unwrap()
}

fn sealed(total: usize, headers: usize, rest: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    for length in [total, headers] {
        out.extend_from_slice(&u32::try_from(length).unwrap().to_be_bytes());
    }
    out.extend_from_slice(&crc32fast::hash(&out).to_be_bytes());
    out.extend_from_slice(rest);
    out.extend_from_slice(&crc32fast::hash(&out).to_be_bytes());
    out
}

/// Writes a frame around headers that are bytes already.
pub(crate) fn frame(headers: &[u8], payload: &[u8]) -> Vec<u8> {
    let total = PRELUDE + headers.len() + payload.len() + TRAILER;
    sealed(total, headers.len(), &[headers, payload].concat())
}

/// A frame whose headers are texts.
pub(crate) fn text_frame(headers: &[(&str, &str)], payload: &str) -> Vec<u8> {
    let mut out = Vec::new();
    for (name, value) in headers {
        write_header(name, &Value::Text(value), &mut out);
    }
    frame(&out, payload.as_bytes())
}

fn write_header(name: &str, value: &Value<'_>, out: &mut Vec<u8>) {
    out.push(u8::try_from(name.len()).unwrap());
    out.extend_from_slice(name.as_bytes());
    let mut typed = |kind: u8, bytes: &[u8]| {
        out.push(kind);
        if matches!(kind, 6 | 7) {
            out.extend_from_slice(&u16::try_from(bytes.len()).unwrap().to_be_bytes());
        }
        out.extend_from_slice(bytes);
    };
    match value {
        Value::Bool(true) => typed(0, &[]),
        Value::Bool(false) => typed(1, &[]),
        Value::Byte(it) => typed(2, &it.to_be_bytes()),
        Value::Short(it) => typed(3, &it.to_be_bytes()),
        Value::Int(it) => typed(4, &it.to_be_bytes()),
        Value::Long(it) => typed(5, &it.to_be_bytes()),
        Value::Bytes(it) => typed(6, it),
        Value::Text(it) => typed(7, it.as_bytes()),
        Value::Timestamp(it) => typed(8, &it.to_be_bytes()),
        Value::Uuid(it) => typed(9, it),
    }
}

/// What a decoder finds in these pieces, and whether it has bytes left over.
fn decode<'c>(
    chunks: impl IntoIterator<Item = &'c [u8]>,
) -> (Vec<Frame>, Result<bool, FrameError>) {
    let mut decoder = Decoder::new();
    let mut frames = Vec::new();
    for chunk in chunks {
        decoder.push(Bytes::copy_from_slice(chunk));
        loop {
            match decoder.next_frame() {
                Ok(Some(frame)) => frames.push(frame),
                Ok(None) => break,
                Err(error) => return (frames, Err(error)),
            }
        }
    }
    (frames, Ok(decoder.is_empty()))
}

fn error_of(bytes: &[u8]) -> FrameError {
    let (_, whole) = decode([bytes]);
    let (_, cut) = decode(bytes.chunks(1));
    assert_eq!(whole, cut);
    whole.unwrap_err()
}

#[test]
fn two_frames_are_found_at_every_cut() {
    let stream = [unhex(EVENT), unhex(EXCEPTION)].concat();
    for at in 0..=stream.len() {
        let (head, tail) = stream.split_at(at);
        let (frames, end) = decode([head, tail]);
        assert_eq!(end, Ok(true), "cut at {at}");
        assert_eq!(frames[0].text(":message-type"), Some("event"));
        assert_eq!(frames[0].text(":event-type"), Some("contentBlockDelta"));
        assert_eq!(frames[0].text(":content-type"), Some("application/json"));
        assert_eq!(
            &**frames[0].payload(),
            br#"{"contentBlockIndex":0,"delta":{"text":"Hi"}}"#
        );
        assert_eq!(frames[1].text(":message-type"), Some("exception"));
        assert_eq!(
            frames[1].text(":exception-type"),
            Some("throttlingException")
        );
        assert_eq!(&**frames[1].payload(), br#"{"message":"slow down"}"#);
        assert_eq!(frames.len(), 2);
    }
}

#[test]
fn our_frames_are_those_of_botocore() {
    let headers = [
        (":message-type", "event"),
        (":event-type", "contentBlockDelta"),
        (":content-type", "application/json"),
    ];
    let ours = text_frame(&headers, r#"{"contentBlockIndex":0,"delta":{"text":"Hi"}}"#);
    assert_eq!(ours, unhex(EVENT));
}

#[test]
fn a_frame_in_one_chunk_is_not_copied() {
    let chunk = Bytes::from(unhex(EVENT));
    let mut decoder = Decoder::new();
    decoder.push(chunk.clone());
    let frame = decoder.next_frame().unwrap().unwrap();
    assert!(chunk.as_ptr_range().contains(&frame.payload().as_ptr()));
}

#[test]
fn chunks_may_be_pushed_before_frames_are_taken() {
    let stream = [unhex(EVENT), unhex(EVENT), unhex(EVENT)].concat();
    let mut decoder = Decoder::new();
    for piece in stream.chunks(100) {
        decoder.push(Bytes::copy_from_slice(piece));
    }
    for _ in 0..3 {
        assert!(decoder.next_frame().unwrap().is_some());
    }
    assert!(decoder.is_empty());
    assert_eq!(decoder.next_frame(), Ok(None));
}

#[test]
fn any_changed_byte_is_noticed() {
    let good = unhex(EVENT);
    for at in 0..good.len() {
        let mut bad = good.clone();
        bad[at] ^= 0x10;
        let expected = match at {
            0 => FrameError::Foreign,
            1..PRELUDE => FrameError::PreludeChecksum,
            _ => FrameError::Checksum,
        };
        assert_eq!(error_of(&bad), expected, "byte {at}");
    }
}

#[test]
fn half_a_frame_is_left_over() {
    let good = unhex(EVENT);
    for at in 1..good.len() {
        let (frames, end) = decode([&good[..at]]);
        assert_eq!((frames.len(), end), (0, Ok(false)), "cut at {at}");
    }
    assert_eq!(decode([&[][..]]).1, Ok(true));
}

// trap 9
#[test]
fn text_is_not_taken_for_a_damaged_frame() {
    for text in [r#"{"message":"no"}"#, "<html>", "data: {}\n\n", "\n{}", "["] {
        assert_eq!(error_of(text.as_bytes()), FrameError::Foreign, "{text}");
    }
}

#[test]
fn lengths_that_cannot_be_are_refused_before_the_rest_comes() {
    let refused = |total: usize, headers: usize| error_of(&sealed(total, headers, &[])[..PRELUDE]);
    assert_eq!(refused(15, 0), FrameError::Length);
    assert_eq!(refused(20, 5), FrameError::Length);
    let (headers, payload) = (MAX_HEADERS, MAX_PAYLOAD);
    assert_eq!(refused(headers + 17, headers + 1), FrameError::TooLarge);
    assert_eq!(refused(payload + 17, 0), FrameError::TooLarge);
    assert!(
        Lengths::read(&sealed(headers + payload + 16, headers, &[]))
            .unwrap()
            .is_some()
    );
}

#[test]
fn headers_that_run_over_their_end_are_refused() {
    for headers in [
        &b"\x05ab"[..],
        b"\x01a",
        b"\x01a\x07\x00\x05x",
        b"\x01a\x0A",
        b"\x01\xFF\x00",
    ] {
        assert_eq!(error_of(&frame(headers, b"x")), FrameError::Headers);
    }
}

/// A header of any kind, in bytes of its own.
#[derive(Clone, Debug)]
enum Owned {
    Plain(Value<'static>),
    Bytes(Vec<u8>),
    Text(String),
}

impl Owned {
    fn value(&self) -> Value<'_> {
        match self {
            Self::Plain(value) => *value,
            Self::Bytes(bytes) => Value::Bytes(bytes),
            Self::Text(text) => Value::Text(text),
        }
    }
}

fn value() -> impl Strategy<Value = Owned> {
    prop_oneof![
        any::<bool>().prop_map(|it| Owned::Plain(Value::Bool(it))),
        any::<i8>().prop_map(|it| Owned::Plain(Value::Byte(it))),
        any::<i16>().prop_map(|it| Owned::Plain(Value::Short(it))),
        any::<i32>().prop_map(|it| Owned::Plain(Value::Int(it))),
        any::<i64>().prop_map(|it| Owned::Plain(Value::Long(it))),
        any::<i64>().prop_map(|it| Owned::Plain(Value::Timestamp(it))),
        any::<[u8; 16]>().prop_map(|it| Owned::Plain(Value::Uuid(it))),
        prop::collection::vec(any::<u8>(), 0..40).prop_map(Owned::Bytes),
        ".{0,20}".prop_map(Owned::Text),
    ]
}

type Made = (Vec<(String, Owned)>, Vec<u8>);

fn made() -> impl Strategy<Value = Vec<Made>> {
    let headers = prop::collection::vec(("[a-z:-]{0,12}", value()), 0..5);
    let payload = prop::collection::vec(any::<u8>(), 0..200);
    prop::collection::vec((headers, payload), 0..5)
}

proptest! {
    #[test]
    fn any_frames_come_back_however_they_are_cut(made in made(), cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..12)) {
        let mut stream = Vec::new();
        for (headers, payload) in &made {
            let mut bytes = Vec::new();
            for (name, value) in headers {
                write_header(name, &value.value(), &mut bytes);
            }
            stream.extend(frame(&bytes, payload));
        }
        let mut at: Vec<usize> = cuts.iter().map(|it| it.index(stream.len() + 1)).collect();
        at.extend([0, stream.len()]);
        at.sort_unstable();
        let (frames, end) = decode(at.windows(2).map(|it| &stream[it[0]..it[1]]));
        prop_assert_eq!(end, Ok(true));
        prop_assert_eq!(frames.len(), made.len());
        for (frame, (headers, payload)) in frames.iter().zip(&made) {
            let found: Vec<_> = frame.headers().collect();
            let expected: Vec<_> = headers.iter().map(|(name, it)| (name.as_str(), it.value())).collect();
            prop_assert_eq!(found, expected);
            prop_assert_eq!(&**frame.payload(), payload.as_slice());
        }
    }

    #[test]
    fn any_bytes_are_read_without_a_panic(bytes in prop::collection::vec(any::<u8>(), 0..64), size in 1_usize..8) {
        let (whole, cut) = (decode([&bytes[..]]), decode(bytes.chunks(size)));
        prop_assert_eq!(whole, cut);
    }
}
