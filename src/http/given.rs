//! Answers that are read from a recording: the first time they are given, and again.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use axum::body::Body;
use axum::response::Response;
use bytes::Bytes;
use http_body::{Frame, SizeHint};
use tollward_store::{CostSource, Outcome};
use tollward_wire::dialect::Dialect;

use crate::app::Gateway;
use crate::http::{error, headers};
use crate::pipeline::Opened;
use crate::pipeline::settle::Again;
use crate::recording::{End, Head, Lost, Reader};

/// The answer for who made the call.
pub fn first(head: Option<Arc<Head>>, reader: Reader) -> Response {
    // Without a head the task was dropped, with its call: a shutdown or a panic.
    let Some(head) = head else {
        return error::panicked();
    };
    let mut response = Response::new(Body::new(reader));
    *response.status_mut() = head.status;
    response.headers_mut().clone_from(&head.headers);
    response
}

/// The answer for somebody who is given that of another call. It has books of its own, in which `source`
/// says why it costs nothing.
pub fn given(
    gateway: &Arc<Gateway>,
    opened: Box<Opened>,
    head: &Arc<Head>,
    reader: Reader,
    source: CostSource,
) -> Response {
    let admitted = &opened.admitted;
    let end = reader.end().or_else(|| head.end.clone());
    let id = admitted.client_request_id.clone();
    let id = id.unwrap_or_else(|| headers::own_id(admitted.request));
    let is_anthropic = admitted.operation.dialect() == Some(Dialect::Anthropic);
    let standing = opened.slot.permit.standing();
    let mut books = Again::open(gateway, admitted, opened.slot, source);
    books.answers_with(head.status);
    let given = Given {
        reader,
        books,
        expected: head.end.clone(),
    };
    let mut response = Response::new(Body::new(given));
    *response.status_mut() = head.status;
    let told = response.headers_mut();
    told.clone_from(&head.headers);
    headers::give_again(told, id, head.request);
    if let Some(standing) = &standing {
        headers::describe_limits(told, standing);
    }
    if is_anthropic {
        headers::name_for_anthropic(told);
    }
    if head.status.is_success() {
        headers::tell_saved(told, source, end.and_then(|it| it.cost()));
    }
    response
}

/// A body that books when all of it was read.
struct Given {
    reader: Reader,
    books: Again,
    /// How the call ended, if that was known before its body.
    expected: Option<End>,
}

impl Given {
    /// Books if all is read; who has all of a body may not ask for its end.
    fn look(&mut self) {
        if !self.reader.is_done() {
            return;
        }
        let end = self.reader.end().or_else(|| self.expected.clone());
        self.books
            .settle(&end.unwrap_or(End::Booked(Outcome::Complete, None)));
    }
}

impl http_body::Body for Given {
    type Data = Bytes;
    type Error = Lost;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Lost>>> {
        let polled = Pin::new(&mut self.reader).poll_frame(context);
        if polled.is_ready() {
            self.look();
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.reader.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.reader.size_hint()
    }
}

impl Drop for Given {
    fn drop(&mut self) {
        self.look();
    }
}
