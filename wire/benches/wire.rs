//! What the hot paths cost: one streamed chunk, and one request body per kilobyte.
//!
//! `cargo bench -p tollward-wire` prints a table. Each figure is the best of several
//! rounds, so that a busy machine does not turn into a regression; compare runs of one
//! machine only.
#![expect(clippy::disallowed_methods, reason = "a bench measures time")]
#![expect(clippy::print_stdout, reason = "a bench prints its result")]

use std::hint::black_box;
use std::time::Instant;

use bytes::Bytes;
use tollward_wire::chat::Names;
use tollward_wire::chat::seal::Seal;
use tollward_wire::chat::settle::Settler;
use tollward_wire::dialect::timing::Timing;
use tollward_wire::dialect::{Dialect, Echo};
use tollward_wire::document::Document;
use tollward_wire::operation::Operation;
use tollward_wire::reader::{StreamReader, UsageChunk};
use tollward_wire::segments::Segments;
use tollward_wire::translate::{AnswerReader, Translation};
use tollward_wire::view::RequestView;
use tollward_wire::view::content::InputBound;

/// Any key will do.
static SEAL: Seal = Seal::new([7; 32]);

const ROUNDS: u32 = 15;

fn main() {
    println!("{:<44}{:>12}", "case", "ns");
    let chunk = chat_chunk();
    report(
        &format!("one {}-byte chat chunk, one push", chunk.len()),
        per_chunk(&chunk, 1),
    );
    report("the same, eight chunks in one push", per_chunk(&chunk, 8));
    report("the same, cut in two pushes", per_cut_chunk(&chunk));
    for (name, from, to) in [
        ("chat to messages", Dialect::OpenAiChat, Dialect::Anthropic),
        (
            "chat to responses",
            Dialect::OpenAiChat,
            Dialect::OpenAiResponses,
        ),
        (
            "chat to Ollama's lines",
            Dialect::OpenAiChat,
            Dialect::Ollama,
        ),
        ("messages to chat", Dialect::Anthropic, Dialect::OpenAiChat),
    ] {
        report(
            &format!("one chunk in translation, {name}"),
            per_translated_chunk(from, to),
        );
    }
    for (name, body) in bodies() {
        let kilobytes = u32::try_from(body.len() / 1024).unwrap_or(u32::MAX).max(1);
        let turns = 2_000_000 / u32::try_from(body.len()).unwrap_or(u32::MAX) + 1;
        let parse = best(turns, || {
            black_box(Document::parse(body.clone()).is_ok());
        });
        report(
            &format!("parse {name}, per KiB"),
            parse / u64::from(kilobytes),
        );
        let whole = best(turns, || {
            if let Ok(document) = Document::parse(body.clone()) {
                let view = RequestView::read(Operation::Chat, &document);
                let mut edit = document.edit();
                edit.set("model", "gpt-4o-mini-2024-07-18");
                black_box((view.is_ok(), edit.finish()));
            }
        });
        report(&format!("parse, view and edit {name}"), whole);
        if let Ok(document) = Document::parse(body.clone()) {
            let bound = best(turns, || {
                black_box(InputBound::of(Operation::Chat, black_box(&document)));
            });
            report(&format!("bound on the input of {name}"), bound);
        }
    }
}

fn report(case: &str, nanos: u64) {
    println!("{case:<44}{nanos:>12}");
}

/// Nanoseconds of one call, the best of [`ROUNDS`] rounds of `turns` calls.
fn best(turns: u32, mut work: impl FnMut()) -> u64 {
    (0..ROUNDS)
        .map(|_| {
            let start = Instant::now();
            (0..turns).for_each(|_| work());
            start.elapsed().as_nanos() / u128::from(turns)
        })
        .min()
        .and_then(|it| u64::try_from(it).ok())
        .unwrap_or_default()
}

fn per_chunk(chunk: &Bytes, events: u32) -> u64 {
    let chunk = Bytes::from(chunk.repeat(events as usize));
    let mut reader = StreamReader::new(Operation::Chat, UsageChunk::Hide);
    let mut out = Segments::new();
    let nanos = best(50_000 / events, || {
        black_box(reader.push(chunk.clone(), &mut out));
        out.clear();
    });
    nanos / u64::from(events)
}

