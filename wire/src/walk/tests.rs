//! The walk over trusted and over broken text.

use proptest::prelude::*;

use super::*;

#[test]
fn a_walk_finds_the_spans_that_are_there() {
    let json = br#" { "a" : [1, {"x":"]}\""}, "b"] ,"c":-1.5e3, "d":{} } "#;
    let fields: Vec<_> = Walker::new(json)
        .object()
        .into_iter()
        .flatten()
        .map(|it| (it.key, it.value))
        .collect();
    let expected: Vec<(&[u8], &[u8])> = vec![
        (b"a", br#"[1, {"x":"]}\""}, "b"]"#),
        (b"c", b"-1.5e3"),
        (b"d", b"{}"),
    ];
    assert_eq!(fields, expected);
}

#[test]
fn one_pass_visits_what_is_there_and_skips_what_is_left_alone() {
    let json = br#"{"a":{"b":["\"]",2]},"skipped":[{}],"c":3} "#;
    let mut walker = Walker::new(json);
    let mut seen = Vec::new();
    let ended = walker.each_member(|key, value| {
        match key {
            b"a" => value.each_member(|_, value| {
                value.each_element(|element| {
                    seen.push(element.raw()?);
                    Some(())
                })
            })?,
            b"c" => seen.push(value.raw()?),
            _ => {}
        }
        Some(())
    });
    assert_eq!((ended, walker.is_at_end()), (Some(()), true));
    assert_eq!(seen, [br#""\"]""#.as_slice(), b"2", b"3"]);
}

#[test]
fn a_value_that_cannot_be_read_does_not_hide_the_next() {
    let mut seen = None;
    let walked = Walker::new(br#"{"a":{"b" oops},"c":3}"#).each_member(|key, value| {
        match key {
            b"a" => value.each_member(|_, value| value.raw().map(|_| ()))?,
            _ => seen = value.raw(),
        }
        Some(())
    });
    assert_eq!((walked, seen), (Some(()), Some(b"3".as_slice())));
}

proptest! {
    #[test]
    fn a_walk_over_anything_ends(bytes in prop::collection::vec(prop::sample::select(b"{}[]\",:\\ x1".to_vec()), 0..60)) {
        let spans = Walker::new(&bytes).object().into_iter().flatten().count();
        let elements = Walker::new(&bytes).array().into_iter().flatten().count();
        prop_assert!(spans + elements <= bytes.len());
    }
}
