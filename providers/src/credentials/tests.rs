//! How credentials are listed, and what a list is refused for.

#![expect(clippy::unwrap_used, reason = "tests")]

use serde_json::{Value, json};

use super::{Credential, Key, Origin};
use crate::{BuildError, build};

fn credentials(settings: Value) -> Result<Vec<Credential>, BuildError> {
    let Value::Object(fields) = settings else {
        unreachable!()
    };
    build("openai", fields).map(|it| it.credentials().to_vec())
}

fn written(name: &str, key: &str) -> Credential {
    Credential {
        name: name.into(),
        origin: Origin::Written(Key::bearer(key).unwrap()),
    }
}

#[test]
fn a_single_key_and_a_list_are_read_in_their_order_and_named() {
    assert_eq!(
        credentials(json!({"api_key": "sk-a"})).unwrap(),
        [written("1", "sk-a")]
    );
    let list = json!(["sk-a", {"api_key": "sk-b", "name": "spare"}, {"api_key": "sk-c"}]);
    assert_eq!(
        credentials(json!({"credentials": list})).unwrap(),
        [
            written("1", "sk-a"),
            written("spare", "sk-b"),
            written("3", "sk-c")
        ]
    );
}

#[test]
fn a_list_that_makes_no_sense_is_refused_with_its_place() {
    let many = vec!["sk"; 33];
    for (settings, field) in [
        (
            json!({"api_key": "sk-a", "credentials": ["sk-b"]}),
            "credentials",
        ),
        (json!({"credentials": []}), "credentials"),
        (json!({"credentials": many}), "credentials"),
        (json!({"credentials": "sk-a"}), "credentials"),
        (json!({"credentials": [7]}), "credentials[0]"),
        (
            json!({"credentials": ["a", {"name": "b"}]}),
            "credentials[1]",
        ),
        (json!({"credentials": [" "]}), "credentials[0].api_key"),
        (
            json!({"credentials": [{"api_kye": "a"}]}),
            "credentials[0].api_kye",
        ),
        (
            json!({"credentials": [{"api_key": "a", "name": "a b"}]}),
            "credentials[0].name",
        ),
        (
            json!({"credentials": ["a", {"api_key": "b", "name": "1"}]}),
            "credentials[1].name",
        ),
    ] {
        let error = credentials(settings).unwrap_err();
        assert_eq!(error.field(), Some(field), "{error}");
    }
}

#[test]
fn a_key_that_cannot_stand_in_a_header_is_none() {
    assert_eq!(Key::bearer("a\nb"), None);
    let key = Key::bearer("canary").unwrap();
    assert!(!format!("{key:?}").contains("canary"));
}
