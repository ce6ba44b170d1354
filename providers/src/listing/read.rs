//! The forms in which vendors list models, read into one.
//!
//! What is not a list is an error and never an empty list: a page of a proxy or of a web server
//! must not look like an account without models.

use serde_json::Value;
use tollward_wire::dialect::timing::date;

/// How a list is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ListForm {
    /// `OpenAI`'s `{"data": [{"id"}]}`, or the array alone, as Together AI answers.
    OpenAi,
    /// The same with pages: `has_more`, `last_id` (anthropic 2.14 `pagination.py`).
    Anthropic,
    /// `{"models": [{"name": "models/…"}], "nextPageToken"}` (google-genai 3.6.1 `models.py`).
    Gemini,
    /// `{"publisherModels": [{"name": "publishers/google/models/…"}], "nextPageToken"}` (the same).
    Vertex,
    /// `{"models": [{"name"}], "next_page_token"}` (cohere 7.3.1 `list_models_response.py`).
    Cohere,
    /// `{"modelSummaries": [{"modelId"}]}`: `ListFoundationModels` of botocore 1.44.8.
    BedrockModels,
    /// `{"inferenceProfileSummaries": […], "nextToken"}`: `ListInferenceProfiles` of botocore 1.44.8.
    BedrockProfiles,
    /// `{"models": [{"name": "model:tag"}]}`: Ollama's `/api/tags`.
    OllamaTags,
    /// `{"model_id"}`: the one model of a server of Hugging Face's.
    Info,
}

/// One model of a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListedModel {
    /// What calls name.
    pub id: String,
    /// Other names that calls may use.
    pub aliases: Vec<String>,
    /// Who made it, where that is told.
    pub owner: Option<String>,
    /// The day on which it was made or released, such as `2026-11-24`, where that is told.
    pub created: Option<String>,
    /// Tokens that its context holds, where that is told.
    pub context_tokens: Option<u64>,
}

/// One page of a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page {
    /// The models on it.
    pub models: Vec<ListedModel>,
    /// What names the next page; `None` on the last one.
    pub next: Option<String>,
}

/// An answer that is no list of models.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the answer is no list of models")]
pub struct UnreadableList;

impl ListForm {
    /// Reads one page.
    ///
    /// # Errors
    /// It is no list of this form.
    pub fn read(self, body: &[u8]) -> Result<Page, UnreadableList> {
        let answer: Value = serde_json::from_slice(body).map_err(|_| UnreadableList)?;
        if self == Self::Info {
            let model = model(&answer, "model_id").ok_or(UnreadableList)?;
            return Ok(Page {
                models: vec![model],
                next: None,
            });
        }
        let (list, id) = self.names();
        let items = answer.get(list).unwrap_or(&answer);
        let items = match items {
            Value::Array(items) => items,
            // So Go's servers, Ollama for one, write a list of nothing.
            Value::Null if answer.is_object() && answer.get("error").is_none() => {
                return Ok(Page::EMPTY);
            }
            // Google leaves an empty list out.
            Value::Object(fields) if fields.is_empty() && self.page_field().is_some() => {
                return Ok(Page::EMPTY);
            }
            _ => return Err(UnreadableList),
        };
        let models = items.iter().filter_map(|item| model(item, id));
        Ok(Page {
            models: models.collect(),
            next: self.next(&answer),
        })
    }

    /// The name of the list, and that of a model's name in it.
    const fn names(self) -> (&'static str, &'static str) {
        match self {
            Self::OpenAi | Self::Anthropic => ("data", "id"),
            Self::Gemini | Self::Cohere | Self::OllamaTags => ("models", "name"),
            Self::Vertex => ("publisherModels", "name"),
            Self::BedrockModels => ("modelSummaries", "modelId"),
            Self::BedrockProfiles => ("inferenceProfileSummaries", "inferenceProfileId"),
            Self::Info => ("", "model_id"),
        }
    }

    fn next(self, answer: &Value) -> Option<String> {
        let field = match self {
            Self::Anthropic if answer["has_more"] == true => "last_id",
            Self::Gemini | Self::Vertex => "nextPageToken",
            Self::Cohere => "next_page_token",
            Self::BedrockProfiles => "nextToken",
            Self::OpenAi
            | Self::Anthropic
            | Self::BedrockModels
            | Self::OllamaTags
            | Self::Info => return None,
        };
        let token = answer.get(field)?.as_str()?;
        (!token.is_empty()).then(|| token.to_owned())
    }

    /// The query's field that asks for a page.
    pub(super) const fn page_field(self) -> Option<&'static str> {
        match self {
            Self::Anthropic => Some("after_id"),
            Self::Gemini | Self::Vertex => Some("pageToken"),
            Self::Cohere => Some("page_token"),
            Self::BedrockProfiles => Some("nextToken"),
            Self::OpenAi | Self::BedrockModels | Self::OllamaTags | Self::Info => None,
        }
    }
}

impl Page {
    const EMPTY: Self = Self {
        models: Vec::new(),
        next: None,
    };
}

/// Reads one model, whose name stands under `id`.
///
/// The names of the rest are those of the vendors' SDKs: groq 1.7 and the vendors named at
/// [`ListForm`], mistralai 3.7 `basemodelcard.py`, vLLM's `max_model_len` (read 2026-11).
fn model(item: &Value, id: &str) -> Option<ListedModel> {
    let id = item.get(id)?.as_str()?;
    let id = id.strip_prefix("publishers/google/").unwrap_or(id);
    let id = id.strip_prefix("models/").unwrap_or(id);
    let text = |names: &[&str]| {
        let mut found = names.iter().filter_map(|name| item.get(name)?.as_str());
        found.find(|it| !it.is_empty()).map(str::to_owned)
    };
    let number = |names: &[&str]| names.iter().find_map(|name| whole(item.get(name)?));
    let mut aliases: Vec<String> = Vec::new();
    for list in ["aliases", "inferenceProfileArn", "modelArn"] {
        match item.get(list) {
            Some(Value::Array(names)) => {
                aliases.extend(names.iter().filter_map(Value::as_str).map(str::to_owned));
            }
            Some(Value::String(name)) => aliases.push(name.clone()),
            _ => {}
        }
    }
    Some(ListedModel {
        id: id.to_owned(),
        aliases,
        owner: text(&["owned_by", "organization", "providerName"]),
        created: item
            .get("created")
            .or_else(|| item.get("created_at"))
            .or_else(|| item.get("createdAt"))
            .and_then(day),
        context_tokens: number(&[
            "context_window",
            "context_length",
            "max_context_length",
            "max_model_len",
            "max_input_tokens",
            "inputTokenLimit",
            "max_input_length",
        ]),
    })
}

/// A number that is told and not zero; Cohere writes it with a point.
fn whole(value: &Value) -> Option<u64> {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a count of tokens; what is no count becomes 0 or the largest one"
    )]
    let number = value.as_u64().or_else(|| Some(value.as_f64()? as u64))?;
    (number > 0).then_some(number)
}

/// The day of a moment in Unix seconds or of RFC 3339; vendors that do not know it write 0.
fn day(moment: &Value) -> Option<String> {
    if let Some(text) = moment.as_str() {
        let day = text.get(..10)?;
        let is_day = day.bytes().enumerate().all(|(place, byte)| match place {
            4 | 7 => byte == b'-',
            _ => byte.is_ascii_digit(),
        });
        return is_day.then(|| day.to_owned());
    }
    let (year, month, day) = date(whole(moment)? / 86_400);
    Some(format!("{year:04}-{month:02}-{day:02}"))
}
