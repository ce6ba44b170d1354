//! A request of Responses as a vendor gets it who keeps responses himself.
//!
//! What it refers to was looked up before: here only what no vendor of this kind can be sent
//! is refused or taken out.

use std::borrow::Cow;

use tollward_wire::dialect::openai_responses::state::without_foreign_thoughts;
use tollward_wire::segments::Segments;

use super::row::Row;
use crate::provider::{Call, EncodeError};

/// The body, and the paths of what was left out.
///
/// # Errors
/// [`EncodeError`] if the caller asks for what is not done through a gateway.
pub(super) fn body(
    row: &Row,
    call: &Call<'_>,
) -> Result<(Segments, Vec<Cow<'static, str>>), EncodeError> {
    refuse(row, call)?;
    let mut dropped = Vec::new();
    let freed = without_foreign_thoughts(call.document)?;
    if freed.is_some() {
        dropped.push("input[].reasoning".into());
    }
    let mut edit = freed.as_ref().unwrap_or(call.document).edit();
    if call.view.model != call.upstream_model {
        edit.set("model", call.upstream_model);
    }
    Ok((edit.finish(), dropped))
}

fn refuse(row: &Row, call: &Call<'_>) -> Result<(), EncodeError> {
    let unsupported = |param, reason| {
        Err(EncodeError::Unsupported {
            kind: row.facts.kind,
            param,
            reason,
        })
    };
    // Its usage would never pass here, so nobody could be charged for it.
    if call.document.get("background")? == Some(true) {
        return unsupported(
            "background".into(),
            "an answer is given while its caller waits",
        );
    }
    // It belongs to the account, which all keys share, and nobody here knows whose it is.
    if call.document.has("conversation") {
        return unsupported("conversation".into(), "go on from a response instead");
    }
    Ok(())
}
