//! HTTP/1.1 framing for both ends of the wire: heads, lengths, chunks.
//!
//! Deliberately small and strict: a test must fail when the gateway frames a
//! message badly, so nothing here is forgiving.

use bytes::{Buf, Bytes, BytesMut};
use tokio::io::{AsyncRead, AsyncReadExt};

/// A message head: its first line and its fields as they were written.
#[derive(Debug, Clone, Default)]
pub(crate) struct Head {
    pub(crate) first_line: String,
    pub(crate) fields: Vec<(String, String)>,
}

impl Head {
    /// The first value of a field, by case-insensitive name.
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.fields
            .iter()
            .find(|(field, _)| field.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.as_str())
    }

    /// The names of all fields, lowercase and sorted.
    pub(crate) fn names(&self) -> Vec<String> {
        let mut names: Vec<String> = self
            .fields
            .iter()
            .map(|(name, _)| name.to_lowercase())
            .collect();
        names.sort();
        names
    }

    fn parse(raw: &[u8]) -> Head {
        let text = String::from_utf8_lossy(raw);
        let mut lines = text.split("\r\n").filter(|line| !line.is_empty());
        let first_line = lines.next().unwrap_or_default().to_owned();
        let fields = lines
            .map(|line| {
                let (name, value) = line.split_once(':').expect("a field has a colon");
                (name.to_owned(), value.trim().to_owned())
            })
            .collect();
        Head { first_line, fields }
    }

    fn framing(&self) -> Framing {
        let chunked = self
            .get("transfer-encoding")
            .is_some_and(|value| value.eq_ignore_ascii_case("chunked"));
        match (chunked, self.get("content-length")) {
            (true, _) => Framing::Chunked,
            (false, Some(length)) => {
                Framing::Length(length.parse().expect("a decimal content-length"))
            }
            (false, None) => Framing::ToEnd,
        }
    }
}

/// How the end of a body is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Framing {
    Length(usize),
    Chunked,
    ToEnd,
}

/// One piece of a body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Piece {
    /// Bytes of the body, framing removed.
    Data(Bytes),
    /// The body ended as its framing says it must.
    End,
    /// The connection ended before the body did.
    Cut,
}

/// A connection's read side with what was read too far.
#[derive(Debug)]
pub(crate) struct Wire<R> {
    pub(crate) inner: R,
    pub(crate) ahead: BytesMut,
}

impl<R: AsyncRead + Unpin> Wire<R> {
    pub(crate) fn new(inner: R) -> Self {
        Self {
            inner,
            ahead: BytesMut::new(),
        }
    }

    /// Reads once more; false when the peer closed or reset.
    pub(crate) async fn fill(&mut self) -> bool {
        matches!(self.inner.read_buf(&mut self.ahead).await, Ok(read) if read > 0)
    }

    /// The next head, or `None` when the peer closed first.
    pub(crate) async fn head(&mut self) -> Option<Head> {
        loop {
            if let Some(end) = find(&self.ahead, b"\r\n\r\n") {
                let raw = self.ahead.split_to(end + 4);
                return Some(Head::parse(&raw));
            }
            if !self.fill().await {
                return None;
            }
        }
    }

    /// The next piece of a body framed by `head`; `left` carries the state between calls.
    pub(crate) async fn piece(&mut self, left: &mut Framing) -> Piece {
        match *left {
            Framing::Length(0) => Piece::End,
            Framing::Length(length) => {
                if self.ahead.is_empty() && !self.fill().await {
                    return Piece::Cut;
                }
                let taken = self.ahead.len().min(length);
                *left = Framing::Length(length - taken);
                Piece::Data(self.ahead.split_to(taken).freeze())
            }
            Framing::ToEnd => {
                if self.ahead.is_empty() && !self.fill().await {
                    return Piece::End;
                }
                Piece::Data(self.ahead.split().freeze())
            }
            Framing::Chunked => self.chunk(left).await,
        }
    }

    async fn chunk(&mut self, left: &mut Framing) -> Piece {
        let Some(size) = self.chunk_size().await else {
            return Piece::Cut;
        };
        while self.ahead.len() < size + 2 {
            if !self.fill().await {
                return Piece::Cut;
            }
        }
        let data = self.ahead.split_to(size).freeze();
        assert_eq!(&self.ahead[..2], b"\r\n", "a chunk ends with a line end");
        self.ahead.advance(2);
        if size == 0 {
            *left = Framing::Length(0);
            return Piece::End;
        }
        Piece::Data(data)
    }

    async fn chunk_size(&mut self) -> Option<usize> {
        loop {
            if let Some(end) = find(&self.ahead, b"\r\n") {
                let line = self.ahead.split_to(end);
                self.ahead.advance(2);
                let digits = std::str::from_utf8(&line).expect("an ASCII chunk size");
                return Some(usize::from_str_radix(digits, 16).expect("a hexadecimal chunk size"));
            }
            if !self.fill().await {
                return None;
            }
        }
    }

    /// A whole body of a request: no framing means no body.
    pub(crate) async fn request_body(&mut self, head: &Head) -> Option<Bytes> {
        let mut left = match head.framing() {
            Framing::ToEnd => Framing::Length(0),
            framing => framing,
        };
        let mut body = BytesMut::new();
        loop {
            match self.piece(&mut left).await {
                Piece::Data(data) => body.extend_from_slice(&data),
                Piece::End => return Some(body.freeze()),
                Piece::Cut => return None,
            }
        }
    }

    /// How a response's body is framed, which its head and status decide.
    pub(crate) fn response_framing(head: &Head, asked: &str) -> Framing {
        let status = head.first_line.split(' ').nth(1).unwrap_or_default();
        if asked == "HEAD" || status == "204" || status == "304" || status.starts_with('1') {
            return Framing::Length(0);
        }
        head.framing()
    }
}

/// Where `needle` starts in `hay`.
pub(crate) fn find(hay: &[u8], needle: &[u8]) -> Option<usize> {
    hay.windows(needle.len())
        .position(|window| window == needle)
}
