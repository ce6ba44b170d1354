#![expect(clippy::unwrap_used, reason = "tests")]

use std::io::Cursor;

use proptest::prelude::*;

use super::*;

fn read(bytes: &[u8]) -> Result<Header, LoadError> {
    Header::read(Cursor::new(bytes), bytes.len() as u64)
}

fn text(out: &mut Vec<u8>, text: &str) {
    out.extend((text.len() as u64).to_le_bytes());
    out.extend(text.as_bytes());
}

/// A sound file: three metadata entries, one F32 tensor of 2 x 4.
fn sound(alignment: u32, offset: u64) -> Vec<u8> {
    let mut out = b"GGUF".to_vec();
    out.extend(3_u32.to_le_bytes());
    out.extend(1_u64.to_le_bytes());
    out.extend(3_u64.to_le_bytes());
    text(&mut out, "general.alignment");
    out.extend(4_u32.to_le_bytes());
    out.extend(alignment.to_le_bytes());
    text(&mut out, "general.name");
    out.extend(8_u32.to_le_bytes());
    text(&mut out, "tiny");
    text(&mut out, "list");
    out.extend(9_u32.to_le_bytes());
    out.extend(8_u32.to_le_bytes());
    out.extend(2_u64.to_le_bytes());
    text(&mut out, "a");
    text(&mut out, "b");
    text(&mut out, "weight");
    out.extend(2_u32.to_le_bytes());
    out.extend(4_u64.to_le_bytes());
    out.extend(2_u64.to_le_bytes());
    out.extend(0_u32.to_le_bytes());
    out.extend(offset.to_le_bytes());
    out.resize(out.len().next_multiple_of(32), 0);
    out.extend([0; 32]);
    out
}

#[test]
fn a_sound_header_is_read() {
    let header = read(&sound(32, 0)).unwrap();
    assert_eq!(header.metadata.text("general.name").unwrap(), Some("tiny"));
    let list = header.metadata.array("list").unwrap().unwrap();
    assert_eq!(
        list,
        [Value::Text(b"a".to_vec()), Value::Text(b"b".to_vec())]
    );
    let tensor = header.tensor("weight").unwrap();
    assert_eq!((tensor.columns, tensor.rows, tensor.bytes), (4, 2, 32));
    assert!(header.metadata.u64("general.name").is_err());
}

#[test]
fn an_alignment_that_is_no_power_of_two_is_refused() {
    // S-32
    for alignment in [0, 1, 3, 48, 1 << 17] {
        assert!(read(&sound(alignment, 0)).is_err(), "{alignment}");
    }
}

#[test]
fn a_tensor_outside_the_file_is_refused() {
    // S-32
    for offset in [1, 16, 32, 1 << 40, u64::MAX - 31] {
        assert!(read(&sound(32, offset)).is_err(), "{offset}");
    }
}

#[test]
fn claims_of_many_items_are_refused_before_memory_is_taken() {
    // S-32
    let mut bytes = b"GGUF".to_vec();
    bytes.extend(3_u32.to_le_bytes());
    bytes.extend(1_000_000_000_u64.to_le_bytes());
    bytes.extend(u64::MAX.to_le_bytes());
    bytes.resize(4096, 0);
    assert!(read(&bytes).is_err());
}

#[test]
fn every_cut_of_a_sound_file_is_refused() {
    let whole = sound(32, 0);
    for length in 0..whole.len() {
        assert!(read(whole.get(..length).unwrap()).is_err(), "{length}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2048))]

    #[test]
    fn hostile_bytes_never_panic(
        edits in prop::collection::vec((0_usize..256, any::<u8>()), 1..8),
    ) {
        // S-32
        let mut bytes = sound(32, 0);
        for (place, value) in edits {
            let length = bytes.len();
            if let Some(byte) = bytes.get_mut(place % length) {
                *byte = value;
            }
        }
        let _ = read(&bytes);
    }

    #[test]
    fn hostile_numbers_never_panic(place in 0_usize..256, value in prop_oneof![
        Just(u64::MAX), Just(1_u64 << 63), Just(1_u64 << 40), Just(1_u64 << 31), any::<u64>(),
    ]) {
        // S-32
        let mut bytes = sound(32, 0);
        let start = place.min(bytes.len() - 8);
        if let Some(field) = bytes.get_mut(start..start + 8) {
            field.copy_from_slice(&value.to_le_bytes());
        }
        let _ = read(&bytes);
    }

    #[test]
    fn random_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..512)) {
        let _ = read(&bytes);
    }
}
