//! `tollward key`: creates, lists and revokes virtual keys.
//!
//! The text of a key is written once, alone on standard output, so that `KEY=$(tollward key create ci)`
//! does what it looks like; everything else about it goes to the remarks.

use std::time::Duration;

use anyhow::{Context, bail};
use clap::{Args, Subcommand};
use secrecy::ExposeSecret;
use serde::Serialize;
use tollward_store::{Account, AccountId, AccountKind, KeyRecord, KeyStore, NewKey, Store};

use crate::cli::{
    budget::find_account,
    console::{Console, time_text},
    span,
};

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
    store: &Store,
    now_ms: i64,
    console: &mut Console<'_>,
) -> anyhow::Result<()> {
    let keys = &*store.keys;
    match &args.command {
        KeyCommand::Create(args) => create(args, store, now_ms, console).await,
        KeyCommand::List(args) => list(args, store, now_ms, console).await,
        KeyCommand::Revoke(args) => revoke(args, keys, now_ms, console).await,
    }
}

async fn create(
    args: &CreateArgs,
    store: &Store,
    now_ms: i64,
    console: &mut Console<'_>,
) -> anyhow::Result<()> {
    let trimmed = args.models.iter().map(|model| model.trim().to_owned());
    let new = NewKey {
        name: args.name.clone(),
        allowed_models: trimmed.filter(|model| !model.is_empty()).collect(),
        account: args.account(store).await?,
        now_ms,
        expires_ms: args
            .expires
            .map(|span| now_ms.saturating_add(span::millis(span))),
    };
    // `--models ,` must not quietly become a key that may call everything.
    if new.allowed_models.is_empty() && !args.models.is_empty() {
        bail!("--models names no model; leave it out to allow all");
    }
    let (record, secret) = store
        .keys
        .create(new)
        .await
        .context("failed to create the key")?;
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

async fn list(
    args: &ListArgs,
    store: &Store,
    now_ms: i64,
    console: &mut Console<'_>,
) -> anyhow::Result<()> {
    let records = store.keys.list().await;
    let records = records.context("failed to list the keys")?;
    let accounts = store.budgets.accounts().await;
    let accounts = accounts.context("failed to read the accounts")?;
    let of = |record: &KeyRecord| accounts.iter().find(|it| Some(it.id) == record.account);
    let state = |record| match (state(record, now_ms), of(record)) {
        ("active", Some(it)) if is_closed(it, &accounts) => "closed",
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
    keys: &dyn KeyStore,
    now_ms: i64,
    console: &mut Console<'_>,
) -> anyhow::Result<()> {
    let revoked = keys
        .revoke(&args.key, now_ms)
        .await
        .context("failed to revoke the key")?;
    let Some(record) = revoked else {
        bail!(
            "no key has the name or id `{}`; see `tollward key list`",
            args.key
        );
    };
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

impl CreateArgs {
    /// Who the key belongs to.
    async fn account(&self, store: &Store) -> anyhow::Result<Option<AccountId>> {
        let (kind, name) = match (&self.team, &self.org) {
            (Some(team), _) => (AccountKind::Team, team),
            (None, Some(org)) => (AccountKind::Organization, org),
            (None, None) => return Ok(None),
        };
        let account = find_account(store, kind, name).await?;
        if account.closed_ms.is_some() {
            bail!("the {} `{}` is closed", kind.name(), account.name);
        }
        Ok(Some(account.id))
    }
}

/// Whether keys of an account have stopped working with it or with the one above it.
fn is_closed(account: &Account, accounts: &[Account]) -> bool {
    let above = accounts.iter().find(|it| Some(it.id) == account.parent);
    account.closed_ms.is_some() || above.is_some_and(|it| it.closed_ms.is_some())
}

fn state(record: &KeyRecord, now_ms: i64) -> &'static str {
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
