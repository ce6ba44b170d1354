//! Stored items, one by one.
#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

use bytes::Bytes;
use serde_json::{Value, json};

use crate::dialect::openai_responses::listing::{Page, answer_of, deleted, items_with_ids, page};

const ANSWER: &str = "0123456789abcdef0123456789abcdef";

fn items(array: &Value) -> Vec<(String, Bytes)> {
    items_with_ids(array.to_string().as_bytes(), ANSWER).unwrap()
}

fn parsed(bytes: &[u8]) -> Value {
    serde_json::from_slice(bytes).unwrap()
}

#[test]
fn every_item_has_an_id_and_messages_their_long_form() {
    let items = items(&json!([
        {"role": "user", "content": "hi"},
        {"role": "assistant", "content": "ho"},
        {"type": "function_call_output", "call_id": "c", "output": "x"},
        {"type": "message", "id": "msg_own", "role": "user", "status": "completed", "content": []},
        {"type": "newer", "number": 1.5},
    ]));
    assert_eq!(
        parsed(&items[0].1),
        json!({"id": format!("msg_{ANSWER}i00"), "type": "message", "role": "user", "status": "completed",
            "content": [{"type": "input_text", "text": "hi"}]})
    );
    assert_eq!(parsed(&items[1].1)["content"][0]["type"], "output_text");
    assert_eq!(items[2].0, format!("fco_{ANSWER}i02"));
    assert_eq!(items[3].0, "msg_own");
    let newer = std::str::from_utf8(&items[4].1).unwrap();
    assert!(
        newer.starts_with("{\"id\":\"item_") && newer.contains("1.5}"),
        "{newer}"
    );
    for (id, _) in items.iter().filter(|(id, _)| id != "msg_own") {
        assert_eq!(answer_of(id), Some(ANSWER));
    }
    assert_eq!(items_with_ids(b"[1]", ANSWER), None);
    assert_eq!(items_with_ids(b"{}", ANSWER), None);
}

#[test]
fn an_id_of_another_make_names_no_answer() {
    for id in ["", "msg", "msg_1", "msg_\u{e9}"] {
        assert_eq!(answer_of(id), None, "{id}");
    }
    assert_eq!(answer_of(&format!("rs_{ANSWER}0a")), Some(ANSWER));
}

#[test]
fn pages_follow_each_other_in_either_order() {
    let input = json!([{"id": "a"}, {"id": "b"}, {"id": "c"}]);
    for (limit, is_ascending, after, shown, has_more) in [
        (20, false, None, vec!["c", "b", "a"], false),
        (2, false, None, vec!["c", "b"], true),
        (2, false, Some("b"), vec!["a"], false),
        (1, true, Some("a"), vec!["b"], true),
        (5, true, Some("c"), vec![], false),
    ] {
        let asked = Page {
            limit,
            is_ascending,
            after: after.map(str::to_owned),
        };
        let list = parsed(&page(items(&input), &asked).unwrap());
        let ids: Vec<&str> = list["data"]
            .as_array()
            .unwrap()
            .iter()
            .map(|it| it["id"].as_str().unwrap())
            .collect();
        assert_eq!((&ids, &list["has_more"]), (&shown, &json!(has_more)));
        assert_eq!(list["first_id"], json!(shown.first()));
        assert_eq!(list["last_id"], json!(shown.last()));
        assert_eq!(list["object"], "list");
    }
    let asked = Page {
        limit: 1,
        is_ascending: true,
        after: Some("d".to_owned()),
    };
    assert_eq!(page(items(&input), &asked), None);
}

#[test]
fn what_is_said_of_a_deleted_response_is_its_id() {
    assert_eq!(
        parsed(&deleted("resp_1")),
        json!({"id": "resp_1", "object": "response", "deleted": true})
    );
}
