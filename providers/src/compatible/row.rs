//! What a row of the table says about a vendor.
//!
//! Everything in which the vendors of the family differ is a field here, with a name for
//! each habit. A habit that only one vendor has is still data, not an `if` on its name.

use tollward_wire::operation::Operation;

/// One OpenAI-compatible vendor.
#[derive(Debug)]
pub struct Row {
    /// The word used in configuration.
    pub kind: &'static str,
    /// The vendor's own spelling, for people.
    pub display_name: &'static str,
    /// Where requests go unless the operator says otherwise; `None` if they must say.
    pub base_url: Option<&'static str>,
    /// The environment variable that usually holds the key; `None` if there is no custom.
    pub key_variable: Option<&'static str>,
    /// The vendor's name in the price catalog; `None` if calls are not priced.
    pub price_provider: Option<&'static str>,
    /// Whether a provider of this kind cannot be built without `api_key`.
    pub needs_key: bool,
    /// The loopback port of a server people run themselves; `None` for hosted vendors.
    pub default_port: Option<u16>,
    /// The names of the settings this kind understands.
    pub settings: &'static [&'static str],
    /// The endpoints the vendor has.
    pub operations: &'static [Operation],
    pub(crate) quirks: Quirks,
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
}

/// A field to leave out of messages.
#[derive(Debug)]
pub(crate) struct MessageField {
    /// The field's name.
    pub(crate) name: &'static str,
    /// How it is reported.
    pub(crate) path: &'static str,
    /// The one role in whose messages it is known; `None` if in none.
    pub(crate) known_in: Option<&'static str>,
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
    };
}
