//! A raw HTTP/1.1 client: it can stream, leave early, and send malformed bytes.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use bytes::{Bytes, BytesMut};
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};

use super::http1::{Framing, Head, Piece, Wire};
use super::within;

/// The longest any answer may take before a test fails.
const LIMIT: Duration = Duration::from_secs(30);

/// A request as it will be written.
#[derive(Debug, Clone)]
pub(crate) struct Request {
    method: String,
    target: String,
    headers: Vec<(String, String)>,
    body: Option<Bytes>,
}

impl Request {
    pub(crate) fn new(method: &str, target: &str) -> Self {
        Self {
            method: method.to_owned(),
            target: target.to_owned(),
            headers: Vec::new(),
            body: None,
        }
    }

    pub(crate) fn get(target: &str) -> Self {
        Self::new("GET", target)
    }

    /// A JSON POST with exactly these bytes.
    pub(crate) fn post(target: &str, body: impl Into<Bytes>) -> Self {
        let mut request = Self::new("POST", target).header("content-type", "application/json");
        request.body = Some(body.into());
        request
    }

    /// A JSON request with exactly these bytes.
    pub(crate) fn with_body(method: &str, target: &str, body: impl Into<Bytes>) -> Self {
        Self {
            method: method.to_owned(),
            ..Self::post(target, body)
        }
    }

    /// A chat request.
    pub(crate) fn chat(body: &Value) -> Self {
        Self::post("/v1/chat/completions", body.to_string())
    }

    pub(crate) fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Leaves a header out that was set before.
    pub(crate) fn without(mut self, name: &str) -> Self {
        self.headers.retain(|(header, _)| header != name);
        self
    }

    pub(crate) fn key(self, key: &str) -> Self {
        self.header("authorization", &format!("Bearer {key}"))
    }

    /// The bytes of the whole request.
    pub(crate) fn to_bytes(&self) -> Vec<u8> {
        let mut raw = format!("{} {} HTTP/1.1\r\n", self.method, self.target);
        if !self.headers.iter().any(|(name, _)| name == "host") {
            raw.push_str("host: gateway.test\r\n");
        }
        for (name, value) in &self.headers {
            raw.extend([name, ": ", value, "\r\n"]);
        }
        if let Some(body) = &self.body {
            raw.extend(["content-length: ", &body.len().to_string(), "\r\n"]);
        }
        raw.push_str("\r\n");
        let mut raw = raw.into_bytes();
        raw.extend_from_slice(self.body.as_deref().unwrap_or_default());
        raw
    }
}

/// A whole answer.
#[derive(Debug, Clone)]
pub(crate) struct Response {
    pub(crate) status: u16,
    pub(crate) head: Head,
    pub(crate) body: Bytes,
    /// Whether the body ended as its framing demands.
    pub(crate) is_whole: bool,
    pub(crate) took: Duration,
}

impl Response {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body)
            .unwrap_or_else(|error| panic!("not JSON ({error}): {:?}", self.text()))
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.head.get(name)
    }

    /// Asserts an error in OpenAI's shape and returns its `error` object.
    #[track_caller]
    pub(crate) fn error(&self, status: u16, code: &str) -> Value {
        assert_eq!(
            (self.status, self.error_code().as_deref()),
            (status, Some(code)),
            "{}",
            self.text()
        );
        let body = self.json();
        let error = body["error"].as_object().expect("an error object");
        let mut members: Vec<&str> = error.keys().map(String::as_str).collect();
        members.sort_unstable();
        assert_eq!(members, ["code", "message", "param", "type"], "{body}");
        assert!(
            error["message"]
                .as_str()
                .is_some_and(|message| !message.is_empty()),
            "{body}"
        );
        assert!(
            self.header("x-request-id").is_some(),
            "an error names its request"
        );
        body["error"].clone()
    }

    /// The code of an error answer.
    pub(crate) fn error_code(&self) -> Option<String> {
        let body: Value = serde_json::from_slice(&self.body).ok()?;
        body["error"]["code"].as_str().map(str::to_owned)
    }
}

/// An open connection to the gateway.
#[derive(Debug)]
pub(crate) struct Client {
    wire: Wire<OwnedReadHalf>,
    write: Option<OwnedWriteHalf>,
}

impl Client {
    pub(crate) async fn connect(addr: SocketAddr) -> Self {
        let socket = TcpStream::connect(addr)
            .await
            .expect("the gateway accepts connections");
        socket.set_nodelay(true).expect("a TCP socket");
        let (read, write) = socket.into_split();
        Self {
            wire: Wire::new(read),
            write: Some(write),
        }
    }

