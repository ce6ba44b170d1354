//! The tool that stands for a schema, where a model keeps to none by itself.
//!
//! The model is made to call it, and its arguments are the answer's text; `settle` makes
//! text of them again. It must not be mistaken for a tool of the caller's, and it yields
//! where the caller forces a call of its own: then nothing holds the answer to the schema.

use crate::chat::request::{ChatRequest, Format, Schema, ToolChoice, Traits};

/// Names for it.
const NAMES: [&str; 4] = ["json", "json_answer", "final_json_answer", "json_result"];

/// The tool, and the schema it stands for.
#[derive(Clone, Copy, Debug)]
pub struct AnswerTool<'r, 'a> {
    /// Its name, which no tool of the caller's has.
    pub name: &'static str,
    /// What its arguments must fit.
    pub schema: &'r Schema<'a>,
}

impl<'r, 'a> AnswerTool<'r, 'a> {
    /// The tool that the request needs; `None` if none, or if it must yield.
    pub fn of(request: &'r ChatRequest<'a>, traits: Traits) -> Option<Self> {
        let Format::JsonSchema(schema) = &request.format else {
            return None;
        };
        if traits.takes_schema || is_forced(request) {
            return None;
        }
        let is_free = |name: &&&str| request.tools.iter().all(|it| it.name != **name);
        let name = NAMES.iter().find(is_free).copied()?;
        Some(Self { name, schema })
    }
}

/// Whether the caller forces a call of one of its tools.
fn is_forced(request: &ChatRequest<'_>) -> bool {
    if request.hosted.iter().any(|it| it.is_forced) {
        return true;
    }
    match &request.tool_choice {
        None | Some(ToolChoice::None | ToolChoice::Auto) => false,
        Some(ToolChoice::Required | ToolChoice::Named(_)) => !request.tools.is_empty(),
        Some(ToolChoice::Allowed { is_required, names }) => {
            *is_required && request.tools.iter().any(|it| names.contains(&it.name))
        }
    }
}
