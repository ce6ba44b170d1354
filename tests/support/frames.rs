//! An HTTP/2 server made of frames, for what no library lets one say.
//!
//! A connection answers its first request with bytes that the test wrote, and
//! then closes or keeps still. Heads of requests are not decoded.
//! Source: RFC 9113 §4 and §6, RFC 7541 §6 and appendix A (read 2026-11).

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{JoinHandle, JoinSet};
use tokio_rustls::{TlsAcceptor, server::TlsStream};

use super::tls::Identity;

const DATA: u8 = 0;
const HEADERS: u8 = 1;
const SETTINGS: u8 = 4;
const GO_AWAY: u8 = 7;
const END_STREAM: u8 = 1;
const END_HEADERS: u8 = 4;
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// The stream of a connection's first request.
pub(crate) const FIRST: u32 = 1;
/// The error code of a polite GOAWAY.
pub(crate) const NO_ERROR: u32 = 0;
/// The error code of a server that has had enough.
pub(crate) const ENHANCE_YOUR_CALM: u32 = 11;

/// What one connection says after it has read its first request.
#[derive(Debug, Clone)]
pub(crate) struct Reply {
    pub(crate) bytes: Vec<u8>,
    pub(crate) then: Then,
}

/// What one connection does after its reply.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Then {
    Close,
    KeepStill,
}

/// A running server; it stops when dropped.
pub(crate) struct Frames {
    pub(crate) addr: SocketAddr,
    connections: Arc<AtomicUsize>,
    task: JoinHandle<()>,
}

impl Drop for Frames {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Frames {
    /// One reply per connection, in their order; connections beyond them are closed.
    pub(crate) async fn new(identity: &Identity, replies: impl IntoIterator<Item = Reply>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let addr = listener.local_addr().expect("a bound address");
        let connections = Arc::new(AtomicUsize::new(0));
        let (acceptor, count) = (identity.acceptor("h2"), Arc::clone(&connections));
        let mut replies: VecDeque<Reply> = replies.into_iter().collect();
        let task = tokio::spawn(async move {
            let mut running = JoinSet::new();
            while let Ok((socket, _)) = listener.accept().await {
                count.fetch_add(1, Ordering::SeqCst);
                if let Some(reply) = replies.pop_front() {
                    running.spawn(serve(acceptor.clone(), socket, reply));
                }
            }
        });
        Self {
            addr,
            connections,
            task,
        }
    }

    /// How many connections were accepted so far.
    pub(crate) fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }
}

/// A frame: 24 bits of length, type, flags, stream, payload.
pub(crate) fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len())
        .expect("a short payload")
        .to_be_bytes();
    let mut frame = vec![length[1], length[2], length[3], kind, flags];
    frame.extend_from_slice(&stream.to_be_bytes());
    frame.extend_from_slice(payload);
    frame
}

/// The connection ends, and requests after stream `last` were not looked at.
pub(crate) fn go_away(last: u32, code: u32) -> Vec<u8> {
    let payload = [last.to_be_bytes(), code.to_be_bytes()].concat();
    frame(GO_AWAY, 0, 0, &payload)
}

/// A response head with nothing but a status and a content type.
pub(crate) fn head(stream: u32, status: &str, content_type: &str) -> Vec<u8> {
    // Literals without indexing, names from the static table: 8 is `:status`, 31 `content-type`.
    let mut block = literal(&[0x08], status);
    block.extend(literal(&[0x0f, 31 - 15], content_type));
    frame(HEADERS, END_HEADERS, stream, &block)
}

/// All of a body.
pub(crate) fn body(stream: u32, data: &str) -> Vec<u8> {
    frame(DATA, END_STREAM, stream, data.as_bytes())
}

fn literal(name: &[u8], value: &str) -> Vec<u8> {
    let length = u8::try_from(value.len()).expect("a short value");
    [name, &[length], value.as_bytes()].concat()
}

async fn serve(acceptor: TlsAcceptor, socket: TcpStream, reply: Reply) {
    socket.set_nodelay(true).expect("a TCP socket");
    let Ok(mut socket) = acceptor.accept(socket).await else {
        return;
    };
    if talk(&mut socket, reply).await.is_ok() {
        let _ = socket.shutdown().await;
    }
}

async fn talk(socket: &mut TlsStream<TcpStream>, reply: Reply) -> std::io::Result<()> {
    let mut preface = [0; PREFACE.len()];
    socket.read_exact(&mut preface).await?;
    assert_eq!(preface, PREFACE, "a connection begins with its preface");
    socket.write_all(&frame(SETTINGS, 0, 0, &[])).await?;
    while !request_ends(socket).await? {}
    socket.write_all(&reply.bytes).await?;
    socket.flush().await?;
    match reply.then {
        Then::Close => Ok(()),
        Then::KeepStill => loop {
            request_ends(socket).await?;
        },
    }
}

/// Reads one frame; whether it is the last one of a request.
async fn request_ends(socket: &mut TlsStream<TcpStream>) -> std::io::Result<bool> {
    let mut head = [0; 9];
    socket.read_exact(&mut head).await?;
    let length = u32::from_be_bytes([0, head[0], head[1], head[2]]);
    let mut payload = vec![0; usize::try_from(length).expect("24 bits")];
    socket.read_exact(&mut payload).await?;
    Ok(matches!(head[3], DATA | HEADERS) && head[4] & END_STREAM != 0)
}
