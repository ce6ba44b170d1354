use super::*;

fn cache() -> KvCache {
    KvCache {
        layout: Layout {
            layers: 2,
            kv_heads: 1,
            head_size: 2,
        },
        blocks: Vec::new(),
        tokens: 0,
    }
}

fn keys(cache: &KvCache, first: usize, last: usize) -> Vec<f32> {
    cache
        .read((1, 0), Side::Key, first, last)
        .flatten()
        .map(|value| value.to_f32())
        .collect()
}

fn push(cache: &mut KvCache, value: f32) {
    let position = cache.tokens();
    cache.grow(1);
    cache.write(1, Side::Key, (position, 0), &[value, -value]);
}

#[test]
fn a_span_is_read_in_order_across_blocks() {
    let mut cache = cache();
    for value in 0_u8..70 {
        push(&mut cache, f32::from(value));
    }
    let expected: Vec<f32> = (30_u8..66)
        .flat_map(|v| [f32::from(v), -f32::from(v)])
        .collect();
    assert_eq!(keys(&cache, 30, 65), expected);
}

#[test]
fn a_clone_does_not_see_later_writes_of_the_other() {
    let mut left = cache();
    push(&mut left, 1.0);
    let mut right = left.clone();
    push(&mut left, 2.0);
    push(&mut right, 3.0);
    assert_eq!(keys(&left, 0, 1), [1.0, -1.0, 2.0, -2.0]);
    assert_eq!(keys(&right, 0, 1), [1.0, -1.0, 3.0, -3.0]);
}
