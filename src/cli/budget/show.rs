//! `tollward budget show`: all of a budget, a line for each thing that was decided.

use tollward_store::{BudgetTerms, Estimate, NanoUsd, Then};

use super::list::{holder_text, listed, names, period_text, scope_text};
use crate::cli::books::explained;
use crate::cli::console::{Console, time_text};
use crate::registrar::Registrar;

/// Shows the budget of that name or id.
pub(super) async fn run(
    id_or_name: &str,
    registrar: &Registrar<'_>,
    console: &mut Console<'_>,
) -> anyhow::Result<()> {
    let found = registrar.budget(id_or_name).await;
    let found = found.map_err(|error| explained(error, "failed to read the budget"))?;
    let names = names(registrar).await?;
    let listed = listed(&found);
    let (budget, terms) = (listed.budget, &listed.budget.terms);
    let left = NanoUsd(listed.limit_now.0.saturating_sub(listed.spent.0));
    let never = || "never".to_owned();
    let rows = [
        ("name", budget.name.clone()),
        ("id", budget.id.to_string()),
        ("of", holder_text(budget.holder, &names)),
        ("limit", format!("{} {}", budget.limit, period_text(budget))),
        ("raised", raise_text(terms, registrar.now_ms)),
        ("spent", listed.spent.to_string()),
        ("left", left.to_string()),
        (
            "begins anew (UTC)",
            listed.resets_ms.map_or_else(never, time_text),
        ),
        ("time zone", said(terms.zone.clone(), "UTC")),
        ("only", said(scope_text(&terms.scope), "all calls")),
        ("estimate", estimate_text(terms.estimate).to_owned()),
        ("then", then_text(&terms.then)),
        ("warns at", warn_text(terms)),
        ("ended (UTC)", budget.ended_ms.map_or_else(never, time_text)),
    ];
    let rows = rows.map(|(what, value)| [what.to_owned(), value]);
    Ok(console.table(["WHAT", "VALUE"], rows)?)
}

fn said(text: String, otherwise: &str) -> String {
    if text.is_empty() {
        otherwise.to_owned()
    } else {
        text
    }
}

fn raise_text(terms: &BudgetTerms, now_ms: i64) -> String {
    let raise = terms.raise.filter(|it| now_ms < it.until_ms);
    raise.map_or_else(
        || "no".to_owned(),
        |it| {
            format!(
                "by {} until {} UTC",
                NanoUsd(it.by_nano),
                time_text(it.until_ms)
            )
        },
    )
}

fn estimate_text(estimate: Estimate) -> &'static str {
    match estimate {
        Estimate::Bound => "bound",
        Estimate::Learned => "learned",
    }
}

fn then_text(then: &Then) -> String {
    match then {
        Then::Deny => "refused".to_owned(),
        Then::Model(model) => format!("to {model}"),
    }
}

fn warn_text(terms: &BudgetTerms) -> String {
    let parts: Vec<String> = terms.warn_at.iter().map(|it| format!("{it}%")).collect();
    let told = terms
        .webhook
        .as_ref()
        .map(|it| format!(", and tells {}", it.0));
    said(parts.join(", "), "nothing") + &told.unwrap_or_default()
}
