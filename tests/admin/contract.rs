//! The description of the admin API: it is whole, and what is answered is what it says.
//!
//! Every answer of every other test here is held against it too (`Desk::ask`).

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::desk::Desk;
use super::schema::check;
use crate::support::client::Request;

#[tokio::test]
async fn the_command_and_the_api_describe_the_same() {
    let desk = Desk::open().await;
    let request = Request::get("/admin/v1/openapi.json");
    let told = Desk::told(&desk.send(request, None).await);
    assert_eq!(told, desk.gateway.home.json(&["openapi"]).await);
    assert_eq!(told["openapi"], "3.1.0");
    let mut names = BTreeSet::new();
    for (path, item) in told["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            let id = operation["operationId"].as_str().unwrap();
            assert!(names.insert(id.to_owned()), "{id} is twice");
            assert!(
                operation["summary"].is_string(),
                "{method} {path} says nothing"
            );
            for parameter in path.split('{').skip(1) {
                let name = parameter.split('}').next().unwrap();
                let described = operation["parameters"].as_array().unwrap();
                assert!(described.iter().any(|it| it["name"] == name), "{path}");
            }
        }
    }
    assert!(names.len() > 25, "{names:?}");
}

#[tokio::test]
async fn every_route_is_described_and_nothing_else_is_served_beside_them() {
    let desk = Desk::open().await;
    let document = desk.get("openapi.json").await;
    for (path, item) in document["paths"].as_object().unwrap() {
        let served = path.replace("{id}", "x").replace("{holder}", "x");
        for method in ["GET", "PUT", "POST", "PATCH", "DELETE"] {
            let request = Request::new(method, &served);
            let answer = desk.send(request, Some(&desk.owner)).await;
            let is_described = item.get(method.to_lowercase()).is_some();
            assert_eq!(answer.status != 405, is_described, "{method} {path}");
            assert_ne!(answer.error_code().as_deref(), Some("unknown_url"));
        }
    }
    for path in [
        "/admin/v1",
        "/admin/v1/",
        "/admin/v1/users",
        "/admin/v2/keys",
        "/admin/v1/keys/",
    ] {
        let answer = desk.send(Request::get(path), Some(&desk.owner)).await;
        answer.error(404, "unknown_url");
    }
}

#[test]
fn an_answer_that_is_not_as_described_is_noticed() {
    let document = json!({
        "paths": {"/a/{id}": {"get": {"responses": {"200": {"content": {"application/json": {
            "schema": {"$ref": "#/components/schemas/A"},
        }}}}}}},
        "components": {"schemas": {"A": {
            "type": "object",
            "required": ["name"],
            "properties": {
                "name": {"type": "string"},
                "at": {"type": ["string", "null"], "format": "date-time"},
                "parts": {"type": "array", "items": {"type": "integer", "minimum": 0}},
                "state": {"oneOf": [{"type": "null"}, {"type": "string", "enum": ["on", "off"]}]},
            },
        }}},
    });
    let is_noticed = |body: Value| {
        let document = document.clone();
        std::panic::catch_unwind(move || check(&document, ("GET", "/a/1?b=c"), 200, &body)).is_err()
    };
    assert!(!is_noticed(
        json!({"name": "x", "at": null, "parts": [0], "state": "on"})
    ));
    for body in [
        json!({}),
        json!({"name": 5}),
        json!({"name": "x", "more": 1}),
        json!({"name": "x", "at": "yesterday"}),
        json!({"name": "x", "parts": [-1]}),
        json!({"name": "x", "parts": ["1"]}),
        json!({"name": "x", "state": "other"}),
    ] {
        assert!(is_noticed(body.clone()), "{body}");
    }
    let elsewhere = std::panic::catch_unwind(|| check(&document, ("GET", "/b"), 200, &json!({})));
    assert!(elsewhere.is_err());
}
