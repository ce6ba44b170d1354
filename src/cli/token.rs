//! `tollward token`: issues, lists and revokes admin tokens.
//!
//! As of a virtual key, the text of a token is written once, alone on standard output. The first one is
//! made here: whoever can write to the database on this machine may do everything.

use std::time::Duration;

use clap::{Args, Subcommand, ValueEnum};
use secrecy::ExposeSecret;
use serde::Serialize;
use tollward_store::{AdminToken, Holder, Reach, Role};

use crate::cli::books::explained;
use crate::cli::budget::list::{holder_text, names};
use crate::cli::console::{Console, time_text};
use crate::cli::key::place_name;
use crate::cli::span;
use crate::registrar::Registrar;
use crate::registrar::tokens::TokenWish;

/// What `tollward token` can do.
#[derive(Debug, Clone, Subcommand)]
pub enum TokenCommand {
    /// Issue a token and show it once
    Create(CreateArgs),
    /// List all tokens, without their text
    List(ListArgs),
    /// Make a token stop working for good
    Revoke(RevokeArgs),
}

/// Arguments of `tollward token create`.
#[derive(Debug, Clone, Args)]
pub struct CreateArgs {
    /// Whose it is: a person or a program; unique among tokens that are not revoked
    name: String,
    /// What its holder may do
    #[arg(long, value_enum)]
    role: RoleArg,
    /// Only in this team
    #[arg(long, value_name = "NAME|ID")]
    team: Option<String>,
    /// Only in this organisation and its teams
    #[arg(long, value_name = "NAME|ID", conflicts_with = "team")]
    org: Option<String>,
    /// When the token stops working, from now: 12h, 30d, 4w [default: never]
    #[arg(long, value_name = "SPAN", value_parser = span::parse_span)]
    expires: Option<Duration>,
    /// Write JSON
    #[arg(long)]
    json: bool,
}

/// What the holder of a token may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum RoleArg {
    /// Looks
    Viewer,
    /// Makes and revokes keys too
    Member,
    /// Changes everything but owners
    Admin,
    /// Changes everything
    Owner,
}

/// Arguments of `tollward token list`.
#[derive(Debug, Clone, Args)]
pub struct ListArgs {
    /// Write JSON
    #[arg(long)]
    json: bool,
}

/// Arguments of `tollward token revoke`.
#[derive(Debug, Clone, Args)]
pub struct RevokeArgs {
    /// Name or id of the token
    #[arg(value_name = "NAME|ID")]
    token: String,
}

/// A token with its text, if it was issued just now.
#[derive(Serialize)]
struct Listed<'a> {
    #[serde(flatten)]
    token: &'a AdminToken,
    state: &'static str,
    #[serde(skip_serializing_if = "Option::is_none", rename = "token")]
    text: Option<&'a str>,
}

/// Runs `tollward token`.
///
/// # Errors
/// The store refused, something that is named does not exist, or the output is closed.
pub async fn run(
    command: &TokenCommand,
    registrar: &Registrar<'_>,
    console: &mut Console<'_>,
) -> anyhow::Result<()> {
    match command {
        TokenCommand::Create(args) => create(args, registrar, console).await,
        TokenCommand::List(args) => list(args, registrar, console).await,
        TokenCommand::Revoke(args) => {
            let revoked = registrar.revoke_token(&args.token).await;
            let revoked =
                revoked.map_err(|error| explained(error, "failed to revoke the token"))?;
            let AdminToken { name, id, .. } = revoked;
            Ok(writeln!(console.notes, "Revoked token `{name}` ({id}).")?)
        }
    }
}

async fn create(
    args: &CreateArgs,
    registrar: &Registrar<'_>,
    console: &mut Console<'_>,
) -> anyhow::Result<()> {
    let now_ms = registrar.now_ms;
    let wish = TokenWish {
        name: args.name.clone(),
        role: args.role.role(),
        place: place_name(args.org.as_ref(), args.team.as_ref()),
        expires_ms: args
            .expires
            .map(|span| now_ms.saturating_add(span::millis(span))),
    };
    let issued = registrar.issue_token(wish).await;
    let (token, secret) = issued.map_err(|error| explained(error, "failed to issue the token"))?;
    let text = secret.expose_secret();
    if args.json {
        console.json(&Listed {
            token: &token,
            state: state(&token, now_ms),
            text: Some(text),
        })?;
    } else {
        writeln!(console.out, "{text}")?;
        let expires = token.expires_ms;
        writeln!(
            console.notes,
            "Issued token `{}` ({}); role: {}; expires: {}.",
            token.name,
            token.id,
            token.role.name(),
            expires.map_or_else(|| "never".to_owned(), |at| format!("{} UTC", time_text(at))),
        )?;
    }
    Ok(writeln!(
        console.notes,
        "Copy the token now: only its hash is stored, it cannot be shown again."
    )?)
}

async fn list(
    args: &ListArgs,
    registrar: &Registrar<'_>,
    console: &mut Console<'_>,
) -> anyhow::Result<()> {
    let tokens = registrar.tokens().await;
    let tokens = tokens.map_err(|error| explained(error, "failed to list the tokens"))?;
    let now_ms = registrar.now_ms;
    if args.json {
        let listed = |token| Listed {
            token,
            state: state(token, now_ms),
            text: None,
        };
        return Ok(console.json(&tokens.iter().map(listed).collect::<Vec<_>>())?);
    }
    if tokens.is_empty() {
        writeln!(
            console.notes,
            "No tokens yet. Issue one: tollward token create NAME --role owner"
        )?;
        return Ok(());
    }
    let names = names(registrar).await?;
    let rows = tokens.iter().map(|it| {
        let reach = match it.reach {
            Reach::Gateway => "the gateway".to_owned(),
            Reach::Organization(id) => holder_text(Holder::Organization(id), &names),
            Reach::Team(id) => holder_text(Holder::Team(id), &names),
        };
        [
            it.name.clone(),
            it.hint.clone(),
            state(it, now_ms).to_owned(),
            it.role.name().to_owned(),
            reach,
            it.expires_ms.map_or_else(|| "never".to_owned(), time_text),
            it.id.to_string(),
        ]
    });
    let heads = [
        "NAME",
        "TOKEN",
        "STATE",
        "ROLE",
        "OF",
        "EXPIRES (UTC)",
        "ID",
    ];
    Ok(console.table(heads, rows)?)
}

impl RoleArg {
    fn role(self) -> Role {
        match self {
            Self::Viewer => Role::Viewer,
            Self::Member => Role::Member,
            Self::Admin => Role::Admin,
            Self::Owner => Role::Owner,
        }
    }
}

/// How a token is at `now_ms`, in a word.
pub(crate) fn state(token: &AdminToken, now_ms: i64) -> &'static str {
    match token.revoked_ms {
        Some(_) => "revoked",
        None if token.is_active(now_ms) => "active",
        None => "expired",
    }
}

#[cfg(test)]
mod tests;
