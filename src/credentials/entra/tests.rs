//! What is asked of whom, by what is configured and what the environment says.

#![expect(clippy::unwrap_used, clippy::indexing_slicing, reason = "tests")]

use std::sync::Arc;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rustls::SignatureScheme;
use rustls::crypto::aws_lc_rs::default_provider;
use secrecy::SecretString;
use serde_json::{Value, json};
use tollward_providers::Key;

use super::*;
use crate::credentials::oauth::script::{Script, answer, fetcher};

fn environment(variables: &[(&str, &str)]) -> Environment {
    let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
    variables.iter().map(owned).collect()
}

fn nobody() -> EntraIdentity {
    EntraIdentity::new(None, None, None)
}

async fn asked(identity: EntraIdentity, variables: &[(&str, &str)]) -> (Fetched, String) {
    // Azure's service for machines writes numbers as text.
    let token = json!({"access_token": "eyJ.t", "expires_in": "3599"});
    let script = Script::new(vec![answer(200, &token)]).await;
    let (authority, endpoint) = (script.url("/"), script.url("/msi/token"));
    let mut all = vec![("AZURE_AUTHORITY_HOST", &*authority)];
    all.push(("IDENTITY_ENDPOINT", &endpoint));
    all.extend(variables);
    let entra = Entra::new(identity, &environment(&all));
    let fetched = entra.fetch(&fetcher()).await.unwrap();
    (fetched, script.asked().remove(0))
}

#[tokio::test]
async fn an_application_asks_with_its_secret() {
    let [tenant, client] = ["t", "c"].map(|it| Some(Arc::from(it)));
    let identity = EntraIdentity::new(tenant, client, Some(SecretString::from("s&x")));
    let (fetched, asked) = asked(identity, &[]).await;
    assert_eq!(fetched.key, Key::bearer("eyJ.t").unwrap());
    assert_eq!(fetched.lifetime, Some(Duration::from_secs(3599)));
    assert!(asked.starts_with("POST /t/oauth2/v2.0/token "), "{asked}");
    let form = "grant_type=client_credentials&client_id=c&scope=https%3A%2F%2Fcognitiveservices.azure.com%2F.default&client_secret=s%26x";
    assert!(asked.ends_with(form), "{asked}");
}

#[tokio::test]
async fn a_workload_asks_with_what_its_cluster_vouches_for() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("token");
    std::fs::write(&path, "eyJ.cluster\n").unwrap();
    let variables = [
        ("AZURE_TENANT_ID", "t"),
        ("AZURE_CLIENT_ID", "c"),
        ("AZURE_FEDERATED_TOKEN_FILE", path.to_str().unwrap()),
    ];
    let (_, asked) = asked(nobody(), &variables).await;
    assert!(asked.ends_with("&client_assertion=eyJ.cluster"), "{asked}");
    assert!(!asked.contains("client_secret"), "{asked}");
}

#[tokio::test]
async fn a_machine_asks_for_the_identity_that_it_has() {
    let client = Some(Arc::from("c"));
    let identity = EntraIdentity::new(None, client, None);
    let (_, asked) = asked(identity, &[("IDENTITY_HEADER", "h")]).await;
    let path = "GET /msi/token?api-version=2019-08-01&resource=https%3A%2F%2Fcognitiveservices.azure.com&client_id=c ";
    assert!(asked.starts_with(path), "{asked}");
    assert!(asked.contains("x-identity-header: h"), "{asked}");
}

#[test]
fn no_secret_is_shown() {
    let secret = Some(SecretString::from("canary"));
    let identity = EntraIdentity::new(None, None, secret);
    assert!(!format!("{identity:?}").contains("canary"));
}

/// A key, and a certificate made of it with `openssl req -x509`.
const CERTIFICATE: &str = concat!(
    include_str!("../testdata/service_account.pem"),
    include_str!("../testdata/certificate.pem"),
);

#[tokio::test]
async fn an_application_signs_what_it_asserts_with_the_key_of_its_certificate() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("app.pem");
    std::fs::write(&path, CERTIFICATE).unwrap();
    let file: Arc<str> = path.to_str().unwrap().into();
    let [tenant, client] = ["t", "c"].map(|it| Some(Arc::from(it)));
    let identity = EntraIdentity::new(tenant, client, None).with_certificate(Some(file));
    // A secret in the environment is another application's, maybe.
    let (_, asked) = asked(identity, &[("AZURE_CLIENT_SECRET", "s")]).await;
    assert!(!asked.contains("client_secret"), "{asked}");
    let (_, assertion) = asked.split_once("&client_assertion=").unwrap();
    let mut parts = assertion
        .split('.')
        .map(|it| URL_SAFE_NO_PAD.decode(it).unwrap());
    let header: Value = serde_json::from_slice(&parts.next().unwrap()).unwrap();
    let thumbprint = "RAZYNF7yn-HiNStiWGIVZaS3Ash_sMTeKAHr0v3b6_s";
    assert_eq!(
        header,
        json!({"alg": "PS256", "typ": "JWT", "x5t#S256": thumbprint})
    );
    let claims: Value = serde_json::from_slice(&parts.next().unwrap()).unwrap();
    let audience = claims["aud"].as_str().unwrap();
    assert!(audience.ends_with("/t/oauth2/v2.0/token"), "{claims}");
    assert_eq!((&claims["iss"], &claims["sub"]), (&json!("c"), &json!("c")));
    let time = |name: &str| claims[name].as_i64().unwrap();
    assert_eq!(time("exp") - time("nbf"), 1800);
    let signature = parts.next().unwrap();
    let (signed, _) = assertion.rsplit_once('.').unwrap();
    let algorithms = default_provider().signature_verification_algorithms;
    let mut known = algorithms.mapping.iter();
    let is_pss = |(scheme, _): &&(SignatureScheme, _)| *scheme == SignatureScheme::RSA_PSS_SHA256;
    let (_, verifiers) = known.find(is_pss).unwrap();
    let public = include_bytes!("../testdata/service_account.pub.der");
    let verified = verifiers[0].verify_signature(public, signed.as_bytes(), &signature);
    verified.unwrap();
}

#[tokio::test]
async fn a_file_without_a_certificate_is_told_by_its_name_only() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("app.pem");
    std::fs::write(&path, "canary").unwrap();
    let path = path.to_str().unwrap();
    for (path, told) in [
        (path, path),
        ("/nonexistent/app.pem", "/nonexistent/app.pem"),
    ] {
        let variables = [
            ("AZURE_TENANT_ID", "t"),
            ("AZURE_CLIENT_ID", "c"),
            ("AZURE_CLIENT_CERTIFICATE_PATH", path),
        ];
        let entra = Entra::new(nobody(), &environment(&variables));
        let error = entra.fetch(&fetcher()).await.unwrap_err().to_string();
        assert!(error.contains(told) && !error.contains("canary"), "{error}");
    }
}
