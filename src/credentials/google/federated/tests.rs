//! What is traded for what, and with whom, against a scripted service on loopback.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

use std::sync::Arc;

use serde_json::{Value, json};
use tollward_providers::GoogleIdentity;

use super::*;
use crate::credentials::google::Google;
use crate::credentials::oauth::script::{Script, answer, fetcher};
use crate::credentials::source::Source;

async fn fetched(file: &Value) -> Result<Fetched, FetchError> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("credentials.json");
    std::fs::write(&path, file.to_string()).unwrap();
    let file = Some(path.to_str().unwrap().into());
    let google = Google::new(GoogleIdentity { file }, &Arc::from([]));
    google.fetch(&fetcher()).await
}

fn external(script: &Script, source: &Value) -> Value {
    json!({
        "type": "external_account", "audience": "//iam.googleapis.com/x",
        "subject_token_type": "urn:ietf:params:oauth:token-type:jwt",
        "token_url": script.url("/v1/token"), "credential_source": source,
    })
}

const TRADE: &str = "grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Atoken-exchange\
    &audience=%2F%2Fiam.googleapis.com%2Fx\
    &scope=https%3A%2F%2Fwww.googleapis.com%2Fauth%2Fcloud-platform\
    &requested_token_type=urn%3Aietf%3Aparams%3Aoauth%3Atoken-type%3Aaccess_token\
    &subject_token=eyJ.elsewhere\
    &subject_token_type=urn%3Aietf%3Aparams%3Aoauth%3Atoken-type%3Ajwt";

#[tokio::test]
async fn a_token_in_a_file_is_traded_for_googles() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("token");
    std::fs::write(&path, "eyJ.elsewhere\n").unwrap();
    let token = json!({"access_token": "ya29.f", "expires_in": "3599"});
    let script = Script::new(vec![answer(200, &token)]).await;
    let mut file = external(&script, &json!({"file": path}));
    file["workforce_pool_user_project"] = json!("p 1");
    let fetched = fetched(&file).await.unwrap();
    assert_eq!(fetched.key, Key::bearer("ya29.f").unwrap());
    assert_eq!(fetched.lifetime, Some(Duration::from_secs(3599)));
    let asked = script.asked();
    assert!(asked[0].starts_with("POST /v1/token "), "{asked:?}");
    // Encoded once as a value of its own, and once more as a field of the form.
    let options = "&options=%257B%2522userProject%2522%253A%2522p%2B1%2522%257D";
    assert!(
        asked[0].ends_with(&format!("{TRADE}{options}")),
        "{asked:?}"
    );
}

#[tokio::test]
async fn a_token_behind_an_address_is_traded_and_the_account_is_taken_on_with_it() {
    let traded = json!({"access_token": "ya29.s", "expires_in": 3599});
    let account = json!({"accessToken": "ya29.sa", "expireTime": "2999-01-01T00:00:00Z"});
    let elsewhere = json!({"value": "eyJ.elsewhere"});
    let answers = [elsewhere, traded, account].map(|it| answer(200, &it));
    let script = Script::new(answers.to_vec()).await;
    let source = json!({
        "url": script.url("/id"), "headers": {"x-proof": "me"},
        "format": {"type": "json", "subject_token_field_name": "value"},
    });
    let mut file = external(&script, &source);
    let url = script.url("/v1/projects/-/serviceAccounts/a@p:generateAccessToken");
    file["service_account_impersonation_url"] = json!(url);
    file["service_account_impersonation"] = json!({"token_lifetime_seconds": 600});
    let fetched = fetched(&file).await.unwrap();
    assert_eq!(fetched.key, Key::bearer("ya29.sa").unwrap());
    assert!(fetched.lifetime > Some(Duration::from_secs(1_000_000)));
    let asked = script.asked();
    assert!(asked[0].starts_with("GET /id "), "{asked:?}");
    assert!(asked[0].contains("x-proof: me\r\n"), "{asked:?}");
    assert!(asked[1].ends_with(TRADE), "{asked:?}");
    let path = "POST /v1/projects/-/serviceAccounts/a@p:generateAccessToken ";
    assert!(asked[2].starts_with(path), "{asked:?}");
    assert!(
        asked[2].contains("authorization: Bearer ya29.s\r\n"),
        "{asked:?}"
    );
    let body = r#"{"delegates":[],"scope":["https://www.googleapis.com/auth/cloud-platform"],"lifetime":"600s"}"#;
    assert!(asked[2].ends_with(body), "{asked:?}");
}

#[tokio::test]
async fn a_person_takes_on_an_account_by_way_of_others() {
    let own = json!({"access_token": "ya29.me", "expires_in": 3599});
    let refused = json!({"error": {"status": "PERMISSION_DENIED", "message": "canary"}});
    let script = Script::new(vec![answer(200, &own), answer(403, &refused)]).await;
    let file = json!({
        "type": "impersonated_service_account", "delegates": ["projects/-/serviceAccounts/b@p"],
        "service_account_impersonation_url": script.url("/a@p:generateAccessToken"),
        "source_credentials": {
            "type": "authorized_user", "client_id": "c", "client_secret": "s",
            "refresh_token": "r", "token_uri": script.url("/token"),
        },
    });
    let error = fetched(&file).await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "Google's service for impersonation answered 403 Forbidden (PERMISSION_DENIED)"
    );
    let asked = script.asked();
    assert!(
        asked[1].contains("authorization: Bearer ya29.me\r\n"),
        "{asked:?}"
    );
    let body = r#"{"delegates":["projects/-/serviceAccounts/b@p"],"#;
    assert!(asked[1].contains(body), "{asked:?}");
}

#[tokio::test]
async fn a_source_that_gives_no_token_is_told_without_what_it_gave() {
    let given = json!({"other": "canary"});
    let script = Script::new(vec![answer(200, &given), answer(500, &given)]).await;
    let format = json!({"type": "json", "subject_token_field_name": "value"});
    let url = json!({"url": script.url("/id"), "format": format});
    for (source, told) in [
        (url.clone(), "it holds no token"),
        (url, "answered 500"),
        (json!({}), "neither in one `file`"),
        (json!({"file": "/nonexistent/token"}), "/nonexistent/token"),
    ] {
        let error = fetched(&external(&script, &source)).await.unwrap_err();
        let text = error.to_string();
        assert!(text.contains(told) && !text.contains("canary"), "{text}");
    }
    assert_eq!(script.asked().len(), 2);
}

#[tokio::test]
async fn an_identity_that_aws_vouches_for_is_refused_by_name() {
    let script = Script::new(Vec::new()).await;
    let source = json!({"environment_id": "aws1", "url": script.url("/latest/meta-data")});
    let refused = fetched(&external(&script, &source)).await.unwrap_err();
    assert!(refused.to_string().contains("`aws1`"), "{refused}");
    assert!(script.asked().is_empty());
}
