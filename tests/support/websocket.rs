//! Both ends of a session: a caller's websocket, and a vendor that the test speaks for.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use http::{HeaderMap, HeaderName, HeaderValue, Request, Response, StatusCode};
use serde_json::Value;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio_tungstenite::tungstenite::handshake::client::generate_key;
use tokio_tungstenite::tungstenite::protocol::{CloseFrame, WebSocketConfig};
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{WebSocketStream, accept_hdr_async_with_config, client_async_with_config};

use super::gateway::Gateway;
use super::within;

const PATIENCE: Duration = Duration::from_secs(10);

/// One end of a session.
#[derive(Debug)]
pub(crate) struct Socket {
    stream: WebSocketStream<TcpStream>,
    /// The head that the other end sent.
    pub(crate) headers: HeaderMap,
    /// What the other end asked for, of a vendor.
    pub(crate) target: String,
}

fn unbounded() -> WebSocketConfig {
    let config = WebSocketConfig::default();
    config.max_message_size(None).max_frame_size(None)
}

impl Socket {
    /// Opens a session, or says how it was refused.
    pub(crate) async fn open(
        gateway: &Gateway,
        target: &str,
        headers: &[(&str, &str)],
    ) -> Result<Self, (u16, Value)> {
        let mut request = Request::get(format!("ws://{}{target}", gateway.public))
            .header("host", gateway.public.to_string())
            .header("connection", "Upgrade")
            .header("upgrade", "websocket")
            .header("sec-websocket-version", "13")
            .header("sec-websocket-key", generate_key());
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.body(()).expect("a request");
        let stream = TcpStream::connect(gateway.public).await.expect("a gateway");
        let opening = client_async_with_config(request, stream, Some(unbounded()));
        match within(PATIENCE, "the handshake", opening).await {
            Ok((stream, response)) => Ok(Self {
                stream,
                headers: response.headers().clone(),
                target: target.to_owned(),
            }),
            Err(Error::Http(response)) => {
                let body = response.body().clone().unwrap_or_default();
                let body = serde_json::from_slice(&body).unwrap_or(Value::Null);
                Err((response.status().as_u16(), body))
            }
            Err(error) => panic!("the handshake failed: {error}"),
        }
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|it| it.to_str().expect("text"))
    }

    pub(crate) async fn send(&mut self, message: Message) {
        let sending = self.stream.send(message);
        within(PATIENCE, "a message", sending)
            .await
            .expect("a peer that takes it");
    }

    pub(crate) async fn say(&mut self, event: &Value) {
        self.send(Message::text(event.to_string())).await;
    }

    /// The next message but pings; `None` when the connection is over.
    pub(crate) async fn next(&mut self) -> Option<Message> {
        loop {
            match within(PATIENCE, "a message", self.stream.next()).await? {
                Ok(Message::Ping(_) | Message::Pong(_)) => {}
                Ok(message) => return Some(message),
                Err(_) => return None,
            }
        }
    }

    /// The next event, which must be text.
    pub(crate) async fn event(&mut self) -> Value {
        match self.next().await {
            Some(Message::Text(text)) => serde_json::from_str(&text).expect("JSON"),
            other => panic!("an event, not {other:?}"),
        }
    }

    /// How the other end closed: the code and the reason; code 0 if it hung up without a word.
    pub(crate) async fn closed(&mut self) -> (u16, String) {
        let frame = match self.next().await {
            Some(Message::Close(frame)) => frame,
            None => return (0, String::new()),
            other => panic!("a close, not {other:?}"),
        };
        // Answers it.
        while self.next().await.is_some() {}
        frame.map_or((1005, String::new()), |it| {
            (it.code.into(), it.reason.to_string())
        })
    }

    pub(crate) async fn close(&mut self, code: u16, reason: &str) {
        let frame = CloseFrame {
            code: code.into(),
            reason: reason.into(),
        };
        self.send(Message::Close(Some(frame))).await;
    }

    /// The connection, of which nothing is read or answered any more.
    pub(crate) fn into_silence(self) -> TcpStream {
        self.stream.into_inner()
    }
}

/// A refusal: a status, headers and a body.
pub(crate) type Refusal = (u16, Vec<(&'static str, &'static str)>, Value);

/// A vendor that agrees to sessions, after refusing as often as it was told to.
#[derive(Debug)]
pub(crate) struct Vendor {
    pub(crate) addr: SocketAddr,
    sessions: mpsc::Receiver<Socket>,
    refusals: Arc<Mutex<VecDeque<Refusal>>>,
    /// The credentials that it saw.
    keys: Arc<Mutex<Vec<String>>>,
    task: JoinHandle<()>,
}

impl Drop for Vendor {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Vendor {
    pub(crate) async fn new(refusals: Vec<Refusal>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let addr = listener.local_addr().expect("a bound address");
        let (agreed, sessions) = mpsc::channel(64);
        let refusals = Arc::new(Mutex::new(VecDeque::from(refusals)));
        let keys = Arc::new(Mutex::new(Vec::new()));
        let (left, seen) = (Arc::clone(&refusals), Arc::clone(&keys));
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                if let Some(socket) = agree(stream, &left, &seen).await {
                    agreed.send(socket).await.expect("a test that waits");
                }
            }
        });
        Self {
            addr,
            sessions,
            refusals,
            keys,
            task,
        }
    }

    /// The next session.
    pub(crate) async fn session(&mut self) -> Socket {
        let session = within(PATIENCE, "a session", self.sessions.recv()).await;
        session.expect("the vendor runs")
    }

    /// The credentials that came, in order.
    pub(crate) fn keys(&self) -> Vec<String> {
        self.keys.lock().expect("the list is whole").clone()
    }

    /// Refusals that nobody asked for yet.
    pub(crate) fn refusals_left(&self) -> usize {
        self.refusals.lock().expect("the list is whole").len()
    }
}

#[expect(clippy::result_large_err, reason = "the library's own error")]
async fn agree(
    stream: TcpStream,
    refusals: &Mutex<VecDeque<Refusal>>,
    keys: &Mutex<Vec<String>>,
) -> Option<Socket> {
    let (mut headers, mut target) = (HeaderMap::new(), String::new());
    let look = |request: &Request<()>, mut response: Response<()>| {
        headers = request.headers().clone();
        target = request.uri().to_string();
        let key = headers
            .get("authorization")
            .map(|it| it.to_str().expect("text"));
        let key = key
            .unwrap_or_default()
            .trim_start_matches("Bearer ")
            .to_owned();
        keys.lock().expect("the list is whole").push(key);
        let refusal = refusals.lock().expect("the list is whole").pop_front();
        if let Some((status, more, body)) = refusal {
            let mut refused = Response::new(Some(body.to_string()));
            *refused.status_mut() = StatusCode::from_u16(status).expect("a status");
            for (name, value) in more {
                let name = HeaderName::from_static(name);
                refused
                    .headers_mut()
                    .insert(name, HeaderValue::from_static(value));
            }
            return Err(refused);
        }
        if headers.contains_key("sec-websocket-protocol") {
            let chosen = HeaderValue::from_static("realtime");
            response
                .headers_mut()
                .insert("sec-websocket-protocol", chosen);
        }
        let id = HeaderValue::from_static("req_vendor");
        response.headers_mut().insert("x-request-id", id);
        Ok(response)
    };
    let stream = accept_hdr_async_with_config(stream, look, Some(unbounded()))
        .await
        .ok()?;
    Some(Socket {
        stream,
        headers,
        target,
    })
}
