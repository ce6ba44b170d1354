//! Request → [`Admitted`]: a document we understand, from a caller we know.

use http::HeaderValue;
use tollward_wire::document::{Document, DocumentError, FieldError};
use tollward_wire::operation::Operation;
use tollward_wire::view::RequestView;

use crate::app::Gateway;
use crate::http::ingress::Ingress;
use crate::pipeline::authenticate::Caller;

/// A request that may be routed.
pub struct Admitted {
    /// Which endpoint was called.
    pub operation: Operation,
    /// The body, indexed.
    pub document: Document,
    /// What the gateway acts on.
    pub view: RequestView,
    /// Who calls.
    pub caller: Caller,
    /// The client's own request id, when it sent a sane one.
    pub client_request_id: Option<HeaderValue>,
    /// When the request's head had been read.
    pub started: std::time::Instant,
}

/// Why a request is refused before it is routed.
#[derive(Debug, thiserror::Error)]
pub enum AdmitError {
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
/// # Errors
/// [`AdmitError`] names the field or the byte that is wrong.
pub fn admit(gateway: &Gateway, ingress: Ingress, caller: Caller) -> Result<Admitted, AdmitError> {
    if !gateway.has_room() {
        return Err(AdmitError::Overloaded);
    }
    if !gateway.may_book() {
        return Err(AdmitError::LedgerUnavailable);
    }
    let Ingress {
        operation,
        body,
        client_request_id,
        started,
        ..
    } = ingress;
    let document = Document::parse(body)?;
    let view = RequestView::read(operation, &document)?;
    Ok(Admitted {
        operation,
        document,
        view,
        caller,
        client_request_id,
        started,
    })
}
