//! A chat in no vendor's words: what a request asks for and what an answer says.
//!
//! Used only when the caller and the deployment speak different dialects. A request is a
//! [`ChatRequest`]; an answer is a series of [`ChatEvent`]s, and a whole answer is their
//! fold ([`Collected`]), so every dialect is read once and not twice. What a target
//! cannot express is never dropped in silence: the dialect that writes the request names
//! it in [`Written::dropped`] or refuses with [`Unsupported`].

pub mod answer_tool;
pub mod collect;
pub mod event;
pub mod fields;
pub mod hosted;
pub mod message;
pub mod names;
pub(crate) mod open_calls;
pub mod packed;
pub mod request;
pub mod seal;
pub mod settle;
pub mod shape;
pub mod turns;

pub use self::collect::{Block, Choice, Collected};
pub use self::event::{ChatEvent, EventSink, Finish, Took, ToolKind};
pub use self::hosted::{HostedTool, SearchOption, Searching, WebSearch};
pub use self::message::{
    Media, Message, Part, Provenance, Role, Source, Text, Thought, ToolCall, ToolResult,
};
pub use self::names::Names;
pub use self::request::{
    ChatRequest, Effort, Format, Replay, Sampling, Schema, Target, Thinking, Tool, ToolChoice,
    Traits, Unsupported, Written,
};
