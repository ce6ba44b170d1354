//! A gateway with an owner's token, and requests to its admin API.

use serde_json::Value;

use super::schema::check;
use crate::support::client::{Client, Request, Response};
use crate::support::config::Config;
use crate::support::gateway::{Gateway, Home, Output};
use crate::support::upstream::Upstream;

/// A running gateway with tokens.
pub(super) struct Desk {
    pub(super) gateway: Gateway,
    pub(super) upstream: Upstream,
    /// That of an owner.
    pub(super) owner: String,
    /// The description of the API.
    document: Value,
}

impl Desk {
    /// A gateway that wants keys, with one owner.
    pub(super) async fn open() -> Self {
        let upstream = Upstream::healthy().await;
        let home = Home::new(&Config::one(&upstream).keyed());
        let owner = token(&home, "root", &["--role", "owner"]).await;
        let document = home.json(&["openapi"]).await;
        Self {
            gateway: home.serve().await,
            upstream,
            owner,
            document,
        }
    }

    /// Sends a request with a token, or without any.
    pub(super) async fn send(&self, request: Request, token: Option<&str>) -> Response {
        let request = request.header("host", &self.gateway.admin.to_string());
        let request = match token {
            Some(token) => request.key(token),
            None => request,
        };
        Client::connect(self.gateway.admin)
            .await
            .send(&request)
            .await
    }

    /// Sends a request as the holder of `token`, with or without a body, and holds the answer against
    /// the description.
    pub(super) async fn ask(
        &self,
        token: &str,
        (method, path): (&str, &str),
        body: Option<&Value>,
    ) -> Response {
        let path = format!("/admin/v1/{path}");
        let request = match body {
            Some(body) => Request::with_body(method, &path, body.to_string()),
            None => Request::new(method, &path),
        };
        let answer = self.send(request, Some(token)).await;
        check(
            &self.document,
            (method, &path),
            answer.status,
            &answer.json(),
        );
        answer
    }

    /// What the owner is answered with, which must be well.
    #[track_caller]
    pub(super) fn told(response: &Response) -> Value {
        assert_eq!(response.status, 200, "{}", response.text());
        response.json()
    }

    pub(super) async fn get(&self, path: &str) -> Value {
        Self::told(&self.ask(&self.owner, ("GET", path), None).await)
    }

    pub(super) async fn post(&self, path: &str, body: &Value) -> Value {
        Self::told(&self.ask(&self.owner, ("POST", path), Some(body)).await)
    }

    pub(super) async fn delete(&self, path: &str) -> Value {
        Self::told(&self.ask(&self.owner, ("DELETE", path), None).await)
    }

    /// Issues a token by way of the API and returns its text.
    pub(super) async fn issue(&self, body: &Value) -> String {
        text(&self.post("tokens", body).await, "token")
    }
}

/// A member of an answer that is text.
#[track_caller]
pub(super) fn text(value: &Value, name: &str) -> String {
    let found = value[name].as_str();
    found
        .unwrap_or_else(|| panic!("text `{name}` in {value}"))
        .to_owned()
}

/// Issues a token by a command and returns its text.
pub(super) async fn token(home: &Home, name: &str, more: &[&str]) -> String {
    let arguments = [&["token", "create", name], more].concat();
    let Output {
        status,
        stdout,
        stderr,
    } = home.run(&arguments).await;
    assert!(status.success(), "{stderr}");
    stdout.trim().to_owned()
}
