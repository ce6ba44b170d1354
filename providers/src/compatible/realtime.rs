//! The request that a session is opened with: an address and headers, and no body.
//!
//! What makes it a websocket is the gateway's to add, with the caller's own headers.

use http::Uri;
use http::header::{ACCEPT, CONTENT_TYPE};
use tollward_wire::segments::Segments;

use super::Compatible;
use crate::account::path_segment;
use crate::provider::{Call, EncodeError, Outbound};

/// Shapes the request; the model stands in the address, with the caller's `intent`
/// (openai-python 3.57 `resources/realtime/realtime.py`, read 2026-11).
pub(super) fn outbound(vendor: &Compatible, call: &Call<'_>) -> Result<Outbound, EncodeError> {
    let plain = vendor.outbound(call.operation, Segments::new(), false);
    let model = path_segment(call.upstream_model);
    let mut address = format!("{}?model={model}", plain.uri);
    if let Some(intent) = call.document.get::<String>("intent")? {
        address.push_str("&intent=");
        address.push_str(&path_segment(&intent));
    }
    let uri: Uri = address.parse().map_err(|_| EncodeError::Model)?;
    let mut headers = plain.headers;
    headers.remove(CONTENT_TYPE);
    headers.remove(ACCEPT);
    Ok(Outbound {
        uri,
        headers,
        ..plain
    })
}
