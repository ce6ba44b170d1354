//! Request → [`Admitted`]: a document we understand, from a caller we know.

pub mod hints;

use std::time::{Duration, Instant};

use http::{HeaderMap, HeaderValue};
use prometheus_client::metrics::gauge::Gauge;
use tollward_store::RequestId;
use tollward_wire::document::{Document, DocumentError, FieldError};
use tollward_wire::form::Form;
use tollward_wire::operation::Operation;
use tollward_wire::view::RequestView;

use self::hints::Hints;
use crate::app::Gateway;
use crate::http::ingress::form::{form_type, read_form};
use crate::http::ingress::{Ingress, IngressError, is_cross_site};
use crate::pipeline::authenticate::Caller;
use crate::snapshot::Limits;
use crate::upstream::exchange::Handshake;
use crate::upstream::upload::Upload;

/// A request that may be routed.
pub struct Admitted {
    /// The call's id.
    pub request: RequestId,
    /// When it came, in Unix milliseconds.
    pub at_ms: i64,
    /// Which endpoint was called.
    pub operation: Operation,
    /// The body, indexed; of a form, an empty object.
    pub document: Document,
    /// What came besides.
    pub arrived: Arrived,
    /// What the caller tries out of Anthropic's API, by the header that says so.
    pub betas: Option<Box<str>>,
    /// What the gateway acts on.
    pub view: RequestView,
    /// What the caller says about the call.
    pub hints: Hints,
    /// Who calls.
    pub caller: Caller,
    /// The client's own request id, when it sent a sane one.
    pub client_request_id: Option<HeaderValue>,
    /// When the request's head had been read.
    pub started: Instant,
}

/// What a request brought besides its document.
pub enum Arrived {
    /// Nothing: the document is all of it.
    Document,
    /// A form, and what follows its beginning where it is not held whole.
    Form(Form, Option<Upload>),
    /// A body that nobody looks into, if there is one.
    Unread(Option<Upload>),
    /// The request for a websocket; the document is its address.
    Handshake(Box<Handshake>),
}

/// What a request asks for, as far as it was read.
pub struct Content {
    document: Document,
    arrived: Arrived,
    view: RequestView,
}

impl Content {
    /// All of it is a document.
    pub fn held(document: Document, view: RequestView) -> Self {
        Self {
            document,
            arrived: Arrived::Document,
            view,
        }
    }

    /// It is not looked into.
    pub fn unread(body: Option<Upload>) -> Self {
        Self {
            document: Document::empty(),
            arrived: Arrived::Unread(body),
            view: RequestView::of_nothing(),
        }
    }
}

impl Admitted {
    /// A request of which `content` was read, from a caller we know.
    ///
    /// # Errors
    /// A header that we act on is wrong.
    pub fn new(ingress: Ingress, caller: Caller, content: Content) -> Result<Self, IngressError> {
        Ok(Self {
            request: ingress.request,
            at_ms: ingress.at_ms,
            operation: ingress.operation,
            document: content.document,
            arrived: content.arrived,
            betas: betas(&ingress.headers),
            hints: Hints::read(&ingress.headers)?,
            view: content.view,
            caller,
            client_request_id: ingress.client_request_id,
            started: ingress.started,
        })
    }

    /// When the call has to be over, where `total` is the most that a deployment may take: its caller
    /// may want to wait less.
    pub fn deadline(&self, total: Duration) -> Instant {
        self.started + self.hints.timeout.map_or(total, |it| it.min(total))
    }

    /// The form, or its beginning, where the body is one.
    pub fn form(&self) -> Option<&Form> {
        match &self.arrived {
            Arrived::Form(form, _) => Some(form),
            Arrived::Document | Arrived::Unread(_) | Arrived::Handshake(_) => None,
        }
    }

    /// What follows the part of the body that is held.
    pub fn upload(&self) -> Option<&Upload> {
        match &self.arrived {
            Arrived::Form(_, upload) | Arrived::Unread(upload) => upload.as_ref(),
            Arrived::Document | Arrived::Handshake(_) => None,
        }
    }

