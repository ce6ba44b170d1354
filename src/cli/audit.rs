//! `tollward audit`: who changed what, newest first.

use clap::Args;
use tollward_store::Recorded;

use crate::cli::books::explained;
use crate::cli::console::{Console, moment_text};
use crate::registrar::Registrar;

/// Arguments of `tollward audit`.
#[derive(Debug, Clone, Args)]
pub struct AuditArgs {
    /// How many changes
    #[arg(long, value_name = "N", default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    limit: u32,
    /// Write JSON, with what was there before and after
    #[arg(long)]
    json: bool,
}

/// Runs `tollward audit`.
///
/// # Errors
/// The log cannot be read, or the output is closed.
pub async fn run(
    args: &AuditArgs,
    registrar: &Registrar<'_>,
    console: &mut Console<'_>,
) -> anyhow::Result<()> {
    let changes = registrar.changes(None, args.limit).await;
    let changes = changes.map_err(|error| explained(error, "failed to read the audit log"))?;
    if args.json {
        return Ok(console.json(&changes)?);
    }
    if changes.is_empty() {
        return Ok(writeln!(console.notes, "Nothing was changed yet.")?);
    }
    let heads = ["TIME (UTC)", "WHO", "FROM", "DID", "TO", "OUTCOME"];
    Ok(console.table(heads, changes.iter().map(line))?)
}

fn line(it: &Recorded) -> [String; 6] {
    let name = |json: &Option<serde_json::Value>| {
        let name = json.as_ref().and_then(|it| it.get("name")?.as_str());
        name.map(str::to_owned)
    };
    let called = name(&it.after).or_else(|| name(&it.before));
    [
        moment_text(it.at_ms),
        it.author.name.clone(),
        it.author.origin.clone(),
        it.action.clone(),
        called.unwrap_or_else(|| it.target.clone()),
        match &it.failure {
            Some(failure) => format!("{}: {failure}", it.outcome.name()),
            None => it.outcome.name().to_owned(),
        },
    ]
}

#[cfg(test)]
mod tests;