/// A stream is begun once; what is measured is one more piece of its text.
fn per_translated_chunk(from: Dialect, to: Dialect) -> u64 {
    let Ok(request) = Document::parse(Bytes::from_static(b"{}")) else {
        return 0;
    };
    let echo = Echo {
        model: "fast",
        id: "0123456789abcdef0123456789abcdef",
        created: 1_764_000_000,
        asks_usage: false,
        estimated_input: 100,
        seal: &SEAL,
        timing: Timing::default(),
        request: &request,
    };
    let settler = Settler::new(Names::default(), None, Vec::new(), "seed");
    let translation = Translation::new(from, to, settler, &echo);
    let mut reader = AnswerReader::Translate(Box::new(translation));
    let mut out = Segments::new();
    let (opening, chunk) = match from {
        Dialect::Anthropic => (CLAUDE_OPENING, Bytes::from_static(CLAUDE_CHUNK)),
        _ => (b"".as_slice(), chat_chunk()),
    };
    reader.push(Bytes::from_static(opening), &mut out);
    // The words that are kept for the end of the answer are few here, as in a real one.
    best(2_000, || {
        black_box(reader.push(chunk.clone(), &mut out));
        out.clear();
    })
}

const CLAUDE_OPENING: &[u8] = b"event: message_start\ndata: {\"type\":\"message_start\",\"message\":{\"id\":\"msg_1\",\"usage\":{\"input_tokens\":9,\"output_tokens\":1}}}\n\nevent: content_block_start\ndata: {\"type\":\"content_block_start\",\"index\":0,\"content_block\":{\"type\":\"text\",\"text\":\"\"}}\n\n";
const CLAUDE_CHUNK: &[u8] = b"event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":\"text_delta\",\"text\":\" token\"}}\n\n";

fn per_cut_chunk(chunk: &Bytes) -> u64 {
    let (head, tail) = (chunk.slice(..100), chunk.slice(100..));
    let mut reader = StreamReader::new(Operation::Chat, UsageChunk::Hide);
    let mut out = Segments::new();
    best(50_000, || {
        black_box(reader.push(head.clone(), &mut out));
        black_box(reader.push(tail.clone(), &mut out));
        out.clear();
    })
}

fn chat_chunk() -> Bytes {
    Bytes::from_static(
        b"data: {\"id\":\"chatcmpl-A1b2C3d4E5f6G7h8I9j0K1l2M3n4\",\"object\":\"chat.completion.chunk\",\
          \"created\":1764000000,\"model\":\"gpt-4o-mini-2024-07-18\",\"system_fingerprint\":\"fp_0123456789\",\
          \"choices\":[{\"index\":0,\"delta\":{\"content\":\" token\"},\"logprobs\":null,\"finish_reason\":null}]}\n\n",
    )
}

fn bodies() -> [(&'static str, Bytes); 4] {
    let message = r#"{"role":"user","content":"Say in one sentence why the sky is blue, and then why it is red in the evening."}"#;
    let chat = |count: usize| {
        let messages = vec![message; count].join(",");
        Bytes::from(format!(
            r#"{{"model":"fast","temperature":0.2,"stream":true,"messages":[{messages}]}}"#
        ))
    };
    let escaped = "line \\\"quoted\\\"\\n\\ttab ".repeat(40_000);
    let text =
        format!(r#"{{"model":"fast","messages":[{{"role":"user","content":"{escaped}"}}]}}"#);
    let line = "The quick brown fox jumps over the lazy dog.\\n".repeat(22);
    let part = format!(r#"{{"role":"user","content":[{{"type":"text","text":"{line}"}}]}}"#);
    let parts = vec![part; 100].join(",");
    let agent = format!(r#"{{"model":"fast","messages":[{parts}]}}"#);
    [
        ("a 1 KiB chat", chat(10)),
        ("100 KiB of an agent", Bytes::from(agent)),
        ("a 100 KiB chat", chat(950)),
        ("1 MiB of escaped text", Bytes::from(text)),
    ]
}
