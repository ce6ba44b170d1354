//! Section `routing`: what holds for the routes of all models.

use std::time::Duration;

use crate::reader::{Field, Reader, Table};

/// What holds for all routes. Reload: applies to the next request.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct RoutingConfig {
    /// Other names of models, in the order in which they were written. Default none.
    pub aliases: Vec<(String, String)>,
    /// What some requests ask of every deployment. Default none.
    pub guards: Vec<GuardConfig>,
    /// A condition, in CEL, on requests that can wait: they are refused first when the gateway is busy.
    /// Default: only those whose callers say so.
    pub batch: Option<String>,
    /// When a deployment that fails is left alone.
    pub breaker: BreakerConfig,
}

/// Requests for which a condition holds go to deployments with certain tags, whatever their model.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GuardConfig {
    /// What messages call it. Default: its place in the list, from 1.
    pub name: String,
    /// The condition, in CEL. A request for which it cannot be answered is guarded.
    pub when: String,
    /// The tags, all of which a deployment must have.
    pub only: Vec<String>,
}

/// When a deployment that fails is left alone, and how it comes back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BreakerConfig {
    /// Failures in a row. Default 5; 0 turns the breaker off.
    pub failures: u32,
    /// Percent of the calls of half a minute, if they are at least 20. Default 50.
    pub percent: u32,
    /// How long it is left alone at first; doubles with each try that fails. Default 5 s.
    pub pause: Duration,
    /// No pause is longer, but for a random quarter. Default 60 s.
    pub longest_pause: Duration,
    /// How long its weight takes to be whole again. Default 30 s.
    pub recovery: Duration,
}

impl Default for BreakerConfig {
    fn default() -> Self {
        Self {
            failures: 5,
            percent: 50,
            pause: Duration::from_secs(5),
            longest_pause: Duration::from_mins(1),
            recovery: Duration::from_secs(30),
        }
    }
}

impl RoutingConfig {
    pub(crate) fn read(mut table: Table<'_>, reader: &mut Reader) -> Self {
        let aliases = table.field("aliases").table(reader);
        let aliases = aliases
            .entries()
            .filter_map(|(name, field)| {
                Some((
                    name.to_owned(),
                    field.recorded(reader).optional_text(reader)?,
                ))
            })
            .collect();
        let guards = GuardConfig::read_all(&table.field("guards"), reader);
        let batch = table.field("batch").recorded(reader).optional_text(reader);
        let breaker = BreakerConfig::read(table.field("breaker").table(reader), reader);
        table.finish(reader);
        Self {
            aliases,
            guards,
            batch,
            breaker,
        }
    }
}

impl GuardConfig {
    fn read_all(field: &Field<'_>, reader: &mut Reader) -> Vec<Self> {
        let items = field.items(reader);
        let guards = (1..).zip(&items).filter_map(|(place, (path, node))| {
            let mut table = Field::at(path, node).table(reader);
            let name = table.field("name").recorded(reader).optional_text(reader);
            let when = table.field("when").recorded(reader).required_text(reader);
            let written = table.field("only");
            let only = written.words(reader, &[]);
            if only.is_empty() {
                let help = Some(String::from("write the tags: only: [eu]"));
                reader.report(
                    &written.path,
                    "a guard without tags keeps nothing out",
                    help,
                );
            }
            table.finish(reader);
            Some(Self {
                name: name.unwrap_or_else(|| format!("{place}")),
                when: when?,
                only,
            })
        });
        guards.collect()
    }
}

impl BreakerConfig {
    fn read(mut table: Table<'_>, reader: &mut Reader) -> Self {
        let default = Self::default();
        let breaker = Self {
            failures: table
                .field("failures")
                .integer(reader, default.failures, 0..=1_000),
            percent: table
                .field("percent")
                .integer(reader, default.percent, 1..=100),
            pause: table.field("pause").duration(reader, default.pause),
            longest_pause: table
                .field("longest_pause")
                .duration(reader, default.longest_pause),
            recovery: table.field("recovery").pause(reader, default.recovery),
        };
        if breaker.pause > breaker.longest_pause {
            let path = format!("{}.longest_pause", table.path());
            let help = Some(String::from("`pause` is the first one"));
            reader.report(&path, "`longest_pause` is shorter than `pause`", help);
        }
        table.finish(reader);
        breaker
    }
}
