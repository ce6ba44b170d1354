#![expect(clippy::unwrap_used, reason = "tests")]

use serde::Deserialize;
use serde_json::json;

use super::*;

#[derive(Debug, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
struct Wanted {
    name: String,
    #[serde(default)]
    parts: Vec<u8>,
    limit: Option<u32>,
}

fn wanted(fields: &Value) -> Result<Wanted, FieldsError> {
    from_fields(fields.as_object().unwrap().clone())
}

#[test]
fn fields_that_are_known_are_read_and_null_is_as_if_not_said() {
    let read = wanted(&json!({"name": "a", "parts": [1, 2], "limit": null})).unwrap();
    assert_eq!(read.parts, [1, 2]);
    assert_eq!((&*read.name, read.limit), ("a", None));
}

#[test]
fn a_misspelt_field_is_refused_with_what_was_meant() {
    let refused = wanted(&json!({"name": "a", "limt": 1})).unwrap_err();
    assert_eq!(refused.field(), "limt");
    let told = "there is no field `limt`; did you mean `limit`?";
    assert_eq!(refused.to_string(), told);
    let refused = wanted(&json!({"role": "owner"})).unwrap_err().to_string();
    assert_eq!(
        refused,
        "there is no field `role`; there are name, parts, limit"
    );
}

#[test]
fn what_is_wrong_names_its_field() {
    for (fields, field) in [
        (json!({}), "name"),
        (json!({"name": 5}), "name"),
        (json!({"name": "a", "parts": [1, 300]}), "parts"),
        (json!({"name": "a", "parts": "x"}), "parts"),
        (json!({"name": "a", "limit": -1}), "limit"),
        (json!({"name": "a", "limit": 1.5}), "limit"),
        (json!({"name": "a", "limit": 4_294_967_296_u64}), "limit"),
    ] {
        let refused = wanted(&fields).unwrap_err();
        assert_eq!(refused.field(), field, "{fields}");
    }
}

#[test]
fn a_body_that_two_parsers_would_read_differently_is_refused() {
    let body = Bytes::from_static(br#"{"name": "a", "name": "b"}"#);
    assert!(matches!(read::<Wanted>(body), Err(AdminError::Document(_))));
    let body = Bytes::from_static(b"[]");
    assert!(read::<Wanted>(body).is_err());
}
