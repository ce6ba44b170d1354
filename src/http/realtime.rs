//! `GET /v1/realtime`: a request that becomes a websocket.
//!
//! The request takes the way of any call; only its answer is another one. What happens in the
//! session is in `pipeline/deliver/session.rs`.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::response::Response;
use http::{HeaderMap, HeaderValue, StatusCode, header};
use tollward_wire::operation::Operation;

use crate::app::Gateway;
use crate::http::inference::{self, Head};
use crate::http::ingress::handshake::handshake;
use crate::http::ingress::{Ingress, IngressError};
use crate::pipeline::ServeError;
use crate::pipeline::admit::AdmitError;
use crate::pipeline::deliver::session::Session;
use crate::upstream::exchange::VERSION;

/// Opens a session.
pub async fn answer(State(gateway): State<Arc<Gateway>>, mut request: Request) -> Response {
    let handshake = handshake(&mut request);
    let mut ingress = Ingress::new(Operation::Realtime, request);
    match handshake {
        Ok(handshake) => {
            ingress.handshake = Some(Box::new(handshake));
            // Boxed, because axum moves a handler's future several times.
            Box::pin(inference::serve_one(&gateway, ingress)).await
        }
        Err(error) => {
            let is_plain = matches!(error, IngressError::NotWebsocket);
            let error = ServeError::Admit(AdmitError::Ingress(error));
            let mut refused = inference::failed(&gateway, &Head::of(&ingress), error).response;
            if is_plain {
                offer(refused.headers_mut());
            }
            refused
        }
    }
}

/// Says what to ask for instead (RFC 9110 §15.5.22, RFC 6455 §4.4).
fn offer(headers: &mut HeaderMap) {
    headers.append(header::CONNECTION, HeaderValue::from_static("upgrade"));
    headers.insert(header::UPGRADE, HeaderValue::from_static("websocket"));
    headers.insert(header::SEC_WEBSOCKET_VERSION, VERSION);
}

/// Completes the answer that opens a session, and starts it (RFC 6455 §4.2.2).
pub fn switched(mut response: Response, session: Session) -> Response {
    *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
    let headers = response.headers_mut();
    headers.insert(header::CONNECTION, HeaderValue::from_static("upgrade"));
    headers.insert(header::UPGRADE, HeaderValue::from_static("websocket"));
    headers.insert(header::SEC_WEBSOCKET_ACCEPT, session.accept().clone());
    if let Some(protocol) = session.protocol() {
        headers.insert(header::SEC_WEBSOCKET_PROTOCOL, protocol);
    }
    session.spawn();
    response
}
