//! `tollward models --provider NAME`: which models an account has, what they cost, who serves them.

use std::sync::Arc;

use serde::Serialize;
use tollward_config::catalog::Unit;
use tollward_providers::listing::{Covers, ListedModel, Listing, Told};

use crate::assembly::Account;
use crate::cli::accounts::Desk;
use crate::cli::catalog::money::dollars;
use crate::cli::console::Console;
use crate::cli::doctor::check;
use crate::clock;
use crate::upstream::inquiry::{Inquiry, Listed};

#[derive(Serialize)]
struct Report<'a> {
    provider: &'a str,
    kind: &'a str,
    /// Whether what is listed is what can be called: `account`, `offer` or `google`.
    covers: &'static str,
    /// Whether the list is longer than what was asked for.
    cut: bool,
    models: Vec<Row>,
    /// What is configured here and not listed.
    unlisted: Vec<Unlisted<'a>>,
}

#[derive(Serialize)]
struct Row {
    id: String,
    aliases: Vec<String>,
    owner: Option<String>,
    created: Option<String>,
    context_tokens: Option<u64>,
    /// US dollars for a million tokens; `null` when the price is not known.
    input_per_mtok: Option<String>,
    output_per_mtok: Option<String>,
    /// The public names under which the configuration serves it.
    served_as: Vec<String>,
}

#[derive(Serialize)]
struct Unlisted<'a> {
    model: &'a str,
    served_as: &'a [Arc<str>],
}

/// Lists the models of `account`.
///
/// # Errors
/// No credential of it gets a list; the text says why, in one line.
pub async fn run(
    desk: &Desk,
    account: &Account,
    json: bool,
    console: &mut Console<'_>,
) -> anyhow::Result<()> {
    let listing = account.provider.listing();
    if listing.lists.is_empty() {
        anyhow::bail!(
            "{} has no list of the models that calls can name; `tollward catalog search` knows those with a price",
            account.kind
        );
    }
    let listed = fetch(desk, account, &listing).await?;
    let now = clock::unix_ms() / 1_000;
    let rows: Vec<Row> = listed
        .models
        .into_iter()
        .map(|model| row(desk, account, &listing, model, now))
        .collect();
    let unlisted = unlisted(account, &listing, &rows);
    if listed.is_cut {
        writeln!(console.notes, "The list goes on; it is cut here.")?;
    }
    if json {
        console.json(&Report {
            provider: &account.name,
            kind: &account.kind,
            covers: match listing.covers {
                Covers::Account => "account",
                Covers::Offer => "offer",
                Covers::Google => "google",
            },
            cut: listed.is_cut,
            models: rows,
            unlisted,
        })?;
        return Ok(());
    }
    match listing.covers {
        Covers::Account => {}
        Covers::Offer => writeln!(
            console.notes,
            "These are models that can be deployed. Calls name deployments, which are not listed here."
        )?,
        Covers::Google => writeln!(
            console.notes,
            "These are models that Google publishes; other publishers' are not listed here."
        )?,
    }
    show(rows, console)?;
    for Unlisted { model, served_as } in unlisted {
        writeln!(
            console.notes,
            "`{model}`, served as {}, is not in the list.",
            served_as.join(", ")
        )?;
    }
    Ok(())
}

/// Asks with one credential after another, until one gets a list.
async fn fetch(desk: &Desk, account: &Account, listing: &Listing) -> anyhow::Result<Listed> {
    let inquiry = Inquiry {
        client: desk.fetcher.client(),
        scope: account.provider.host_scope(),
        listing,
    };
    let mut refusal = None;
    for holder in account.credentials.holders() {
        match check::list(desk, account, &inquiry, holder).await {
            Ok(listed) => return Ok(listed),
            Err(finding) => refusal = Some(finding),
        }
    }
    let refusal = refusal.map_or_else(|| "it has no credential".to_owned(), |it| it.text());
    anyhow::bail!("{}: {refusal}", account.name)
}

fn row(desk: &Desk, account: &Account, listing: &Listing, model: ListedModel, now: i64) -> Row {
    let prices = desk.accounts.prices(account, &model.id);
    let price = |unit| Some(dollars(unit, prices.of_one(unit, now)?));
    let is_meant = |asked: &str| {
        let told = listing.tells(std::slice::from_ref(&model), asked);
        *asked == *model.id || told == Told::Listed
    };
    let served = account.models.iter().filter(|(of, _)| is_meant(of));
    let served_as = served.flat_map(|(_, names)| names.iter().map(ToString::to_string));
    let served_as: Vec<String> = served_as.collect();
    Row {
        served_as,
        input_per_mtok: price(Unit::Input),
        output_per_mtok: price(Unit::Output),
        id: model.id,
        aliases: model.aliases,
        owner: model.owner,
        created: model.created,
        context_tokens: model.context_tokens,
    }
}

/// What is configured and neither listed nor meant by a name that is.
fn unlisted<'a>(account: &'a Account, listing: &Listing, rows: &[Row]) -> Vec<Unlisted<'a>> {
    let models: Vec<ListedModel> = rows
        .iter()
        .map(|row| ListedModel {
            id: row.id.clone(),
            aliases: row.aliases.clone(),
            owner: None,
            created: None,
            context_tokens: None,
        })
        .collect();
    let missing = account
        .models
        .iter()
        .filter(|(model, _)| listing.tells(&models, model) == Told::Missing);
    missing
        .map(|(model, served_as)| Unlisted { model, served_as })
        .collect()
}

fn show(rows: Vec<Row>, console: &mut Console<'_>) -> std::io::Result<()> {
    let text = |it: Option<String>| it.unwrap_or_default();
    let rows = rows.into_iter().map(|row| {
        [
            row.id,
            text(row.input_per_mtok),
            text(row.output_per_mtok),
            text(row.context_tokens.map(|it| it.to_string())),
            text(row.created),
            row.served_as.join(", "),
        ]
    });
    console.table(
        [
            "MODEL",
            "$/1M IN",
            "$/1M OUT",
            "CONTEXT",
            "SINCE",
            "SERVED AS",
        ],
        rows,
    )
}
