//! `response_format` for servers that want the schema under `value`.
//!
//! Source: `GrammarType` in `router/src/lib.rs` of text-generation-inference at db931fc (read
//! 2026-11). Without a schema it has no way to keep an answer to JSON.

use std::borrow::Cow;

use serde_json::{Value, json};
use tollward_wire::document::{Document, Edit};

use crate::provider::EncodeError;

const FIELD: &str = "response_format";

/// Puts the format into the form of such a server, unless it is in that form already.
///
/// # Errors
/// [`EncodeError`] if JSON is wanted and no schema is given.
pub(super) fn under_value(
    kind: &'static str,
    document: &Document,
    edit: &mut Edit<'_>,
) -> Result<(), EncodeError> {
    let Some(format) = document.get::<Value>(FIELD)? else {
        return Ok(());
    };
    if format.get("value").is_some() {
        return Ok(());
    }
    match format.get("type").and_then(Value::as_str) {
        Some("text") => edit.remove(FIELD),
        Some("json_schema") => {
            let given = |name| format.pointer(&format!("/json_schema/{name}"));
            let schema = given("schema").ok_or_else(|| refused(kind))?;
            let value = json!({ "name": given("name"), "schema": schema });
            edit.set(FIELD, json!({ "type": "json_schema", "value": value }));
        }
        Some("json_object") => return Err(refused(kind)),
        // What nobody here knows is for the server to judge.
        Some(_) | None => {}
    }
    Ok(())
}

fn refused(kind: &'static str) -> EncodeError {
    EncodeError::Unsupported {
        kind,
        param: Cow::Borrowed(FIELD),
        reason: "JSON needs a schema",
    }
}
