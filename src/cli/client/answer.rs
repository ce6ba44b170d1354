//! A streamed chat answer, read as text.
//!
//! Events are found by the wire crate's scanner, whatever way the network cut them. An answer is whole only
//! after `[DONE]`; a stream that just ends is an error, because half an answer must not pass for one.

use std::collections::VecDeque;

use bytes::Bytes;
use reqwest::Response;
use serde::Deserialize;
use tollward_wire::{
    error_body::ErrorBody,
    sse::{Event, EventTooLarge, Scanner},
};

use crate::cli::{client::ClientError, console::printable};

/// A piece of an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Piece {
    /// More text.
    Text(String),
    /// Why the model stopped: `stop`, `length`, ….
    Finished(String),
}

/// An answer on its way. Dropping it closes the connection, which ends the work behind it.
pub struct AnswerStream {
    response: Response,
    request_id: Option<String>,
    reader: Reader,
}

#[derive(Deserialize)]
struct Chunk {
    #[serde(default)]
    choices: Vec<Choice>,
    #[serde(default)]
    error: Option<serde::de::IgnoredAny>,
}

#[derive(Deserialize)]
struct Choice {
    #[serde(default)]
    delta: Delta,
    #[serde(default)]
    finish_reason: Option<String>,
}

#[derive(Default, Deserialize)]
struct Delta {
    #[serde(default)]
    content: Option<String>,
}

impl AnswerStream {
    pub(crate) fn new(response: Response, request_id: Option<String>) -> Self {
        Self {
            response,
            request_id,
            reader: Reader::default(),
        }
    }

    /// The next piece; `None` after the end of a whole answer.
    ///
    /// # Errors
    /// The gateway reported an error inside the stream, or the stream broke off.
    ///
    /// # Cancellation
    /// Safe: a piece is either returned or still to come.
    pub async fn next(&mut self) -> Result<Option<Piece>, ClientError> {
        loop {
            if let Some(piece) = self.reader.pieces.pop_front() {
                return Ok(Some(piece));
            }
            if let Some(failure) = self.reader.failure.take() {
                return Err(self.error(failure));
            }
            if self.reader.is_done {
                return Ok(None);
            }
            match self.response.chunk().await {
                Ok(Some(chunk)) => self.reader.push(&chunk),
                Ok(None) => {
                    return Err(self.error(Failure::Broken("the answer broke off".to_owned())));
                }
                Err(error) => {
                    let reason = format!("the answer broke off: {}", super::root_cause(&error));
                    return Err(self.error(Failure::Broken(reason)));
                }
            }
        }
    }

    fn error(&self, failure: Failure) -> ClientError {
        let request_id = self.request_id.clone();
        match failure {
            Failure::Broken(reason) => ClientError::Broken { reason, request_id },
            Failure::Refused(body) => {
                let (message, code) = (printable(&body.message), body.code);
                ClientError::Refused {
                    status: 200,
                    message,
                    code,
                    request_id,
                }
            }
        }
    }
}

#[derive(Debug, PartialEq, Eq)]
enum Failure {
    Broken(String),
    Refused(ErrorBody),
}

/// Turns chunks of a stream into pieces.
#[derive(Default)]
struct Reader {
    scanner: Scanner,
    pieces: VecDeque<Piece>,
    is_done: bool,
    /// What went wrong after the pieces.
    failure: Option<Failure>,
}

impl Reader {
    fn push(&mut self, chunk: &Bytes) {
        self.failure = self.read_events(chunk).err();
    }

    fn read_events(&mut self, chunk: &Bytes) -> Result<(), Failure> {
        let mut from = 0;
        let too_large = |error: EventTooLarge| Failure::Broken(error.to_string());
        while let Some(boundary) = self.scanner.next_event(chunk, from).map_err(too_large)? {
            let inside = chunk.get(from..boundary.end).unwrap_or_default();
            from = boundary.end;
            self.read(boundary.carried.as_deref().unwrap_or(inside))?;
        }
        Ok(())
    }

    fn read(&mut self, raw: &[u8]) -> Result<(), Failure> {
        let event = Event::parse(raw);
        if event.is_done() {
            self.is_done = true;
            return Ok(());
        }
        let Some(data) = event.data.as_deref().filter(|data| !data.is_empty()) else {
            return Ok(());
        };
        let unreadable =
            |_| Failure::Broken("the gateway sent something that is no chat answer".to_owned());
        let chunk: Chunk = serde_json::from_slice(data).map_err(unreadable)?;
        if chunk.error.is_some() {
            let body = ErrorBody::parse(data);
            return Err(body.map_or_else(
                || Failure::Broken("the gateway reported an error without words".to_owned()),
                Failure::Refused,
            ));
        }
        for choice in chunk.choices.into_iter().take(1) {
            self.pieces.extend(
                choice
                    .delta
                    .content
                    .filter(|text| !text.is_empty())
                    .map(Piece::Text),
            );
            self.pieces
                .extend(choice.finish_reason.map(Piece::Finished));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
