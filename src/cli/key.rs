//! `tollward key`: creates, lists, changes and revokes virtual keys.
//!
//! The text of a key is written once, alone on standard output, so that `KEY=$(tollward key create ci)`
//! does what it looks like; everything else about it goes to the remarks.

use std::time::Duration;

use anyhow::bail;
use clap::{Args, Subcommand};
use secrecy::ExposeSecret;
use serde::Serialize;
use tollward_store::{Account, KeyRecord};

use crate::cli::{
    books::explained,
    console::{Console, time_text},
    span,
};
use crate::registrar::Registrar;
use crate::registrar::directory::PlaceName;
use crate::registrar::keys::{KeyChange, KeyWish};

/// Arguments of `tollward key`.
#[derive(Debug, Clone, Args)]
pub struct KeyArgs {
    /// What to do.
    #[command(subcommand)]
    pub command: KeyCommand,
}

/// What `tollward key` can do.
#[derive(Debug, Clone, Subcommand)]
pub enum KeyCommand {
    /// Create a key and show it once
    Create(CreateArgs),
    /// List all keys, without their text
    List(ListArgs),
    /// Change a key; its text and what is not said stay as they are
    Change(ChangeArgs),
    /// Make a key stop working for good
    Revoke(RevokeArgs),
}

/// Arguments of `tollward key create`.
#[derive(Debug, Clone, Args)]
pub struct CreateArgs {
    /// What to call the key; unique among keys that are not revoked
    pub name: String,
    /// Models the key may call, separated by commas; `gpt-*` allows a prefix [default: all]
    #[arg(long, value_delimiter = ',', value_name = "MODELS")]
    pub models: Vec<String>,
    /// When the key stops working, from now: 12h, 30d, 4w [default: never]
    #[arg(long, value_name = "SPAN", value_parser = span::parse_span)]
    pub expires: Option<Duration>,
    /// The team that it belongs to
    #[arg(long, value_name = "NAME|ID")]
    pub team: Option<String>,
    /// The organisation that it belongs to, if it is of no team
    #[arg(long, value_name = "NAME|ID", conflicts_with = "team")]
    pub org: Option<String>,
    /// Write JSON
    #[arg(long)]
    pub json: bool,
}

/// Arguments of `tollward key change`.
#[derive(Debug, Clone, Args)]
pub struct ChangeArgs {
    /// Name or id of the key
    #[arg(value_name = "NAME|ID")]
    pub key: String,
    /// What to call it from now on
    #[arg(long, value_name = "NAME")]
    pub name: Option<String>,
    /// Models the key may call, separated by commas; `gpt-*` allows a prefix, `*` all
    #[arg(long, value_delimiter = ',', value_name = "MODELS")]
    pub models: Vec<String>,
    /// When the key stops working, from now: 12h, 30d, 4w
    #[arg(long, value_name = "SPAN", value_parser = span::parse_span)]
    pub expires: Option<Duration>,
    /// The team that it is given to
    #[arg(long, value_name = "NAME|ID")]
    pub team: Option<String>,
    /// The organisation that it is given to
    #[arg(long, value_name = "NAME|ID", conflicts_with = "team")]
    pub org: Option<String>,
}

/// Arguments of `tollward key list`.
#[derive(Debug, Clone, Args)]
pub struct ListArgs {
    /// Write JSON
    #[arg(long)]
    pub json: bool,
}

/// Arguments of `tollward key revoke`.
#[derive(Debug, Clone, Args)]
pub struct RevokeArgs {
    /// Name or id of the key
    #[arg(value_name = "NAME|ID")]
    pub key: String,
    /// Write JSON
    #[arg(long)]
    pub json: bool,
}

/// A record with its state at the time of the listing.
#[derive(Serialize)]
struct Listed<'a> {
    #[serde(flatten)]
    record: &'a KeyRecord,
    state: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    key: Option<&'a str>,
}

/// Runs `tollward key`.
///
/// # Errors
/// The store refused, no such key exists, or the output is closed.
pub async fn run(
    args: &KeyArgs,
    registrar: &Registrar<'_>,
    console: &mut Console<'_>,
) -> anyhow::Result<()> {
    match &args.command {
        KeyCommand::Create(args) => create(args, registrar, console).await,
        KeyCommand::Change(args) => change(args, registrar, console).await,
        KeyCommand::List(args) => list(args, registrar, console).await,
        KeyCommand::Revoke(args) => revoke(args, registrar, console).await,
    }
}

async fn create(
    args: &CreateArgs,
    registrar: &Registrar<'_>,
    console: &mut Console<'_>,
) -> anyhow::Result<()> {
    let now_ms = registrar.now_ms;
    let wish = KeyWish {
        name: args.name.clone(),
        models: models(&args.models)?,
        place: place_name(args.org.as_ref(), args.team.as_ref()),
        expires_ms: args
            .expires
            .map(|span| now_ms.saturating_add(span::millis(span))),
    };
    let created = registrar.create_key(wish).await;
    let (record, secret) = created.map_err(|error| explained(error, "failed to create the key"))?;
    let text = secret.expose_secret();
    if args.json {
        console.json(&Listed {
            record: &record,
            state: state(&record, now_ms),
            key: Some(text),
        })?;
    } else {
        writeln!(console.out, "{text}")?;
        writeln!(
            console.notes,
            "Created key `{}` ({}); models: {}; expires: {}.",
            record.name,
            record.id,
            models_text(&record),
            record
                .expires_ms
                .map_or_else(|| "never".to_owned(), |at| format!("{} UTC", time_text(at))),
        )?;
    }
    writeln!(
        console.notes,
        "Copy the key now: only its hash is stored, it cannot be shown again."
    )?;
    Ok(())
}

