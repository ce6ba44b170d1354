//! What a scripted upstream does with one request, as a list of steps.
//!
//! A step is about bytes and time only; what the bytes mean is in `openai.rs`.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::Semaphore;

/// One thing the upstream does after it has read a request.
#[derive(Debug, Clone)]
pub(crate) enum Step {
    /// Writes bytes as they are.
    Send(Bytes),
    /// Waits, watching for the peer to leave.
    Sleep(Duration),
    /// Writes bytes `each` at a time, `every` so often.
    Drip {
        bytes: Bytes,
        each: usize,
        every: Duration,
    },
    /// Waits until the test opens the gate once.
    Gate(Gate),
    /// Closes with RST: `SO_LINGER` 0.
    Reset,
    /// Closes both directions with FIN.
    Fin,
    /// Shuts the write side and keeps reading.
    HalfClose,
    /// Says nothing until the peer leaves.
    BlackHole,
}

/// A gate in a script; the test opens it to let the script pass once.
#[derive(Debug, Clone)]
pub(crate) struct Gate(pub(crate) Arc<Semaphore>);

impl Gate {
    pub(crate) fn closed() -> Self {
        Gate(Arc::new(Semaphore::new(0)))
    }

    pub(crate) fn open(&self) {
        self.0.add_permits(1);
    }

    pub(crate) fn open_times(&self, times: usize) {
        self.0.add_permits(times);
    }
}

/// The steps for one request. The connection stays open for another one
/// afterwards unless a step closed it.
#[derive(Debug, Clone, Default)]
pub(crate) struct Script(pub(crate) Vec<Step>);

impl Script {
    pub(crate) fn new() -> Self {
        Self::default()
    }

    pub(crate) fn send(self, bytes: impl Into<Bytes>) -> Self {
        self.step(Step::Send(bytes.into()))
    }

    pub(crate) fn sleep(self, wait: Duration) -> Self {
        self.step(Step::Sleep(wait))
    }

    /// Goes on as another one.
    pub(crate) fn then(mut self, next: Self) -> Self {
        self.0.extend(next.0);
        self
    }

    pub(crate) fn drip(self, bytes: impl Into<Bytes>, each: usize, every: Duration) -> Self {
        self.step(Step::Drip {
            bytes: bytes.into(),
            each,
            every,
        })
    }

    pub(crate) fn gate(self, gate: &Gate) -> Self {
        self.step(Step::Gate(gate.clone()))
    }

    pub(crate) fn reset(self) -> Self {
        self.step(Step::Reset)
    }

    pub(crate) fn fin(self) -> Self {
        self.step(Step::Fin)
    }

    pub(crate) fn half_close(self) -> Self {
        self.step(Step::HalfClose)
    }

    pub(crate) fn black_hole(self) -> Self {
        self.step(Step::BlackHole)
    }

    /// One HTTP chunk.
    pub(crate) fn chunk(self, data: impl AsRef<[u8]>) -> Self {
        self.send(chunk(data.as_ref()))
    }

    /// The last HTTP chunk.
    pub(crate) fn end(self) -> Self {
        self.send("0\r\n\r\n")
    }

    /// A whole answer with a content-length.
    pub(crate) fn answer(status: &str, headers: &[(&str, &str)], body: impl AsRef<[u8]>) -> Self {
        let body = body.as_ref();
        let mut raw = head(status, headers).into_bytes();
        raw.extend_from_slice(format!("content-length: {}\r\n\r\n", body.len()).as_bytes());
        raw.extend_from_slice(body);
        Self::new().send(raw)
    }

    /// A whole JSON answer.
    pub(crate) fn json(status: &str, body: &serde_json::Value) -> Self {
        Self::answer(
            status,
            &[("content-type", "application/json")],
            body.to_string(),
        )
    }

    /// The head of a chunked event stream.
    pub(crate) fn stream() -> Self {
        let head = head(
            "200 OK",
            &[
                ("content-type", "text/event-stream"),
                ("transfer-encoding", "chunked"),
            ],
        );
        Self::new().send(format!("{head}\r\n"))
    }

    /// A whole event stream, one HTTP chunk per piece.
    pub(crate) fn stream_of<P: AsRef<[u8]>>(pieces: impl IntoIterator<Item = P>) -> Self {
        pieces.into_iter().fold(Self::stream(), Script::chunk).end()
    }

    fn step(mut self, step: Step) -> Self {
        self.0.push(step);
        self
    }
}

/// A response head up to, not including, the empty line.
pub(crate) fn head(status: &str, headers: &[(&str, &str)]) -> String {
    let mut head = format!("HTTP/1.1 {status}\r\n");
    for (name, value) in headers {
        head.push_str(name);
        head.push_str(": ");
        head.push_str(value);
        head.push_str("\r\n");
    }
    head
}

/// Frames data as one HTTP chunk.
pub(crate) fn chunk(data: &[u8]) -> Vec<u8> {
    let mut framed = format!("{:x}\r\n", data.len()).into_bytes();
    framed.extend_from_slice(data);
    framed.extend_from_slice(b"\r\n");
    framed
}
