//! Which of several pools carries a call, so that HTTP/2 makes none of them wait.
//!
//! A pool keeps one HTTP/2 connection per host, and servers take some hundred
//! streams on one; RFC 9113 §6.5.2 (read 2026-11) advises no fewer. The stream of
//! a model lasts minutes, and a call beyond would wait for one of them to end. So
//! calls over TLS are counted, over all hosts and whatever protocol they end up
//! with, and those beyond go to the next pool, which has connections of its own.
//! How connections are made and kept is in `client`.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http_body::{Body, Frame};
use hyper::body::Incoming;

use crate::upstream::coding::{BodyError, Decoder};

/// Calls that one pool carries, below what servers allow on a connection.
const CALLS_PER_LANE: usize = 90;
/// Pools; all of them full are more calls than `server.max_in_flight` lets in unless it is raised.
const LANES: usize = 128;

/// Pools of one kind; clones share them.
#[derive(Clone)]
pub(super) struct Lanes<P>(Arc<[Lane<P>; LANES]>);

struct Lane<P> {
    pool: P,
    calls: Arc<AtomicUsize>,
}

impl<P> Lanes<P> {
    /// As many pools as there may be need of; `pool` makes an empty one.
    pub(super) fn new(pool: impl Fn() -> P) -> Self {
        let lane = |_| Lane {
            pool: pool(),
            calls: Arc::default(),
        };
        Self(Arc::new(std::array::from_fn(lane)))
    }

    /// The first pool, without a place: for calls that have a connection each.
    pub(super) fn first(&self) -> &P {
        let [first, ..] = &*self.0;
        &first.pool
    }

    /// The first pool with room, and a place on it; without room anywhere, the first.
    ///
    /// Filled in their order, they leave a quiet gateway with one connection per host.
    pub(super) fn take(&self) -> (&P, Option<Place>) {
        let free = self
            .0
            .iter()
            .find_map(|lane| Some((&lane.pool, lane.try_take()?)));
        free.map_or_else(|| (self.first(), None), |(pool, place)| (pool, Some(place)))
    }
}

impl<P> Lane<P> {
    fn try_take(&self) -> Option<Place> {
        let one_more = |calls| (calls < CALLS_PER_LANE).then_some(calls + 1);
        self.calls
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, one_more)
            .ok()?;
        Some(Place(Arc::clone(&self.calls)))
    }
}

/// One call's place on a pool, free again when dropped.
#[derive(Debug)]
pub(super) struct Place(Arc<AtomicUsize>);

impl Drop for Place {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// A response body, which is decompressed and keeps its place until it is dropped.
#[derive(Debug)]
pub struct Carried {
    body: Incoming,
    /// Until the end of a body that came compressed.
    decoder: Option<Box<Decoder>>,
    _place: Option<Place>,
}

impl Carried {
    pub(super) fn new(body: Incoming, decoder: Option<Decoder>, place: Option<Place>) -> Self {
        Self {
            body,
            decoder: decoder.map(Box::new),
            _place: place,
        }
    }
}

impl Body for Carried {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        loop {
            let heard = ready!(Pin::new(&mut self.body).poll_frame(context)).transpose()?;
            let Some(decoder) = &mut self.decoder else {
                return Poll::Ready(heard.map(Ok));
            };
            let bytes = match heard.map(Frame::into_data) {
                Some(Ok(data)) => decoder.push(&data)?,
                // Of what is no data nothing is compressed.
                Some(Err(frame)) => return Poll::Ready(Some(Ok(frame))),
                None => {
                    let rest = decoder.finish()?;
                    self.decoder = None;
                    rest
                }
            };
            if !bytes.is_empty() || self.decoder.is_none() {
                return Poll::Ready((!bytes.is_empty()).then(|| Ok(Frame::data(bytes))));
            }
        }
    }
}

#[cfg(test)]
mod tests;
