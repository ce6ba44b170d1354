//! What a caller asks for, and what becomes of it on the way to a vendor.

use std::borrow::Cow;

use crate::chat::fields::Fields;
use crate::chat::hosted::{HostedTool, Searching};
use crate::chat::message::Message;
use crate::chat::names::Names;
use crate::document::FieldError;
use crate::json::{Json, Object};

/// A request for a chat.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ChatRequest<'a> {
    /// The conversation.
    pub messages: Vec<Message<'a>>,
    /// What the model may call.
    pub tools: Vec<Tool<'a>>,
    /// What the vendor may run itself.
    pub hosted: Vec<HostedTool<'a>>,
    /// Whether and what it must call; `None` leaves it to the vendor.
    pub tool_choice: Option<ToolChoice<'a>>,
    /// Whether it may call several tools at once.
    pub parallel_tool_calls: Option<bool>,
    /// What the answer's text must be.
    pub format: Format<'a>,
    /// How much to think, and whether to show it.
    pub thinking: Thinking,
    /// Most tokens of output, thoughts included.
    pub max_output: Option<u64>,
    /// Texts that end the answer.
    pub stop: Vec<Cow<'a, str>>,
    /// How to choose tokens.
    pub sampling: Sampling<'a>,
    /// Number of alternatives per token to report; `Some(0)` reports only the chosen one.
    pub logprobs: Option<u64>,
    /// Number of answers; 0 means one.
    pub choices: u32,
    /// Whether the answer is to be streamed.
    pub is_stream: bool,
    /// Who the end user is, as an opaque word.
    pub user: Option<Cow<'a, str>>,
    /// Fields of `OpenAI`'s API that steer more than they say, under its names: `metadata`,
    /// `verbosity`, `prompt_cache_key` and the like. A target takes what it knows.
    pub hints: Vec<(&'static str, Json<'a>)>,
    /// Names of fields that only the caller's own dialect has.
    pub unknown: Vec<Cow<'a, str>>,
}

/// Something the model may call.
#[derive(Clone, Debug, PartialEq)]
pub struct Tool<'a> {
    /// Its name.
    pub name: Cow<'a, str>,
    /// What it does, for the model.
    pub description: Option<Cow<'a, str>>,
    /// The JSON schema of its arguments; `None` takes none.
    pub parameters: Option<Json<'a>>,
    /// Whether the arguments must fit the schema exactly.
    pub strict: Option<bool>,
    /// A custom tool takes text: its `format`, if it has one.
    pub custom: Option<Option<Json<'a>>>,
    /// The caller's prompt-cache point after this tool.
    pub cache: Option<Json<'a>>,
}

/// Whether and what the model must call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ToolChoice<'a> {
    /// Nothing.
    None,
    /// What it likes.
    Auto,
    /// Something.
    Required,
    /// This.
    Named(Cow<'a, str>),
    /// What it likes, or something, among these.
    Allowed {
        /// Whether it must call one of them.
        is_required: bool,
        /// The tools' names.
        names: Vec<Cow<'a, str>>,
    },
}

/// What the answer's text must be.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Format<'a> {
    /// Any text.
    #[default]
    Text,
    /// A JSON object.
    JsonObject,
    /// JSON that fits a schema.
    JsonSchema(Schema<'a>),
}

/// A schema of an answer.
#[derive(Clone, Debug, PartialEq)]
pub struct Schema<'a> {
    /// Its name, for the model.
    pub name: Option<Cow<'a, str>>,
    /// What it describes, for the model.
    pub description: Option<Cow<'a, str>>,
    /// The JSON schema.
    pub schema: Json<'a>,
    /// Whether the answer must fit exactly.
    pub strict: Option<bool>,
}

/// How much the model thinks, and whether the caller sees it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Thinking {
    /// The effort, if the caller said.
    pub effort: Option<Effort>,
    /// A bound on tokens of thought, if the caller said; `effort` weighs more.
    pub budget: Option<u64>,
    /// Whether thoughts are to be shown; `None` leaves it to the vendor.
    pub is_visible: Option<bool>,
    /// To think at all, where the caller leaves to the model how much; `effort` weighs more.
    pub is_on: Option<bool>,
}

/// How hard to think.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Effort {
    /// Not at all.
    None,
    /// As little as there is.
    Minimal,
    /// Little.
    Low,
    /// Some.
    Medium,
    /// Much.
    High,
    /// Very much.
    XHigh,
    /// As much as there is.
    Max,
}

