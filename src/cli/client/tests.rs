#![expect(clippy::unwrap_used, reason = "tests")]

use super::*;
use crate::weights::tests::server::{Reply, Server};

/// A client of `server` with the key `tw-test`.
pub(crate) fn client_of(server: &Server) -> Client {
    let key = Some(SecretString::from("tw-test"));
    Client::new(Gateway {
        base_url: format!("{}/v1/", server.url()),
        key,
    })
    .unwrap()
}

#[tokio::test]
async fn the_list_of_models_is_asked_for_with_the_key() {
    let server = Server::start(|_| {
        Reply::new(
            200,
            r#"{"object":"list","data":[{"id":"a","object":"model","owned_by":"local"},{"id":"b"}]}"#,
        )
    });
    let models = client_of(&server).models().await.unwrap();
    let (owned_by, b) = (Some("local".to_owned()), "b".to_owned());
    assert_eq!(
        models,
        [
            ServedModel {
                id: "a".to_owned(),
                owned_by
            },
            ServedModel {
                id: b,
                owned_by: None
            }
        ]
    );
    let request = server.seen().remove(0);
    assert_eq!(
        (request.method.as_str(), request.path.as_str()),
        ("GET", "/v1/models")
    );
    assert_eq!(request.header("authorization"), Some("Bearer tw-test"));
}

#[tokio::test]
async fn an_error_is_told_by_its_message_and_request_id() {
    let body = r#"{"error":{"message":"no such\u001b[2J key","type":"x","param":null,"code":"invalid_api_key"}}"#;
    let server = Server::start(move |_| Reply::new(401, body).with("x-request-id", "r-1"));
    let error = client_of(&server).models().await.unwrap_err();
    assert_eq!(error.to_string(), "no such[2J key (request r-1)");
    let ClientError::Refused { status, code, .. } = error else {
        unreachable!()
    };
    assert_eq!((status, code.as_deref()), (401, Some("invalid_api_key")));
}

#[tokio::test]
async fn an_error_without_a_body_is_told_by_its_status() {
    let server = Server::start(|_| Reply::new(503, "").with("retry-after", "3"));
    let error = client_of(&server).models().await.unwrap_err().to_string();
    assert_eq!(
        error,
        "the gateway answered 503 Service Unavailable; retry after 3 s"
    );
}

#[tokio::test]
async fn a_redirect_is_not_followed_with_the_key() {
    let server = Server::start(|_| Reply::new(307, "").with("location", "/elsewhere"));
    assert!(client_of(&server).models().await.is_err());
    assert_eq!(server.seen().len(), 1);
}

#[tokio::test]
async fn nobody_there_is_an_error_of_its_own() {
    let gateway = Gateway {
        base_url: "http://127.0.0.1:1/v1".to_owned(),
        key: None,
    };
    let error = Client::new(gateway).unwrap().models().await.unwrap_err();
    assert!(matches!(error, ClientError::Unreachable { .. }), "{error}");
}

#[test]
fn an_address_that_is_none_is_refused_at_once() {
    for base_url in ["", "127.0.0.1:4000", "ftp://x/"] {
        assert!(
            Client::new(Gateway {
                base_url: base_url.to_owned(),
                key: None
            })
            .is_err(),
            "{base_url}"
        );
    }
}
