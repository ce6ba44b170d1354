//! What callers send, and the turns it becomes.
#![expect(clippy::indexing_slicing, reason = "tests")]

use super::*;
use crate::chat::message::{Media, ToolCall};

fn text(role: Role, text: &'static str) -> Message<'static> {
    Message::new(role, vec![Part::from(Cow::Borrowed(text))])
}

fn call(id: &'static str) -> Part<'static> {
    Part::ToolCall(ToolCall {
        id: id.into(),
        name: "f".into(),
        arguments: "{}".into(),
        is_custom: false,
        signature: None,
    })
}

fn result(id: &'static str) -> Message<'static> {
    Message::new(
        Role::User,
        vec![Part::ToolResult(ToolResult {
            call: id.into(),
            name: None,
            parts: vec![Part::from(Cow::Borrowed("done"))],
            is_error: false,
            cache: None,
        })],
    )
}

/// Each turn in a line.
fn lines(messages: &[Message<'_>]) -> Vec<String> {
    let conversation = Conversation::of(messages);
    let turns = conversation.turns.iter().map(|turn| {
        let parts = turn.parts.iter().map(|part| match &**part {
            Part::Text(text) => text.text.replace('\n', "/"),
            Part::ToolCall(call) => format!("call {}", call.id),
            Part::ToolResult(result) if result.is_error => format!("lost {}", result.call),
            Part::ToolResult(result) => format!("result {}", result.call),
            other => format!("{other:?}"),
        });
        let side = if turn.is_user { "user" } else { "assistant" };
        format!("{side}: {}", parts.collect::<Vec<_>>().join(", "))
    });
    turns.collect()
}

// trap 11
#[test]
fn results_of_parallel_calls_are_one_turn_in_the_order_of_the_calls() {
    let messages = [
        text(Role::User, "go"),
        Message::new(Role::Assistant, vec![call("a"), call("b")]),
        result("b"),
        text(Role::User, "and?"),
        result("a"),
    ];
    assert_eq!(
        lines(&messages),
        [
            "user: go",
            "assistant: call a, call b",
            "user: result a, result b, and?"
        ]
    );
}

#[test]
fn a_missing_result_is_put_in_and_a_result_without_a_call_becomes_words() {
    let messages = [
        result("x"),
        Message::new(Role::Assistant, vec![call("a"), call("b")]),
        result("b"),
    ];
    assert_eq!(
        lines(&messages),
        [
            "user: [tool result]/done",
            "assistant: call a, call b",
            "user: lost a, result b"
        ]
    );
}

#[test]
fn a_second_result_of_one_call_becomes_words_and_a_silent_conversation_gets_an_opening() {
    let messages = [
        text(Role::User, "go"),
        Message::new(Role::Assistant, vec![call("a")]),
        result("a"),
        result("a"),
    ];
    assert_eq!(
        lines(&messages),
        [
            "user: go",
            "assistant: call a",
            "user: result a, [tool result]/done"
        ]
    );
    assert_eq!(lines(&[text(Role::System, "s")]), ["user: ."]);
}

#[test]
fn a_call_at_the_end_gets_a_result_too() {
    let messages = [
        text(Role::User, "go"),
        Message::new(Role::Assistant, vec![call("a")]),
    ];
    assert_eq!(
        lines(&messages),
        ["user: go", "assistant: call a", "user: lost a"]
    );
}

#[test]
fn pictures_are_shown_wherever_they_stood() {
    let picture = || Part::Image(Media::at("https://a/b.png".into()));
    let lost = Part::ToolResult(ToolResult {
        call: "x".into(),
        name: None,
        parts: vec![Part::from(Cow::Borrowed("see")), picture()],
        is_error: false,
        cache: None,
    });
    let messages = [
        Message::new(
            Role::System,
            vec![Part::from(Cow::Borrowed("s")), picture()],
        ),
        Message::new(Role::User, vec![lost]),
    ];
    let conversation = Conversation::of(&messages);
    assert_eq!(conversation.system.len(), 1);
    let parts: Vec<&Part<'_>> = conversation.turns[0].parts.iter().map(|it| &**it).collect();
    assert!(
        matches!(parts[..], [Part::Image(_), Part::Text(_), Part::Image(_)]),
        "{parts:?}"
    );
}

#[test]
fn sides_take_turns_whatever_the_messages_do() {
    let messages = [
        text(Role::System, "s"),
        text(Role::Developer, "d"),
        text(Role::Assistant, "hello"),
        text(Role::Assistant, " "),
        text(Role::User, "a"),
        text(Role::System, "late"),
        text(Role::User, "b"),
    ];
    assert_eq!(
        lines(&messages),
        [
            "user: .",
            "assistant: hello",
            "user: a, <system>/late/</system>, b"
        ]
    );
    let conversation = Conversation::of(&messages);
    let system: Vec<&str> = conversation.system.iter().map(|it| &*it.text).collect();
    assert_eq!(system, ["s", "d"]);
}
