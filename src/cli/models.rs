//! `tollward models`: what a running gateway serves, and which weights this machine has or could have.
//!
//! What a provider's account has is listed in `account_models`. The two lists are independent: without a
//! gateway the second is still worth reading, so one that does not answer is a remark, and a failure
//! only where its address was given.

use std::path::{Path, PathBuf};

use clap::Args;
use serde::Serialize;

use crate::{
    cli::{
        client::{Client, ClientError, Gateway, ServedModel},
        console::Console,
    },
    upstream::local::IS_BUILT_IN,
    weights::{
        self,
        known::{Evidence, KNOWN, KnownModel},
        progress::bytes_text,
    },
};

/// Arguments of `tollward models`.
#[derive(Debug, Clone, Args)]
pub struct ModelsArgs {
    /// Ask this provider instead, which the configuration names or which is found without one
    #[arg(long, value_name = "NAME", conflicts_with = "url")]
    pub provider: Option<String>,
    /// Write JSON
    #[arg(long)]
    pub json: bool,
}

#[derive(Serialize)]
struct Report<'a> {
    /// `null` when only this machine was asked about.
    gateway: Option<GatewayReport<'a>>,
    local: Vec<LocalReport>,
}

#[derive(Serialize)]
struct GatewayReport<'a> {
    base_url: &'a str,
    /// `null` when the gateway gave no list; then `error` says why.
    models: Option<&'a [ServedModel]>,
    error: Option<String>,
}

#[derive(Serialize)]
struct LocalReport {
    name: &'static str,
    display: &'static str,
    architecture: &'static str,
    bytes: u64,
    licence: &'static str,
    tested: bool,
    /// `null` when the weights are not on this machine.
    path: Option<PathBuf>,
}

/// Runs `tollward models --provider local`: what this machine has, or could have.
///
/// # Errors
/// The output is closed.
pub fn run_local(
    args: &ModelsArgs,
    models_dirs: &[PathBuf],
    console: &mut Console<'_>,
) -> anyhow::Result<()> {
    let local = local(models_dirs);
    if args.json {
        let gateway = None;
        console.json(&Report { gateway, local })?;
    } else {
        if !IS_BUILT_IN {
            writeln!(
                console.notes,
                "This build has no embedded engine to run them."
            )?;
        }
        show_local(&local, console)?;
    }
    Ok(())
}

/// Runs `tollward models`; returns whether the gateway gave its list.
///
/// # Errors
/// The output is closed, or no HTTP client could be made.
pub async fn run(
    args: &ModelsArgs,
    gateway: &Gateway,
    models_dirs: &[PathBuf],
    console: &mut Console<'_>,
) -> anyhow::Result<bool> {
    let served = Client::new(gateway.clone())?.models().await;
    let local = local(models_dirs);
    if args.json {
        let error = served.as_ref().err().map(ToString::to_string);
        let models = served.as_deref().ok();
        console.json(&Report {
            gateway: Some(GatewayReport {
                base_url: &gateway.base_url,
                models,
                error,
            }),
            local,
        })?;
        return Ok(served.is_ok());
    }
    show_served(&served, gateway, console)?;
    writeln!(console.out)?;
    show_local(&local, console)?;
    Ok(served.is_ok())
}

fn local(dirs: &[PathBuf]) -> Vec<LocalReport> {
    let reports = KNOWN.iter().map(|model| local_report(model, dirs));
    reports.collect()
}

fn local_report(model: &KnownModel, dirs: &[PathBuf]) -> LocalReport {
    LocalReport {
        name: model.name,
        display: model.display,
        architecture: model.architecture,
        bytes: model.bytes,
        licence: model.licence.name,
        tested: model.evidence == Evidence::Tested,
        path: weights::locate(model.name, dirs),
    }
}

fn show_served(
    served: &Result<Vec<ServedModel>, ClientError>,
    gateway: &Gateway,
    console: &mut Console<'_>,
) -> std::io::Result<()> {
    match served {
        Ok(models) if models.is_empty() => {
            writeln!(
                console.notes,
                "The gateway at {} serves no model yet.",
                gateway.base_url
            )
        }
        Ok(models) => {
            let rows = models
                .iter()
                .map(|model| [model.id.clone(), model.owned_by.clone().unwrap_or_default()]);
            console.table(["SERVED MODEL", "BY"], rows)
        }
        Err(ClientError::Unreachable { .. }) => {
            writeln!(
                console.notes,
                "No gateway answers at {}; start one with `tollward`, or say where it is: --url http://HOST:PORT",
                gateway.base_url
            )
        }
        Err(error) => writeln!(console.notes, "The gateway gave no list of models: {error}"),
    }
}

fn show_local(local: &[LocalReport], console: &mut Console<'_>) -> std::io::Result<()> {
    let rows = local.iter().map(|model| {
        let tested = if model.tested { "tested" } else { "untested" };
        let here = model
            .path
            .as_deref()
            .map(Path::display)
            .map(|path| path.to_string());
        [
            model.name.to_owned(),
            bytes_text(model.bytes),
            model.licence.to_owned(),
            tested.to_owned(),
            here.unwrap_or_else(|| format!("tollward pull {}", model.name)),
        ]
    });
    console.table(["LOCAL MODEL", "SIZE", "LICENCE", "STATE", "WHERE"], rows)
}

#[cfg(test)]
mod tests;
