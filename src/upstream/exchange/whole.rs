//! A whole answer, read to its end and looked at before the client may have it.

use std::time::{Duration, Instant};

use bytes::{Bytes, BytesMut};
use tollward_providers::shape::{Reading, Way};
use tollward_wire::answer::{Answer, AnswerFault, read_answer};
use tollward_wire::chat::Collected;
use tollward_wire::dialect::Echo;
use tollward_wire::fault::{Fault, Phase};
use tollward_wire::opening::Opening;
use tollward_wire::reader::Named;
use tollward_wire::translate::{collect_answer, collect_stream};

use super::open::Opened;
use super::{
    Asked, Exchanged, MAX_ANSWER_BYTES, Timeouts, UpstreamBody, UpstreamHead, is_page, next_chunk,
    page, within,
};
use crate::upstream::failure::AttemptFailure;

/// Reads a whole answer and looks at it before the client may have it.
pub(super) async fn whole(
    mut opened: Opened,
    asked: &Asked<'_>,
    timeouts: Timeouts,
    deadline: Instant,
) -> Result<Exchanged, AttemptFailure> {
    let body = read_whole(&mut opened, timeouts, deadline).await?;
    if is_page(&body) {
        return Err(page());
    }
    if opened.is_stream || Opening::of(&body) == Some(Opening::Events) {
        return folded(opened, asked, body).map_err(|failure| *failure);
    }
    match opened.reading {
        Reading::Relay => {
            let answer = read_answer(asked.call.operation, &body);
            Ok(Exchanged::Whole {
                head: opened.head,
                body,
                answer: Box::new(answer.map_err(AttemptFailure::from_answer)?),
                collected: None,
            })
        }
        Reading::Translate(way) => {
            let mut settler = asked.echo(|echo| way.settler(echo.id));
            let collected = collect_answer(way.from, &mut settler, &body);
            written(&way, asked, opened.head, collected).map_err(|failure| *failure)
        }
    }
}

/// Reads an answer's body to its end.
pub(super) async fn read_whole(
    opened: &mut Opened,
    timeouts: Timeouts,
    deadline: Instant,
) -> Result<Bytes, AttemptFailure> {
    let limit = match opened.body {
        UpstreamBody::Http(_) => (timeouts.idle, Phase::Idle),
        // The engine has no head to wait for: its only chunk comes when all is written.
        UpstreamBody::Local(_) => (timeouts.whole_first_byte, Phase::FirstByte),
    };
    let first = std::mem::take(&mut opened.first);
    read_rest(first, &mut opened.body, limit, timeouts.idle, deadline).await
}

/// Reads a body to its end; `limit` is for its first piece, `idle` for each of the others.
pub(super) async fn read_rest(
    mut first: Bytes,
    rest: &mut UpstreamBody,
    mut limit: (Duration, Phase),
    idle: Duration,
    deadline: Instant,
) -> Result<Bytes, AttemptFailure> {
    let mut more = BytesMut::new();
    while let Some(chunk) = within(limit.0, limit.1, deadline, next_chunk(rest)).await? {
        limit = (idle, Phase::Idle);
        let chunk =
            chunk.map_err(|error| AttemptFailure::billed(Fault::Protocol, error.to_string()))?;
        if first.is_empty() {
            first = chunk;
            continue;
        }
        if first.len() + more.len() + chunk.len() > MAX_ANSWER_BYTES {
            return Err(AttemptFailure::billed(
                Fault::Protocol,
                "the answer is larger than 64 MiB",
            ));
        }
        more.extend_from_slice(&chunk);
    }
    // Most answers come in one read and are not copied.
    Ok(if more.is_empty() {
        first
    } else {
        [first.as_ref(), more.as_ref()].concat().into()
    })
}

/// The whole answer that was asked for, of the stream that came instead (trap 8).
///
/// What a chat has no word for is not in it: even the caller's own dialect is written anew.
fn folded(
    opened: Opened,
    asked: &Asked<'_>,
    body: Bytes,
) -> Result<Exchanged, Box<AttemptFailure>> {
    let way = way_of(opened.reading, asked)?;
    let mut settler = asked.echo(|echo| way.settler(echo.id));
    let collected = collect_stream(way.from, &mut settler, body);
    written(&way, asked, opened.head, collected)
}

/// A whole answer in the caller's words.
fn written(
    way: &Way,
    asked: &Asked<'_>,
    head: UpstreamHead,
    collected: Result<(Collected, Answer), AnswerFault>,
) -> Result<Exchanged, Box<AttemptFailure>> {
    let (collected, mut answer) =
        collected.map_err(|fault| Box::new(AttemptFailure::from_answer(fault)))?;
    // A caller of another dialect gets another name.
    answer.named = answer.named.filter(|_| way.from == way.to);
    let body = asked.echo(|echo| {
        let echo = named(echo, answer.named.as_deref());
        way.to.write_answer(&collected, &echo)
    });
    Ok(Exchanged::Whole {
        head,
        body,
        answer: Box::new(answer),
        collected: asked.is_kept.then(|| Box::new(collected)),
    })
}

/// How an answer is read that must be written anew, even into the dialect that it has.
pub(super) fn way_of(reading: Reading, asked: &Asked<'_>) -> Result<Box<Way>, Box<AttemptFailure>> {
    match (reading, asked.call.operation.dialect()) {
        (Reading::Translate(way), _) => Ok(way),
        (Reading::Relay, Some(dialect)) => Ok(Box::new(Way::within(dialect))),
        (Reading::Relay, None) => Err(Box::new(AttemptFailure::billed(
            Fault::Protocol,
            "a stream came where there is none",
        ))),
    }
}

/// The name that the vendor gave a response which it keeps: its callers refer to it.
pub(super) fn named<'e>(echo: &Echo<'e>, named: Option<&'e Named>) -> Echo<'e> {
    let word = named.and_then(|it| it.id.strip_prefix("resp_"));
    let is_word = |it: &&str| {
        it.bytes()
            .all(|it| it.is_ascii_alphanumeric() || it == b'_')
    };
    let id = word.filter(is_word).filter(|it| !it.is_empty());
    Echo {
        id: id.unwrap_or(echo.id),
        ..*echo
    }
}
