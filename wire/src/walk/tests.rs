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
fn the_fast_search_stops_where_the_slow_one_does() {
    for length in 0..24_usize {
        for at in 0..length {
            for stop in [b'"', b'\\', 0, 0x1f] {
                let mut bytes = vec![b'!'; length];
                if let Some(byte) = bytes.get_mut(at) {
                    *byte = stop;
                }
                assert_eq!(plain_run(&bytes), at, "{bytes:?}");
            }
        }
    }
}

proptest! {
    #[test]
    fn the_fast_search_equals_the_slow_one(bytes in prop::collection::vec(any::<u8>(), 0..80)) {
        let slow = bytes.iter().take_while(|it| !matches!(it, b'"' | b'\\' | 0..0x20)).count();
        prop_assert_eq!(plain_run(&bytes), slow);
    }

    #[test]
    fn a_walk_over_anything_ends(bytes in prop::collection::vec(prop::sample::select(b"{}[]\",:\\ x1".to_vec()), 0..60)) {
        let spans = Walker::new(&bytes).object().into_iter().flatten().count();
        let elements = Walker::new(&bytes).array().into_iter().flatten().count();
        prop_assert!(spans + elements <= bytes.len());
    }
}
