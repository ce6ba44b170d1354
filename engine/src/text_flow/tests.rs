use proptest::prelude::*;

use super::*;
use crate::event::Candidate;

fn flow(stops: &[&str]) -> TextFlow {
    TextFlow::new(stops.iter().map(|&stop| stop.to_owned()).collect())
}

fn entry(id: u32) -> TokenLogprob {
    let token = Candidate {
        id,
        text: String::new(),
        bytes: Vec::new(),
        logprob: 0.0,
    };
    TokenLogprob {
        token,
        top: Vec::new(),
    }
}

fn ids(released: &Released) -> Vec<u32> {
    released
        .logprobs
        .iter()
        .map(|entry| entry.token.id)
        .collect()
}

#[test]
fn a_character_over_three_tokens_waits_for_its_last_byte() {
    let mut flow = flow(&[]);
    assert_eq!(flow.push(&[0xED], None).text, "");
    assert_eq!(flow.push(&[0x95], None).text, "");
    assert_eq!(flow.push(&[0x9C, b'!'], None).text, "한!");
}

#[test]
fn bytes_that_are_no_character_become_replacements() {
    let mut flow = flow(&[]);
    assert_eq!(flow.push(&[0xFF, b'a', 0xE2], None).text, "\u{FFFD}a");
    assert_eq!(flow.finish().text, "\u{FFFD}");
}

#[test]
fn a_stop_string_over_tokens_is_never_shown() {
    let mut flow = flow(&["END"]);
    assert_eq!(flow.push(b"go E", None).text, "go ");
    assert_eq!(flow.push(b"N", None).text, "");
    let last = flow.push(b"D of text", None);
    assert_eq!((last.text.as_str(), last.is_stopped), ("", true));
}

#[test]
fn text_that_only_began_like_a_stop_string_is_released() {
    let mut flow = flow(&["END"]);
    flow.push(b"EN", None);
    assert_eq!(flow.push(b"EMY", None).text, "ENEMY");
    flow.push(b"E", None);
    assert_eq!(flow.finish().text, "E");
}

#[test]
fn the_earliest_of_several_stop_strings_ends_the_text() {
    let mut flow = flow(&["b", "ab"]);
    let last = flow.push(b"xab", None);
    assert_eq!((last.text.as_str(), last.is_stopped), ("x", true));
}

#[test]
fn entries_travel_with_the_last_byte_of_their_token() {
    let mut flow = flow(&["END"]);
    assert_eq!(ids(&flow.push(&[0xED, 0x95], Some(entry(1)))), [0_u32; 0]);
    assert_eq!(ids(&flow.push(&[0x9C], Some(entry(2)))), [1, 2]);
    assert_eq!(ids(&flow.push(b"E", Some(entry(3)))), [0_u32; 0]);
    assert_eq!(ids(&flow.push(b"!", Some(entry(4)))), [3, 4]);
    flow.push(b"aE", Some(entry(5)));
    let last = flow.push(b"ND", Some(entry(6)));
    assert_eq!((ids(&last), last.is_stopped), (vec![5], true));
}

proptest! {
    #[test]
    fn any_cut_of_a_text_gives_the_same_answer(
        text in "[abE한ND]{0,24}",
        cuts in prop::collection::vec(1_usize..4, 32),
    ) {
        let expected = text.find("END").and_then(|at| text.get(..at)).unwrap_or(&text);
        let mut flow = flow(&["END"]);
        let mut rest = text.as_bytes();
        let mut found = String::new();
        let mut stopped = false;
        for cut in cuts.into_iter().cycle() {
            if rest.is_empty() || stopped {
                break;
            }
            let (now, later) = rest.split_at(cut.min(rest.len()));
            rest = later;
            let released = flow.push(now, None);
            found.push_str(&released.text);
            stopped = released.is_stopped;
        }
        if !stopped {
            found.push_str(&flow.finish().text);
        }
        prop_assert_eq!(found, expected);
    }
}
