//! Images, recordings and verdicts as a row wants them: the caller's form or document with
//! another model's name, and nothing else changed.

use http::HeaderValue;
use http::header::{ACCEPT, CONTENT_TYPE};
use tollward_wire::segments::Segments;

use super::Compatible;
use crate::provider::{Call, EncodeError, Outbound};

/// Shapes a call whose answer may be anything.
pub(super) fn outbound(vendor: &Compatible, call: &Call<'_>) -> Result<Outbound, EncodeError> {
    let form_type = call.form.map(|it| HeaderValue::from_str(it.content_type()));
    let body = match call.form {
        Some(form) => form.with_model(call.upstream_model),
        None => document(call),
    };
    let mut outbound = vendor.outbound(call.operation, body, call.view.is_stream);
    if !call.view.is_stream {
        outbound
            .headers
            .insert(ACCEPT, HeaderValue::from_static("*/*"));
    }
    if let Some(form_type) = form_type {
        let form_type = form_type.map_err(|_| EncodeError::Form)?;
        outbound.headers.insert(CONTENT_TYPE, form_type);
    }
    Ok(outbound)
}

fn document(call: &Call<'_>) -> Segments {
    let mut edit = call.document.edit();
    // Where the caller left it out, the vendor is told what was routed.
    if call.view.model != call.upstream_model || !call.document.has("model") {
        edit.set("model", call.upstream_model);
    }
    edit.finish()
}
