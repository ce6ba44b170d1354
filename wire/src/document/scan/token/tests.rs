//! The search for the end of plain text, eight bytes a step.

use proptest::prelude::*;

use super::*;

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
}