impl Effort {
    /// `OpenAI`'s word.
    pub const fn word(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Minimal => "minimal",
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
            Self::XHigh => "xhigh",
            Self::Max => "max",
        }
    }

    /// Reads `OpenAI`'s word.
    pub fn of_word(word: &str) -> Option<Self> {
        [
            Self::None,
            Self::Minimal,
            Self::Low,
            Self::Medium,
            Self::High,
            Self::XHigh,
            Self::Max,
        ]
        .into_iter()
        .find(|it| it.word() == word)
    }

    /// The budget, in tokens, that stands for the effort where a vendor wants one.
    pub const fn budget(self) -> u64 {
        match self {
            Self::None => 0,
            Self::Minimal | Self::Low => 1_024,
            Self::Medium => 8_192,
            Self::High => 16_384,
            Self::XHigh | Self::Max => 32_768,
        }
    }

    /// The effort that a budget of tokens stands for.
    pub const fn of_budget(tokens: u64) -> Self {
        match tokens {
            0 => Self::None,
            1..2_048 => Self::Low,
            2_048..8_193 => Self::Medium,
            8_193..16_385 => Self::High,
            _ => Self::XHigh,
        }
    }
}

impl Thinking {
    /// The effort, said or meant by the budget.
    pub fn meant(&self) -> Option<Effort> {
        self.effort.or_else(|| self.budget.map(Effort::of_budget))
    }
}

/// How to choose tokens. Numbers stay in the caller's digits.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Sampling<'a> {
    /// `temperature`
    pub temperature: Option<Json<'a>>,
    /// `top_p`
    pub top_p: Option<Json<'a>>,
    /// `top_k`
    pub top_k: Option<Json<'a>>,
    /// `min_p`
    pub min_p: Option<Json<'a>>,
    /// `seed`
    pub seed: Option<Json<'a>>,
    /// `presence_penalty`
    pub presence_penalty: Option<Json<'a>>,
    /// `frequency_penalty`
    pub frequency_penalty: Option<Json<'a>>,
    /// `repetition_penalty`
    pub repetition_penalty: Option<Json<'a>>,
    /// `logit_bias`, an object from token ids to numbers.
    pub logit_bias: Option<Json<'a>>,
}

impl<'a> Sampling<'a> {
    /// Reads the fields under `OpenAI`'s names, which servers of open models extended.
    ///
    /// # Errors
    /// [`FieldError`] naming the first one that is no number.
    pub fn read(fields: &mut Fields<'a>) -> Result<Self, FieldError> {
        Ok(Self {
            temperature: fields.number("temperature")?,
            top_p: fields.number("top_p")?,
            top_k: fields.number("top_k")?,
            min_p: fields.number("min_p")?,
            seed: fields.number("seed")?,
            presence_penalty: fields.number("presence_penalty")?,
            frequency_penalty: fields.number("frequency_penalty")?,
            repetition_penalty: fields.number("repetition_penalty")?,
            logit_bias: fields.any("logit_bias"),
        })
    }

    /// Puts what the target takes into `body` under those names, and notes the rest as dropped.
    pub fn carry(
        &self,
        takes: impl Fn(&str) -> bool,
        body: &mut Object<'a>,
        written: &mut Written<'a>,
    ) {
        let said = [
            ("temperature", &self.temperature),
            ("top_p", &self.top_p),
            ("top_k", &self.top_k),
            ("min_p", &self.min_p),
            ("seed", &self.seed),
            ("presence_penalty", &self.presence_penalty),
            ("frequency_penalty", &self.frequency_penalty),
            ("repetition_penalty", &self.repetition_penalty),
            ("logit_bias", &self.logit_bias),
        ];
        for (field, value) in said {
            match value {
                Some(value) if takes(field) => body.push(Cow::Borrowed(field), value.clone()),
                Some(_) => written.drop_field(field),
                None => {}
            }
        }
    }
}

/// Whom a request is written for.
#[derive(Clone, Copy, Debug)]
pub struct Target<'t> {
    /// The vendor's name of the model.
    pub model: &'t str,
    /// What that model takes.
    pub traits: Traits,
}

/// What a model takes, as far as dialects differ by model. A provider knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "independent abilities, not a state"
)]
pub struct Traits {
    /// `temperature`, `top_p` and `top_k` are taken.
    pub takes_sampling: bool,
    /// `temperature` and `top_p` are taken together.
    pub takes_both_sampling: bool,
    /// A schema for the answer is taken and kept to; else a forced tool stands for it.
    pub takes_schema: bool,
    /// A tool can be marked strict.
    pub takes_strict_tools: bool,
    /// Thinking is steered by a word for the effort; else by a budget of tokens.
    pub thinks_by_effort: bool,
    /// The model thinks at all.
    pub thinks: bool,
    /// Thinking can be switched off.
    pub may_not_think: bool,
    /// The conversation may end with words of the assistant, to be continued.
    pub takes_prefill: bool,
    /// Pictures may be given by URL.
    pub fetches_urls: bool,
    /// Files may be given by URL in chats of `OpenAI`'s form.
    pub fetches_files: bool,
    /// `top_k` is taken.
    pub takes_top_k: bool,
    /// Sampling fields that servers of open models have and `OpenAI` has not: `min_p` and the like.
    pub takes_more_sampling: bool,
    /// Tools whose input is text.
    pub takes_custom_tools: bool,
    /// Instructions have a place of their own; else they open the user's first turn.
    pub takes_system: bool,
    /// A format for the answer is taken beside tools.
    pub takes_schema_with_tools: bool,
    /// The id of a call goes back with the call and its result.
    pub takes_call_ids: bool,
    /// The request may name a tier of service.
    pub takes_service_tier: bool,
    /// The least effort there is a word for, beside none at all.
    pub least_effort: Effort,
    /// The most effort there is a word for.
    pub most_effort: Effort,
    /// How the model searches the web.
    pub web_search: Searching,
    /// How thoughts of earlier turns are sent back.
    pub thoughts: Replay,
    /// Most tokens of output.
    pub max_output: Option<u64>,
}

