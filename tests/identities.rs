//! Identities at Google and at Entra whose tokens are fetched, by way of whatever proves them.

use futures_util::future::join_all;
use serde_json::{Value, json};

use crate::support::config::Config;
use crate::support::gateway::Home;
use crate::support::openai;
use crate::support::script::Script;
use crate::support::upstream::{Seen, Upstream};

/// A vendor and the service that makes tokens for it.
struct Scene {
    vendor: Upstream,
    tokens: Upstream,
}

impl Scene {
    async fn new(token: impl Fn(&Seen) -> Value + Send + 'static) -> Self {
        Self {
            vendor: Upstream::new(Script::json("200 OK", &openai::answer("hello"))).await,
            tokens: Upstream::answering(move |seen| Script::json("200 OK", &token(seen))).await,
        }
    }

    fn config(&self, kind: &str, model: &str, settings: Value) -> Config {
        let mut provider = settings;
        provider["kind"] = json!(kind);
        provider["base_url"] = json!(format!("http://{}/v1", self.vendor.addr));
        Config::empty()
            .set("/providers/cloud", provider)
            .model("chat", &[&format!("cloud/{model}")])
    }

    /// What the token service was asked, as first lines.
    fn asked(&self) -> Vec<String> {
        let seen = self.tokens.seen();
        seen.iter().map(|it| it.head.first_line.clone()).collect()
    }
}

fn form(seen: &Seen) -> String {
    String::from_utf8(seen.body.to_vec()).unwrap()
}

#[tokio::test]
async fn fifty_calls_with_a_federated_identity_cost_one_exchange_and_one_impersonation() {
    let scene = Scene::new(|seen| {
        if seen.path().ends_with(":generateAccessToken") {
            json!({"accessToken": "canary-account", "expireTime": "2999-01-01T00:00:00Z"})
        } else {
            json!({"access_token": "canary-traded", "expires_in": 3599})
        }
    })
    .await;
    let address = format!("http://{}", scene.tokens.addr);
    let account = format!("{address}/v1/projects/-/serviceAccounts/a@p:generateAccessToken");
    let identity = json!({
        "type": "external_account", "audience": "//iam.googleapis.com/x",
        "subject_token_type": "urn:ietf:params:oauth:token-type:jwt",
        "token_url": format!("{address}/v1/token"),
        "credential_source": {"file": "proof.jwt"},
        "service_account_impersonation_url": account,
    });
    let settings = json!({"project": "p", "credentials_file": "identity.json"});
    let home = Home::new(&scene.config("vertex", "meta/llama", settings))
        .file("identity.json", &identity.to_string())
        .file("proof.jwt", "canary-proof");
    let gateway = home.serve().await;
    let body = openai::chat();
    let calls = join_all((0..50).map(|_| gateway.chat(&body))).await;
    assert!(calls.iter().all(|it| it.status == 200));
    assert_eq!(
        scene.asked(),
        [
            "POST /v1/token HTTP/1.1",
            "POST /v1/projects/-/serviceAccounts/a@p:generateAccessToken HTTP/1.1",
        ]
    );
    let [exchange, impersonation] = &scene.tokens.seen()[..] else {
        unreachable!("two questions")
    };
    assert!(form(exchange).contains("&subject_token=canary-proof&"));
    let shown = |seen: &Seen| seen.head.get("authorization").map(str::to_owned);
    assert_eq!(
        shown(impersonation).as_deref(),
        Some("Bearer canary-traded")
    );
    let used = scene.vendor.seen();
    assert_eq!(used.len(), 50);
    let is_account = |it: &Seen| shown(it).as_deref() == Some("Bearer canary-account");
    assert!(used.iter().all(is_account));
    assert!(!gateway.printed().contains("canary"));
}

#[tokio::test]
async fn an_application_at_entra_proves_itself_with_its_certificate() {
    let scene = Scene::new(|_| json!({"access_token": "canary-entra", "expires_in": 3599})).await;
    let settings = json!({
        "tenant_id": "t", "client_id": "c", "client_certificate": "app.pem",
    });
    let pem = concat!(
        include_str!("../src/credentials/testdata/service_account.pem"),
        include_str!("../src/credentials/testdata/certificate.pem"),
    );
    let authority = format!("http://{}", scene.tokens.addr);
    let home = Home::new(&scene.config("azure", "gpt-4o", settings))
        .file("app.pem", pem)
        .variable("AZURE_AUTHORITY_HOST", &authority);
    let gateway = home.serve().await;
    assert_eq!(gateway.chat(&openai::chat()).await.status, 200);
    assert_eq!(scene.asked(), ["POST /t/oauth2/v2.0/token HTTP/1.1"]);
    let asked = form(&scene.tokens.only());
    assert!(asked.contains("&client_assertion=eyJ"), "{asked}");
    assert!(!asked.contains("client_secret"), "{asked}");
    let used = scene.vendor.only();
    assert_eq!(used.head.get("authorization"), Some("Bearer canary-entra"));
    assert!(!gateway.printed().contains("canary"));
}

#[tokio::test]
async fn tokens_for_an_endpoint_of_azure_ml_are_asked_for_by_its_own_name() {
    let scene = Scene::new(|_| json!({"access_token": "canary-entra", "expires_in": 3599})).await;
    let settings = json!({"tenant_id": "t", "client_id": "c", "client_secret": "canary-s"});
    let authority = format!("http://{}", scene.tokens.addr);
    let home = Home::new(&scene.config("azure-ml", "phi-4", settings));
    let gateway = home
        .variable("AZURE_AUTHORITY_HOST", &authority)
        .serve()
        .await;
    assert_eq!(gateway.chat(&openai::chat()).await.status, 200);
    let asked = form(&scene.tokens.only());
    let scope = "&scope=https%3A%2F%2Fml.azure.com%2F.default&";
    assert!(asked.contains(scope), "{asked}");
    let used = scene.vendor.only();
    assert_eq!(used.path(), "/v1/chat/completions");
    assert_eq!(used.head.get("authorization"), Some("Bearer canary-entra"));
    assert!(!gateway.printed().contains("canary"));
}
