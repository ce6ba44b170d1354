//! What a row of the table says about a vendor.
//!
//! Everything in which the vendors of the family differ is a field here, with a name for
//! each habit. A habit that only one vendor has is still data, not an `if` on its name.

use tollward_wire::chat::Replay;
use tollward_wire::operation::Operation;
use tollward_wire::rerank::RerankDialect;

use crate::kind::Kind;
use crate::listing::ListForm;
use crate::provider::Counter;

/// One OpenAI-compatible vendor.
#[derive(Debug)]
pub(crate) struct Row {
    pub(crate) facts: Kind,
    /// The endpoints the vendor has.
    pub(crate) operations: &'static [Operation],
    /// The endpoint that counts tokens.
    pub(crate) counting: Option<Counting>,
    pub(crate) quirks: Quirks,
}

/// An endpoint that counts the tokens of a request.
#[derive(Debug)]
pub(crate) struct Counting {
    pub(crate) counter: Counter,
    /// Its path; without a version it is beside the base URL's.
    pub(crate) path: &'static str,
}

/// How a vendor's request differs from `OpenAI`'s.
#[derive(Debug)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "independent habits, not a state"
)]
pub(crate) struct Quirks {
    /// Which of the two names for the output bound the vendor knows.
    pub(crate) max_tokens: MaxTokens,
    /// Whether and how to ask for usage in a stream.
    pub(crate) stream_usage: StreamUsage,
    /// Fields under another name, per operation: `(operation, ours, theirs)`.
    pub(crate) renamed: &'static [(Operation, &'static str, &'static str)],
    /// Fields left out because the vendor refuses them and the answer does not hang on them.
    pub(crate) dropped: &'static [&'static str],
    /// The same inside each message.
    pub(crate) dropped_in_messages: &'static [MessageField],
    /// Fields that cannot be left out without changing the answer, and why they are refused.
    pub(crate) refused: &'static [(&'static str, &'static str)],
    /// Whether only one choice can be asked for.
    pub(crate) is_single_choice: bool,
    /// Whether the role `developer` is unknown and has to be `system`.
    pub(crate) has_no_developer_role: bool,
    /// Whether tool call ids other than nine letters and digits are refused.
    pub(crate) has_short_tool_ids: bool,
    /// Whether `tool_choice: "required"` is spelt `"any"`.
    pub(crate) spells_required_any: bool,
    /// Which models take `reasoning_effort`, for callers of another dialect.
    pub(crate) thinking: ThinkingModels,
    /// Words for the effort that it does not know, and what it is told instead.
    pub(crate) efforts: &'static [(&'static str, EffortHabit)],
    /// Whether a model that thinks refuses to be told that it must call a tool.
    pub(crate) cannot_force_while_thinking: bool,
    /// Which models take which calls only through Responses.
    pub(crate) responses: ResponsesModels,
    /// How thoughts go back to it, for callers of another dialect.
    pub(crate) thoughts: Replay,
    /// Whether `top_k`, `min_p` and `repetition_penalty` are taken.
    pub(crate) takes_more_sampling: bool,
    /// Whether files are taken by URL.
    pub(crate) fetches_files: bool,
    /// Whether tools whose input is text are taken.
    pub(crate) takes_custom_tools: bool,
    /// Which models search the web, for callers of another dialect.
    pub(crate) web_search: SearchingModels,
    /// How it ranks, where rankings are not relayed.
    pub(crate) rerank: Option<Ranking>,
    /// Whether `stop` has to be a list, also of one text.
    pub(crate) takes_only_lists_of_stops: bool,
    /// Where the schema of `response_format` is expected.
    pub(crate) format: FormatHabit,
    /// How it tells an account's models.
    pub(crate) listing: ListingHabit,
}

/// How an account's models are told, and a key proven.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ListingHabit {
    /// The endpoint's path; `None` if what is called is listed nowhere.
    pub(crate) path: Option<&'static str>,
    /// How the list is written.
    pub(crate) form: ListForm,
    /// Where a wrong key is refused, if the list is open to everybody.
    pub(crate) proof: Option<Proof>,
    /// Whether keys may lack the right to list, and be good for calls.
    pub(crate) needs_right: bool,
}

