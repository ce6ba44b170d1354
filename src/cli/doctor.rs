//! `tollward doctor`: does everything work that the configuration names? One line for each check.
//!
//! Providers are asked what costs nothing, over the gateway's own connections and with its own
//! signatures, so that a check meets what calls would meet. The rooms: `check` asks, `judge`
//! decides what answers mean, `words` keeps secrets out of what vendors say, `machine` looks around
//! here. `tollward check` is for the file alone.

pub mod check;
pub mod finding;
mod judge;
mod machine;
mod words;

use std::process::ExitCode;

use clap::Args;
use futures_util::{StreamExt, stream};
use serde::Serialize;
use tollward_config::{Diagnostic, Loaded, Report, Severity};

use self::check::Patient;
use self::finding::{Check, Finding, Verdict, show};
use crate::assembly::LOCAL;
use crate::cli::accounts::{self, Desk};
use crate::cli::console::Console;
use crate::cli::place::{Environment, PlaceArgs};

/// Providers that are asked at once.
const AT_ONCE: usize = 8;
/// What names a proxy in the environment.
const PROXIES: [&str; 4] = ["HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"];
/// What of the configuration the checks of this machine need.
const SECTIONS: [&str; 3] = ["server", "store", "engine"];

/// Arguments of `tollward doctor`.
#[derive(Debug, Clone, Args)]
pub struct DoctorArgs {
    /// Check no more than this provider
    #[arg(long, value_name = "NAME")]
    pub provider: Option<String>,
    /// Ask no provider
    #[arg(long, conflicts_with = "provider")]
    pub offline: bool,
    /// Write JSON
    #[arg(long)]
    pub json: bool,
}

#[derive(Serialize)]
struct Written<'a> {
    verdict: Verdict,
    findings: &'a [Finding],
}

/// Runs `tollward doctor`; the status is 1 if a check failed.
///
/// # Errors
/// There is no provider of that name, or the output is closed.
pub async fn run(
    args: &DoctorArgs,
    place: &PlaceArgs,
    environment: &Environment,
    console: &mut Console<'_>,
) -> anyhow::Result<ExitCode> {
    let findings = look(args, place, environment).await?;
    let worst = findings.iter().map(|it| it.verdict).max();
    let worst = worst.unwrap_or(Verdict::Ok);
    if args.json {
        console.json(&Written {
            verdict: worst,
            findings: &findings,
        })?;
    } else {
        show(&findings, console)?;
    }
    Ok(match worst {
        Verdict::Ok | Verdict::Warn => ExitCode::SUCCESS,
        Verdict::Fail => ExitCode::FAILURE,
    })
}

async fn look(
    args: &DoctorArgs,
    place: &PlaceArgs,
    environment: &Environment,
) -> anyhow::Result<Vec<Finding>> {
    let opened = match place.load(environment, Vec::new()) {
        Ok(loaded) => accounts::open(&loaded, place, environment)
            .await
            .map(|desk| (loaded, desk)),
        Err(report) => Err(report),
    };
    let (loaded, desk) = match opened {
        Ok(opened) => opened,
        Err(report) => return Ok(broken(&report, args, place, environment).await),
    };
    let names_proxy = PROXIES.iter().any(|it| environment.get(it).is_some());
    let patient = |account| Patient {
        account,
        names_proxy,
    };
    let weights = || weights(&loaded, &desk, place, environment);
    match args.provider.as_deref() {
        Some(LOCAL) if !desk.accounts.local.is_empty() => return Ok(weights().await),
        Some(name) => {
            let account = desk.account(name)?;
            return Ok(check::account(&desk, &patient(account)).await);
        }
        None => {}
    }
    let mut found = configured(&loaded, &desk, place);
    if !args.offline {
        let patients: Vec<_> = desk.accounts.remote.iter().map(patient).collect();
        let checks = patients.iter().map(|it| check::account(&desk, it));
        let each = stream::iter(checks).buffered(AT_ONCE);
        found.extend(each.collect::<Vec<_>>().await.into_iter().flatten());
    }
    found.extend(weights().await);
    found.extend(machine::check(place, environment, &loaded.config).await);
    Ok(found)
}

/// The weights of all embedded models that are configured.
async fn weights(
    loaded: &Loaded,
    desk: &Desk,
    place: &PlaceArgs,
    environment: &Environment,
) -> Vec<Finding> {
    let mut found = Vec::new();
    for model in &desk.accounts.local {
        let engine = &loaded.config.engine;
        found.push(machine::weights(model, place, environment, engine).await);
    }
    found
}

/// What is wrong in the configuration, and what can be looked at all the same.
async fn broken(
    report: &Report,
    args: &DoctorArgs,
    place: &PlaceArgs,
    environment: &Environment,
) -> Vec<Finding> {
    let mut found: Vec<Finding> = report.0.iter().map(diagnosed).collect();
    if !args.offline {
        let message = "no provider is asked while the configuration is wrong";
        found.push(Finding::new(
            Verdict::Warn,
            Check::Config,
            "providers",
            message,
        ));
    }
    if args.provider.is_none()
        && let Ok(config) = place.load_sections(environment, &SECTIONS)
    {
        found.extend(machine::check(place, environment, &config).await);
    }
    found
}

/// A mistake in the configuration as a line.
fn diagnosed(diagnostic: &Diagnostic) -> Finding {
    let verdict = match diagnostic.severity {
        Severity::Error => Verdict::Fail,
        Severity::Warning => Verdict::Warn,
    };
    let subject = match &diagnostic.location {
        Some(at) => format!("{}:{}", at.file, at.line),
        None => "config".to_owned(),
    };
    let path = match diagnostic.path.as_str() {
        "" => String::new(),
        path => format!("`{path}`: "),
    };
    let message = format!("{path}{}", diagnostic.message);
    let finding = Finding::new(verdict, Check::Config, subject, message);
    let meant = diagnostic.suggestion.as_ref();
    let meant = meant.map(|it| format!("did you mean `{it}`?"));
    match meant.or_else(|| diagnostic.help.clone()) {
        Some(help) => finding.with_help(help),
        None => finding,
    }
}

/// What a configuration that is right says, or what was found without one.
fn configured(loaded: &Loaded, desk: &Desk, place: &PlaceArgs) -> Vec<Finding> {
    let models = loaded.config.models.len();
    let found = |verdict, message| Finding::new(verdict, Check::Config, "config", message);
    let first = match (place.file(), &desk.detected) {
        (Some(file), _) if models == 0 => {
            let message = format!("{} names no model", file.display());
            found(Verdict::Warn, message).with_help("no call will be answered: write `models`")
        }
        (Some(file), _) => {
            let message = format!("{} is right, models: {models}", file.display());
            found(Verdict::Ok, message)
        }
        (None, Some(detected)) if !detected.found.is_empty() => {
            let message = format!("there is none; found here: {}", detected.found.join(", "));
            found(Verdict::Ok, message)
        }
        (None, _) => {
            let message = "there is none, and nothing was found here that could answer";
            found(Verdict::Warn, message.to_owned())
                .with_help("write a tollward.yaml, or set a vendor's key such as OPENAI_API_KEY")
        }
    };
    let warnings = loaded.warnings.iter().map(diagnosed);
    let unusable = desk.detected.iter().flat_map(|it| &it.unusable);
    let unusable = unusable.map(|(name, reason)| {
        let message = format!("the variable {name} cannot be used: {reason}");
        found(Verdict::Warn, message)
    });
    std::iter::once(first)
        .chain(warnings)
        .chain(unusable)
        .collect()
}
