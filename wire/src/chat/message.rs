//! The turns of a conversation.

use std::borrow::Cow;

use crate::json::Json;

/// Who speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// The operator of the program.
    System,
    /// The same, in the word of `OpenAI`'s newer models.
    Developer,
    /// The person, and the tools: results are parts of a user's turn.
    User,
    /// The model.
    Assistant,
}

/// One message.
#[derive(Clone, Debug, PartialEq)]
pub struct Message<'a> {
    /// Who speaks.
    pub role: Role,
    /// The speaker's name, where the dialect has one.
    pub name: Option<Cow<'a, str>>,
    /// What is said, in order.
    pub parts: Vec<Part<'a>>,
}

impl<'a> Message<'a> {
    /// A message without a name.
    pub fn new(role: Role, parts: Vec<Part<'a>>) -> Self {
        Self {
            role,
            name: None,
            parts,
        }
    }
}

/// One thing in a message.
#[derive(Clone, Debug, PartialEq)]
pub enum Part<'a> {
    /// Words.
    Text(Text<'a>),
    /// The model's words when it declined.
    Refusal(Cow<'a, str>),
    /// A picture.
    Image(Media<'a>),
    /// A recording.
    Audio(Media<'a>),
    /// A document.
    File(Media<'a>),
    /// What the model thought.
    Thought(Thought<'a>),
    /// The model wants a tool to run.
    ToolCall(ToolCall<'a>),
    /// What the tool said.
    ToolResult(ToolResult<'a>),
}

impl<'a> Part<'a> {
    /// The caller's prompt-cache point after this part.
    pub fn cache(&self) -> Option<&Json<'a>> {
        match self {
            Self::Text(text) => text.cache.as_ref(),
            Self::Image(media) | Self::Audio(media) | Self::File(media) => media.cache.as_ref(),
            Self::ToolResult(result) => result.cache.as_ref(),
            Self::Refusal(_) | Self::Thought(_) | Self::ToolCall(_) => None,
        }
    }
}

/// Words, with what hangs on them.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Text<'a> {
    /// The words.
    pub text: Cow<'a, str>,
    /// The caller's prompt-cache point after this part; see [`crate::chat::shape::cache_ttl`].
    pub cache: Option<Json<'a>>,
}

impl<'a> From<Cow<'a, str>> for Part<'a> {
    fn from(text: Cow<'a, str>) -> Self {
        Self::Text(Text { text, cache: None })
    }
}

/// Something that is not text.
#[derive(Clone, Debug, PartialEq)]
pub struct Media<'a> {
    /// Where its bytes are.
    pub source: Source<'a>,
    /// Its media type such as `image/png`, when the caller said.
    pub media_type: Option<Cow<'a, str>>,
    /// Its file name.
    pub name: Option<Cow<'a, str>>,
    /// `OpenAI`'s `detail` of an image.
    pub detail: Option<Cow<'a, str>>,
    /// The caller's prompt-cache point after this part.
    pub cache: Option<Json<'a>>,
}

impl<'a> Media<'a> {
    /// Something of which only its place is known. A data URL is taken apart.
    pub fn at(url: Cow<'a, str>) -> Self {
        let (source, media_type) = super::shape::source_of(url);
        Self {
            source,
            media_type,
            name: None,
            detail: None,
            cache: None,
        }
    }
}

/// Where bytes are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source<'a> {
    /// To be fetched by the vendor.
    Url(Cow<'a, str>),
    /// Here, in base64.
    Base64(Cow<'a, str>),
    /// Here, as plain text.
    Text(Cow<'a, str>),
    /// With the vendor, under an id of its own.
    Id(Cow<'a, str>),
}

/// Whose a thought is; another vendor's is never sent to one that would check it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Provenance {
    /// Claude, wherever it runs.
    Anthropic,
    /// Gemini, wherever it runs.
    Google,
    /// `OpenAI`'s Responses.
    OpenAi,
    /// Nobody checks it: plain text of some model.
    Unsigned,
    /// Nobody's any more: what was kept of it cannot be read.
    Lost,
    /// A vendor that we have no word for: its `format` tag.
    Other(Box<str>),
}

impl Provenance {
    /// The tag of `OpenRouter`'s `reasoning_details`.
    pub fn format(&self) -> &str {
        match self {
            Self::Anthropic => "anthropic-claude-v1",
            Self::Google => "google-gemini-v1",
            Self::OpenAi => "openai-responses-v1",
            Self::Unsigned => "unknown",
            Self::Lost => "unreadable",
            Self::Other(format) => format,
        }
    }

    /// Reads the tag.
    pub fn of_format(format: &str) -> Self {
        match format {
            "anthropic-claude-v1" => Self::Anthropic,
            "google-gemini-v1" => Self::Google,
            "openai-responses-v1" => Self::OpenAi,
            "" | "unknown" => Self::Unsigned,
            "unreadable" => Self::Lost,
            other => Self::Other(other.into()),
        }
    }
}

/// What the model thought.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Thought<'a> {
    /// The thought in words; empty if the vendor keeps them.
    pub text: Cow<'a, str>,
    /// The vendor's proof that the thought is its own, verbatim.
    pub signature: Option<Cow<'a, str>>,
    /// The thought in the vendor's cipher, verbatim.
    pub encrypted: Option<Cow<'a, str>>,
    /// The vendor's id of it.
    pub id: Option<Cow<'a, str>>,
    /// Whose it is.
    pub provenance: Provenance,
}

/// The model wants a tool to run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ToolCall<'a> {
    /// Ties the result to the call.
    pub id: Cow<'a, str>,
    /// The tool's name.
    pub name: Cow<'a, str>,
    /// JSON text for a function, any text for a custom tool.
    pub arguments: Cow<'a, str>,
    /// Whether it is a custom tool, whose input is text.
    pub is_custom: bool,
    /// Gemini's proof that it made the call, verbatim.
    pub signature: Option<Cow<'a, str>>,
}

/// What a tool said.
#[derive(Clone, Debug, PartialEq)]
pub struct ToolResult<'a> {
    /// The call's id.
    pub call: Cow<'a, str>,
    /// The tool's name, where the dialect repeats it.
    pub name: Option<Cow<'a, str>>,
    /// Text, pictures and documents.
    pub parts: Vec<Part<'a>>,
    /// Whether the tool failed.
    pub is_error: bool,
    /// The caller's prompt-cache point after this part.
    pub cache: Option<Json<'a>>,
}
