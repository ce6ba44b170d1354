//! `tollward check`: is the configuration right? Offline, every error at once.

use std::collections::BTreeSet;
use std::process::ExitCode;
use std::sync::Arc;

use clap::{Args, ValueEnum};
use tollward_config::{Config, Diagnostic, Loaded, Origins, Report, Severity};
use tollward_providers::Origin;
use tollward_store::Store;

use crate::app::location;
use crate::assembly::{Accounts, Assembly, Standing};
use crate::cli::console::Console;
use crate::cli::place::{Environment, PlaceArgs};
use crate::credentials::source;
use crate::shelf::Shelf;
use crate::telemetry::metric::Metrics;

/// Options of `check`.
#[derive(Args, Clone, Debug)]
pub struct CheckArgs {
    /// How errors are printed.
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Format {
    /// For people: place, line, caret, advice.
    Text,
    /// For programs.
    Json,
}

/// Checks the configuration file.
///
/// # Errors
/// There is no file to check.
pub async fn run(
    args: &CheckArgs,
    place: &PlaceArgs,
    environment: &Environment,
    console: &mut Console<'_>,
) -> anyhow::Result<ExitCode> {
    let Some(file) = place.file() else {
        anyhow::bail!(
            "there is no tollward.yaml, .yml, .toml or .json here; name one with --config FILE"
        );
    };
    let (loaded, report) = match place.survey(environment) {
        Ok((loaded, errors)) => {
            let report = examined(&loaded, errors, place, environment).await;
            (Some(loaded), report)
        }
        Err(report) => (None, report),
    };
    match args.format {
        Format::Json => writeln!(console.out, "{}", report.to_json())?,
        Format::Text => write!(console.notes, "{report}")?,
    }
    let Some(loaded) = loaded.filter(|_| report.error_count() == 0) else {
        return Ok(ExitCode::FAILURE);
    };
    if matches!(args.format, Format::Text) {
        let (models, providers) = (loaded.config.models.len(), loaded.config.providers.len());
        if models == 0 {
            writeln!(
                console.notes,
                "warning: no model is configured, so no call will be answered"
            )?;
        }
        let (models, providers) = (counted(models, "model"), counted(providers, "provider"));
        writeln!(
            console.out,
            "{} is right: {models}, {providers}",
            file.display()
        )?;
    }
    Ok(ExitCode::SUCCESS)
}

fn counted(count: usize, what: &str) -> String {
    let plural = if count == 1 { "" } else { "s" };
    format!("{count} {what}{plural}")
}

/// Everything that is wrong or doubtful: in the file, in what providers make of it, on this machine.
async fn examined(
    loaded: &Loaded,
    errors: Vec<Diagnostic>,
    place: &PlaceArgs,
    environment: &Environment,
) -> Report {
    let standing = Standing::new(
        Arc::new(Metrics::new()),
        place.models_dir(environment, &loaded.config.engine),
        Shelf::new(&place.state_dir(environment)),
        environment.variables(),
    );
    let assembly = Assembly {
        standing: &standing,
        env: environment.variables(),
        detected: None,
    };
    let mut report = Report(errors);
    let known: BTreeSet<String> = report.0.iter().map(|it| it.path.clone()).collect();
    let surveyed = assembly.survey(loaded);
    // What could not be read is not missing as well.
    let leads = |short: &str, long: &str| {
        let rest = long.strip_prefix(short);
        rest.is_some_and(|it| it.is_empty() || it.starts_with(['.', '[']))
    };
    let is_same = |one: &str, other: &str| leads(one, other) || leads(other, one);
    let is_news = |it: &Diagnostic| !known.iter().any(|path| is_same(path, &it.path));
    report
        .0
        .extend(surveyed.problems.into_iter().filter(is_news));
    report
        .0
        .extend(identities(loaded, &surveyed.accounts, environment).await);
    let location = location(&loaded.config, &place.state_dir(environment));
    // A store that cannot be read is for `doctor` to judge.
    if location.may_exist()
        && !loaded.config.passthrough.keys.is_empty()
        && let Ok(names) = Store::key_names(&location).await
    {
        let strangers = strangers(&loaded.config, &loaded.origins, &names);
        report.0.extend(strangers);
    }
    report.0.extend(loaded.warnings.iter().cloned());
    report.sort();
    report
}

/// Files of identities that are not there, or are not what they should be. One that only the environment
/// names may be another one where the gateway will run.
async fn identities(
    loaded: &Loaded,
    accounts: &Accounts,
    environment: &Environment,
) -> Vec<Diagnostic> {
    let mut found = Vec::new();
    let variables = environment.variables().into();
    for account in &accounts.remote {
        let place = Origins::provider_path(&account.name);
        for (index, credential) in account.provider.credentials().iter().enumerate() {
            let Err(error) = source::look(&credential.origin, &variables).await else {
                continue;
            };
            let place = if account.lists_credentials() {
                format!("{place}.credentials[{index}]")
            } else {
                place.clone()
            };
            let (path, severity) = match file_setting(&credential.origin) {
                Some(setting) => (format!("{place}.{setting}"), Severity::Error),
                None => (place, Severity::Warning),
            };
            let told = loaded.origins.diagnose(&path, error.to_string(), &[]);
            found.push(Diagnostic { severity, ..told });
        }
    }
    found
}

/// The setting that names something on this machine, where one is written.
fn file_setting(origin: &Origin) -> Option<&'static str> {
    use tollward_providers::AwsBase;
    match origin {
        Origin::Google(identity) => identity.file.as_ref().map(|_| "credentials_file"),
        Origin::Entra(identity) => identity.certificate.as_ref().map(|_| "client_certificate"),
        Origin::Aws(identity) => matches!(identity.base, AwsBase::Profile(_)).then_some("profile"),
        Origin::Written(_) => None,
    }
}

/// Names of keys that may pass through and do not exist. A warning: they may be made later.
fn strangers(config: &Config, origins: &Origins, known: &[String]) -> Vec<Diagnostic> {
    let named = config.passthrough.keys.iter().enumerate();
    let strange = named.filter(|(_, name)| *name != "*" && !known.contains(name));
    let told = strange.map(|(index, name)| {
        let path = format!("passthrough.keys[{index}]");
        let message = format!("there is no key named `{name}`");
        let help = format!("make it: tollward key create {name}");
        origins
            .diagnose(&path, message, &[])
            .with_candidates(name, known.iter().map(String::as_str))
            .with_help(help)
            .as_warning()
    });
    told.collect()
}
