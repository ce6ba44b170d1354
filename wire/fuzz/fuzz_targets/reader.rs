//! What goes out of a stream is a part of what came in and does not depend on the cuts.
#![no_main]

use bytes::Bytes;
use libfuzzer_sys::fuzz_target;
use tollward_wire::operation::Operation;
use tollward_wire::reader::{StreamEnd, StreamReader, UsageChunk};
use tollward_wire::segments::Segments;

fn read(usage_chunk: UsageChunk, chunks: &[&[u8]]) -> (Vec<u8>, StreamEnd, u64, bool) {
    let mut reader = StreamReader::new(Operation::Chat, usage_chunk);
    let mut out = Segments::new();
    for chunk in chunks {
        reader.push(Bytes::copy_from_slice(chunk), &mut out);
    }
    let end = reader.finish(&mut out);
    let text = out.to_bytes().to_vec();
    (text, end, reader.output_bytes(), reader.content_seen())
}

fuzz_target!(|input: (usize, Vec<u8>)| {
    let (at, stream) = input;
    let (head, tail) = stream.split_at(at % (stream.len() + 1));
    for usage_chunk in [UsageChunk::Keep, UsageChunk::Hide] {
        let whole = read(usage_chunk, &[&stream]);
        assert!(whole.0.len() <= stream.len() + 16);
        assert_eq!(read(usage_chunk, &[head, tail]), whole);
        let bytes: Vec<&[u8]> = stream.chunks(1).collect();
        assert_eq!(read(usage_chunk, &bytes), whole);
    }
});
