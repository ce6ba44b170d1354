//! `tollward node`: the gateways that share a database.

use anyhow::{Context, bail};
use clap::{Args, Subcommand};
use serde::Serialize;
use tollward_store::{NanoUsd, NodeId, NodeRecord, Shares};

use crate::cli::books::explained;
use crate::cli::console::{Console, time_text};
use crate::registrar::Registrar;
use crate::registrar::error::RegisterError;

/// What `tollward node` can do.
#[derive(Debug, Clone, Subcommand)]
pub enum NodeCommand {
    /// List the gateways that share the database
    List(ListArgs),
    /// Give up a gateway that will not come back: what it held is charged, the rest of its parts is given back
    Forget(ForgetArgs),
}

/// Arguments of `tollward node list`.
#[derive(Debug, Clone, Args)]
pub struct ListArgs {
    /// Write JSON
    #[arg(long)]
    json: bool,
}

/// Arguments of `tollward node forget`.
#[derive(Debug, Clone, Args)]
pub struct ForgetArgs {
    /// Its id, as `tollward node list` shows it
    id: NodeId,
}

/// A gateway, and what becomes of it.
#[derive(Serialize)]
struct Listed {
    #[serde(flatten)]
    node: NodeRecord,
    state: &'static str,
}

/// Runs `tollward node`.
///
/// # Errors
/// The store is a file, the database refused, there is no such gateway or it runs, or the output is closed.
pub(super) async fn run(
    command: &NodeCommand,
    registrar: &Registrar<'_>,
    console: &mut Console<'_>,
) -> anyhow::Result<()> {
    let now_ms = registrar.now_ms;
    let Some(shares) = &registrar.store.shares else {
        bail!("the store is a file, and a file has one gateway; several share `store.postgres`");
    };
    match command {
        NodeCommand::List(args) => list(args, &**shares, now_ms, console).await,
        NodeCommand::Forget(args) => forget(args, &**shares, registrar, console).await,
    }
}

async fn list(
    args: &ListArgs,
    shares: &dyn Shares,
    now_ms: i64,
    console: &mut Console<'_>,
) -> anyhow::Result<()> {
    let nodes = shares
        .nodes()
        .await
        .context("failed to read the gateways")?;
    let listed = nodes.into_iter().map(|node| Listed {
        state: state(&node, now_ms),
        node,
    });
    if args.json {
        return Ok(console.json(&listed.collect::<Vec<_>>())?);
    }
    let row = |it: Listed| {
        [
            it.node.id.to_string(),
            it.node.host,
            it.state.to_owned(),
            time_text(it.node.seen_ms),
            it.node.open_holds.to_string(),
            NanoUsd(it.node.unspent_nano).to_string(),
        ]
    };
    let head = ["ID", "HOST", "STATE", "SEEN", "CALLS OPEN", "UNSPENT"];
    Ok(console.table(head, listed.map(row))?)
}

/// What a gateway does.
fn state(node: &NodeRecord, now_ms: i64) -> &'static str {
    if node.is_alive(now_ms) {
        "running"
    } else if node.left_ms.is_some() {
        "stopped"
    } else {
        "lost"
    }
}

async fn forget(
    args: &ForgetArgs,
    shares: &dyn Shares,
    registrar: &Registrar<'_>,
    console: &mut Console<'_>,
) -> anyhow::Result<()> {
    let booked = match registrar.forget_node(shares, args.id).await {
        Ok(booked) => booked,
        Err(RegisterError::Unknown { .. }) => bail!(
            "no gateway `{}` that has stopped or is lost; `tollward node list` shows them, and one counts as lost after 30 seconds without a sign",
            args.id
        ),
        Err(error) => return Err(explained(error, "failed to forget the gateway")),
    };
    Ok(writeln!(
        console.notes,
        "Forgotten; {} calls that it had open are charged with what was held for them.",
        booked.len()
    )?)
}
