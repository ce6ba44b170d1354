//! The vendors: each writes a scene's answer in its own bytes and reads what it was asked.

mod anthropic;
pub(crate) mod bedrock;
mod gemini;
pub(crate) mod invoke;
mod ollama;
mod openai;
mod responses;

use serde_json::Value;

use super::heard::Told;
use super::scene::Scene;
use crate::support::script::{Script, chunk, head};
use crate::support::upstream::Seen;

/// Bytes in each piece of a stream: no event is whole, and many a character is not.
const PIECE: usize = 7;

/// A vendor behind the gateway. `is_text` is for callers of `OpenAI`'s older endpoint, whose
/// calls go on as they are.
pub(crate) trait Vendor: Sync {
    fn name(&self) -> &'static str;

    /// The word in the configuration.
    fn kind(&self) -> &'static str;

    /// The path of its base URL.
    fn base_path(&self) -> &'static str;

    fn model(&self, scene: Scene) -> &'static str;

    /// What it answers; `None` where it has no such answer.
    fn answer(&self, scene: Scene, is_stream: bool, is_text: bool) -> Option<Script>;

    /// What it was asked.
    fn told(&self, seen: &Seen, is_stream: bool, is_text: bool) -> Told;

    /// Whether it speaks the caller's dialect itself: that is another vendor's column then.
    fn is_native_to(&self, _: &str) -> bool {
        false
    }

    /// Whether it says how many tokens came from a cache.
    fn counts_cache(&self) -> bool {
        true
    }

    /// Whether its calls have ids.
    fn gives_ids(&self, _: Scene) -> bool {
        true
    }

    /// The status that its failure before the first content becomes.
    fn early_status(&self, _: bool) -> u16 {
        503
    }
}

pub(crate) const ALL: [&dyn Vendor; 8] = [
    &openai::OPENAI,
    &openai::GENERIC,
    &responses::Responses,
    &anthropic::Anthropic,
    &gemini::Gemini,
    &bedrock::Bedrock,
    &invoke::Invoke,
    &ollama::Ollama,
];

/// A stream in small pieces.
fn streamed(kind: &str, bytes: &[u8]) -> Script {
    let headers = [("content-type", kind), ("transfer-encoding", "chunked")];
    let mut raw = head("200 OK", &headers).into_bytes();
    raw.extend_from_slice(b"\r\n");
    raw.extend(bytes.chunks(PIECE).flat_map(chunk));
    raw.extend_from_slice(b"0\r\n\r\n");
    Script::new().send(raw)
}

/// A whole answer, cut in the middle where the scene is about that.
fn whole(scene: Scene, body: &Value) -> Script {
    if scene != Scene::LateError {
        return Script::json("200 OK", body);
    }
    let body = body.to_string();
    let length = (body.len() + 64).to_string();
    let headers = [
        ("content-type", "application/json"),
        ("content-length", length.as_str()),
    ];
    let raw = format!("{}\r\n{body}", head("200 OK", &headers));
    Script::new().send(raw).fin()
}

/// Server-sent events.
mod sse {
    use serde_json::Value;

    pub(super) const TYPE: &str = "text/event-stream";

    /// An event that is named after its type.
    pub(super) fn named(data: &Value) -> String {
        let name = data["type"].as_str().unwrap_or_default();
        format!("event: {name}\ndata: {data}\n\n")
    }
}
