//! What is read, what is refused, and what is written.
#![expect(clippy::panic, clippy::unwrap_used, reason = "tests")]

use bytes::Bytes;
use proptest::prelude::*;

use super::*;

fn again(text: &str) -> String {
    Json::parse(text.as_bytes()).unwrap().to_string()
}

#[test]
fn digits_order_and_strings_stay_as_they_were_written() {
    let text = r#"{"b":1.00,"a":12345678901234567890123,"b2":-1E+400,"t":"né \u0001"}"#;
    assert_eq!(again(text), text);
    assert_eq!(
        again(r#" { "a" : [ 1 , null , true , { } , [ ] ] } "#),
        r#"{"a":[1,null,true,{},[]]}"#
    );
    assert_eq!(again(r#""\u00e9\/\ud83d\ude00\n""#), "\"é/😀\\n\"");
}

#[test]
fn what_is_not_one_value_is_not_read() {
    for text in ["", "{", "[1,]", "{\"a\":1}x", "nul", "01", "'a'"] {
        assert_eq!(Json::parse(text.as_bytes()), None, "{text}");
    }
}

#[test]
fn a_member_that_is_null_counts_as_absent_and_the_last_of_a_name_wins() {
    let mut object = match Json::parse(br#"{"a":1,"a":2,"n":null}"#) {
        Some(Json::Object(object)) => object,
        other => panic!("{other:?}"),
    };
    assert_eq!(object.get("n"), None);
    assert_eq!(object.take("n"), None);
    assert_eq!(object.get("a").and_then(Json::as_u64), Some(2));
}

#[test]
fn whole_numbers_are_read_whatever_their_spelling() {
    let number = |text: &'static str| Json::parse(text.as_bytes()).unwrap().as_u64();
    assert_eq!(number("3"), Some(3));
    assert_eq!(number("3.0"), Some(3));
    assert_eq!(number("3.5"), None);
    assert_eq!(number("-1"), None);
}

#[test]
fn a_long_string_of_the_source_is_handed_on_as_a_slice() {
    let image = "A".repeat(10_000);
    let source = Bytes::from(format!(r#"{{"image":"{image}","text":"a\"b"}}"#));
    let value = Json::parse(&source).unwrap();
    let segments = value.to_segments(&source);
    assert_eq!(segments.to_bytes(), source);
    assert!(segments.iter().any(|piece| {
        let (start, end) = (source.as_ptr(), source.as_ptr().wrapping_add(source.len()));
        piece.len() == 10_000 && (start..end).contains(&piece.as_ptr())
    }));
    let other = Bytes::from_static(b"other");
    assert_eq!(value.to_segments(&other).to_bytes(), source);
}

#[test]
fn a_string_in_pieces_is_one_string_and_its_long_piece_a_slice() {
    let image = "A".repeat(10_000);
    let source = Bytes::from(format!(r#"{{"data":"{image}"}}"#));
    let value = Json::parse(&source).unwrap();
    let Some(Json::String(data)) = value.get("data") else {
        panic!("{value:?}");
    };
    let url = Json::Joined(vec!["data:a\"b;base64,".into(), data.clone()]);
    let segments = url.to_segments(&source);
    let expected = format!(r#""data:a\"b;base64,{image}""#);
    assert_eq!(segments.to_bytes(), expected.as_bytes());
    assert_eq!(url.to_bytes(), expected.as_bytes());
    assert!(
        segments
            .iter()
            .any(|piece| piece.as_ptr() == data.as_ptr() && piece.len() == data.len())
    );
    assert_eq!(url.into_owned().to_bytes(), expected.as_bytes());
}

proptest! {
    #[test]
    fn any_text_is_escaped_as_serde_reads_it(text in any::<String>()) {
        let mut out = Vec::new();
        escape_into(&text, &mut out);
        prop_assert_eq!(serde_json::from_slice::<String>(&out).unwrap(), text);
    }

    #[test]
    fn any_bytes_are_read_or_refused_as_by_serde(bytes in proptest::collection::vec(any::<u8>(), 0..64)) {
        let ours = Json::parse(&bytes).map(|it| it.to_string());
        let theirs: Option<serde_json::Value> = serde_json::from_slice(&bytes).ok();
        prop_assert_eq!(ours.is_some(), theirs.is_some());
    }
}
