//! Conditions on requests, in CEL: which rules, guards and deployments a request meets.
//!
//! A condition is compiled when the configuration is loaded and tried there on a request of no
//! content, so that an unknown name or a comparison of a number with a text is found before a call
//! is. What a condition sees is in [`NAMES`]. The language cannot loop and has no side effects
//! (<https://github.com/google/cel-spec>).

use cel::{Context, Program, Value};
use tollward_wire::view::needs::Needs;

/// What a condition may ask about, in the order of the documentation.
pub const NAMES: [&str; 13] = [
    "model",
    "operation",
    "key",
    "user",
    "tags",
    "tokens",
    "max_output",
    "stream",
    "tools",
    "vision",
    "hour",
    "weekday",
    "request",
];

/// What is known of a request.
#[derive(Clone, Copy, Debug)]
pub struct Facts<'a> {
    /// The public name asked for.
    pub model: &'a str,
    /// The operation's name.
    pub operation: &'a str,
    /// The virtual key's name; empty on an open gateway.
    pub key: &'a str,
    /// For whom the caller asks, as the request says; empty if it does not, `None` if nobody knows
    /// what it said.
    pub user: Option<&'a str>,
    /// The request's tags.
    pub tags: &'a [Box<str>],
    /// Tokens of the request, about.
    pub tokens: u64,
    /// The caller's bound on output tokens; 0 for none.
    pub max_output: u64,
    /// The answer is to be streamed.
    pub is_stream: bool,
    /// What it needs of a model.
    pub needs: Needs,
    /// When it came, in seconds since 1970.
    pub at_unix_s: i64,
    /// The body; `None` if it is not there any more.
    pub body: Option<&'a [u8]>,
}

/// A compiled condition.
#[derive(Debug)]
pub struct Condition {
    program: Program,
    /// The body is parsed only for conditions that look into it.
    reads_body: bool,
    reads_user: bool,
}

/// Why a text is no condition.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum ConditionError {
    /// It does not parse.
    #[error("it is no CEL expression: {0}")]
    Syntax(String),
    /// It asks about something that is not known.
    #[error("it asks about `{0}`, which requests do not have")]
    Unknown(String),
    /// It cannot be answered, whatever the request.
    #[error("it cannot be answered: {0}")]
    Type(String),
    /// Its answer is no yes or no.
    #[error("its answer is {0}, and not true or false")]
    NotBool(String),
}

impl Condition {
    /// Compiles `text` and tries it.
    ///
    /// # Errors
    /// [`ConditionError`] for whoever wrote it.
    pub fn compile(text: &str) -> Result<Self, ConditionError> {
        let program = Program::compile(text).map_err(|it| ConditionError::Syntax(line(&it)))?;
        let asked = program.references();
        let names = asked.variables();
        if let Some(unknown) = names.iter().find(|it| !NAMES.contains(it)) {
            return Err(ConditionError::Unknown((*unknown).to_owned()));
        }
        let reads_body = asked.has_variable("request");
        let reads_user = asked.has_variable("user");
        let condition = Self {
            program,
            reads_body,
            reads_user,
        };
        match condition.answer(&SAMPLE) {
            Ok(Value::Bool(_)) => Ok(condition),
            Ok(other) => Err(ConditionError::NotBool(format!("{:?}", other.type_of()))),
            // The fields of a body are the caller's.
            Err(_) if condition.reads_body => Ok(condition),
            Err(error) => Err(ConditionError::Type(error)),
        }
    }

    /// Whether it holds for a request; `None` if that cannot be said, such as of a field that the
    /// body does not have.
    pub fn holds(&self, facts: &Facts<'_>) -> Option<bool> {
        match self.answer(facts) {
            Ok(Value::Bool(holds)) => Some(holds),
            Ok(_) | Err(_) => None,
        }
    }

    /// Whether it asks about what the ledger does not keep: the body, or the user's name.
    pub fn reads_unkept(&self) -> bool {
        self.reads_body || self.reads_user
    }

