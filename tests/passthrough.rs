//! What of an account is passed through: for whom, where to, and what is not.

use serde_json::{Value, json};

use crate::support::client::{Request, raw};
use crate::support::config::Config;
use crate::support::gateway::{Gateway, Home};
use crate::support::openai;
use crate::support::script::Script;
use crate::support::upstream::Upstream;

fn listing() -> Value {
    json!({"object": "list", "data": [{"id": "file-1", "object": "file"}]})
}

fn passing(upstream: &Upstream) -> Config {
    Config::one(upstream).set("/passthrough/providers", json!(["alpha"]))
}

#[tokio::test]
async fn nothing_is_passed_through_unless_the_operator_says_so() {
    let upstream = Upstream::healthy().await;
    let gateway = Gateway::start(&Config::one(&upstream)).await;
    for path in ["/v1/files", "/v1/batches/batch_1", "/v1/fine_tuning/jobs"] {
        gateway
            .send(&Request::get(path))
            .await
            .error(404, "unknown_url");
    }
    assert_eq!(upstream.connections(), 0);
}

#[tokio::test]
async fn a_request_goes_on_with_its_method_path_query_and_body_and_our_credential() {
    let upstream = Upstream::new(Script::json("200 OK", &listing())).await;
    let gateway = Gateway::start(&passing(&upstream)).await;
    let get = Request::get("/v1/files?purpose=batch&limit=2")
        .header("authorization", "Bearer tw-callers")
        .header("cookie", "a=b")
        .header("x-forwarded-for", "10.0.0.1")
        .header("openai-beta", "assistants=v2");
    let response = gateway.send(&get).await;
    assert_eq!((response.status, response.json()), (200, listing()));
    assert_eq!(response.header("x-tollward-provider"), Some("alpha"));
    let seen = upstream.request(0).await;
    assert_eq!(
        seen.head.first_line,
        "GET /v1/files?purpose=batch&limit=2 HTTP/1.1"
    );
    assert_eq!(seen.head.get("authorization"), Some("Bearer sk-upstream"));
    assert_eq!(seen.head.get("openai-beta"), Some("assistants=v2"));
    let forgotten = (seen.head.get("cookie"), seen.head.get("x-forwarded-for"));
    assert_eq!(forgotten, (None, None));

    upstream.always(Script::answer(
        "201 Created",
        &[("content-type", "application/json")],
        "{}",
    ));
    let body = r#"{"input_file_id":"file-1","endpoint":"/v1/chat/completions"}"#;
    let response = gateway.send(&Request::post("/v1/batches", body)).await;
    assert_eq!((response.status, response.text().as_str()), (201, "{}"));
    assert_eq!(upstream.request(1).await.body, body);

    upstream.always(Script::answer("204 No Content", &[], ""));
    let gone = Request::new("DELETE", "/v1/vector_stores/vs_1/files/file-1");
    let response = gateway.send(&gone).await;
    assert_eq!((response.status, response.body.len()), (204, 0));
    assert!(
        upstream
            .request(2)
            .await
            .head
            .first_line
            .starts_with("DELETE ")
    );

    let rows = gateway.home.rows(3).await;
    let facts: Vec<_> = rows
        .iter()
        .map(|row| {
            (
                &row["operation"],
                &row["status"],
                &row["cost_source"],
                &row["tokens"]["input"],
            )
        })
        .collect();
    let expected = json!(["passthrough", 204, 201, 200, "unmeasured", "zero", 0]);
    let [name, deleted, created, looked, unmeasured, zero, nothing] =
        expected.as_array().unwrap().as_slice()
    else {
        panic!("seven");
    };
    assert_eq!(
        facts,
        [
            (name, deleted, zero, nothing),
            (name, created, unmeasured, nothing),
            (name, looked, zero, nothing)
        ]
    );
    gateway.assert_idle().await;
}

#[tokio::test]
async fn a_file_is_uploaded_and_fetched_in_a_stream() {
    let upstream = Upstream::new(Script::json("200 OK", &json!({"id": "file-1"}))).await;
    let gateway = Gateway::start(&passing(&upstream)).await;
    let before = gateway.peak_resident_bytes();
    let content = vec![b'x'; 32 * 1024 * 1024];
    let upload = Request::post("/v1/files", content.clone())
        .without("content-type")
        .header("content-type", "multipart/form-data; boundary=x");
    assert_eq!(gateway.send(&upload).await.status, 200);
    let seen = upstream.only();
    assert!(seen.body == content, "the file passes unchanged");
    assert_eq!(
        seen.head.get("content-type"),
        Some("multipart/form-data; boundary=x")
    );
    upstream.always(Script::answer(
        "200 OK",
        &[("content-type", "application/json")],
        &content,
    ));
    let response = gateway
        .send(&Request::get("/v1/files/file-1/content"))
        .await;
    assert!(response.is_whole && response.body == content);
    let grown = gateway.peak_resident_bytes().saturating_sub(before);
    assert!(grown < 16 * 1024 * 1024, "memory grew by {grown} bytes");
    // An empty file is an answer too.
    upstream.always(Script::answer(
        "200 OK",
        &[("content-type", "text/plain")],
        "",
    ));
    let empty = gateway
        .send(&Request::get("/v1/files/file-1/content"))
        .await;
    assert_eq!((empty.status, empty.body.len()), (200, 0));
}

