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
