//! What is wrong with a condition, in words for whoever wrote it.
//!
//! The parser's own words are about its grammar; here are those about the expression.

use cel::{ExecutionError, ParseErrors, Value};
use tollward_config::closest;

use super::NAMES;

/// The functions that conditions are likely to need.
const FUNCTIONS: [&str; 14] = [
    "startsWith",
    "endsWith",
    "contains",
    "matches",
    "size",
    "has",
    "exists",
    "all",
    "filter",
    "map",
    "exists_one",
    "int",
    "double",
    "string",
];
/// What is written otherwise in other languages.
const OTHERWISE: [(&str, &str); 6] = [
    ("and", "`and` is written `&&`"),
    ("or", "`or` is written `||`"),
    ("not", "`not` is written `!`"),
    ("AND", "`AND` is written `&&`"),
    ("OR", "`OR` is written `||`"),
    ("=", "`=` is written `==`"),
];

/// Why a text is no condition.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum ConditionError {
    /// Something is missing at its end.
    #[error("it is no whole expression: it breaks off")]
    BreaksOff,
    /// It does not parse.
    #[error("it cannot be read from `{rest}` on")]
    Syntax {
        /// What could not be read.
        rest: String,
        /// How that is written.
        help: Option<&'static str>,
    },
    /// It asks about something that is not known.
    #[error("it asks about `{0}`, which requests do not have")]
    Unknown(String),
    /// It calls a function that is not known.
    #[error("it calls `{0}`, which is no function")]
    Function(String),
    /// It cannot be answered, whatever the request.
    #[error("it cannot be answered: {0}")]
    Type(String),
    /// Its answer is no yes or no.
    #[error("its answer is {0}, and must be true or false")]
    NotBool(String),
}

impl ConditionError {
    /// Of a `text` that does not parse.
    pub(super) fn of_syntax(text: &str, errors: &ParseErrors) -> Self {
        let (line, column) = errors.errors.first().map_or((1, 1), |it| it.pos);
        let skip = |from: isize| usize::try_from(from - 1).unwrap_or(0);
        let rest = text.lines().nth(skip(line)).unwrap_or_default();
        let rest: String = rest.chars().skip(skip(column)).collect();
        let rest = rest.trim();
        let mut words = text.split_whitespace();
        let help = words.find_map(|word| {
            let mut known = OTHERWISE.iter();
            known.find(|(it, _)| *it == word).map(|(_, help)| *help)
        });
        if rest.is_empty() && help.is_none() {
            return Self::BreaksOff;
        }
        Self::Syntax {
            rest: if rest.is_empty() { text } else { rest }.to_owned(),
            help,
        }
    }

    /// Of one that no request could be asked.
    pub(super) fn of_execution(error: &ExecutionError) -> Self {
        match error {
            ExecutionError::NoSuchOverload(overload) => {
                let function = overload.function().trim_matches(['_', '@']);
                let types = overload.argument_types().join(" and ");
                Self::Type(format!("`{function}` does not go with {types}"))
            }
            ExecutionError::FunctionError { function, message } => {
                let last = message.lines().map(str::trim).rfind(|it| !it.is_empty());
                Self::Type(format!("`{function}`: {}", last.unwrap_or_default()))
            }
            other => Self::Type(other.to_string()),
        }
    }

    /// Of one that answers something else than yes or no.
    pub(super) fn of_answer(answer: &Value) -> Self {
        let what = match answer {
            Value::Int(_) | Value::UInt(_) | Value::Float(_) => "a number",
            Value::String(_) => "a text",
            Value::List(_) => "a list",
            _ => "something else",
        };
        Self::NotBool(what.to_owned())
    }

    /// The name that was probably meant.
    pub fn suggestion(&self) -> Option<&'static str> {
        match self {
            Self::Unknown(name) => closest(name, NAMES),
            Self::Function(name) => closest(name, FUNCTIONS),
            Self::BreaksOff | Self::Syntax { .. } | Self::Type(_) | Self::NotBool(_) => None,
        }
    }

    /// What would be right.
    pub fn help(&self) -> Option<String> {
        match self {
            Self::Syntax { help, .. } => help.map(str::to_owned),
            Self::Unknown(_) => Some(format!(
                "conditions see {}; a text stands in quotation marks",
                NAMES.join(", ")
            )),
            Self::Function(_) => Some(format!("there are {}", FUNCTIONS.join(", "))),
            Self::NotBool(_) => Some("compare it with something, as in `tokens > 1000`".to_owned()),
            Self::BreaksOff | Self::Type(_) => None,
        }
    }
}
