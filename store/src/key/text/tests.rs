#![expect(clippy::unwrap_used, reason = "tests")]

use secrecy::ExposeSecret;

use super::{KEY, TOKEN, hint, is_well_formed_key, is_well_formed_token, mint, spell};

#[test]
fn every_spelling_has_the_same_length_and_passes_its_own_check() {
    for bytes in [[0; 32], [0xff; 32], [0x5a; 32]] {
        let key = spell(KEY, bytes);
        assert_eq!(key.len(), 52);
        assert!(is_well_formed_key(key.as_bytes()), "{key}");
    }
    assert_eq!(spell(KEY, [0; 32]).get(3..46).unwrap(), "0".repeat(43));
    assert_ne!(spell(KEY, [0xff; 32]), spell(KEY, [0xfe; 32]));
}

#[test]
fn minted_keys_differ_and_their_hint_is_their_end() {
    let (a, b) = (mint(KEY).unwrap(), mint(KEY).unwrap());
    assert_ne!(a.expose_secret(), b.expose_secret());
    assert_eq!(hint(KEY, a.expose_secret()).chars().count(), 8);
    assert!(
        a.expose_secret()
            .ends_with(hint(KEY, a.expose_secret()).strip_prefix("tw-…").unwrap())
    );
}

#[test]
fn any_single_mistyped_character_is_noticed() {
    let key = spell(KEY, [7; 32]).into_bytes();
    for position in 0..key.len() {
        for wrong in *b"0aZ-_ \0\xff" {
            let mut mistyped = key.clone();
            let right = std::mem::replace(mistyped.get_mut(position).unwrap(), wrong);
            assert_eq!(is_well_formed_key(&mistyped), right == wrong, "{position}");
        }
    }
}

#[test]
fn other_texts_are_not_keys() {
    let key = spell(KEY, [7; 32]);
    for text in [
        "",
        "tw-",
        "sk-abc",
        &key[..51],
        &format!("{key}0"),
        &key[3..],
        &"tw-".repeat(20),
    ] {
        assert!(!is_well_formed_key(text.as_bytes()), "{text}");
    }
}

// S-30
#[test]
fn a_token_is_no_key_and_a_key_no_token() {
    let (key, token) = (spell(KEY, [7; 32]), spell(TOKEN, [7; 32]));
    let (key, token) = (key.as_bytes(), token.as_bytes());
    assert!(is_well_formed_key(key) && !is_well_formed_token(key));
    assert!(is_well_formed_token(token) && !is_well_formed_key(token));
}
