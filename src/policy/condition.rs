//! Conditions on requests, in CEL: which rules, guards and deployments a request meets.
//!
//! A condition is compiled when the configuration is loaded and tried there on a request of no
//! content, so that an unknown name or a comparison of a number with a text is found before a call
//! is. What a condition sees is in [`NAMES`]. The language has no side effects, and every expression
//! ends: it goes over what is there, but inside one list over another (<https://github.com/google/cel-spec>).

mod body;
mod mistake;

use std::sync::{Arc, LazyLock};

use cel::{Context, Env, ExecutionError, Program, Value};
use tollward_wire::document::Document;
use tollward_wire::view::needs::Needs;

use self::body::Body;
pub use self::mistake::ConditionError;

/// Its functions and macros: making them takes a hundred times as long as asking a condition.
static LANGUAGE: LazyLock<Arc<Env>> = LazyLock::new(|| Arc::new(Env::stdlib()));

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

/// Those of them that are read in a body.
const OF_BODIES: [&str; 7] = [
    "user",
    "tokens",
    "max_output",
    "stream",
    "tools",
    "vision",
    "request",
];

/// What goes over a list, and begins with a name for its items.
const OVER_LISTS: [&str; 5] = [".all(", ".exists(", ".exists_one(", ".map(", ".filter("];

/// What is known of a request; by default nothing.
#[derive(Clone, Copy, Debug, Default)]
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
    pub body: Option<&'a Document>,
}

/// A request, ready to be asked about by any number of conditions.
pub struct Scope(Context<'static, 'static>);

/// A compiled condition.
#[derive(Debug)]
pub struct Condition {
    program: Program,
    is_about_content: bool,
}

impl Condition {
    /// Compiles `text` and tries it.
    ///
    /// # Errors
    /// [`ConditionError`] for whoever wrote it.
    pub fn compile(text: &str) -> Result<Self, ConditionError> {
        let program = LANGUAGE.compile(text);
        let program = program.map_err(|errors| ConditionError::of_syntax(text, &errors))?;
        let asked = program.references();
        let mut names = asked.variables().into_iter();
        let is_known = |name: &str| NAMES.contains(&name) || bound(text).any(|it| it == name);
        if let Some(unknown) = names.find(|it| !is_known(it)) {
            return Err(ConditionError::Unknown(unknown.to_owned()));
        }
        let mut functions = asked.functions().into_iter();
        if let Some(unknown) = functions.find(|it| !is_function(it)) {
            return Err(ConditionError::Function(unknown.to_owned()));
        }
        let reads_body = asked.has_variable("request");
        let is_about_content = OF_BODIES.iter().any(|it| asked.has_variable(it));
        match program.execute(&Scope::of(&Document::empty()).0) {
            Ok(Value::Bool(_)) => Ok(Self {
                program,
                is_about_content,
            }),
            Ok(other) => Err(ConditionError::of_answer(&other)),
            // The fields of a body are the caller's.
            Err(_) if reads_body => Ok(Self {
                program,
                is_about_content,
            }),
            Err(error) => Err(ConditionError::of_execution(&error)),
        }
    }

    /// Whether it asks about what a body says, or about how long it is.
    pub fn is_about_content(&self) -> bool {
        self.is_about_content
    }

    /// Whether it asks about what the ledger does not keep: the body, or the user's name.
    pub fn reads_unkept(&self) -> bool {
        let asked = self.program.references();
        asked.has_variable("request") || asked.has_variable("user")
    }

    /// Whether it holds for a request; `None` if that cannot be said, such as of a field that the
    /// body does not have.
    pub fn holds(&self, scope: &Scope) -> Option<bool> {
        match self.program.execute(&scope.0) {
            Ok(Value::Bool(holds)) => Some(holds),
            Ok(_) | Err(_) => None,
        }
    }
}

impl Scope {
    /// What conditions see of a request. The body is not parsed before one looks into it.
    pub fn new(facts: &Facts<'_>) -> Self {
        let mut context = Context::with_env(Arc::clone(&LANGUAGE));
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
        if let Some(body) = facts.body {
            context.add_variable_as_val("request", Box::new(Body::of(body)));
        }
        Self(context)
    }

    /// A request of which nothing is known but its body.
    fn of(body: &Document) -> Self {
        Self::new(&Facts {
            user: Some(""),
            body: Some(body),
            ..Facts::default()
        })
    }
}

fn text(text: &str) -> Value {
    Value::String(std::sync::Arc::new(text.to_owned()))
}

/// Names that a condition gives to the items of lists, as in `tags.exists(it, it == "eu")`.
fn bound(text: &str) -> impl Iterator<Item = &str> {
    let name = |(at, over): (usize, &str)| text.get(at + over.len()..)?.split(',').next();
    let names = OVER_LISTS.iter().flat_map(|it| text.match_indices(it));
    names.filter_map(name).map(str::trim)
}

