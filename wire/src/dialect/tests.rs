//! What the tests of the dialects share: a request on its way, a stream in pieces, samples.
#![expect(clippy::indexing_slicing, clippy::unwrap_used, reason = "tests")]

mod interleaved;
mod round_trip;
mod web_search;

use crate::chat::seal::tests::SEAL;
use bytes::Bytes;
use serde_json::{Value, json};

use super::*;
use crate::chat::settle::Settler;
use crate::chat::{Names, Traits};
use crate::segments::Segments;
use crate::translate::Translation;

/// The sizes that streams are cut into.
pub(super) const SIZES: [usize; 5] = [1, 2, 3, 7, 64];

/// A request as it was written, and what was noted of it.
#[derive(Debug)]
pub(super) struct Sent {
    pub(super) body: Value,
    pub(super) dropped: Vec<String>,
    pub(super) wrapped: Vec<Box<str>>,
    pub(super) answer_tool: Option<&'static str>,
}

pub(super) fn document(body: &Value) -> Document {
    Document::parse(body.to_string().into()).unwrap()
}

pub(super) fn echo(request: &Document) -> Echo<'_> {
    Echo {
        model: "public",
        id: "0123456789abcdef",
        created: 1_700_000_000,
        asks_usage: true,
        timing: Timing::default(),
        estimated_input: 42,
        seal: &SEAL,
        request,
    }
}

/// A caller's request in the vendor's words, or the field that is refused.
pub(super) fn try_write(
    (caller, vendor): (Dialect, Dialect),
    request: &Value,
    traits: Traits,
) -> Result<Sent, String> {
    let request = document(request);
    let chat = caller.read_request(&request).unwrap();
    let target = Target {
        model: "model",
        traits,
    };
    let written = vendor.write_request(&chat, &target);
    let written = written.map_err(|it| it.param.into_owned())?;
    Ok(Sent {
        body: serde_json::from_slice(&written.body.to_bytes()).unwrap(),
        dropped: written.dropped.iter().map(ToString::to_string).collect(),
        wrapped: written.wrapped_tools.clone(),
        answer_tool: written.answer_tool,
    })
}

pub(super) fn write(way: (Dialect, Dialect), request: &Value, traits: Traits) -> Sent {
    try_write(way, request, traits).unwrap()
}

/// The path of the field that cannot be read.
pub(super) fn unreadable(caller: Dialect, request: &Value) -> String {
    let request = document(request);
    caller.read_request(&request).unwrap_err().field
}

/// Compares with a sample: a request, the body it becomes and what is left out of it.
pub(super) fn check(way: (Dialect, Dialect), sample: &str, traits: Traits) -> Sent {
    let sample: Value = serde_json::from_str(sample).unwrap();
    let sent = write(way, &sample["request"], traits);
    assert_eq!(sent.body, sample["body"], "{:#}", sent.body);
    assert_eq!(json!(sent.dropped), sample["dropped"]);
    sent
}

/// The events of a vendor's stream in words, cut into pieces of `size` bytes.
pub(super) fn events(vendor: Dialect, stream: &str, size: usize) -> Vec<String> {
    let mut said = Vec::new();
    let mut sink = |event: ChatEvent<'_>| said.push(format!("{event:?}"));
    let mut reader = vendor.reader();
    for piece in stream.as_bytes().chunks(size.max(1)) {
        reader.push(Bytes::copy_from_slice(piece), &mut sink);
    }
    reader.finish(&mut sink);
    said
}

/// The events of a stream, which are the same however it is cut.
pub(super) fn same_events(vendor: Dialect, stream: &str) -> Vec<String> {
    let whole = events(vendor, stream, stream.len());
    for size in SIZES {
        assert_eq!(events(vendor, stream, size), whole, "cut at {size}");
    }
    whole
}

