//! Where an answer comes from: searches and quotations, as `OpenAI`'s annotations.
//!
//! Gemini places a source by bytes of the text, `OpenAI` by characters.

use std::collections::BTreeSet;

use crate::chat::shape::url_citation;
use crate::json::Json;

/// The sources of one choice.
#[derive(Debug, Default)]
pub(super) struct Sources {
    /// URL and title, by the vendor's number; a source without a URL has none.
    pages: Vec<Option<(String, String)>>,
    /// What was said before: a stream may repeat it.
    told: BTreeSet<(usize, usize, String)>,
}

impl Sources {
    /// Reads what a candidate says of its sources; `text` is the answer so far.
    pub(super) fn read(&mut self, candidate: &Json<'_>, text: &str, say: &mut dyn FnMut(Json<'_>)) {
        if let Some(grounding) = candidate.get("groundingMetadata") {
            self.read_grounding(grounding, text, say);
        }
        let Some(citations) = candidate.get("citationMetadata") else {
            return;
        };
        // The Gemini API's name of the list, and Vertex's.
        let list = citations
            .get("citationSources")
            .or(citations.get("citations"));
        for citation in list.and_then(Json::as_array).unwrap_or_default() {
            if let Some(url) = citation.str("uri") {
                let title = citation.str("title").unwrap_or_default();
                self.tell(place(text, citation), url, title, say);
            }
        }
    }

    /// At the end: sources that belong to no place belong to all of the answer.
    pub(super) fn finish(&mut self, text: &str, say: &mut dyn FnMut(Json<'_>)) {
        if !self.told.is_empty() {
            return;
        }
        let whole = (0, text.chars().count());
        for (url, title) in std::mem::take(&mut self.pages).into_iter().flatten() {
            self.tell(whole, &url, &title, say);
        }
    }

    fn read_grounding(&mut self, grounding: &Json<'_>, text: &str, say: &mut dyn FnMut(Json<'_>)) {
        if let Some(chunks) = grounding.get("groundingChunks").and_then(Json::as_array) {
            self.pages = chunks.iter().map(page).collect();
        }
        let supports = grounding.get("groundingSupports").and_then(Json::as_array);
        for support in supports.unwrap_or_default() {
            let Some(segment) = support.get("segment") else {
                continue;
            };
            let place = place(text, segment);
            let indices = support
                .get("groundingChunkIndices")
                .and_then(Json::as_array);
            for index in indices.unwrap_or_default().iter().filter_map(Json::as_u64) {
                let index = usize::try_from(index).unwrap_or(usize::MAX);
                if let Some(Some((url, title))) = self.pages.get(index).cloned() {
                    self.tell(place, &url, &title, say);
                }
            }
        }
    }

    fn tell(
        &mut self,
        (start, end): (usize, usize),
        url: &str,
        title: &str,
        say: &mut dyn FnMut(Json<'_>),
    ) {
        if !self.told.insert((start, end, url.to_owned())) {
            return;
        }
        say(url_citation(start as u64..end as u64, url, title));
    }
}

fn page(chunk: &Json<'_>) -> Option<(String, String)> {
    let kinds = ["web", "retrievedContext", "maps"];
    let page = kinds.iter().find_map(|it| chunk.get(it))?;
    let title = page.str("title").unwrap_or_default();
    Some((page.str("uri")?.to_owned(), title.to_owned()))
}

/// The characters that a segment covers. Its bytes count from the start of a part, so its words
/// decide where they are not at that place of the whole text.
fn place(text: &str, segment: &Json<'_>) -> (usize, usize) {
    let at = |field: &str| {
        let at = segment.get(field).and_then(Json::as_u64).unwrap_or(0);
        usize::try_from(at).unwrap_or(usize::MAX)
    };
    let (mut start, mut end) = (at("startIndex"), at("endIndex"));
    if let Some(words) = segment.str("text").filter(|it| !it.is_empty())
        && text.get(start..end) != Some(words)
        && let Some(found) = text.find(words)
    {
        (start, end) = (found, found + words.len());
    }
    (characters(text, start), characters(text, end.max(start)))
}

/// The number of characters that begin before the byte `at`.
fn characters(text: &str, at: usize) -> usize {
    text.char_indices().take_while(|(it, _)| *it < at).count()
}
