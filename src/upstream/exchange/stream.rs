//! An answer as a stream: read up to its first content, the commit point, or made of a whole one.

use std::time::Instant;

use bytes::Bytes;
use tollward_providers::shape::Reading;
use tollward_wire::fault::{Fault, Phase};
use tollward_wire::reader::{Seen, StreamEnd, StreamFault, StreamReader};
use tollward_wire::segments::Segments;
use tollward_wire::translate::{AnswerReader, collect_answer};

use super::open::Opened;
use super::whole::{named, way_of};
use super::{Asked, Committed, Exchanged, MAX_PRELUDE_BYTES, Timeouts, next_chunk, within};
use crate::clock;
use crate::upstream::failure::{AttemptFailure, Used};

/// Reads a stream up to its first content.
pub(super) async fn streamed(
    opened: Opened,
    asked: &Asked<'_>,
    timeouts: Timeouts,
    limits: (Instant, Instant),
) -> Result<Exchanged, AttemptFailure> {
    let reader = match &opened.reading {
        Reading::Relay => {
            let reader = StreamReader::new(asked.call.operation, opened.usage_chunk);
            AnswerReader::Relay(reader.framed(opened.framing))
        }
        Reading::Translate(way) => {
            let stream = asked.echo(|echo| way.stream(echo));
            AnswerReader::Translate(Box::new(if asked.is_kept {
                stream.collecting()
            } else {
                stream
            }))
        }
    };
    let stream = Committed {
        head: opened.head,
        ready: Segments::default(),
        rest: opened.body,
        reader,
        last: Seen::Nothing,
    };
    first_content(opened.first, stream, timeouts, limits).await
}

/// Reads on until the first content event: the commit point.
pub(super) async fn first_content(
    first: Bytes,
    mut stream: Committed,
    timeouts: Timeouts,
    (patience, deadline): (Instant, Instant),
) -> Result<Exchanged, AttemptFailure> {
    let mut first = (!first.is_empty()).then_some(first);
    // The idle limit is between two reads: before the first one the engine may still load.
    let mut has_read = false;
    loop {
        let left = patience.saturating_duration_since(clock::mono());
        let (limit, phase) = if !has_read || left < timeouts.idle {
            (left, Phase::FirstContent)
        } else {
            (timeouts.idle, Phase::Idle)
        };
        let chunk = match first.take() {
            Some(first) => Some(Ok(first)),
            None => within(limit, phase, deadline, next_chunk(&mut stream.rest)).await?,
        };
        let Some(chunk) = chunk else {
            return ended(stream).map_err(|failure| *failure);
        };
        let chunk =
            chunk.map_err(|error| AttemptFailure::billed(error.fault(), error.to_string()))?;
        has_read = true;
        stream.last = stream.reader.push(chunk, &mut stream.ready);
        // Content commits, whatever came in the same read: where the bytes were cut decides nothing.
        if stream.reader.content_seen() {
            return Ok(Exchanged::Stream(Box::new(stream)));
        }
        match stream.last {
            Seen::Fault(found) => {
                return Err(counted(AttemptFailure::from_stream(found), &stream.reader));
            }
            Seen::End => {
                let detail = "the stream ended without content";
                let failure = AttemptFailure::billed(Fault::Empty, detail);
                return Err(counted(failure, &stream.reader));
            }
            Seen::Nothing | Seen::Content => {}
        }
        if stream.ready.len() > MAX_PRELUDE_BYTES {
            let detail = "the stream says much and has no content";
            return Err(AttemptFailure::billed(Fault::Protocol, detail));
        }
    }
}

/// The body ended before content was met: some dialects say only then what there is.
fn ended(mut stream: Committed) -> Result<Exchanged, Box<AttemptFailure>> {
    let fault = |fault| StreamFault { fault, error: None };
    let last = match stream.reader.finish(&mut stream.ready) {
        StreamEnd::Complete | StreamEnd::MissingDone => Seen::End,
        StreamEnd::Failed(found) => Seen::Fault(found),
        StreamEnd::Incomplete | StreamEnd::Truncated => Seen::Fault(fault(Fault::Truncated)),
    };
    if stream.reader.content_seen() {
        stream.last = last;
        return Ok(Exchanged::Stream(Box::new(stream)));
    }
    let failure = match last {
        Seen::Fault(found) => AttemptFailure::from_stream(found),
        _ => AttemptFailure::billed(Fault::Empty, "the stream ended without content"),
    };
    Err(Box::new(counted(failure, &stream.reader)))
}

/// The failure with what the vendor said that it used.
fn counted(failure: AttemptFailure, reader: &AnswerReader) -> AttemptFailure {
    AttemptFailure {
        used: reader.usage().cloned().map(Used::told),
        ..failure
    }
}

/// The stream that was asked for, of the whole answer that came instead (trap 8).
///
/// What a chat has no word for is not in it: even the caller's own dialect is written anew.
pub(super) fn synthesised(
    opened: Opened,
    asked: &Asked<'_>,
    body: &[u8],
) -> Result<Exchanged, Box<AttemptFailure>> {
    let way = way_of(opened.reading, asked)?;
    let mut settler = asked.echo(|echo| way.settler(echo.id));
    let (_, answer) = collect_answer(way.from, &mut settler, body)
        .map_err(|fault| Box::new(AttemptFailure::from_answer(fault)))?;
    let name = answer.named.as_deref().filter(|_| way.from == way.to);
    let stream = asked.echo(|echo| way.stream(&named(echo, name)));
    let mut stream = if asked.is_kept {
        stream.collecting()
    } else {
        stream
    };
    let mut ready = Segments::default();
    let last = stream.replay(body, &mut ready);
    Ok(Exchanged::Stream(Box::new(Committed {
        head: opened.head,
        ready,
        rest: opened.body,
        reader: AnswerReader::Translate(Box::new(stream)),
        last,
    })))
}
