//! Where an identity is found, what is asked for it, and what is made of the answers.

#![expect(clippy::indexing_slicing, clippy::unwrap_used, reason = "tests")]

use std::time::Duration;

use serde_json::json;
use tollward_providers::Key;

use super::*;
use crate::credentials::jwt::signed;
use crate::credentials::oauth::script::{Script, answer, fetcher};

const PEM: &str = include_str!("../testdata/service_account.pem");

fn environment(variables: &[(&str, &str)]) -> Environment {
    let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
    variables.iter().map(owned).collect()
}

/// What an identity gets whose file, if it has one, says `file`.
async fn fetched(
    file: Option<serde_json::Value>,
    environment: &Environment,
) -> Result<Fetched, FetchError> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("credentials.json");
    let file = file.map(|it| {
        std::fs::write(&path, it.to_string()).unwrap();
        path.to_str().unwrap().into()
    });
    let google = Google::new(GoogleIdentity { file }, environment);
    google.fetch(&fetcher()).await
}

#[test]
fn an_assertion_is_signed_as_openssl_signs_it() {
    let mut claims = claims("a@p.iam.gserviceaccount.com", 1_764_000_000);
    claims["scope"] = json!("s");
    let key_id = Some(("kid", "kid-1"));
    let token = signed(Algorithm::Rs256, PEM.as_bytes(), key_id, &claims).unwrap();
    assert_eq!(token, include_str!("../testdata/assertion.jwt").trim_end());
    assert_eq!(signed(Algorithm::Rs256, b"no key", None, &claims), None);
}

#[tokio::test]
async fn a_service_account_trades_an_assertion_for_a_token() {
    let token = json!({"access_token": "ya29.a", "expires_in": 3599, "token_type": "Bearer"});
    let script = Script::new(vec![answer(200, &token)]).await;
    let file = json!({"type": "service_account", "client_email": "a@p", "private_key": PEM,
        "private_key_id": "k", "token_uri": script.url("/token"), "project_id": "p"});
    let fetched = fetched(Some(file), &environment(&[])).await.unwrap();
    assert_eq!(fetched.key, Key::bearer("ya29.a").unwrap());
    assert_eq!(fetched.lifetime, Some(Duration::from_secs(3599)));
    let asked = script.asked();
    assert!(asked[0].starts_with("POST /token "), "{asked:?}");
    let form = "grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Ajwt-bearer&assertion=eyJ";
    assert!(asked[0].contains(form), "{asked:?}");
}

#[tokio::test]
async fn what_a_person_allowed_is_traded_for_a_token_and_a_refusal_is_told_without_secrets() {
    let refused = json!({"error": "invalid_grant", "error_description": "r-secret was revoked"});
    let script = Script::new(vec![answer(400, &refused)]).await;
    let file = json!({"type": "authorized_user", "client_id": "c", "client_secret": "s-secret",
        "refresh_token": "r-secret", "token_uri": script.url("/token")});
    let error = fetched(Some(file), &environment(&[])).await.unwrap_err();
    let told = error.to_string();
    assert_eq!(
        told,
        "Google's token service answered 400 Bad Request (invalid_grant)"
    );
    let form = "grant_type=refresh_token&client_id=c&client_secret=s-secret&refresh_token=r-secret";
    assert!(script.asked()[0].ends_with(form));
}

#[tokio::test]
async fn a_machine_is_asked_where_no_file_is() {
    let token = json!({"access_token": "ya29.m", "expires_in": 100});
    let script = Script::new(vec![answer(200, &token)]).await;
    let host = script.url("");
    let host = host.strip_prefix("http://").unwrap();
    let variables = environment(&[("GCE_METADATA_HOST", host), ("HOME", "/nonexistent")]);
    let fetched = fetched(None, &variables).await.unwrap();
    assert_eq!(fetched.key, Key::bearer("ya29.m").unwrap());
    let asked = script.asked();
    let path = "GET /computeMetadata/v1/instance/service-accounts/default/token?scopes=";
    assert!(asked[0].starts_with(path), "{asked:?}");
    assert!(asked[0].contains("metadata-flavor: Google"), "{asked:?}");
}

#[tokio::test]
async fn a_file_that_is_none_is_said_by_its_name_only() {
    let named = [("GOOGLE_APPLICATION_CREDENTIALS", "/nonexistent/sa.json")];
    let error = fetched(None, &environment(&named)).await.unwrap_err();
    assert!(
        error.to_string().contains("/nonexistent/sa.json"),
        "{error}"
    );
    for file in [
        json!({"type": "external_account", "x": "canary"}),
        json!("canary"),
    ] {
        let error = fetched(Some(file), &environment(&[])).await.unwrap_err();
        assert!(!error.to_string().contains("canary"), "{error}");
    }
    let unusable =
        json!({"type": "service_account", "client_email": "a@p", "private_key": "canary"});
    let error = fetched(Some(unusable), &environment(&[]))
        .await
        .unwrap_err();
    assert_eq!(
        error.to_string(),
        "the service account's private key cannot be used"
    );
}