/// Where a key is proven that the list does not prove.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Proof {
    /// A path like that of the list.
    Path(&'static str),
    /// The vendor's other host, for who has not written an address of their own.
    Elsewhere(&'static str),
}

impl ListingHabit {
    /// As `OpenAI` tells them, with a key.
    pub(crate) const USUAL: Self = Self {
        path: Some("/v1/models"),
        form: ListForm::OpenAi,
        proof: None,
        needs_right: false,
    };
}

/// Rankings in a form of the vendor's own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Ranking {
    pub(crate) dialect: RerankDialect,
    /// The endpoint's path; without a version it is beside the base URL's.
    pub(crate) path: &'static str,
}

/// How `response_format` is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FormatHabit {
    /// As `OpenAI` has it.
    AsIs,
    /// `{"type": "json_schema", "value": {"name", "schema"}}`, and JSON without a schema not at all.
    UnderValue,
}

/// Which models of a vendor search the web, and how they are told to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SearchingModels {
    /// None.
    No,
    /// Those made for it, with each answer; the others refuse `web_search_options`.
    ByName,
    /// All of them, by a tool that the vendor runs.
    ByTool,
}

/// Which models of a vendor take `reasoning_effort`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ThinkingModels {
    /// Any: the others ignore it.
    All,
    /// The o-series, and GPT from 5 on; the others refuse it.
    ByName,
    /// Any but older GPTs, which refuse it: nobody says whose server it is, and most ignore
    /// what they do not know.
    Unknown,
    /// None.
    No,
}

/// What a vendor is told for a word of `OpenAI`'s that it does not know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum EffortHabit {
    /// Another word.
    Word(&'static str),
    /// `thinking: {"type": "disabled"}`.
    Disabled,
}

/// Which models of a vendor take which calls only through Responses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ResponsesModels {
    /// None.
    No,
    /// Those whose name says so (`models`).
    ByName,
}

/// A field to leave out of messages.
#[derive(Debug)]
pub(crate) struct MessageField {
    /// The field's name.
    pub(crate) name: &'static str,
    /// How it is reported, if it says anything: `null` is left out without a word.
    pub(crate) path: &'static str,
    /// The one role in whose messages it is known; `None` if in none.
    pub(crate) known_in: Option<&'static str>,
    /// Whether it stays where it says something.
    pub(crate) is_empty_only: bool,
}

/// A field that is known in no message.
pub(crate) const fn everywhere(name: &'static str, path: &'static str) -> MessageField {
    MessageField {
        name,
        path,
        known_in: None,
        is_empty_only: false,
    }
}

/// A field that SDKs write without a value; with one it is the vendor's to refuse.
pub(crate) const fn empty(name: &'static str) -> MessageField {
    MessageField {
        name,
        path: "",
        known_in: None,
        is_empty_only: true,
    }
}

/// Which name for the output bound a vendor knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum MaxTokens {
    /// Both; the caller's spelling passes.
    Both,
    /// Only `max_tokens`.
    Legacy,
    /// Reasoning models know only `max_completion_tokens`, the others both.
    ByModel,
}

/// How usage in a stream is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum StreamUsage {
    /// With `stream_options.include_usage`; it then comes in a chunk of its own.
    Ask,
    /// Not at all: the field is refused and usage comes with the last chunk anyway.
    Unasked,
}

impl Quirks {
    /// A vendor that takes what `OpenAI` takes.
    pub(crate) const NONE: Quirks = Quirks {
        max_tokens: MaxTokens::Both,
        stream_usage: StreamUsage::Ask,
        renamed: &[],
        dropped: &[],
        dropped_in_messages: &[],
        refused: &[],
        is_single_choice: false,
        has_no_developer_role: false,
        has_short_tool_ids: false,
        spells_required_any: false,
        thinking: ThinkingModels::No,
        efforts: &[],
        cannot_force_while_thinking: false,
        responses: ResponsesModels::No,
        thoughts: Replay::Never,
        takes_more_sampling: false,
        fetches_files: false,
        takes_custom_tools: false,
        web_search: SearchingModels::No,
        rerank: None,
        takes_only_lists_of_stops: false,
        format: FormatHabit::AsIs,
        listing: ListingHabit::USUAL,
    };
}
