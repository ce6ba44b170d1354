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
