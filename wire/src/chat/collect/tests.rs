//! Thoughts, which end in different ways.
#![expect(clippy::indexing_slicing, reason = "tests")]

use std::borrow::Cow;

use super::*;

fn words(text: &'static str) -> ChatEvent<'static> {
    ChatEvent::Thinking {
        choice: 0,
        text: text.into(),
    }
}

fn end(signature: Option<&'static str>) -> ChatEvent<'static> {
    let mut thought = unsigned(String::new());
    thought.signature = signature.map(Cow::Borrowed);
    ChatEvent::Thought { choice: 0, thought }
}

fn thoughts(events: Vec<ChatEvent<'_>>) -> Vec<(String, Option<String>)> {
    let mut collected = Collected::default();
    for event in events {
        collected.take(event);
    }
    let thoughts = collected.choices[&0].thoughts();
    thoughts
        .map(|it| (it.text.to_string(), it.signature.as_deref().map(Into::into)))
        .collect()
}

// traps 21, 22
#[test]
fn a_signature_proves_the_words_of_its_own_thought_only() {
    let own = |text: &str, signature: Option<&str>| (text.to_owned(), signature.map(str::to_owned));
    assert_eq!(
        thoughts(vec![words("a"), words("b"), end(Some("s"))]),
        [own("ab", Some("s"))]
    );
    assert_eq!(
        thoughts(vec![words("a"), end(None), words("b"), end(Some("s"))]),
        [own("a", None), own("b", Some("s"))]
    );
    assert_eq!(
        thoughts(vec![words("a"), end(Some("s")), end(Some("t")), words("b")]),
        [own("a", Some("s")), own("", Some("t")), own("b", None)]
    );
    let text = ChatEvent::Text {
        choice: 0,
        text: "x".into(),
    };
    assert_eq!(
        thoughts(vec![words("a"), text, words("b"), end(Some("s"))]),
        [own("a", None), own("b", Some("s"))]
    );
}

#[test]
fn everything_that_is_held_is_counted() {
    let mut collected = Collected::default();
    let mut grows_by = |event: ChatEvent<'_>| {
        let before = collected.held_bytes();
        collected.take(event);
        collected.held_bytes() - before
    };
    let long = "x".repeat(1_000);
    let text = || ChatEvent::Text {
        choice: 0,
        text: long.as_str().into(),
    };
    assert_eq!(grows_by(text()), 1_000 + HELD_EVENT);
    assert_eq!(grows_by(text()), 1_000);
    let mut thought = unsigned("why".to_owned());
    thought.signature = Some(long.clone().into());
    thought.encrypted = Some(long.clone().into());
    assert!(grows_by(ChatEvent::Thought { choice: 0, thought }) > 2_003);
    let written =
        format!(r#"[{{"token":"a","logprob":-0.5,"bytes":[97],"top_logprobs":["{long}"]}}]"#);
    let json = || Json::parse(written.as_bytes()).unwrap_or(Json::Null);
    let tokens = json();
    assert!(grows_by(ChatEvent::Logprobs { choice: 0, tokens }) > written.len() as u64);
    let annotation = json();
    let citation = ChatEvent::Annotation {
        choice: 0,
        annotation,
    };
    assert!(grows_by(citation) > written.len() as u64);
    assert_eq!(grows_by(ChatEvent::End), 0);
}