/// How thoughts of earlier turns are sent back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Replay {
    /// Not at all: the field is refused.
    Never,
    /// As text, in `reasoning_content`.
    AsText,
    /// As text with each assistant message, an empty one where there was no thought.
    AlwaysAsText,
    /// With their signatures, as `OpenRouter`'s `reasoning_details`.
    AsDetails,
}

impl Default for Traits {
    /// A model of which nothing is known: what most take, and no bound that it might not have.
    fn default() -> Self {
        Self {
            takes_sampling: true,
            takes_both_sampling: true,
            takes_schema: true,
            takes_strict_tools: true,
            thinks_by_effort: true,
            thinks: true,
            may_not_think: true,
            takes_prefill: true,
            fetches_urls: true,
            fetches_files: false,
            takes_top_k: true,
            takes_more_sampling: true,
            takes_custom_tools: false,
            takes_system: true,
            takes_schema_with_tools: true,
            takes_call_ids: false,
            takes_service_tier: false,
            least_effort: Effort::Minimal,
            most_effort: Effort::High,
            web_search: Searching::No,
            thoughts: Replay::Never,
            max_output: None,
        }
    }
}

/// A request in the words of a vendor.
#[derive(Debug)]
pub struct Written<'a> {
    /// The body; it borrows from the caller's.
    pub body: Json<'a>,
    /// Fields of the caller's that were left out or changed in meaning, as paths.
    pub dropped: Vec<Cow<'a, str>>,
    /// Tools that had to be called something else.
    pub names: Names,
    /// The schema was asked for by way of a tool of this name: its input is the answer's text.
    pub answer_tool: Option<&'static str>,
    /// Custom tools that had to become functions: their input is under `input`.
    pub wrapped_tools: Vec<Box<str>>,
}

impl<'a> Written<'a> {
    /// A body of which nothing had to be left out.
    pub fn new(body: Json<'a>) -> Self {
        Self {
            body,
            dropped: Vec::new(),
            names: Names::default(),
            answer_tool: None,
            wrapped_tools: Vec::new(),
        }
    }

    /// Notes a field that was left out, once.
    pub fn drop_field(&mut self, field: impl Into<Cow<'a, str>>) {
        let field = field.into();
        if !self.dropped.contains(&field) {
            self.dropped.push(field);
        }
    }
}

/// Hints without which the answer would not be what the caller asked for.
const ESSENTIAL: [&str; 2] = ["audio", "modalities"];

impl<'a> ChatRequest<'a> {
    /// Accounts for every hint and unknown field that a target does not take.
    ///
    /// # Errors
    /// [`Unsupported`] if the caller would miss it in the answer.
    pub fn leave_out(
        &self,
        takes: impl Fn(&str) -> bool,
        written: &mut Written<'a>,
    ) -> Result<(), Unsupported> {
        for (field, value) in self.hints.iter().filter(|(field, _)| !takes(field)) {
            let asks_text_only =
                *field == "modalities" && value.to_bytes() == b"[\"text\"]".as_slice();
            if ESSENTIAL.contains(field) && !asks_text_only {
                return Err(Unsupported::new(
                    *field,
                    "the model's API has nothing like it",
                ));
            }
            if !asks_text_only {
                written.drop_field(*field);
            }
        }
        for field in &self.unknown {
            written.drop_field(field.clone());
        }
        Ok(())
    }

    /// Refuses what only few APIs can do: several answers, and log probabilities.
    ///
    /// # Errors
    /// [`Unsupported`] naming the field.
    pub fn want_one_plain_answer(&self) -> Result<(), Unsupported> {
        if self.choices > 1 {
            return Err(Unsupported::new(
                "n",
                "one answer at a time can be asked for",
            ));
        }
        if self.logprobs.is_some() {
            return Err(Unsupported::new(
                "logprobs",
                "token probabilities are not reported",
            ));
        }
        Ok(())
    }
}

/// What the target cannot do and the caller would miss: a 400, never retried.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{param}` is not supported by this model's API: {reason}")]
pub struct Unsupported {
    /// The field, in `OpenAI`'s words.
    pub param: Cow<'static, str>,
    /// Why not, or what is taken instead.
    pub reason: Cow<'static, str>,
}

impl Unsupported {
    /// A refusal of the field `param`.
    pub fn new(param: impl Into<Cow<'static, str>>, reason: impl Into<Cow<'static, str>>) -> Self {
        Self {
            param: param.into(),
            reason: reason.into(),
        }
    }
}
