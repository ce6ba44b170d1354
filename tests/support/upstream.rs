//! A provider made of a TCP listener and scripts.
//!
//! Each request takes the next script of the queue, or the standing one when the
//! queue is empty. While a script runs, the read side is watched, so the moment
//! at which the gateway let go of a call is known to the millisecond.

use std::collections::VecDeque;
use std::future::Future;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use bytes::{Bytes, BytesMut};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

use super::http1::{Head, Wire};
use super::openai;
use super::script::{Script, Step};
use super::until;

/// One request as the upstream saw it.
#[derive(Debug, Clone)]
pub(crate) struct Seen {
    pub(crate) head: Head,
    pub(crate) body: Bytes,
    pub(crate) at: Instant,
    /// When the peer closed or reset the connection.
    pub(crate) closed_at: Option<Instant>,
}

impl Seen {
    /// The body as JSON.
    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body).expect("the upstream was sent JSON")
    }

    /// The path of the request line.
    pub(crate) fn path(&self) -> &str {
        self.head.first_line.split(' ').nth(1).unwrap_or_default()
    }
}

/// Says how a request is answered.
type Answers = Box<dyn Fn(&Seen) -> Script + Send>;

#[derive(Default)]
struct Book {
    connections: usize,
    queue: VecDeque<Script>,
    standing: Script,
    /// Asked instead of `standing`, where there is one.
    answers: Option<Answers>,
    seen: Vec<Seen>,
}

impl std::fmt::Debug for Book {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(&self.seen).finish()
    }
}

/// A running scripted upstream; it stops when dropped.
#[derive(Debug)]
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
    pub(crate) async fn new(standing: Script) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let addr = listener.local_addr().expect("a bound address");
        let book = Arc::new(Mutex::new(Book {
            standing,
            ..Book::default()
        }));
        let task = tokio::spawn(accept(listener, Arc::clone(&book)));
        Self { addr, book, task }
    }

    /// An upstream that looks at a request to know how to answer it.
    pub(crate) async fn answering(answers: impl Fn(&Seen) -> Script + Send + 'static) -> Self {
        let upstream = Self::new(Script::new()).await;
        upstream.lock().answers = Some(Box::new(answers));
        upstream
    }

    /// An upstream that answers every chat with the standard answer.
    pub(crate) async fn healthy() -> Self {
        Self::new(Script::json("200 OK", &openai::answer("hello"))).await
    }

    /// Queues a script for one request, before the standing one.
    pub(crate) fn then(&self, script: Script) {
        self.lock().queue.push_back(script);
    }

    /// Replaces the standing script.
    pub(crate) fn always(&self, script: Script) {
        self.lock().standing = script;
    }

    /// The base URL for a provider's settings.
    pub(crate) fn base_url(&self) -> String {
        format!("http://{}/v1", self.addr)
    }

    /// Everything seen so far.
    pub(crate) fn seen(&self) -> Vec<Seen> {
        self.lock().seen.clone()
    }

    /// How many requests were seen so far.
    pub(crate) fn calls(&self) -> usize {
        self.lock().seen.len()
    }

    /// How many connections were accepted so far.
    pub(crate) fn connections(&self) -> usize {
        self.lock().connections
    }

    /// The only request seen.
    pub(crate) fn only(&self) -> Seen {
        let seen = self.seen();
        assert_eq!(seen.len(), 1, "exactly one call reached the upstream");
        seen[0].clone()
    }

    /// Waits for request number `index`, from 0.
    pub(crate) async fn request(&self, index: usize) -> Seen {
        until(
            &format!("request {index} reached the upstream"),
            async || self.lock().seen.get(index).cloned(),
        )
        .await
    }

    /// Waits until the peer of request `index` is gone and says how long after `since` that was.
    pub(crate) async fn closed_after(&self, index: usize, since: Instant) -> Duration {
        let closed = until(
            &format!("request {index} was closed by the gateway"),
            async || self.lock().seen.get(index).and_then(|seen| seen.closed_at),
        )
        .await;
        closed.saturating_duration_since(since)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Book> {
        self.book
            .lock()
            .expect("no test panics while it holds the book")
    }
}

