//! What a dialect reads in a stream does not depend on the cuts, and any of it can be written.
#![no_main]

use bytes::Bytes;
use libfuzzer_sys::fuzz_target;
use tollward_wire::chat::settle::Settler;
use tollward_wire::chat::{ChatEvent, Names};
use tollward_wire::chat::seal::Seal;
use tollward_wire::dialect::timing::Timing;
use tollward_wire::dialect::{Dialect, Echo};
use tollward_wire::document::Document;
use tollward_wire::segments::Segments;
use tollward_wire::translate::{AnswerReader, Translation};

/// Any key will do.
static SEAL: Seal = Seal::new([7; 32]);

const VENDORS: [Dialect; 6] = [
    Dialect::OpenAiChat,
    Dialect::Anthropic,
    Dialect::Gemini,
    Dialect::Ollama,
    Dialect::Converse,
    Dialect::OpenAiResponses,
];

fn events<'c>(vendor: Dialect, chunks: impl Iterator<Item = &'c [u8]>) -> Vec<String> {
    let mut reader = vendor.reader();
    let mut found = Vec::new();
    let mut sink = |event: ChatEvent<'_>| found.push(format!("{event:?}"));
    for chunk in chunks {
        reader.push(Bytes::copy_from_slice(chunk), &mut sink);
    }
    reader.finish(&mut sink);
    found
}

fn translate(from: Dialect, to: Dialect, stream: &[u8]) {
    let Ok(request) = Document::parse(Bytes::from_static(b"{}")) else {
        return;
    };
    let echo = Echo {
        model: "m",
        id: "0",
        created: 0,
        asks_usage: true,
        timing: Timing::default(),
        estimated_input: 1,
        seal: &SEAL,
        request: &request,
    };
    let settler = Settler::new(Names::default(), Some("json"), vec!["sh".into()], "s");
    let translation = Translation::new(from, to, settler, &echo);
    let mut reader = AnswerReader::Translate(Box::new(translation));
    let mut out = Segments::new();
    reader.push(Bytes::copy_from_slice(stream), &mut out);
    reader.finish(&mut out);
    assert!(std::str::from_utf8(&out.to_bytes()).is_ok());
}

fuzz_target!(|input: (u8, usize, Vec<u8>)| {
    let (vendor, at, stream) = input;
    let Some(vendor) = VENDORS.get(usize::from(vendor) % VENDORS.len()).copied() else {
        return;
    };
    let (head, tail) = stream.split_at(at % (stream.len() + 1));
    let whole = events(vendor, [stream.as_slice()].into_iter());
    assert_eq!(events(vendor, [head, tail].into_iter()), whole);
    assert_eq!(events(vendor, stream.chunks(1)), whole);
    for caller in [
        Dialect::OpenAiChat,
        Dialect::Anthropic,
        Dialect::Ollama,
        Dialect::Gemini,
    ] {
        translate(vendor, caller, &stream);
    }
});
