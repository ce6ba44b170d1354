//! Request → [`Admitted`]: a document we understand, from a caller we know.

pub mod hints;
pub mod places;

use std::time::{Duration, Instant};

use http::{HeaderMap, HeaderValue};
use http_body::Body;
use tollward_store::RequestId;
use tollward_wire::document::{Document, DocumentError, FieldError};
use tollward_wire::form::Form;
use tollward_wire::operation::Operation;
use tollward_wire::view::RequestView;

use self::hints::{Hints, priority};
use self::places::Slot;
use crate::app::Gateway;
use crate::clock;
use crate::http::ingress::form::{form_type, read_form};
use crate::http::ingress::{Ingress, IngressError, is_cross_site};
use crate::limits::{Permit, TooFast};
use crate::pipeline::authenticate::Caller;
use crate::pipeline::route::survey::Question;
use crate::policy::estimate;
use crate::snapshot::{Limits, Snapshot};
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

    /// Characters of a text to be read aloud, as Unicode counts them.
    pub fn characters(&self) -> u64 {
        if self.operation != Operation::Speech {
            return 0;
        }
        let text = self.document.get::<String>("input").ok().flatten();
        text.map_or(0, |it| it.chars().count() as u64)
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
    /// Others want to call as well, and the key has its share of the running calls.
    #[error("the gateway is busy, and this key has its share of the running calls")]
    Crowded,
    /// Calls of the key, or of somebody above it, come too fast.
    #[error(transparent)]
    TooFast(Box<TooFast>),
    /// The call can wait, and places are left to those that cannot.
    #[error("the gateway is busy, and calls of the class `batch` wait for others")]
    Deferred,
    /// The bodies of the running calls are as long as they may be together.
    #[error("the gateway is at its limit of bytes that running calls may hold")]
    Full,
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
    snapshot: &Snapshot,
    mut ingress: Ingress,
    caller: Caller,
) -> Result<(Admitted, Slot), AdmitError> {
    let limits = &snapshot.limits;
    let key = caller.key().map(|it| it.id);
    let priority = priority(&ingress.headers)?;
    let places = &gateway.places;
    let mut slot = places.take_as(priority, key, limits.max_in_flight)?;
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
        let document = held_body(&mut ingress, limits, &mut slot).await?;
        let view = RequestView::read_at(ingress.address.take(), ingress.operation, &document)?;
        Content::held(document, view)
    };
    let admitted = Admitted::new(ingress, caller, content)?;
    check_place(gateway, snapshot, &admitted, &slot)?;
    slot.permit = permitted(gateway, &admitted).await?;
    Ok((admitted, slot))
}

/// Looks whether a call keeps its place, now that it is known what it is: one that the operator says
/// can wait does not where places are scarce, whatever its caller says.
///
/// # Errors
/// [`AdmitError::Deferred`].
pub fn check_place(
    gateway: &Gateway,
    snapshot: &Snapshot,
    admitted: &Admitted,
    slot: &Slot,
) -> Result<(), AdmitError> {
    let Some(batch) = &snapshot.batch else {
        return Ok(());
    };
    if !slot.is_scarce(snapshot.limits.max_in_flight) {
        return Ok(());
    }
    let question = Question::new(&gateway.affinity, admitted, clock::mono());
    if question.meets(batch) == Some(true) {
        return Err(AdmitError::Deferred);
    }
    Ok(())
}

/// Lets the call in if calls of its key, and of those above it, do not come too fast.
///
/// # Errors
/// They do.
pub async fn permitted(gateway: &Gateway, admitted: &Admitted) -> Result<Permit, AdmitError> {
    if gateway.meters.is_empty() {
        return Ok(Permit::default());
    }
    let key = admitted.caller.key();
    let holders = gateway.budgets.holders(key.map(|it| &**it));
    let input = || estimate::input_tokens(admitted.document.bytes());
    let permit = gateway.meters.admit(holders, input).await;
    permit.map_err(|it| AdmitError::TooFast(Box::new(it)))
}

/// Reads a body into the place that its call has.
///
/// # Errors
/// It cannot be read, or there is no room for it.
///
/// # Cancellation
/// Dropping the future drops what was read.
pub async fn held_body(
    ingress: &mut Ingress,
    limits: &Limits,
    slot: &mut Slot,
) -> Result<Document, AdmitError> {
    let most = limits.max_in_flight_bytes;
    // What says how long it is, is refused before it is there.
    let announced = ingress.body.size_hint().exact().unwrap_or(0);
    let announced = usize::try_from(announced).unwrap_or(usize::MAX);
    if announced <= limits.max_body_bytes {
        slot.hold(announced, most)?;
    }
    let body = ingress.read_body(limits.max_body_bytes).await?;
    slot.hold(body.len(), most)?;
    Ok(Document::parse(body)?)
}
