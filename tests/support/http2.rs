//! A provider that speaks HTTP/2 over TLS, scripted stream by stream.
//!
//! Each request takes the next script of the queue, or the standing one when the
//! queue is empty, as in `upstream.rs`. What no library lets one say on a
//! connection is in `frames.rs`.

use std::collections::VecDeque;
use std::future::{Future, poll_fn};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, Instant};

use bytes::{Bytes, BytesMut};
use h2::server::{Builder, SendResponse};
use h2::{Reason, RecvStream, SendStream};
use http::{HeaderMap, Request, Response};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{JoinHandle, JoinSet};
use tokio_rustls::TlsAcceptor;

use super::openai;
use super::script::Gate;
use super::tls::Identity;
use super::until;

/// One thing the upstream does after it has read a request.
#[derive(Debug, Clone)]
enum Step {
    Head(HeaderMap),
    Data(Bytes),
    Gate(Gate),
    End,
    Reset(Reason),
    Silence,
}

/// The steps for one request.
#[derive(Debug, Clone, Default)]
pub(crate) struct Script(Vec<Step>);

impl Script {
    pub(crate) fn new() -> Self {
        Self::default()
    }

    /// A 200 with these fields, its body still to come.
    pub(crate) fn head(self, fields: &[(&'static str, &str)]) -> Self {
        let fields = fields
            .iter()
            .map(|(name, value)| {
                (
                    name.parse().expect("a name"),
                    value.parse().expect("a value"),
                )
            })
            .collect();
        self.step(Step::Head(fields))
    }

    /// A whole JSON answer.
    pub(crate) fn json(body: &serde_json::Value) -> Self {
        Self::new()
            .head(&[("content-type", "application/json")])
            .data(body.to_string())
            .end()
    }

    /// The head of an event stream.
    pub(crate) fn stream() -> Self {
        Self::new().head(&[("content-type", "text/event-stream")])
    }

    /// A whole event stream, one DATA frame per piece.
    pub(crate) fn stream_of(pieces: impl IntoIterator<Item = String>) -> Self {
        pieces.into_iter().fold(Self::stream(), Script::data).end()
    }

    pub(crate) fn data(self, data: impl Into<Bytes>) -> Self {
        self.step(Step::Data(data.into()))
    }

    pub(crate) fn gate(self, gate: &Gate) -> Self {
        self.step(Step::Gate(gate.clone()))
    }

    pub(crate) fn end(self) -> Self {
        self.step(Step::End)
    }

    /// A `RST_STREAM` frame.
    pub(crate) fn reset(self, reason: Reason) -> Self {
        self.step(Step::Reset(reason))
    }

    /// Says nothing until the peer resets the stream.
    pub(crate) fn silence(self) -> Self {
        self.step(Step::Silence)
    }

    fn step(mut self, step: Step) -> Self {
        self.0.push(step);
        self
    }
}

/// One request as the upstream saw it.
#[derive(Debug, Clone)]
pub(crate) struct Seen {
    pub(crate) uri: String,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
    /// When the peer gave the stream up, and why as it said.
    pub(crate) left: Option<(Instant, Option<Reason>)>,
}

#[derive(Debug, Default)]
struct Book {
    connections: usize,
    queue: VecDeque<Script>,
    standing: Script,
    seen: Vec<Seen>,
}

/// A running upstream; it stops when dropped.
pub(crate) struct Upstream {
    pub(crate) addr: SocketAddr,
    book: Arc<Mutex<Book>>,
    task: JoinHandle<()>,
}

impl Drop for Upstream {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Upstream {
    /// An upstream that answers every request with `standing`.
    pub(crate) async fn new(identity: &Identity, standing: Script) -> Self {
        Self::limited(identity, standing, 1_000).await
    }

    /// As `new`, with at most so many streams at once on one connection.
    pub(crate) async fn limited(identity: &Identity, standing: Script, streams: u32) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let addr = listener.local_addr().expect("a bound address");
        let book = Arc::new(Mutex::new(Book {
            standing,
            ..Book::default()
        }));
        let (acceptor, shared) = (identity.acceptor("h2"), Arc::clone(&book));
        let task = tokio::spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((socket, _)) = listener.accept().await {
                let connection = serve(acceptor.clone(), socket, Arc::clone(&shared), streams);
                connections.spawn(connection);
            }
        });
        Self { addr, book, task }
    }

    /// An upstream that answers every chat with the standard answer.
    pub(crate) async fn healthy(identity: &Identity) -> Self {
        Self::new(identity, Script::json(&openai::answer("hello"))).await
    }

    /// Queues a script for one request, before the standing one.
    pub(crate) fn then(&self, script: Script) {
        self.lock().queue.push_back(script);
    }

    /// Everything seen so far.
    pub(crate) fn seen(&self) -> Vec<Seen> {
        self.lock().seen.clone()
    }

