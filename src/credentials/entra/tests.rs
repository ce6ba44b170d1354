//! What is asked of whom, by what is configured and what the environment says.

#![expect(clippy::unwrap_used, reason = "tests")]

use std::sync::Arc;
use std::time::Duration;

use secrecy::SecretString;
use serde_json::json;
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
