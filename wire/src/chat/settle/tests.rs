//! What vendors send, and what a writer gets.
#![expect(clippy::indexing_slicing, reason = "tests")]

use std::borrow::Cow;

use super::*;
use crate::chat::collect::{Block, Collected};

fn call(call: u32, id: Option<&'static str>, name: &'static str) -> ChatEvent<'static> {
    ChatEvent::ToolCall {
        choice: 0,
        call,
        id: id.map(Cow::Borrowed),
        name: name.into(),
        kind: ToolKind::Function,
        signature: None,
    }
}

fn arguments(call: u32, text: &'static str) -> ChatEvent<'static> {
    ChatEvent::Arguments {
        choice: 0,
        call,
        text: text.into(),
    }
}

fn finish(finish: Finish) -> ChatEvent<'static> {
    ChatEvent::Finish { choice: 0, finish }
}

/// What comes out, each event in a word.
fn settled(answer_tool: Option<&'static str>, events: Vec<ChatEvent<'_>>) -> Vec<String> {
    let mut settler = Settler::new(Names::default(), answer_tool, vec!["patch".into()], "s");
    let mut out = Vec::new();
    let mut sink = |event: ChatEvent<'_>| {
        out.push(match event {
            ChatEvent::ToolCall { call, id, name, .. } => {
                format!("call {call} {name} {}", id.unwrap_or_default())
            }
            ChatEvent::Arguments { call, text, .. } => format!("arguments {call} {text}"),
            ChatEvent::Text { text, .. } => format!("text {text}"),
            ChatEvent::Finish { finish, .. } => finish.word().to_owned(),
            other => format!("{other:?}"),
        });
    };
    for event in events {
        settler.pass(event, &mut sink);
    }
    out
}

// trap 13
#[test]
fn a_call_without_arguments_gets_an_empty_object() {
    let out = settled(
        None,
        vec![call(0, Some("a"), "now"), finish(Finish::ToolCalls)],
    );
    assert_eq!(out, ["call 0 now a", "arguments 0 {}", "tool_calls"]);
    let ended = ChatEvent::ToolCallEnd { choice: 0, call: 7 };
    let out = settled(None, vec![call(7, None, "now"), arguments(7, ""), ended]);
    assert_eq!(out, ["call 0 now call_s000", "arguments 0 {}"]);
}

// trap 15
#[test]
fn calls_count_from_zero_even_where_the_vendor_numbers_all_of_them_alike() {
    let out = settled(
        None,
        vec![
            call(3, Some("a"), "x"),
            arguments(3, "{\"k\":\"}\"}"),
            call(3, Some("b"), "y"),
            arguments(3, "{}"),
        ],
    );
    assert_eq!(
        out,
        [
            "call 0 x a",
            "arguments 0 {\"k\":\"}\"}",
            "call 1 y b",
            "arguments 1 {}"
        ]
    );
}

#[test]
fn calls_that_come_interleaved_leave_one_after_the_other() {
    let out = settled(
        None,
        vec![
            call(0, Some("a"), "x"),
            call(1, Some("b"), "y"),
            arguments(0, "{\"a\""),
            arguments(1, "{}"),
            arguments(0, ":1}"),
            finish(Finish::ToolCalls),
        ],
    );
    assert_eq!(
        out,
        [
            "call 0 x a",
            "arguments 0 {\"a\"",
            "arguments 0 :1}",
            "call 1 y b",
            "arguments 1 {}",
            "tool_calls"
        ]
    );
}

