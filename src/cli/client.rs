//! A small client of our own API, for the commands that talk to a gateway.
//!
//! It asks for the list of models and for streamed chat answers, over HTTP like any other client. A gateway
//! on this machine is never looked for behind a proxy, and a redirect is never followed, because the key
//! goes with every request. Reading the stream is in `client/answer.rs`.

use std::time::Duration;

use reqwest::{RequestBuilder, Response, header};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tollward_wire::error_body::ErrorBody;
use url::{Host, Url};

use crate::cli::{client::answer::AnswerStream, console::printable};

pub mod answer;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// Longest silence of the gateway, which has shorter limits of its own and names them.
const IDLE_TIMEOUT: Duration = Duration::from_mins(15);
/// How long the list of models may take.
const LIST_TIMEOUT: Duration = Duration::from_secs(10);
/// Largest answer that is read at once.
const MAX_BODY_BYTES: usize = 4 << 20;

/// A gateway and who we are to it.
#[derive(Debug, Clone)]
pub struct Gateway {
    /// The address that clients use, such as `http://127.0.0.1:4000/v1`.
    pub base_url: String,
    /// The virtual key; `None` for an open gateway.
    pub key: Option<SecretString>,
}

/// Why the gateway did not do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// The HTTP client could not be made, or the address is no URL.
    #[error("`{url}` cannot be called: {reason}")]
    Address {
        /// The address.
        url: String,
        /// What is wrong with it.
        reason: String,
    },
    /// Nobody answered.
    #[error("{url} could not be reached: {reason}")]
    Unreachable {
        /// The address.
        url: String,
        /// What the system said.
        reason: String,
    },
    /// The gateway answered with an error.
    #[error("{message}{}", request_text(request_id.as_deref()))]
    Refused {
        /// Status of the response; 200 when the error came inside a stream.
        status: u16,
        /// The error's message, or the status in words.
        message: String,
        /// The error's code, when it has one.
        code: Option<String>,
        /// The request's id in the gateway's log.
        request_id: Option<String>,
    },
    /// The answer ended early or is not an answer.
    #[error("{reason}{}", request_text(request_id.as_deref()))]
    Broken {
        /// What happened.
        reason: String,
        /// The request's id in the gateway's log.
        request_id: Option<String>,
    },
}

fn request_text(request_id: Option<&str>) -> String {
    request_id.map_or_else(String::new, |id| format!(" (request {id})"))
}

/// A model as `GET /v1/models` lists it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServedModel {
    /// The name to ask for.
    pub id: String,
    /// Who serves it, when the gateway says so.
    #[serde(default)]
    pub owned_by: Option<String>,
}

#[derive(Deserialize)]
struct ModelList {
    data: Vec<ServedModel>,
}

/// One turn of a conversation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Message {
    /// `system`, `user` or `assistant`.
    pub role: &'static str,
    /// What was said.
    pub content: String,
}

/// What to ask a model.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Question<'a> {
    /// Public model name.
    pub model: &'a str,
    /// The conversation so far.
    pub messages: &'a [Message],
    /// Most tokens of the answer; `None` leaves it to the model.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_tokens: Option<u32>,
    /// Sampling temperature; `None` leaves it to the model.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub temperature: Option<f32>,
    /// Always true: answers are shown as they come.
    pub stream: bool,
}

/// A client of one gateway.
#[derive(Debug, Clone)]
pub struct Client {
    http: reqwest::Client,
    gateway: Gateway,
}

impl Client {
    /// Makes a client; nothing is sent yet.
    ///
    /// # Errors
    /// The base URL is not an HTTP address, or there are no root certificates for HTTPS.
    pub fn new(gateway: Gateway) -> Result<Self, ClientError> {
        let failed = |reason: String| ClientError::Address {
            url: gateway.base_url.clone(),
            reason,
        };
        let url = Url::parse(&gateway.base_url).map_err(|error| failed(error.to_string()))?;
        if !matches!(url.scheme(), "http" | "https") {
            return Err(failed(
                "it is not an http:// or https:// address".to_owned(),
            ));
        }
        let mut builder = reqwest::Client::builder()
            .user_agent(concat!("tollward/", env!("CARGO_PKG_VERSION")))
            .redirect(reqwest::redirect::Policy::none())
            .connect_timeout(CONNECT_TIMEOUT)
            .read_timeout(IDLE_TIMEOUT);
        if is_this_machine(&url) {
            builder = builder.no_proxy();
        }
        let http = builder
            .build()
            .map_err(|error| failed(root_cause(&error)))?;
        Ok(Self { http, gateway })
    }