#[tokio::test]
async fn a_403_keeps_the_vendors_words_because_they_may_be_about_the_object() {
    let refusal = json!({"error": {"message": "no such permission", "type": "x", "code": "y"}});
    let upstream = Upstream::new(Script::json("403 Forbidden", &refusal)).await;
    let gateway = Gateway::start(&passing(&upstream)).await;
    let response = gateway.send(&Request::get("/v1/files/file-1")).await;
    assert_eq!(
        (response.status, response.json()["error"]["message"].clone()),
        (403, json!("no such permission"))
    );
    // Without words, and with 401, it is about our credential.
    for (status, body) in [
        ("403 Forbidden", ""),
        ("401 Unauthorized", &*refusal.to_string()),
    ] {
        let upstream = Upstream::new(Script::answer(status, &[], body)).await;
        let gateway = Gateway::start(&passing(&upstream)).await;
        let response = gateway.send(&Request::get("/v1/files/file-1")).await;
        response.error(502, "upstream_auth");
    }
}

// S-09
#[tokio::test]
async fn a_path_that_leads_elsewhere_is_refused() {
    let upstream = Upstream::new(Script::json("200 OK", &listing())).await;
    let gateway = Gateway::start(&passing(&upstream)).await;
    for path in [
        "/v1/files/../models",
        "/v1/files/%2e%2e/models",
        "/v1/files/%2Fadmin",
        "/v1/files/a%5Cb",
        "/v1/files//x",
        "/v1/files/.",
    ] {
        let request = format!("GET {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n");
        let answer = raw(gateway.public, request.as_bytes()).await;
        assert!(
            answer.starts_with("HTTP/1.1 400 ") && answer.contains("invalid_path"),
            "{path}: {answer}"
        );
    }
    assert_eq!(upstream.connections(), 0);
}

#[tokio::test]
async fn only_keys_that_are_named_may() {
    let upstream = Upstream::new(Script::json("200 OK", &listing())).await;
    let config = passing(&upstream)
        .keyed()
        .set("/passthrough/keys", json!(["runner"]));
    let home = Home::new(&config);
    let runner = home.create_key("runner", &[]).await;
    let other = home.create_key("other", &[]).await;
    let gateway = home.serve().await;
    let list = Request::get("/v1/files");
    assert_eq!(gateway.send(&list.clone().key(&runner)).await.status, 200);
    gateway
        .send(&list.clone().key(&other))
        .await
        .error(403, "passthrough_not_allowed");
    gateway.send(&list).await.error(401, "invalid_api_key");
    assert_eq!(upstream.calls(), 1);
    assert_eq!(gateway.home.row().await["outcome"], "complete");

    // Without any key the gateway is open, and its callers are none of those that are named.
    let named = passing(&upstream).set("/passthrough/keys", json!(["runner"]));
    let open = Gateway::start(&named).await;
    open.send(&list).await.error(403, "passthrough_not_allowed");
    assert_eq!(upstream.calls(), 1);
}

// C-24
#[tokio::test]
async fn methods_that_may_show_our_credential_or_mean_nothing_are_not_passed_on() {
    let upstream = Upstream::healthy().await;
    let gateway = Gateway::start(&passing(&upstream)).await;
    for method in ["TRACE", "OPTIONS", "PROPFIND"] {
        let response = gateway.send(&Request::new(method, "/v1/files")).await;
        response.error(405, "method_not_allowed");
    }
    assert_eq!(upstream.connections(), 0);
}

#[tokio::test]
async fn a_caller_may_name_another_provider_that_is_passed_through_to() {
    let (alpha, beta) = (
        Upstream::healthy().await,
        Upstream::new(Script::json("200 OK", &listing())).await,
    );
    let config = Config::two(&alpha, &beta).set("/passthrough/providers", json!(["alpha", "beta"]));
    let gateway = Gateway::start(&config).await;
    let list = |name: &str| Request::get("/v1/files").header("x-tollward-provider", name);
    assert_eq!(gateway.send(&list("beta")).await.json(), listing());
    gateway
        .send(&list("gamma"))
        .await
        .error(400, "unknown_provider");
    assert_eq!((alpha.calls(), beta.calls()), (0, 1));
}

#[tokio::test]
async fn a_refusal_of_the_vendor_is_told_and_never_that_of_our_credential() {
    let upstream = Upstream::healthy().await;
    let gateway = Gateway::start(&passing(&upstream)).await;
    let error = |message: &str| json!({"error": {"message": message, "type": "invalid_request_error", "param": null, "code": null}});
    for status in [404, 409] {
        let reason = format!("{status} Refused");
        upstream.then(Script::json(&reason, &error("No such File object")));
        let refused = gateway.send(&Request::get("/v1/files/file-2")).await;
        let message = refused.json()["error"]["message"].clone();
        assert_eq!(
            (refused.status, message),
            (status, json!("No such File object"))
        );
    }
    upstream.then(Script::json("400 Bad Request", &error("purpose is wrong")));
    let refused = gateway.send(&Request::post("/v1/uploads", "{}")).await;
    assert_eq!(
        (refused.status, refused.json()["error"]["message"].as_str()),
        (400, Some("purpose is wrong"))
    );
    upstream.then(Script::json(
        "401 Unauthorized",
        &error("sk-upstream is wrong"),
    ));
    let auth = gateway.send(&Request::get("/v1/files")).await;
    auth.error(502, "upstream_auth");
    assert!(!auth.text().contains("sk-upstream"));
    upstream.always(Script::json(
        "400 Bad Request",
        &error("sent by sk-upstream!"),
    ));
    let list = Request::get("/v1/files");
    let chat = Request::post("/v1/chat/completions", openai::chat().to_string());
    for request in [list, chat] {
        let echoed = gateway.send(&request).await;
        let message = &echoed.json()["error"]["message"];
        assert_eq!((echoed.status, message), (400, &json!("sent by ***!")));
    }
    gateway.assert_idle().await;
}