    /// Writes bytes as they are; a gateway that already closed is fine.
    pub(crate) async fn write(&mut self, bytes: &[u8]) {
        if let Some(write) = self.write.as_mut() {
            let _ = write.write_all(bytes).await;
        }
    }

    /// Sends a request and reads the whole answer.
    pub(crate) async fn send(&mut self, request: &Request) -> Response {
        let started = Instant::now();
        let mut open = self.open(request).await;
        let mut response = open.rest().await;
        response.took = started.elapsed();
        response
    }

    /// Sends a request and reads the answer's head.
    pub(crate) async fn open(&mut self, request: &Request) -> Answer<'_> {
        self.write(&request.to_bytes()).await;
        self.answer(&request.method).await
    }

    /// Reads the next answer's head, of a request already written.
    pub(crate) async fn answer(&mut self, method: &str) -> Answer<'_> {
        within(LIMIT, "the response head", async {
            loop {
                let head = self
                    .wire
                    .head()
                    .await
                    .expect("a response head before the connection ends");
                let status = status(&head);
                if status == 100 {
                    continue;
                }
                let left = Wire::<OwnedReadHalf>::response_framing(&head, method);
                return Answer {
                    client: self,
                    head,
                    status,
                    left,
                };
            }
        })
        .await
    }

    /// Reads a whole answer of a request already written; `None` when the connection breaks.
    pub(crate) async fn try_answer(&mut self) -> Option<Response> {
        let head = self.wire.head().await?;
        let left = Wire::<OwnedReadHalf>::response_framing(&head, "POST");
        let status = status(&head);
        Some(
            Answer {
                client: self,
                head,
                status,
                left,
            }
            .rest()
            .await,
        )
    }

    /// Everything until the gateway closes; empty when it closed silently.
    pub(crate) async fn read_to_end(&mut self) -> Vec<u8> {
        within(LIMIT, "the end of the connection", async {
            while self.wire.fill().await {}
            self.wire.ahead.split().to_vec()
        })
        .await
    }

    /// Leaves with RST, as a killed process with unread data does.
    pub(crate) fn abort(mut self) {
        if let Some(write) = self.write.take() {
            write.as_ref().set_zero_linger().expect("a TCP socket");
            write.forget();
        }
    }
}

/// An answer whose head was read.
#[derive(Debug)]
pub(crate) struct Answer<'a> {
    client: &'a mut Client,
    pub(crate) head: Head,
    pub(crate) status: u16,
    left: Framing,
}

impl Answer<'_> {
    /// The next piece of the body.
    pub(crate) async fn piece(&mut self) -> Piece {
        within(
            LIMIT,
            "the next piece of the body",
            self.client.wire.piece(&mut self.left),
        )
        .await
    }

    /// Reads until the body so far contains `needle`, and returns the body so far.
    pub(crate) async fn until(&mut self, needle: &str) -> String {
        let mut body = Vec::new();
        while !String::from_utf8_lossy(&body).contains(needle) {
            match self.piece().await {
                Piece::Data(data) => body.extend_from_slice(&data),
                end => panic!(
                    "{end:?} before {needle:?} in {:?}",
                    String::from_utf8_lossy(&body)
                ),
            }
        }
        String::from_utf8(body).expect("UTF-8")
    }

    /// The rest of the body.
    pub(crate) async fn rest(&mut self) -> Response {
        let started = Instant::now();
        let mut body = BytesMut::new();
        let is_whole = loop {
            match self.piece().await {
                Piece::Data(data) => body.extend_from_slice(&data),
                Piece::End => break true,
                Piece::Cut => break false,
            }
        };
        let (status, head) = (self.status, self.head.clone());
        Response {
            status,
            head,
            body: body.freeze(),
            is_whole,
            took: started.elapsed(),
        }
    }
}

/// Sends raw bytes on a fresh connection and reads until the gateway closes it.
pub(crate) async fn raw(addr: SocketAddr, bytes: &[u8]) -> String {
    let mut client = Client::connect(addr).await;
    client.write(bytes).await;
    String::from_utf8_lossy(&client.read_to_end().await).into_owned()
}

/// Whether the gateway closes the connection within `limit` without being asked.
pub(crate) async fn closes_within(mut client: Client, limit: Duration) -> bool {
    let mut rest = Vec::new();
    tokio::time::timeout(limit, client.wire.inner.read_to_end(&mut rest))
        .await
        .is_ok()
}

fn status(head: &Head) -> u16 {
    let status = head.first_line.split(' ').nth(1).expect("a status line");
    status.parse().expect("a numeric status")
}