fn settled(read: impl FnOnce(&mut dyn EventSink)) -> Collected {
    let mut settler = Settler::new(Names::default(), None, Vec::new(), "seed");
    let mut collected = Collected::default();
    read(&mut |event: ChatEvent<'_>| settler.pass(event, &mut collected));
    collected
}

/// A stream, settled and put together, and the same however it is cut.
pub(super) fn collect(vendor: Dialect, stream: &str) -> Collected {
    same_events(vendor, stream);
    let mut reader = vendor.reader();
    settled(|sink| {
        reader.push(Bytes::copy_from_slice(stream.as_bytes()), sink);
        reader.finish(sink);
    })
}

/// A whole answer, settled and put together.
pub(super) fn collect_answer(vendor: Dialect, body: &Value) -> Collected {
    settled(|sink| vendor.read_answer(body.to_string().as_bytes(), sink))
}

/// The caller's stream, the same however the vendor's is cut.
pub(super) fn translated((vendor, caller): (Dialect, Dialect), stream: &str) -> String {
    let run = |size: usize| {
        let request = document(&json!({}));
        let settler = Settler::new(Names::default(), None, Vec::new(), "seed");
        let translation = Translation::new(vendor, caller, settler, &echo(&request));
        let mut reader = crate::translate::AnswerReader::Translate(Box::new(translation));
        let mut out = Segments::new();
        for piece in stream.as_bytes().chunks(size) {
            reader.push(Bytes::copy_from_slice(piece), &mut out);
        }
        reader.finish(&mut out);
        String::from_utf8(out.to_bytes().to_vec()).unwrap()
    };
    let whole = run(stream.len().max(1));
    for size in SIZES {
        assert_eq!(run(size), whole, "cut at {size}");
    }
    whole
}

/// What a writer makes of events, settled.
pub(super) fn emitted(caller: Dialect, events: Vec<ChatEvent<'_>>) -> String {
    let request = document(&json!({}));
    let mut settler = Settler::new(Names::default(), None, Vec::new(), "seed");
    let mut writer = caller.writer(&echo(&request));
    let mut out = Vec::new();
    for event in events {
        settler.pass(event, &mut |event: ChatEvent<'_>| {
            writer.write(event, &mut out);
        });
    }
    String::from_utf8(out).unwrap()
}

/// What a caller's whole answer is made of events, settled.
pub(super) fn answered(caller: Dialect, events: Vec<ChatEvent<'_>>) -> Value {
    let request = document(&json!({}));
    let collected = settled(|sink| {
        for event in events {
            sink.take(event);
        }
    });
    serde_json::from_slice(&caller.write_answer(&collected, &echo(&request))).unwrap()
}

/// The data of a stream of server-sent events.
pub(super) fn data(stream: &str) -> Vec<Value> {
    let lines = stream.lines().filter_map(|it| it.strip_prefix("data: "));
    lines
        .filter(|it| *it != "[DONE]")
        .map(|it| serde_json::from_str(it).unwrap())
        .collect()
}

// faults C-13
#[test]
fn a_conversation_of_more_parts_than_anybody_writes_is_refused_by_name() {
    let calls = |count: usize| {
        let call = |at: usize| json!({"type": "tool_use", "id": "1", "name": format!("a.{at}"), "input": {}});
        let calls: Vec<Value> = (0..count).map(call).collect();
        json!({"max_tokens": 1, "messages": [{"role": "user", "content": "q"}, {"role": "assistant", "content": calls}]})
    };
    assert_eq!(
        unreadable(Dialect::Anthropic, &calls(MAX_PARTS)),
        "messages"
    );
    let request = document(&calls(MAX_PARTS - 1));
    assert!(Dialect::Anthropic.read_request(&request).is_ok());
}

// U-35
#[test]
fn signs_of_life_say_nothing_wherever_they_stand() {
    for caller in [
        Dialect::OpenAiChat,
        Dialect::OpenAiResponses,
        Dialect::Anthropic,
        Dialect::Gemini,
        Dialect::Ollama,
    ] {
        let request = document(&json!({}));
        let mut settler = Settler::new(Names::default(), None, Vec::new(), "seed");
        let mut writer = caller.writer(&echo(&request));
        let (mut plain, mut lively) = (Vec::new(), Vec::new());
        for event in [
            ChatEvent::Start { id: None },
            ChatEvent::Text {
                choice: 0,
                text: "hel".into(),
            },
            ChatEvent::Text {
                choice: 0,
                text: "lo".into(),
            },
            ChatEvent::End,
        ] {
            let from = plain.len();
            settler.pass(event, &mut |event: ChatEvent<'_>| {
                writer.write(event, &mut plain);
            });
            lively.extend_from_slice(&plain[from..]);
            let sign = writer.keep_alive();
            lively.extend(sign.unwrap_or_else(|| Bytes::from_static(caller.keep_alive())));
        }
        let read = |stream: &[u8]| events(caller, std::str::from_utf8(stream).unwrap(), 5);
        assert_eq!(read(&lively), read(&plain), "{}", caller.name());
        assert!(lively.len() > plain.len());
    }
}