fn said(text: &'static str) -> ChatEvent<'static> {
    ChatEvent::Text {
        choice: 0,
        text: text.into(),
    }
}

// trap 32
#[test]
fn what_is_said_in_the_midst_of_a_call_follows_it() {
    let out = settled(
        None,
        vec![
            call(0, Some("a"), "x"),
            arguments(0, "{\"a\""),
            said("so "),
            said("it is"),
            arguments(0, ":1}"),
            said("!"),
            call(1, Some("b"), "y"),
            said("never ended"),
            finish(Finish::Length),
        ],
    );
    assert_eq!(
        out,
        [
            "call 0 x a",
            "arguments 0 {\"a\"",
            "arguments 0 :1}",
            "text so it is",
            "text !",
            "call 1 y b",
            "text never ended",
            "length"
        ]
    );
}

#[test]
fn a_custom_tools_input_goes_on_while_the_next_call_waits() {
    let custom = |call| ChatEvent::ToolCall {
        choice: 0,
        call,
        id: None,
        name: "run".into(),
        kind: ToolKind::Custom,
        signature: None,
    };
    let out = settled(
        None,
        vec![
            custom(0),
            arguments(0, "ls"),
            custom(1),
            arguments(1, "ps"),
            arguments(0, " -l"),
            finish(Finish::ToolCalls),
        ],
    );
    assert_eq!(
        out,
        [
            "call 0 run call_s000",
            "arguments 0 ls",
            "arguments 0  -l",
            "call 1 run call_s001",
            "arguments 1 ps",
            "tool_calls"
        ]
    );
}

#[test]
fn what_is_held_is_counted_until_it_is_let_out() {
    let mut settler = Settler::new(Names::default(), None, Vec::new(), "s");
    let mut out = 0;
    let mut pass = |settler: &mut Settler, event| {
        settler.pass(event, &mut |_: ChatEvent<'_>| out += 1);
        settler.held_bytes()
    };
    assert_eq!(pass(&mut settler, said("free")), 0);
    pass(&mut settler, call(0, None, "x"));
    assert_eq!(pass(&mut settler, said("four")), HELD_EVENT + 4);
    assert_eq!(pass(&mut settler, said("four")), HELD_EVENT + 8);
    assert_eq!(pass(&mut settler, arguments(0, "{}")), 0);
    assert_eq!(out, 4);
}

#[test]
fn a_call_without_arguments_holds_the_next_one_until_its_own_cannot_come_anymore() {
    let late = vec![
        call(0, Some("a"), "x"),
        call(1, Some("b"), "y"),
        arguments(1, "{\"b\":1}"),
        arguments(0, "{\"a\":1}"),
        finish(Finish::ToolCalls),
    ];
    let expected = [
        "call 0 x a",
        "arguments 0 {\"a\":1}",
        "call 1 y b",
        "arguments 1 {\"b\":1}",
        "tool_calls",
    ];
    assert_eq!(settled(None, late), expected);
    let never = vec![
        call(0, Some("a"), "x"),
        call(1, Some("b"), "y"),
        arguments(1, "{\"b\":1}"),
        finish(Finish::ToolCalls),
    ];
    let expected = [
        "call 0 x a",
        "arguments 0 {}",
        "call 1 y b",
        "arguments 1 {\"b\":1}",
        "tool_calls",
    ];
    assert_eq!(settled(None, never), expected);
}

// traps 13, 16
#[test]
fn an_end_without_a_reason_ends_the_calls_and_says_so() {
    let out = settled(None, vec![call(0, Some("a"), "x"), ChatEvent::End]);
    assert_eq!(out, ["call 0 x a", "arguments 0 {}", "tool_calls", "End"]);
    let text = ChatEvent::Text {
        choice: 0,
        text: "hi".into(),
    };
    let out = settled(None, vec![text, ChatEvent::End]);
    assert_eq!(out, ["text hi", "stop", "End"]);
}

// trap 16
#[test]
fn an_answer_with_calls_does_not_end_in_stop() {
    let out = settled(None, vec![call(0, Some("a"), "x"), finish(Finish::Stop)]);
    assert_eq!(out.last().map(String::as_str), Some("tool_calls"));
    let out = settled(None, vec![call(0, Some("a"), "x"), finish(Finish::Length)]);
    assert_eq!(out.last().map(String::as_str), Some("length"));
}

// trap 13
#[test]
fn a_call_that_the_bound_cut_before_its_arguments_does_not_look_complete() {
    let calls = vec![
        call(0, Some("a"), "x"),
        call(1, Some("b"), "y"),
        finish(Finish::Length),
    ];
    assert_eq!(
        settled(None, calls),
        ["call 0 x a", "arguments 0 {}", "call 1 y b", "length"]
    );
    let marked = vec![
        call(0, Some("a"), "x"),
        ChatEvent::ToolCallEnd { choice: 0, call: 0 },
        finish(Finish::Length),
    ];
    assert_eq!(
        settled(None, marked),
        ["call 0 x a", "arguments 0 {}", "length"]
    );
}

#[test]
fn the_tool_that_stands_for_a_schema_becomes_text() {
    let out = settled(
        Some("json"),
        vec![
            call(0, Some("a"), "json"),
            arguments(0, "{\"a\":"),
            arguments(0, "1}"),
            finish(Finish::ToolCalls),
        ],
    );
    assert_eq!(out, ["text {\"a\":", "text 1}", "stop"]);
}

#[test]
fn a_custom_tool_that_became_a_function_gets_its_text_back() {
    let out = settled(
        None,
        vec![
            call(0, Some("a"), "patch"),
            arguments(0, "{\"input\":\"*** "),
            arguments(0, "Begin\\n\"}"),
            call(1, Some("b"), "x"),
            finish(Finish::ToolCalls),
        ],
    );
    assert_eq!(
        out,
        [
            "call 0 patch a",
            "arguments 0 *** Begin\n",
            "call 1 x b",
            "arguments 1 {}",
            "tool_calls"
        ]
    );
}

#[test]
fn a_broken_call_stays_broken() {
    let mut settler = Settler::new(Names::default(), None, Vec::new(), "s");
    let mut collected = Collected::default();
    for event in [
        call(0, Some("a"), "x"),
        arguments(0, "{\"a\":"),
        finish(Finish::Length),
    ] {
        settler.pass(event, &mut collected);
    }
    let blocks = &collected.choices[&0].blocks;
    assert!(
        matches!(&blocks[..], [Block::Call { arguments, .. }] if arguments == "{\"a\":"),
        "{blocks:?}"
    );
}

#[test]
fn the_text_of_a_custom_tool_is_not_over_because_a_brace_is() {
    let custom = |call: u32| ChatEvent::ToolCall {
        choice: 0,
        call,
        id: Some(format!("id{call}").into()),
        name: "sh".into(),
        kind: ToolKind::Custom,
        signature: None,
    };
    let end = |call: u32| ChatEvent::ToolCallEnd { choice: 0, call };
    let out = settled(
        None,
        vec![
            custom(0),
            arguments(0, "f({})"),
            custom(1),
            arguments(0, "\ng()"),
            end(0),
            arguments(1, "h"),
            end(1),
            finish(Finish::ToolCalls),
        ],
    );
    let of_first: String = out
        .iter()
        .filter_map(|it| it.strip_prefix("arguments 0 "))
        .collect();
    assert_eq!(of_first, "f({})\ng()");
    assert!(out.contains(&"arguments 1 h".to_owned()), "{out:?}");
}