    /// The models that the gateway serves to this key.
    ///
    /// # Errors
    /// Nobody answers, or the gateway refused.
    pub async fn models(&self) -> Result<Vec<ServedModel>, ClientError> {
        let request = self.http.get(self.url("models")).timeout(LIST_TIMEOUT);
        let response = self.send(request).await?;
        let request_id = request_id(&response);
        let body = bounded_body(response)
            .await
            .map_err(|reason| broken(reason, request_id.clone()))?;
        let list: Result<ModelList, _> = serde_json::from_slice(&body);
        list.map(|list| list.data).map_err(|_| {
            broken(
                "the gateway's list of models is not one".to_owned(),
                request_id,
            )
        })
    }

    /// Asks a question and returns its answer as a stream.
    ///
    /// # Errors
    /// Nobody answers, or the gateway refused before the answer began.
    pub async fn ask(&self, question: &Question<'_>) -> Result<AnswerStream, ClientError> {
        let request = self.http.post(self.url("chat/completions")).json(question);
        let response = self.send(request).await?;
        let id = request_id(&response);
        Ok(AnswerStream::new(response, id))
    }

    /// Asks the operator's side: looks at `path`, or posts `body` to it.
    ///
    /// # Errors
    /// Nobody answers, or the gateway refused.
    pub async fn operate(&self, path: &str, body: Option<&Value>) -> Result<Value, ClientError> {
        let url = self.url(path);
        let request = match body {
            Some(body) => self.http.post(url).json(body),
            None => self.http.get(url),
        };
        let response = self.send(request.timeout(LIST_TIMEOUT)).await?;
        let body = bounded_body(response).await;
        let body = body.map_err(|reason| broken(reason, None))?;
        let is_no_json = |_| broken("the gateway's answer is no JSON".to_owned(), None);
        serde_json::from_slice(&body).map_err(is_no_json)
    }

    fn url(&self, path: &str) -> String {
        format!("{}/{path}", self.gateway.base_url.trim_end_matches('/'))
    }

    async fn send(&self, request: RequestBuilder) -> Result<Response, ClientError> {
        let request = match &self.gateway.key {
            Some(key) => request.bearer_auth(key.expose_secret()),
            None => request,
        };
        let sent = request.send().await;
        let unreachable = |error: reqwest::Error| ClientError::Unreachable {
            url: self.gateway.base_url.clone(),
            reason: root_cause(&error),
        };
        let response = sent.map_err(unreachable)?;
        if response.status().is_success() {
            Ok(response)
        } else {
            Err(refusal(response).await)
        }
    }
}

async fn refusal(response: Response) -> ClientError {
    let (status, request_id) = (response.status(), request_id(&response));
    let retry_after = response
        .headers()
        .get(header::RETRY_AFTER)
        .and_then(|value| value.to_str().ok());
    let retry_after = retry_after.map_or_else(String::new, |after| {
        format!("; retry after {} s", printable(after))
    });
    let body = bounded_body(response).await.unwrap_or_default();
    let error = ErrorBody::parse(&body);
    let message = error.as_ref().map_or_else(
        || format!("the gateway answered {status}"),
        |error| printable(&error.message),
    );
    ClientError::Refused {
        status: status.as_u16(),
        message: message + &retry_after,
        code: error.and_then(|error| error.code),
        request_id,
    }
}

fn request_id(response: &Response) -> Option<String> {
    let id = response
        .headers()
        .get("x-request-id")
        .and_then(|value| value.to_str().ok());
    id.map(printable)
}

fn broken(reason: String, request_id: Option<String>) -> ClientError {
    ClientError::Broken { reason, request_id }
}

async fn bounded_body(mut response: Response) -> Result<Vec<u8>, String> {
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(|error| root_cause(&error))? {
        body.extend_from_slice(&chunk);
        if body.len() > MAX_BODY_BYTES {
            return Err("the gateway's answer is too large".to_owned());
        }
    }
    Ok(body)
}

fn root_cause(error: &reqwest::Error) -> String {
    let mut cause: &dyn std::error::Error = error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    cause.to_string()
}

fn is_this_machine(url: &Url) -> bool {
    match url.host() {
        Some(Host::Ipv4(address)) => address.is_loopback() || address.is_unspecified(),
        Some(Host::Ipv6(address)) => address.is_loopback() || address.is_unspecified(),
        Some(Host::Domain(name)) => name == "localhost",
        None => false,
    }
}

#[cfg(test)]
pub(crate) mod tests;
