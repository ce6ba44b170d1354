//! The frames of a stream, and what a dialect reads in them, do not depend on the cuts.
#![no_main]

use bytes::Bytes;
use libfuzzer_sys::fuzz_target;
use tollward_wire::chat::ChatEvent;
use tollward_wire::dialect::Dialect;
use tollward_wire::eventstream::{Decoder, Frame, FrameError};

fn frames<'c>(chunks: impl Iterator<Item = &'c [u8]>) -> (Vec<Frame>, Result<bool, FrameError>) {
    let mut decoder = Decoder::new();
    let mut found = Vec::new();
    for chunk in chunks {
        decoder.push(Bytes::copy_from_slice(chunk));
        loop {
            match decoder.next_frame() {
                Ok(Some(frame)) => found.push(frame),
                Ok(None) => break,
                Err(error) => return (found, Err(error)),
            }
        }
    }
    (found, Ok(decoder.is_empty()))
}

fn events<'c>(chunks: impl Iterator<Item = &'c [u8]>) -> Vec<String> {
    let mut reader = Dialect::Converse.reader();
    let mut found = Vec::new();
    let mut sink = |event: ChatEvent<'_>| found.push(format!("{event:?}"));
    for chunk in chunks {
        reader.push(Bytes::copy_from_slice(chunk), &mut sink);
    }
    reader.finish(&mut sink);
    found
}

fuzz_target!(|input: (usize, Vec<u8>)| {
    let (at, stream) = input;
    let (head, tail) = stream.split_at(at % (stream.len() + 1));
    let whole = frames([stream.as_slice()].into_iter());
    assert_eq!(frames([head, tail].into_iter()), whole);
    assert_eq!(frames(stream.chunks(1)), whole);
    let whole = events([stream.as_slice()].into_iter());
    assert_eq!(events([head, tail].into_iter()), whole);
    assert_eq!(events(stream.chunks(1)), whole);
});