/// Whether something is called by that name; operators have names that are no words.
fn is_function(name: &str) -> bool {
    let is_word = name.starts_with(|it: char| it.is_ascii_alphabetic());
    let is_called = |text: String| {
        let program = LANGUAGE.compile(&text).ok();
        let answer = program.map(|it| it.execute(&Context::with_env(Arc::clone(&LANGUAGE))));
        !matches!(answer, Some(Err(ExecutionError::UndeclaredReference(_))))
    };
    // By itself or of a text: with the wrong arguments, which is another error.
    !is_word || is_called(format!("{name}('')")) || is_called(format!("''.{name}()"))
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

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::*;

    fn document(body: impl Into<String>) -> Document {
        Document::parse(body.into().into()).unwrap()
    }

    #[test]
    fn a_condition_sees_the_request_its_key_and_its_time() {
        let tags = ["batch".into(), "eu".into()];
        let body = document(
            r#"{"temperature": 0, "messages": [{"role": "user", "content": "Hi"}], "a\u0062": 1}"#,
        );
        let facts = Facts {
            model: "chat",
            operation: "chat",
            key: "nightly",
            user: Some(""),
            tags: &tags,
            tokens: 120_000,
            max_output: 0,
            is_stream: false,
            needs: Needs {
                tools: true,
                ..Needs::default()
            },
            // Friday, 27 November 2026, 16:00 UTC.
            at_unix_s: 1_795_795_200,
            body: Some(&body),
        };
        let scope = Scope::new(&facts);
        let holds = |text| Condition::compile(text).unwrap().holds(&scope);
        for (text, expected) in [
            (r#"key == "nightly" && "batch" in tags"#, true),
            (r#"key.startsWith("day")"#, false),
            ("tokens > 100000 && tools && !stream", true),
            ("weekday == 5 && hour >= 16", true),
            (r#"request.messages[0].content.contains("Hi")"#, true),
            ("has(request.tools)", false),
            (r#"model.matches("^ch")"#, true),
            ("max_output == 0", true),
            ("request.temperature == 0 && has(request.temperature)", true),
            (r#"request["temperature"] == 0 && request.ab == 1"#, true),
            (r#""temperature" in request && size(request) == 3"#, true),
            (r#"request.exists(name, name == "messages")"#, true),
            ("[request][0].temperature == 0", true),
            ("request.messages.all(it, has(it.role))", true),
            (r#"tags.exists(it, it.startsWith("e"))"#, true),
        ] {
            assert_eq!(holds(text), Some(expected), "{text}");
        }
        assert_eq!(holds("request.no.such == 1"), None);
    }

    #[test]
    fn of_what_is_not_kept_nothing_is_said() {
        let scope = Scope::new(&Facts {
            key: "nightly",
            ..Facts::default()
        });
        for (text, expected, reads_unkept) in [
            (r#"user == "" "#, None, true),
            ("request.temperature == 0", None, true),
            // What decides without it is an answer.
            (r#"key == "nightly" || user == "x""#, Some(true), true),
            (r#"key == "nightly""#, Some(true), false),
        ] {
            let condition = Condition::compile(text).unwrap();
            assert_eq!(condition.holds(&scope), expected, "{text}");
            assert_eq!(condition.reads_unkept(), reads_unkept, "{text}");
        }
    }

    #[test]
    fn a_field_that_is_too_long_is_not_looked_into_and_the_others_are() {
        let picture = "A".repeat(2 << 20);
        let body = document(format!(
            r#"{{"messages": ["{picture}"], "temperature": 0}}"#
        ));
        let scope = Scope::of(&body);
        let holds = |text| Condition::compile(text).unwrap().holds(&scope);
        assert_eq!(holds("request.temperature == 0"), Some(true));
        assert_eq!(holds("has(request.seed)"), Some(false));
        assert_eq!(holds("size(request.messages) == 1"), None);
        assert_eq!(holds("size(request) == 2"), None);
    }

    #[test]
    fn what_can_never_be_answered_is_told_in_one_sentence_before_a_call_is_made() {
        let error = |text| {
            let error = Condition::compile(text).unwrap_err();
            (error.to_string(), error.suggestion())
        };
        for (text, message, suggestion) in [
            (
                "tokns > 3",
                "it asks about `tokns`, which requests do not have",
                Some("tokens"),
            ),
            (
                "tokens + 1",
                "its answer is a number, and must be true or false",
                None,
            ),
            (
                "tokens > ",
                "it is no whole expression: it breaks off",
                None,
            ),
            (
                "stream and tools",
                "it cannot be read from `and tools` on",
                None,
            ),
            (r#"key = "x""#, r#"it cannot be read from `= "x"` on"#, None),
            (
                r#"key.startswith("x")"#,
                "it calls `startswith`, which is no function",
                Some("startsWith"),
            ),
            (
                r#"request.user.startswith("x")"#,
                "it calls `startswith`, which is no function",
                Some("startsWith"),
            ),
            (
                r#"tokens > "many""#,
                "it cannot be answered: `>` does not go with int and string",
                None,
            ),
        ] {
            assert_eq!(error(text), (message.to_owned(), suggestion), "{text}");
        }
        let help = |text| Condition::compile(text).unwrap_err().help();
        assert_eq!(
            help("stream and tools").as_deref(),
            Some("`and` is written `&&`")
        );
        assert_eq!(help("tokens > "), None);
        let (regex, _) = error(r#"key.matches("(")"#);
        assert!(!regex.contains('\n'), "{regex}");
    }
}