    /// The request for a websocket, where it is one.
    pub fn handshake(&self) -> Option<&Handshake> {
        match &self.arrived {
            Arrived::Handshake(handshake) => Some(handshake),
            Arrived::Document | Arrived::Form(..) | Arrived::Unread(_) => None,
        }
    }
}

/// The values of `anthropic-beta`, set apart by commas; what cannot be read is none.
fn betas(headers: &HeaderMap) -> Option<Box<str>> {
    let values = headers.get_all("anthropic-beta").iter();
    let words: Vec<&str> = values.filter_map(|it| it.to_str().ok()).collect();
    (!words.is_empty()).then(|| words.join(",").into())
}

/// A place among the running calls; given back when it is dropped.
///
/// It is taken before the body is read, so that bodies cannot fill the memory
/// that the limit stands for, and in one step, so that a burst cannot pass it.
#[derive(Debug)]
pub struct Slot(Gauge);

impl Slot {
    /// Takes one of `limit` places; `None` when all are taken.
    pub fn take(in_flight: &Gauge, limit: i64) -> Option<Self> {
        let slot = Self(in_flight.clone());
        (slot.0.inc() < limit).then_some(slot)
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        self.0.dec();
    }
}

/// Why a request is refused before it is routed.
#[derive(Debug, thiserror::Error)]
pub enum AdmitError {
    /// The body could not be read.
    #[error(transparent)]
    Ingress(#[from] IngressError),
    /// Not JSON, or not JSON that means one thing.
    #[error(transparent)]
    Document(#[from] DocumentError),
    /// A field that the gateway acts on is missing or wrong.
    #[error(transparent)]
    Field(#[from] FieldError),
    /// As many calls run as the gateway may hold.
    #[error("the gateway is at its limit of running calls")]
    Overloaded,
    /// The last ledger row could not be written, and what is not booked is not served.
    #[error("the ledger cannot be written")]
    LedgerUnavailable,
}

/// Reads the request, if there is room for it.
///
/// # Cancellation
/// Dropping the future drops the connection's unread body.
///
/// # Errors
/// [`AdmitError`] names the field or the byte that is wrong.
pub async fn admit(
    gateway: &Gateway,
    limits: &Limits,
    mut ingress: Ingress,
    caller: Caller,
) -> Result<(Admitted, Slot), AdmitError> {
    let slot = Slot::take(&gateway.metrics.in_flight, limits.max_in_flight)
        .ok_or(AdmitError::Overloaded)?;
    if !gateway.may_book(limits.on_ledger_error) {
        return Err(AdmitError::LedgerUnavailable);
    }
    let form_type = form_type(&ingress).filter(|_| ingress.operation.takes_forms());
    let content = if let Some(handshake) = ingress.handshake.take() {
        // Browsers let every page open a websocket anywhere: without keys, that would be enough.
        if matches!(caller, Caller::Open) && is_cross_site(&ingress.headers) {
            return Err(IngressError::CrossSite.into());
        }
        let document = Document::parse(handshake.query.clone())?;
        let view = RequestView::read(ingress.operation, &document)?;
        Content {
            arrived: Arrived::Handshake(handshake),
            ..Content::held(document, view)
        }
    } else if let Some(content_type) = form_type {
        // Boxed: most requests are none.
        let (form, upload) = Box::pin(read_form(&mut ingress, &content_type, limits)).await?;
        Content {
            document: Document::empty(),
            view: RequestView::of_form(&form)?,
            arrived: Arrived::Form(form, upload),
        }
    } else {
        let document = Document::parse(ingress.read_body(limits.max_body_bytes).await?)?;
        let view = RequestView::read_at(ingress.address.take(), ingress.operation, &document)?;
        Content::held(document, view)
    };
    Ok((Admitted::new(ingress, caller, content)?, slot))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slot_is_given_back_and_a_refused_one_takes_none() {
        let in_flight = Gauge::default();
        let first = Slot::take(&in_flight, 2);
        let second = Slot::take(&in_flight, 2);
        assert!(first.is_some() && second.is_some());
        assert!(Slot::take(&in_flight, 2).is_none());
        assert_eq!(in_flight.get(), 2);
        drop(first);
        assert!(Slot::take(&in_flight, 2).is_some());
        drop(second);
        assert_eq!(in_flight.get(), 0);
    }
}
