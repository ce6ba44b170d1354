//! What a model can do, as people and programs read it.

use serde::Serialize;
use tollward_config::catalog::{Ability, Capabilities};

use super::money::day;

/// What a model can do; `null` where nobody says.
#[derive(Debug, Serialize)]
pub(super) struct Able {
    /// Tokens of a prompt and its answer together, or of the prompt alone.
    context: Option<u64>,
    /// Tokens of an answer.
    max_output: Option<u64>,
    tools: Option<bool>,
    vision: Option<bool>,
    audio: Option<bool>,
    schema: Option<bool>,
    reasoning: Option<bool>,
    /// The day from which it may no longer be served.
    deprecated_on: Option<String>,
}

/// One fact of a model on which two price tables differ.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub(super) struct ChangedFact {
    pub(super) model: String,
    /// A field of [`Able`].
    pub(super) fact: &'static str,
    /// `null`: nobody said.
    pub(super) old: Option<String>,
    /// The same.
    pub(super) new: Option<String>,
}

impl From<&Capabilities> for Able {
    fn from(known: &Capabilities) -> Self {
        Self {
            context: known.context,
            max_output: known.max_output,
            tools: known.tools,
            vision: known.vision,
            audio: known.audio,
            schema: known.schema,
            reasoning: known.reasoning,
            deprecated_on: known.deprecated_unix_s.map(day),
        }
    }
}

/// Reads the name of an ability.
pub(super) fn parse_ability(text: &str) -> Result<Ability, String> {
    let known = Ability::ALL.into_iter().find(|it| it.name() == text);
    known.ok_or_else(|| {
        let names = Ability::ALL.map(Ability::name).join(", ");
        format!("`{text}` is no ability; there are {names}")
    })
}

/// The names of the abilities of which somebody says this.
pub(super) fn names(known: &Capabilities, said: bool) -> String {
    let fitting = Ability::ALL
        .into_iter()
        .filter(|it| known.can(*it) == Some(said));
    fitting.map(Ability::name).collect::<Vec<_>>().join(", ")
}

/// What is known, in lines for people; none when nothing is.
pub(super) fn lines(known: &Capabilities, disputed: &[&'static str]) -> Vec<String> {
    let mut lines = Vec::new();
    let limits = [("context", known.context), ("answer", known.max_output)];
    let limits: Vec<String> = limits
        .into_iter()
        .filter_map(|(of, limit)| Some(format!("{of} up to {} tokens", limit?)))
        .collect();
    if !limits.is_empty() {
        lines.push(limits.join(", "));
    }
    for (word, said) in [("can", true), ("cannot", false)] {
        let names = names(known, said);
        if !names.is_empty() {
            lines.push(format!("{word}: {names}"));
        }
    }
    if let Some(moment) = known.deprecated_unix_s {
        lines.push(format!("deprecated on {}", day(moment)));
    }
    if !disputed.is_empty() {
        let on = disputed.join(", ").replace('_', " ");
        lines.push(format!(
            "the sources differ on {on}; the more generous holds"
        ));
    }
    lines
}

/// On what two tables differ about a model that both list.
///
/// What is said of a model for the first time is no change: a table of an older release says nothing at all.
pub(super) fn changes(model: &str, old: &Capabilities, new: &Capabilities) -> Vec<ChangedFact> {
    if *old == Capabilities::default() {
        return Vec::new();
    }
    let pairs = facts(old).into_iter().zip(facts(new));
    pairs
        .filter(|((_, old), (_, new))| old != new)
        .map(|((fact, old), (_, new))| ChangedFact {
            model: model.to_owned(),
            fact,
            old,
            new,
        })
        .collect()
}

fn facts(known: &Capabilities) -> [(&'static str, Option<String>); 8] {
    let limit = |limit: Option<u64>| limit.map(|it| it.to_string());
    let can = |ability: Ability| {
        let said = known.can(ability);
        let word = said.map(|it| if it { "yes" } else { "no" }.to_owned());
        (ability.name(), word)
    };
    let [tools, vision, audio, schema, reasoning] = Ability::ALL.map(can);
    [
        ("context", limit(known.context)),
        ("max_output", limit(known.max_output)),
        tools,
        vision,
        audio,
        schema,
        reasoning,
        ("deprecated_on", known.deprecated_unix_s.map(day)),
    ]
}