async fn accept(listener: TcpListener, book: Arc<Mutex<Book>>) {
    let mut connections = tokio::task::JoinSet::new();
    while let Ok((socket, _)) = listener.accept().await {
        book.lock().expect("the book is whole").connections += 1;
        connections.spawn(serve(socket, Arc::clone(&book)));
    }
}

async fn serve(socket: TcpStream, book: Arc<Mutex<Book>>) {
    socket.set_nodelay(true).expect("a TCP socket");
    let (read, write) = socket.into_split();
    let mut reader = Wire::new(read);
    let mut writer = Some(write);
    while let Some(head) = reader.head().await {
        let Some(body) = reader.request_body(&head).await else {
            return;
        };
        let (index, script) = {
            let mut book = book.lock().expect("the book is whole");
            let seen = Seen {
                head,
                body,
                at: Instant::now(),
                closed_at: None,
            };
            let queued = book.queue.pop_front();
            let script = queued.unwrap_or_else(|| match &book.answers {
                Some(answers) => answers(&seen),
                None => book.standing.clone(),
            });
            book.seen.push(seen);
            (book.seen.len() - 1, script)
        };
        let mut exchange = Exchange {
            reader: &mut reader,
            writer: &mut writer,
        };
        match exchange.run(script).await {
            Next::Again => {}
            Next::Closed => return,
            Next::PeerLeft => {
                let now = Instant::now();
                book.lock().expect("the book is whole").seen[index].closed_at = Some(now);
                return;
            }
        }
    }
}

enum Next {
    Again,
    Closed,
    PeerLeft,
}

struct Exchange<'a> {
    reader: &'a mut Wire<OwnedReadHalf>,
    writer: &'a mut Option<OwnedWriteHalf>,
}

impl Exchange<'_> {
    async fn run(&mut self, script: Script) -> Next {
        for step in script.0 {
            let alive = match step {
                Step::Send(bytes) => self.send(&bytes).await,
                Step::Sleep(wait) => self.watch(tokio::time::sleep(wait)).await,
                Step::Gate(gate) => {
                    self.watch(async {
                        gate.0
                            .acquire()
                            .await
                            .expect("gates are never closed")
                            .forget();
                    })
                    .await
                }
                Step::Drip { bytes, each, every } => self.drip(&bytes, each, every).await,
                Step::BlackHole => self.watch(std::future::pending()).await,
                Step::HalfClose => {
                    *self.writer = None;
                    self.watch(std::future::pending()).await
                }
                Step::Fin => return Next::Closed,
                Step::Reset => {
                    if let Some(writer) = self.writer.take() {
                        writer.as_ref().set_zero_linger().expect("a TCP socket");
                        // Dropping the half would send FIN before the RST.
                        writer.forget();
                    }
                    return Next::Closed;
                }
            };
            if !alive {
                return Next::PeerLeft;
            }
        }
        Next::Again
    }

    /// Writes all, also noticing a peer that left; false when it did.
    async fn send(&mut self, bytes: &[u8]) -> bool {
        let Some(mut writer) = self.writer.take() else {
            return false;
        };
        let mut written = Ok(());
        let alive = self
            .watch(async { written = writer.write_all(bytes).await })
            .await;
        *self.writer = Some(writer);
        alive && written.is_ok()
    }

    async fn drip(&mut self, bytes: &[u8], each: usize, every: Duration) -> bool {
        for part in bytes.chunks(each) {
            if !self.send(part).await || !self.watch(tokio::time::sleep(every)).await {
                return false;
            }
        }
        true
    }

    /// Runs `work` while reading ahead; false when the peer closed or reset first.
    async fn watch(&mut self, work: impl Future<Output = ()>) -> bool {
        let mut work = pin!(work);
        let mut more = BytesMut::new();
        loop {
            tokio::select! {
                biased;
                () = &mut work => return true,
                read = self.reader.inner.read_buf(&mut more) => match read {
                    Ok(count) if count > 0 => self.reader.ahead.extend_from_slice(&more.split()),
                    _ => return false,
                },
            }
        }
    }
}

/// An address nobody listens on.
pub(crate) async fn dead_address() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    listener.local_addr().expect("a bound address")
}
