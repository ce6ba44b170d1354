//! What Ollama's clients ask about models, from plain data to bytes.
//!
//! Clients read every key of these answers and fall over one that is missing, so all of
//! them are there; what a gateway cannot know is made up, and always the same.

mod embed;

use bytes::Bytes;

pub use self::embed::{
    EmbedRequest, embed_answer, embed_request, embeddings_answer, embeddings_request,
    embeds_nothing, nothing_embedded, nothing_embedded_legacy,
};
use crate::dialect::timing::rfc3339_seconds;
use crate::json::{Json, Object};

/// The size of a model of which none is known, in bytes.
const SIZE: u64 = 4_000_000_000;

/// A model, as clients see it.
#[derive(Clone, Copy, Debug)]
pub struct ModelCard<'c> {
    /// Its public name.
    pub name: &'c str,
    /// When it came, in Unix seconds.
    pub modified: u64,
    /// Its size in bytes, if anybody knows.
    pub size: Option<u64>,
    /// Its architecture in one word such as `llama`; clients look up sizes under it.
    pub family: &'c str,
    /// How many parameters it has, such as `8B`; empty if nobody knows.
    pub parameter_size: &'c str,
    /// How its weights are stored, such as `Q4_K_M`; empty if nobody knows.
    pub quantization: &'c str,
    /// Most tokens of input and output together.
    pub context_length: u64,
    /// Numbers per embedding; 0 if nobody knows.
    pub embedding_length: u64,
    /// Some of `completion`, `tools`, `vision`, `thinking`, `insert` and `embedding`. Editors
    /// offer what they find here and nothing else.
    pub capabilities: &'c [&'c str],
}

/// `/api/tags`: the models there are.
pub fn tags(models: &[ModelCard<'_>]) -> Bytes {
    let models = models.iter().map(|card| {
        let it = Object::new()
            .with("name", card.name)
            .with("model", card.name)
            .with("modified_at", rfc3339_seconds(card.modified))
            .with("size", card.size.unwrap_or(SIZE))
            .with("digest", digest(card.name))
            .with("details", details(card))
            .with("capabilities", capabilities(card));
        Json::from(it)
    });
    listed(models.collect())
}

/// `/api/ps`: the models that are in memory, which here are all of them, until that Unix second.
pub fn ps(models: &[ModelCard<'_>], expires: u64) -> Bytes {
    let models = models.iter().map(|card| {
        let size = card.size.unwrap_or(SIZE);
        let it = Object::new()
            .with("name", card.name)
            .with("model", card.name)
            .with("size", size)
            .with("digest", digest(card.name))
            .with("details", details(card))
            .with("expires_at", rfc3339_seconds(expires))
            .with("size_vram", size)
            .with("context_length", card.context_length);
        Json::from(it)
    });
    listed(models.collect())
}

/// `/api/show`: one model.
pub fn show(card: &ModelCard<'_>) -> Bytes {
    let context = format!("{}.context_length", card.family);
    let embedding = format!("{}.embedding_length", card.family);
    let info = Object::new()
        .with("general.architecture", card.family)
        .with(&context, card.context_length)
        .with(&embedding, card.embedding_length);
    let it = Object::new()
        .with("modelfile", format!("FROM {}\n", card.name))
        .with("parameters", "")
        .with("template", "")
        .with("details", details(card))
        .with("model_info", info)
        .with("capabilities", capabilities(card))
        .with("modified_at", rfc3339_seconds(card.modified));
    Json::from(it).to_bytes()
}

/// `/api/version`. Clients compare it with the version that first had what they need.
pub fn version(version: &str) -> Bytes {
    Json::from(Object::new().with("version", version)).to_bytes()
}

/// `/api/pull` of a model that is there: the last line of a download that need not be.
pub fn pulled() -> Bytes {
    Bytes::from_static(b"{\"status\":\"success\"}\n")
}

/// The name without the tag that every client may add or leave out.
pub fn plain_name(name: &str) -> &str {
    name.strip_suffix(":latest").unwrap_or(name)
}

fn listed(models: Vec<Json<'_>>) -> Bytes {
    Json::from(Object::new().with("models", models)).to_bytes()
}

fn details<'c>(card: &ModelCard<'c>) -> Object<'c> {
    Object::new()
        .with("parent_model", "")
        .with("format", "gguf")
        .with("family", card.family)
        .with("families", vec![Json::from(card.family)])
        .with("parameter_size", card.parameter_size)
        .with("quantization_level", card.quantization)
}

fn capabilities<'c>(card: &ModelCard<'c>) -> Vec<Json<'c>> {
    card.capabilities.iter().map(|it| Json::from(*it)).collect()
}

/// 64 hexadecimal digits that stand for a hash: clients tell models apart by them. FNV-1a of
/// the name, four times.
fn digest(name: &str) -> String {
    let word = |salt: u64| {
        let mut hash = 0xcbf2_9ce4_8422_2325_u64 ^ salt.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        for byte in name.bytes() {
            hash = (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        }
        format!("{hash:016x}")
    };
    (0..4).map(word).collect()
}