    /// How many requests were seen so far.
    pub(crate) fn calls(&self) -> usize {
        self.lock().seen.len()
    }

    /// How many connections ended their handshake so far.
    pub(crate) fn connections(&self) -> usize {
        self.lock().connections
    }

    /// Waits for request number `index`, from 0.
    pub(crate) async fn request(&self, index: usize) -> Seen {
        until(
            &format!("request {index} reached the upstream"),
            async || self.lock().seen.get(index).cloned(),
        )
        .await
    }

    /// Waits until the peer gave request `index` up; how long after `since`, and the reason it said.
    pub(crate) async fn left_after(
        &self,
        index: usize,
        since: Instant,
    ) -> (Duration, Option<Reason>) {
        let (at, reason) = until(
            &format!("request {index} was given up by the gateway"),
            async || self.lock().seen.get(index).and_then(|seen| seen.left),
        )
        .await;
        (at.saturating_duration_since(since), reason)
    }

    fn lock(&self) -> MutexGuard<'_, Book> {
        lock(&self.book)
    }
}

fn lock(book: &Mutex<Book>) -> MutexGuard<'_, Book> {
    book.lock().expect("no test panics while it holds the book")
}

async fn serve(acceptor: TlsAcceptor, socket: TcpStream, book: Arc<Mutex<Book>>, limit: u32) {
    socket.set_nodelay(true).expect("a TCP socket");
    let Ok(socket) = acceptor.accept(socket).await else {
        return;
    };
    let handshake = Builder::new()
        .max_concurrent_streams(limit)
        .handshake(socket);
    let Ok(mut connection) = handshake.await else {
        return;
    };
    lock(&book).connections += 1;
    let mut streams = JoinSet::new();
    while let Some(Ok((request, respond))) = connection.accept().await {
        streams.spawn(answer(request, respond, Arc::clone(&book)));
    }
}

async fn answer(
    request: Request<RecvStream>,
    respond: SendResponse<Bytes>,
    book: Arc<Mutex<Book>>,
) {
    let (head, body) = request.into_parts();
    let Some(body) = read(body).await else { return };
    let (index, script) = {
        let mut book = lock(&book);
        book.seen.push(Seen {
            uri: head.uri.to_string(),
            headers: head.headers,
            body,
            left: None,
        });
        let script = book.queue.pop_front();
        let script = script.unwrap_or_else(|| book.standing.clone());
        (book.seen.len() - 1, script)
    };
    if let Err(reason) = run(respond, script).await {
        lock(&book).seen[index].left = Some((Instant::now(), reason));
    }
}

async fn read(mut body: RecvStream) -> Option<Bytes> {
    let mut whole = BytesMut::new();
    while let Some(data) = body.data().await {
        let data = data.ok()?;
        whole.extend_from_slice(&data);
        body.flow_control()
            .release_capacity(data.len())
            .expect("what was received");
    }
    Some(whole.freeze())
}

/// Runs a script; the reason when the peer gave the stream up before its end.
async fn run(mut respond: SendResponse<Bytes>, script: Script) -> Result<(), Option<Reason>> {
    let mut body: Option<SendStream<Bytes>> = None;
    for step in script.0 {
        match (step, &mut body) {
            (Step::Head(fields), _) => {
                let mut head = Response::new(());
                *head.headers_mut() = fields;
                body = Some(respond.send_response(head, false).map_err(|_| None)?);
            }
            (Step::Data(data), Some(body)) => body.send_data(data, false).map_err(|_| None)?,
            (Step::End, Some(body)) => body.send_data(Bytes::new(), true).map_err(|_| None)?,
            (Step::Data(_) | Step::End, None) => panic!("a script begins with a head"),
            (Step::Reset(reason), Some(body)) => body.send_reset(reason),
            (Step::Reset(reason), None) => respond.send_reset(reason),
            (Step::Gate(gate), body) => {
                let opened = async { gate.0.acquire().await.expect("never closed").forget() };
                watch(&mut respond, body.as_mut(), opened).await?;
            }
            (Step::Silence, body) => {
                watch(&mut respond, body.as_mut(), std::future::pending()).await?;
            }
        }
    }
    Ok(())
}

/// Waits for `work`, noticing a peer that resets the stream or closes the connection.
async fn watch(
    respond: &mut SendResponse<Bytes>,
    body: Option<&mut SendStream<Bytes>>,
    work: impl Future<Output = ()>,
) -> Result<(), Option<Reason>> {
    let reset = match body {
        Some(body) => futures_util::future::Either::Left(poll_fn(|cx| body.poll_reset(cx))),
        None => futures_util::future::Either::Right(poll_fn(|cx| respond.poll_reset(cx))),
    };
    tokio::select! {
        () = work => Ok(()),
        reset = reset => Err(reset.ok()),
    }
}
