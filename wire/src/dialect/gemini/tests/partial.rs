//! Calls whose arguments come in pieces.
#![expect(clippy::indexing_slicing, reason = "tests")]

use super::collect;
use crate::chat::{Block, Finish};

const CALLS: &str = include_str!("../../../../testdata/gemini/partial_calls.sse");

#[test]
fn pieces_are_put_in_their_places_and_what_was_cut_stays_cut() {
    let answer = collect(CALLS);
    let calls: Vec<(&str, &str)> = answer.choices[&0]
        .blocks
        .iter()
        .filter_map(|it| match it {
            Block::Call {
                name, arguments, ..
            } => Some((&**name, &**arguments)),
            _ => None,
        })
        .collect();
    assert_eq!(
        calls,
        [
            ("now", "{}"),
            (
                "send",
                "{\"copy\":true,\"to\":[\"Grüße \\\"🌍\\\"\",\"b\"],\"a.b\":{\"n\":1.50},\"no\":false,\"nil\":null,\"far\":[]}"
            ),
            ("send", "{\"to\":\"c\""),
        ]
    );
    assert_eq!(answer.choices[&0].finish, Some(Finish::Length));
}

#[test]
fn a_call_without_a_name_that_follows_none_is_no_call() {
    let stream = "data: {\"candidates\":[{\"content\":{\"parts\":[{\"functionCall\":{}},{\"text\":\"hi\"}]},\"finishReason\":\"STOP\"}]}\n\n";
    let answer = collect(stream);
    assert_eq!(answer.choices[&0].text(), "hi");
    assert!(!answer.choices[&0].calls_tools());
}
