//! The scenes: what a caller wants, and what a vendor says to it, in nobody's dialect.

use serde_json::{Value, json};

/// What happens in one call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Scene {
    Text,
    Call,
    Calls,
    EmptyCall,
    Loop,
    Image,
    Schema,
    Reasoning,
    Length,
    Filter,
    BadRequest,
    EarlyError,
    LateError,
}

/// Why an answer ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Finish {
    Stop,
    Length,
    Calls,
    Filter,
}

/// A tool call; a vendor that gives it no id leaves that to the gateway.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Call {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) arguments: Value,
}

/// What a vendor says.
#[derive(Debug, Clone)]
pub(crate) struct Said {
    pub(crate) reasoning: &'static str,
    pub(crate) text: &'static str,
    pub(crate) calls: Vec<Call>,
    pub(crate) finish: Finish,
}

/// One thing in a request's history.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Turn {
    User(String),
    /// A picture in base64.
    Image(String),
    Assistant(String),
    Call(Call),
    /// The id of a call, or its tool's name where there are no ids, and what the tool said.
    Result(String, String),
}

/// The tokens that every vendor reports.
pub(crate) const INPUT: u64 = 30;
/// Those of the input that were cached.
pub(crate) const CACHED: u64 = 8;
/// The tokens of every answer.
pub(crate) const OUTPUT: u64 = 12;
/// What a caller says where nothing else matters.
pub(crate) const PROMPT: &str = "hi 👋, 你好";
/// A picture of one point.
pub(crate) const PNG: &str = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==";
/// What a vendor complains of.
pub(crate) const COMPLAINT: &str = "The model is overloaded. Try again.";
/// What a vendor does not like about a request.
pub(crate) const OBJECTION: &str = "The prompt must not be in verse.";

impl Scene {
    pub(crate) const ALL: [Self; 13] = [
        Self::Text,
        Self::Call,
        Self::Calls,
        Self::EmptyCall,
        Self::Loop,
        Self::Image,
        Self::Schema,
        Self::Reasoning,
        Self::Length,
        Self::Filter,
        Self::BadRequest,
        Self::EarlyError,
        Self::LateError,
    ];

    /// A short word for the table and for names of models.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Call => "call",
            Self::Calls => "calls",
            Self::EmptyCall => "noargs",
            Self::Loop => "loop",
            Self::Image => "image",
            Self::Schema => "schema",
            Self::Reasoning => "think",
            Self::Length => "length",
            Self::Filter => "filter",
            Self::BadRequest => "bad",
            Self::EarlyError => "early",
            Self::LateError => "late",
        }
    }

    pub(crate) fn said(self) -> Said {
        let text = match self {
            Self::Text => "你好 🌍! Ça va? 배 👩‍👩‍👧 \"quoted\"\n\\end",
            Self::Call | Self::Calls | Self::EmptyCall | Self::BadRequest | Self::EarlyError => "",
            Self::Loop => "It is 4 °C and noon.",
            Self::Image => "One point.",
            Self::Schema => "{\"city\":\"Oslo\",\"degrees\":4}",
            Self::Reasoning => "42 ✓",
            Self::Length => "Once upon a",
            Self::Filter => "I would",
            Self::LateError => "Half an ans",
        };
        let weather = call(
            "call_w1",
            "get_weather",
            json!({"city": "Zürich 🌧", "days": 2}),
        );
        let time = call("call_t2", "get_time", json!({"zone": "CET"}));
        let calls = match self {
            Self::Call => vec![weather],
            Self::Calls => vec![weather, time],
            Self::EmptyCall => vec![call("call_n3", "now", json!({}))],
            _ => Vec::new(),
        };
        let finish = match self {
            Self::Length => Finish::Length,
            Self::Filter => Finish::Filter,
            _ if calls.is_empty() => Finish::Stop,
            _ => Finish::Calls,
        };
        let reasoning = match self {
            Self::Reasoning => "Let me think: 六 times 七.",
            _ => "",
        };
        Said {
            reasoning,
            text,
            calls,
            finish,
        }
    }

    /// What the caller tells, oldest first.
    pub(crate) fn turns(self) -> Vec<Turn> {
        let user = |text: &str| Turn::User(text.to_owned());
        let result = |id: &str, text: &str| Turn::Result(id.to_owned(), text.to_owned());
        match self {
            Self::Loop => vec![
                user("Weather in Oslo?"),
                Turn::Call(call("call_aa1", "get_weather", json!({"city": "Oslo"}))),
                result("call_aa1", "4 °C ❄"),
                Turn::Assistant("Cold.".to_owned()),
                Turn::Call(call("call_bb2", "get_time", json!({"zone": "CET"}))),
                Turn::Call(call("call_cc3", "now", json!({}))),
                result("call_bb2", "12:00"),
                result("call_cc3", "{\"unix\":1}"),
                user("So?"),
            ],
            Self::Image => vec![user("What is this?"), Turn::Image(PNG.to_owned())],
            _ => vec![user(PROMPT)],
        }
    }

    /// The tools that the caller offers: name and schema of the arguments.
    pub(crate) fn tools(self) -> Vec<(&'static str, Value)> {
        let text = |name: &str| json!({"type": "object", "properties": {name: {"type": "string"}}, "required": [name]});
        match self {
            Self::Call | Self::Calls | Self::EmptyCall | Self::Loop => vec![
                ("get_weather", text("city")),
                ("get_time", text("zone")),
                ("now", json!({"type": "object", "properties": {}})),
            ],
            _ => Vec::new(),
        }
    }

    /// The schema that the answer must have.
    pub(crate) fn schema(self) -> Option<Value> {
        (self == Self::Schema).then(|| {
            json!({"type": "object", "properties": {"city": {"type": "string"}, "degrees": {"type": "integer"}},
                "required": ["city", "degrees"], "additionalProperties": false})
        })
    }

    /// How long the answer may be. Thoughts need room.
    pub(crate) const fn limit(self) -> u64 {
        match self {
            Self::Reasoning => 4_000,
            // The least that every API takes.
            Self::Length => 16,
            _ => 300,
        }
    }
}

fn call(id: &str, name: &str, arguments: Value) -> Call {
    Call {
        id: id.to_owned(),
        name: name.to_owned(),
        arguments,
    }
}

/// A text in two pieces, as streams send it.
pub(crate) fn halves(text: &str) -> Vec<&str> {
    let middle = text.char_indices().nth(text.chars().count() / 2);
    let (head, tail) = text.split_at(middle.map_or(0, |(at, _)| at));
    [head, tail]
        .into_iter()
        .filter(|it| !it.is_empty())
        .collect()
}
