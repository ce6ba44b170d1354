//! Pages that another vendor's answer cites, as citations of a search of Anthropic's.
//!
//! Anthropic wants back what it put into `encrypted_index`. Of ours there is nothing that it
//! could read, so that citations under our mark are taken off before a history goes there.
//! Source: anthropic-python 2.14 `types/citations_web_search_result_location.py` (read 2026-11).

use crate::json::{Json, Object};

/// What stands in `encrypted_index`, which some clients may take for base64.
pub(super) const MARK: &str = "tollwardcitation";

/// The citation; `None` for an annotation of another kind. What the page says is not known.
pub(super) fn of_annotation(annotation: &Json<'_>) -> Option<Object<'static>> {
    let page = annotation.get("url_citation")?;
    let title = page.str("title").unwrap_or_default();
    let citation = Object::new()
        .with("type", "web_search_result_location")
        .with("cited_text", "")
        .with("encrypted_index", MARK)
        .with("title", title.to_owned())
        .with("url", page.str("url")?.to_owned());
    Some(citation)
}

/// Whether the answer's text from `start` on, `length` characters of it, is where an annotation begins.
pub(super) fn begins_in(annotation: &Json<'_>, start: u64, length: u64) -> bool {
    let page = annotation.get("url_citation");
    let at = page.and_then(|it| it.get("start_index")?.as_u64());
    at.is_some_and(|at| at >= start && at < start + length)
}

/// Takes ours off a block of text.
pub(super) fn take_off(block: &mut Json<'_>) {
    let Json::Object(block) = block else {
        return;
    };
    let Some(Json::Array(citations)) = block.get_mut("citations") else {
        return;
    };
    citations.retain(|it| it.str("encrypted_index") != Some(MARK));
    if citations.is_empty() {
        block.take("citations");
    }
}
