//! A prompt on its way to a chat, and the chat's words on their way back.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

use crate::chat::seal::tests::SEAL;
use serde_json::{Value, json};

use crate::chat::settle::Settler;
use crate::chat::{Names, Target, Traits};
use crate::dialect::timing::Timing;
use crate::dialect::{Dialect, Echo};
use crate::document::Document;
use crate::segments::Segments;
use crate::translate::tests::translate_answer;
use crate::translate::{AnswerReader, Translation};

fn document(body: &Value) -> Document {
    Document::parse(body.to_string().into()).unwrap()
}

fn echo(request: &Document) -> Echo<'_> {
    Echo {
        model: "public",
        id: "0123456789abcdef",
        created: 1_700_000_000,
        asks_usage: true,
        estimated_input: 42,
        seal: &SEAL,
        timing: Timing::default(),
        request,
    }
}

fn settler() -> Settler {
    Settler::new(Names::default(), None, Vec::new(), "seed")
}

#[test]
fn a_prompt_becomes_a_users_message() {
    let request = document(
        &json!({"model": "m", "prompt": ["Say 배."], "temperature": 0.0, "stop": "\n", "stream": true}),
    );
    let chat = Dialect::OpenAiCompletions.read_request(&request).unwrap();
    let target = Target {
        model: "claude",
        traits: Traits::default(),
    };
    let written = Dialect::Anthropic.write_request(&chat, &target).unwrap();
    let body: Value = serde_json::from_slice(&written.body.to_bytes()).unwrap();
    assert_eq!(
        body["messages"],
        json!([{"role": "user", "content": [{"type": "text", "text": "Say 배."}]}])
    );
    assert_eq!(
        (&body["max_tokens"], &body["stream"]),
        (&json!(16), &json!(true))
    );
    assert_eq!(written.dropped, ["stop:blank"]);
}

#[test]
fn what_a_chat_has_nothing_like_is_refused_by_name() {
    for (field, value) in [
        ("prompt", json!(["a", "b"])),
        ("prompt", json!([1, 2])),
        ("echo", json!(true)),
        ("best_of", json!(2)),
        ("suffix", json!("x")),
        ("logprobs", json!(1)),
    ] {
        let mut body = json!({"model": "m", "prompt": "a"});
        body[field] = value;
        let request = document(&body);
        let refused = Dialect::OpenAiCompletions.read_request(&request);
        assert_eq!(refused.unwrap_err().field, field);
    }
}

#[test]
fn a_chats_words_become_text_in_a_stream_and_in_a_whole_answer() {
    let request = document(&json!({}));
    let way = (Dialect::Anthropic, Dialect::OpenAiCompletions);
    let claude = json!({"content": [{"type": "thinking", "thinking": "hm", "signature": "s"}, {"type": "text", "text": "Hi"}],
        "stop_reason": "max_tokens", "usage": {"input_tokens": 3, "output_tokens": 5}});
    let (body, _) = translate_answer(
        way,
        &mut settler(),
        &echo(&request),
        claude.to_string().as_bytes(),
    )
    .unwrap();
    let body: Value = serde_json::from_slice(&body).unwrap();
    assert_eq!(
        (&body["object"], &body["choices"]),
        (
            &json!("text_completion"),
            &json!([{"text": "Hi", "index": 0, "logprobs": null, "finish_reason": "length"}])
        )
    );
    assert_eq!(body["usage"]["total_tokens"], 8);

    let stream = include_str!("../../../testdata/openai_chat/two_tools.sse");
    let translation = Translation::new(
        Dialect::OpenAiChat,
        Dialect::OpenAiCompletions,
        settler(),
        &echo(&request),
    );
    let mut reader = AnswerReader::Translate(Box::new(translation));
    let mut out = Segments::new();
    for piece in stream.as_bytes().chunks(7) {
        reader.push(bytes::Bytes::copy_from_slice(piece), &mut out);
    }
    let text = String::from_utf8(out.to_bytes().to_vec()).unwrap();
    assert!(text.contains("\"text\":\" Let me see 배.\""), "{text}");
    assert!(text.ends_with("data: [DONE]\n\n"));
}
