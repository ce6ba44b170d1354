//! `tollward org` and `tollward team`: who keys belong to.

use clap::{Args, Subcommand};
use tollward_store::{Account, AccountKind};

use crate::cli::books::explained;
use crate::cli::console::{Console, time_text};
use crate::registrar::Registrar;

/// What `tollward org` can do.
#[derive(Debug, Clone, Subcommand)]
pub enum OrgCommand {
    /// Open an organisation
    Create(CreateOrgArgs),
    /// List the organisations
    List(ListArgs),
    /// Give an organisation another name
    Rename(RenameArgs),
    /// Close an organisation: its keys and those of its teams stop working
    Close(CloseArgs),
}

/// What `tollward team` can do.
#[derive(Debug, Clone, Subcommand)]
pub enum TeamCommand {
    /// Open a team
    Create(CreateTeamArgs),
    /// List the teams
    List(ListArgs),
    /// Give a team another name
    Rename(RenameArgs),
    /// Close a team: its keys stop working
    Close(CloseArgs),
}

/// Arguments of `tollward org create`.
#[derive(Debug, Clone, Args)]
pub struct CreateOrgArgs {
    /// What to call it; unique among open ones
    name: String,
}

/// Arguments of `tollward team create`.
#[derive(Debug, Clone, Args)]
pub struct CreateTeamArgs {
    /// What to call it; unique among open ones
    name: String,
    /// The organisation that it belongs to
    #[arg(long, value_name = "NAME|ID")]
    org: Option<String>,
}

/// Arguments of the lists.
#[derive(Debug, Clone, Args)]
pub struct ListArgs {
    /// Write JSON
    #[arg(long)]
    json: bool,
}

/// Arguments of `rename`.
#[derive(Debug, Clone, Args)]
pub struct RenameArgs {
    /// Name or id
    #[arg(value_name = "NAME|ID")]
    account: String,
    /// What to call it from now on
    name: String,
}

/// Arguments of `close`.
#[derive(Debug, Clone, Args)]
pub struct CloseArgs {
    /// Name or id
    #[arg(value_name = "NAME|ID")]
    account: String,
}

/// Runs `tollward org`.
///
/// # Errors
/// The store refused, something that is named does not exist, or the output is closed.
pub async fn run_org(
    command: &OrgCommand,
    registrar: &Registrar<'_>,
    console: &mut Console<'_>,
) -> anyhow::Result<()> {
    let kind = AccountKind::Organization;
    match command {
        OrgCommand::Create(args) => open(kind, (None, &args.name), registrar, console).await,
        OrgCommand::List(args) => list(kind, args, registrar, console).await,
        OrgCommand::Rename(args) => rename(kind, args, registrar, console).await,
        OrgCommand::Close(args) => close(kind, args, registrar, console).await,
    }
}

/// Runs `tollward team`.
///
/// # Errors
/// As of [`run_org`].
pub async fn run_team(
    command: &TeamCommand,
    registrar: &Registrar<'_>,
    console: &mut Console<'_>,
) -> anyhow::Result<()> {
    let kind = AccountKind::Team;
    match command {
        TeamCommand::Create(args) => {
            let new = (args.org.as_deref(), &*args.name);
            open(kind, new, registrar, console).await
        }
        TeamCommand::List(args) => list(kind, args, registrar, console).await,
        TeamCommand::Rename(args) => rename(kind, args, registrar, console).await,
        TeamCommand::Close(args) => close(kind, args, registrar, console).await,
    }
}

async fn open(
    kind: AccountKind,
    (parent, name): (Option<&str>, &str),
    registrar: &Registrar<'_>,
    console: &mut Console<'_>,
) -> anyhow::Result<()> {
    let opened = registrar.open_account(kind, parent, name).await;
    let opened = opened.map_err(|error| explained(error, "failed to open the account"))?;
    let (kind, command) = (opened.kind.name(), opened.kind.command());
    Ok(writeln!(
        console.notes,
        "Opened {kind} `{0}` ({1}). Give it a key: tollward key create NAME --{command} {0}",
        opened.name, opened.id,
    )?)
}

async fn list(
    kind: AccountKind,
    args: &ListArgs,
    registrar: &Registrar<'_>,
    console: &mut Console<'_>,
) -> anyhow::Result<()> {
    let directory = registrar.directory().await;
    let directory = directory.map_err(|error| explained(error, "failed to read the accounts"))?;
    let all = directory.accounts;
    let accounts: Vec<&Account> = all.iter().filter(|it| it.kind == kind).collect();
    if args.json {
        return Ok(console.json(&accounts)?);
    }
    if accounts.is_empty() {
        let (kind, command) = (kind.name(), kind.command());
        writeln!(
            console.notes,
            "No {kind} yet. Open one: tollward {command} create NAME"
        )?;
        return Ok(());
    }
    let rows = accounts.iter().map(|account| {
        let above = all.iter().find(|it| Some(it.id) == account.parent);
        [
            account.name.clone(),
            above.map(|it| it.name.clone()).unwrap_or_default(),
            match account.closed_ms {
                Some(at) => format!("closed {}", time_text(at)),
                None => "open".to_owned(),
            },
            time_text(account.created_ms),
            account.id.to_string(),
        ]
    });
    Ok(console.table(["NAME", "OF", "STATE", "CREATED (UTC)", "ID"], rows)?)
}

async fn rename(
    kind: AccountKind,
    args: &RenameArgs,
    registrar: &Registrar<'_>,
    console: &mut Console<'_>,
) -> anyhow::Result<()> {
    let names = (&*args.account, &*args.name);
    let renamed = registrar.rename_account(kind, names).await;
    let renamed = renamed.map_err(|error| explained(error, "failed to rename the account"))?;
    let kind = kind.name();
    Ok(writeln!(
        console.notes,
        "Renamed {kind} `{}` to `{}`.",
        args.account, renamed.name
    )?)
}

async fn close(
    kind: AccountKind,
    args: &CloseArgs,
    registrar: &Registrar<'_>,
    console: &mut Console<'_>,
) -> anyhow::Result<()> {
    let closed = registrar.close_account(kind, &args.account).await;
    let closed = closed.map_err(|error| explained(error, "failed to close the account"))?;
    let kind = kind.name();
    Ok(writeln!(
        console.notes,
        "Closed {kind} `{}`: its keys work no more.",
        closed.name
    )?)
}
