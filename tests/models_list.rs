//! `GET /v1/models`.

use serde_json::json;

use crate::support::client::Request;
use crate::support::config::Config;
use crate::support::gateway::Gateway;
use crate::support::upstream::Upstream;

#[tokio::test]
async fn the_models_are_listed_in_the_order_in_which_they_were_written() {
    let upstream = Upstream::healthy().await;
    let config = Config::empty()
        .provider("alpha", upstream.addr)
        .model("zeta", &["alpha/z"])
        .model("chat", &["alpha/upstream-name"])
        .set("/models/vendor~model", json!({"deployments": ["alpha/v"]}));
    let text = config.text().replace("vendor~model", "vendor/model:free");
    let gateway = crate::support::gateway::Home::with_file(&text)
        .serve()
        .await;
    let list = gateway.send(&Request::get("/v1/models")).await.json();
    let model = |id: &str| json!({"id": id, "object": "model", "created": 0, "owned_by": "alpha"});
    assert_eq!(
        list,
        json!({"object": "list", "data": [model("zeta"), model("chat"), model("vendor/model:free")]})
    );
    for path in [
        "/v1/models/vendor/model:free",
        "/v1/models/vendor%2Fmodel:free",
    ] {
        let one = gateway.send(&Request::get(path)).await;
        assert_eq!(
            (one.status, one.json()),
            (200, model("vendor/model:free")),
            "{path}"
        );
    }
    gateway
        .send(&Request::get("/v1/models/absent"))
        .await
        .error(404, "model_not_found");
    assert_eq!(upstream.connections(), 0, "a listing asks nobody");
}

// OpenAI's clients look their model up in the list before they call it.
#[tokio::test]
async fn other_names_of_models_are_listed_as_far_as_the_key_may_use_the_model() {
    let upstream = Upstream::healthy().await;
    let config = Config::one(&upstream)
        .model("spare", &["alpha/s"])
        .set(
            "/routing/aliases",
            json!({"gpt-4o": "chat", "mini": "spare"}),
        )
        .keyed();
    let home = crate::support::gateway::Home::new(&config);
    let key = home.create_key("narrow", &["--models", "chat"]).await;
    let gateway = home.serve().await;
    let bearer = format!("Bearer {key}");
    let get = |path: &str| Request::get(path).header("authorization", &bearer);
    let list = gateway.send(&get("/v1/models")).await.json();
    let ids: Vec<_> = list["data"]
        .as_array()
        .unwrap()
        .iter()
        .map(|it| &it["id"])
        .collect();
    assert_eq!(ids, ["chat", "gpt-4o"]);
    let one = gateway.send(&get("/v1/models/gpt-4o")).await;
    assert_eq!((one.status, &one.json()["id"]), (200, &json!("gpt-4o")));
    let unknown = gateway.send(&get("/v1/models/gpt4o")).await;
    assert!(
        unknown.text().contains("did you mean `gpt-4o`?"),
        "{}",
        unknown.text()
    );
}

#[tokio::test]
async fn a_listing_needs_a_key_where_calls_do() {
    let upstream = Upstream::healthy().await;
    let gateway = Gateway::start(&Config::one(&upstream).keyed()).await;
    for path in ["/v1/models", "/v1/models/chat"] {
        gateway
            .send(&Request::get(path))
            .await
            .error(401, "invalid_api_key");
    }
}