    fn answer(&self, facts: &Facts<'_>) -> Result<Value, String> {
        let mut context = Context::default();
        let count = |it: u64| Value::Int(i64::try_from(it).unwrap_or(i64::MAX));
        let (hour, weekday) = hour_and_weekday(facts.at_unix_s);
        let tags: Vec<Value> = facts.tags.iter().map(|it| text(it)).collect();
        for (name, value) in [
            ("model", text(facts.model)),
            ("operation", text(facts.operation)),
            ("key", text(facts.key)),
            ("tags", Value::List(tags.into())),
            ("tokens", count(facts.tokens)),
            ("max_output", count(facts.max_output)),
            ("stream", Value::Bool(facts.is_stream)),
            ("tools", Value::Bool(facts.needs.tools)),
            ("vision", Value::Bool(facts.needs.vision)),
            ("hour", Value::Int(hour)),
            ("weekday", Value::Int(weekday)),
        ] {
            context.add_variable_from_value(name, value);
        }
        // What is not there cannot be asked about: whoever tries gets no answer.
        if let Some(user) = facts.user {
            context.add_variable_from_value("user", text(user));
        }
        if let Some(body) = facts.body.filter(|_| self.reads_body) {
            let body: serde_json::Value =
                serde_json::from_slice(body).map_err(|it| it.to_string())?;
            let body = cel::to_value(body).map_err(|it| it.to_string())?;
            context.add_variable_from_value("request", body);
        }
        self.program.execute(&context).map_err(|it| it.to_string())
    }
}

/// A request of no content.
const SAMPLE: Facts<'static> = Facts {
    model: "",
    operation: "",
    key: "",
    user: Some(""),
    tags: &[],
    tokens: 0,
    max_output: 0,
    is_stream: false,
    needs: Needs {
        tools: false,
        vision: false,
        schema: false,
    },
    at_unix_s: 0,
    body: Some(b"{}"),
};

fn text(text: &str) -> Value {
    Value::String(std::sync::Arc::new(text.to_owned()))
}

/// The hour of the day and the day of the week in UTC, 1 for Monday as in ISO 8601.
fn hour_and_weekday(at_unix_s: i64) -> (i64, i64) {
    let day = at_unix_s.div_euclid(86_400);
    // 1970 began on a Thursday.
    (
        (at_unix_s.rem_euclid(86_400)) / 3_600,
        (day + 3).rem_euclid(7) + 1,
    )
}

/// An error in one line.
fn line(error: &impl ToString) -> String {
    let text = error.to_string();
    let lines: Vec<&str> = text
        .lines()
        .map(str::trim)
        .filter(|it| !it.is_empty())
        .collect();
    lines.join("; ")
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::*;

    fn holds(text: &str, facts: &Facts<'_>) -> Option<bool> {
        Condition::compile(text).unwrap().holds(facts)
    }

    #[test]
    fn a_condition_sees_the_request_its_key_and_its_time() {
        let tags = ["batch".into(), "eu".into()];
        let facts = Facts {
            model: "chat",
            key: "nightly",
            tags: &tags,
            tokens: 120_000,
            needs: Needs {
                tools: true,
                ..Needs::default()
            },
            // Friday, 27 November 2026, 16:00 UTC.
            at_unix_s: 1_795_795_200,
            body: Some(br#"{"temperature": 0, "messages": [{"role": "user", "content": "Hi"}]}"#),
            ..SAMPLE
        };
        for (text, expected) in [
            (r#"key == "nightly" && "batch" in tags"#, true),
            (r#"key.startsWith("day")"#, false),
            ("tokens > 100000 && tools && !stream", true),
            ("weekday == 5 && hour >= 16", true),
            (r#"request.messages[0].content.contains("Hi")"#, true),
            ("has(request.tools)", false),
            (r#"model.matches("^ch")"#, true),
            ("max_output == 0", true),
        ] {
            assert_eq!(holds(text, &facts), Some(expected), "{text}");
        }
        assert_eq!(holds("request.no.such == 1", &facts), None);
    }

    #[test]
    fn of_what_is_not_kept_nothing_is_said() {
        let facts = Facts {
            key: "nightly",
            user: None,
            body: None,
            ..SAMPLE
        };
        for (text, expected, reads_unkept) in [
            (r#"user == "" "#, None, true),
            ("request.temperature == 0", None, true),
            // What decides without it is an answer.
            (r#"key == "nightly" || user == "x""#, Some(true), true),
            (r#"key == "nightly""#, Some(true), false),
        ] {
            let condition = Condition::compile(text).unwrap();
            assert_eq!(condition.holds(&facts), expected, "{text}");
            assert_eq!(condition.reads_unkept(), reads_unkept, "{text}");
        }
    }

    #[test]
    fn what_can_never_be_answered_is_found_before_a_call_is() {
        let error = |text| Condition::compile(text).unwrap_err().to_string();
        assert_eq!(
            error("tokns > 3"),
            "it asks about `tokns`, which requests do not have"
        );
        assert_eq!(
            error("tokens + 1"),
            "its answer is Int, and not true or false"
        );
        assert!(error("tokens > ").starts_with("it is no CEL expression: "));
        assert!(error(r#"tokens > "many""#).starts_with("it cannot be answered: "));
    }
}