async fn change(
    args: &ChangeArgs,
    registrar: &Registrar<'_>,
    console: &mut Console<'_>,
) -> anyhow::Result<()> {
    let models = models(&args.models)?;
    let place = place_name(args.org.as_ref(), args.team.as_ref());
    let now_ms = registrar.now_ms;
    let change = KeyChange {
        name: args.name.clone(),
        models: (!models.is_empty()).then_some(models),
        place: (place != PlaceName::Gateway).then_some(place),
        expires_ms: args
            .expires
            .map(|span| now_ms.saturating_add(span::millis(span))),
    };
    let changed = registrar.change_key(&args.key, change).await;
    let changed = changed.map_err(|error| explained(error, "failed to change the key"))?;
    Ok(writeln!(
        console.notes,
        "Changed key `{}` ({}); models: {}.",
        changed.name,
        changed.id,
        models_text(&changed),
    )?)
}

/// The models that a list names.
fn models(list: &[String]) -> anyhow::Result<Vec<String>> {
    let trimmed = list.iter().map(|model| model.trim().to_owned());
    let models: Vec<String> = trimmed.filter(|model| !model.is_empty()).collect();
    // `--models ,` must not quietly become a key that may call everything.
    if models.is_empty() && !list.is_empty() {
        bail!("--models names no model; leave it out to allow all");
    }
    Ok(models)
}

async fn list(
    args: &ListArgs,
    registrar: &Registrar<'_>,
    console: &mut Console<'_>,
) -> anyhow::Result<()> {
    let now_ms = registrar.now_ms;
    let records = registrar.keys().await;
    let records = records.map_err(|error| explained(error, "failed to list the keys"))?;
    let directory = registrar.directory().await;
    let directory = directory.map_err(|error| explained(error, "failed to read the accounts"))?;
    let accounts = &directory.accounts;
    let of = |record: &KeyRecord| accounts.iter().find(|it| Some(it.id) == record.account);
    let state = |record| match (state(record, now_ms), of(record)) {
        ("active", Some(it)) if is_closed(it, accounts) => "closed",
        (state, _) => state,
    };
    let listed = |record| Listed {
        record,
        state: state(record),
        key: None,
    };
    if args.json {
        console.json(&records.iter().map(listed).collect::<Vec<_>>())?;
        return Ok(());
    }
    if records.is_empty() {
        writeln!(
            console.notes,
            "No keys yet. Create one: tollward key create NAME"
        )?;
        return Ok(());
    }
    let rows = records.iter().map(|record| {
        [
            record.name.clone(),
            record.hint.clone(),
            state(record).to_owned(),
            of(record).map_or_else(String::new, |it| {
                format!("{} {}", it.kind.command(), it.name)
            }),
            models_text(record),
            time_text(record.created_ms),
            record
                .expires_ms
                .map_or_else(|| "never".to_owned(), time_text),
            record.id.to_string(),
        ]
    });
    console.table(
        [
            "NAME",
            "KEY",
            "STATE",
            "OF",
            "MODELS",
            "CREATED (UTC)",
            "EXPIRES (UTC)",
            "ID",
        ],
        rows,
    )?;
    Ok(())
}

async fn revoke(
    args: &RevokeArgs,
    registrar: &Registrar<'_>,
    console: &mut Console<'_>,
) -> anyhow::Result<()> {
    let revoked = registrar.revoke_key(&args.key).await;
    let record = revoked.map_err(|error| explained(error, "failed to revoke the key"))?;
    let now_ms = registrar.now_ms;
    if args.json {
        console.json(&Listed {
            record: &record,
            state: state(&record, now_ms),
            key: None,
        })?;
    } else {
        writeln!(
            console.notes,
            "Revoked key `{}` ({}).",
            record.name, record.id
        )?;
    }
    Ok(())
}

/// Where something belongs that has a flag for each.
pub(in crate::cli) fn place_name(org: Option<&String>, team: Option<&String>) -> PlaceName {
    match (team, org) {
        (Some(team), _) => PlaceName::Team(team.clone()),
        (None, Some(org)) => PlaceName::Organization(org.clone()),
        (None, None) => PlaceName::Gateway,
    }
}

/// Whether keys of an account have stopped working with it or with the one above it.
fn is_closed(account: &Account, accounts: &[Account]) -> bool {
    let above = accounts.iter().find(|it| Some(it.id) == account.parent);
    account.closed_ms.is_some() || above.is_some_and(|it| it.closed_ms.is_some())
}

/// How a key is at `now_ms`, in a word.
pub(crate) fn state(record: &KeyRecord, now_ms: i64) -> &'static str {
    match record.revoked_ms {
        Some(_) => "revoked",
        None if record.is_active(now_ms) => "active",
        None => "expired",
    }
}

fn models_text(record: &KeyRecord) -> String {
    if record.allowed_models.is_empty() {
        "all".to_owned()
    } else {
        record.allowed_models.join(", ")
    }
}

#[cfg(test)]
mod tests;
