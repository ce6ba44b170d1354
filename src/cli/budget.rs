//! `tollward budget`: what keys, teams, organisations or everybody may spend.
//!
//! A running gateway follows within a second. What is reserved for calls that run is known to it
//! alone: the list shows what was charged.

pub(in crate::cli) mod list;
mod show;

use std::time::Duration;

use anyhow::bail;
use clap::{Args, Subcommand, ValueEnum};
use tollward_store::{Estimate, NanoUsd, Period};

use crate::cli::books::explained;
use crate::cli::console::{Console, time_text};
use crate::cli::span;
use crate::registrar::Registrar;
use crate::registrar::directory::HolderName;
use crate::registrar::terms::TermsChange;

/// Arguments of `tollward budget`.
#[derive(Debug, Clone, Args)]
pub struct BudgetArgs {
    /// What to do.
    #[command(subcommand)]
    pub command: BudgetCommand,
}

/// What `tollward budget` can do.
#[derive(Debug, Clone, Subcommand)]
pub enum BudgetCommand {
    /// Make a budget
    Create(CreateArgs),
    /// List the budgets and what was spent of them
    List(ListArgs),
    /// Show all of a budget
    Show(ShowArgs),
    /// Change a budget; what is not said stays as it is
    Change(ChangeArgs),
    /// Allow more for a while, in place of what was allowed more before
    Raise(RaiseArgs),
    /// End a budget: it holds nothing back any more
    End(EndArgs),
}

/// Arguments of `tollward budget create`.
#[derive(Debug, Clone, Args)]
pub struct CreateArgs {
    /// What to call it; unique among budgets that have not ended
    pub name: String,
    #[command(flatten)]
    holder: HolderArgs,
    /// What may be spent in each period, in US dollars: 10 or 0.50
    #[arg(long, value_name = "DOLLARS", allow_negative_numbers = true)]
    limit: NanoUsd,
    #[command(flatten)]
    terms: TermsArgs,
    /// Write JSON
    #[arg(long)]
    json: bool,
}

/// Whose calls count.
#[derive(Debug, Clone, Args)]
#[group(required = true, multiple = false)]
pub struct HolderArgs {
    /// Everybody's calls count
    #[arg(long)]
    all: bool,
    /// The calls of an organisation's keys and of its teams' keys count
    #[arg(long, value_name = "NAME|ID")]
    org: Option<String>,
    /// The calls of a team's keys count
    #[arg(long, value_name = "NAME|ID")]
    team: Option<String>,
    /// The calls of a key count
    #[arg(long, value_name = "NAME|ID")]
    key: Option<String>,
}

/// On what terms it is spent.
#[derive(Debug, Clone, Args)]
pub struct TermsArgs {
    /// When it begins anew [default: total]
    #[arg(long, value_enum)]
    per: Option<Per>,
    /// The time zone in which days, weeks and months begin, such as Asia/Seoul [default: UTC]
    #[arg(long, value_name = "ZONE")]
    zone: Option<String>,
    /// Only calls that ask for these models or are answered by them count, separated by commas; `gpt-*` takes a
    /// prefix [default: all]
    #[arg(long, value_delimiter = ',', value_name = "MODELS")]
    models: Option<Vec<String>>,
    /// Only calls at these providers count, separated by commas [default: all]
    #[arg(long, value_delimiter = ',', value_name = "PROVIDERS")]
    providers: Option<Vec<String>>,
    /// Only calls with one of these tags count, separated by commas; they are the caller's word [default: all]
    #[arg(long, value_delimiter = ',', value_name = "TAGS")]
    tags: Option<Vec<String>>,
    /// How much is held for a call that runs [default: bound]
    #[arg(long, value_enum)]
    estimate: Option<Hold>,
    /// Parts of the limit, in percent and separated by commas, at which somebody is told, such as 80,100
    #[arg(long, value_delimiter = ',', value_name = "PERCENT")]
    warn: Option<Vec<u8>>,
    /// An address that is sent JSON then, besides the event log; without --warn at 100 percent
    #[arg(long, value_name = "URL")]
    webhook: Option<String>,
    /// Calls for which there is no room go to this model instead of being refused
    #[arg(long, value_name = "MODEL")]
    then: Option<String>,
}

/// When a budget begins anew.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Per {
    /// At midnight
    Day,
    /// At the midnight before Monday
    Week,
    /// At the midnight before the first
    Month,
    /// Never
    Total,
}

/// How much is held for a call that runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Hold {
    /// The most that it can cost: the limit holds
    Bound,
    /// What such calls usually cost: agents that allow themselves long answers run side by side
    Learned,
}

/// Arguments of `tollward budget list`.
#[derive(Debug, Clone, Args)]
pub struct ListArgs {
    /// Write JSON
    #[arg(long)]
    pub json: bool,
}

/// Arguments of `tollward budget show`.
#[derive(Debug, Clone, Args)]
pub struct ShowArgs {
    /// Name or id of the budget
    #[arg(value_name = "NAME|ID")]
    budget: String,
}

/// Arguments of `tollward budget change`.
#[derive(Debug, Clone, Args)]
pub struct ChangeArgs {
    /// Name or id of the budget
    #[arg(value_name = "NAME|ID")]
    budget: String,
    /// What may be spent in each period, in US dollars
    #[arg(long, value_name = "DOLLARS", allow_negative_numbers = true)]
    limit: Option<NanoUsd>,
    #[command(flatten)]
    terms: TermsArgs,
}

/// Arguments of `tollward budget raise`.
#[derive(Debug, Clone, Args)]
pub struct RaiseArgs {
    /// Name or id of the budget
    #[arg(value_name = "NAME|ID")]
    budget: String,
    /// How much more, in US dollars; 0 takes a raise back
    #[arg(long, value_name = "DOLLARS", allow_negative_numbers = true)]
    by: NanoUsd,
    /// For how long from now: 12h, 7d
    #[arg(long = "for", value_name = "SPAN", value_parser = span::parse_span)]
    span: Option<Duration>,
}

/// Arguments of `tollward budget end`.
#[derive(Debug, Clone, Args)]
pub struct EndArgs {
    /// Name or id of the budget
    #[arg(value_name = "NAME|ID")]
    budget: String,
}

/// Runs `tollward budget`.
///
/// # Errors
/// The store refused, something that is named does not exist, or the output is closed.
pub async fn run(
    args: &BudgetArgs,
    registrar: &Registrar<'_>,
    console: &mut Console<'_>,
) -> anyhow::Result<()> {
    match &args.command {
        BudgetCommand::Create(args) => create(args, registrar, console).await,
        BudgetCommand::List(args) => list::run(args.json, registrar, console).await,
        BudgetCommand::Show(args) => show::run(&args.budget, registrar, console).await,
        BudgetCommand::Change(args) => {
            let change = args.terms.change(args.limit);
            let changed = registrar.change_budget(&args.budget, change).await;
            let changed =
                changed.map_err(|error| explained(error, "failed to change the budget"))?;
            Ok(writeln!(
                console.notes,
                "Changed budget `{}`: {} {}.",
                changed.budget.name,
                changed.budget.limit,
                list::period_text(&changed.budget),
            )?)
        }
        BudgetCommand::Raise(args) => raise(args, registrar, console).await,
        BudgetCommand::End(args) => {
            let ended = registrar.end_budget(&args.budget).await;
            let ended = ended.map_err(|error| explained(error, "failed to end the budget"))?;
            let name = &ended.budget.name;
            Ok(writeln!(console.notes, "Ended budget `{name}`.")?)
        }
    }
}

async fn raise(
    args: &RaiseArgs,
    registrar: &Registrar<'_>,
    console: &mut Console<'_>,
) -> anyhow::Result<()> {
    let until_ms = match (args.by, args.span) {
        (NanoUsd::ZERO, _) => None,
        (_, None) => bail!("--for is missing: for how long, such as 12h or 7d"),
        (_, Some(span)) => Some(registrar.now_ms.saturating_add(span::millis(span))),
    };
    let before = registrar.budget(&args.budget).await;
    let before = before.map_err(|error| explained(error, "failed to read the budget"))?;
    let before = before.budget.terms.raise;
    let before = before.filter(|it| registrar.now_ms < it.until_ms);
    let raised = match until_ms {
        Some(until_ms) => {
            registrar
                .raise_budget(&args.budget, args.by, until_ms)
                .await
        }
        None => registrar.take_raise_back(&args.budget).await,
    };
    let raised = raised.map_err(|error| explained(error, "failed to change the budget"))?;
    let (name, now) = (&raised.budget.name, raised.limit_now);
    let Some(until_ms) = until_ms else {
        let told = writeln!(console.notes, "Budget `{name}` is not raised: {now}.");
        return Ok(told?);
    };
    let instead = before.map(|it| {
        let until = time_text(it.until_ms);
        format!(
            ", in place of {} more until {until} UTC",
            NanoUsd(it.by_nano)
        )
    });
    let (until, instead) = (time_text(until_ms), instead.unwrap_or_default());
    let told = writeln!(
        console.notes,
        "Raised budget `{name}` to {now} until {until} UTC{instead}."
    );
    Ok(told?)
}

async fn create(
    args: &CreateArgs,
    registrar: &Registrar<'_>,
    console: &mut Console<'_>,
) -> anyhow::Result<()> {
    let terms = args.terms.change(Some(args.limit));
    let holder = args.holder.name();
    let made = registrar.create_budget(&args.name, &holder, terms).await;
    let made = made.map_err(|error| explained(error, "failed to make the budget"))?;
    if args.json {
        return Ok(console.json(&made.budget)?);
    }
    Ok(writeln!(
        console.notes,
        "Made budget `{}`: {} {}. What was spent before does not count.",
        made.budget.name,
        made.budget.limit,
        list::period_text(&made.budget),
    )?)
}

impl HolderArgs {
    /// Whom they name.
    pub fn name(&self) -> HolderName {
        match (&self.key, &self.org, &self.team) {
            (Some(key), ..) => HolderName::Key(key.clone()),
            (None, Some(org), _) => HolderName::Organization(org.clone()),
            (None, None, Some(team)) => HolderName::Team(team.clone()),
            (None, None, None) => HolderName::Gateway,
        }
    }
}

impl TermsArgs {
    /// What is wanted of the terms.
    fn change(&self, limit: Option<NanoUsd>) -> TermsChange {
        // An empty list, as in `--models ''`, takes the narrowing back.
        let list = |said: &Option<Vec<String>>| {
            let said = said.iter().map(|it| it.iter().filter(|it| !it.is_empty()));
            said.map(|it| it.cloned().collect()).next()
        };
        TermsChange {
            limit,
            period: self.per.map(Per::period),
            zone: self.zone.clone(),
            models: list(&self.models),
            providers: list(&self.providers),
            tags: list(&self.tags),
            estimate: self.estimate.map(Hold::estimate),
            warn_at: self.warn.clone(),
            webhook: self.webhook.clone(),
            then: self.then.clone(),
        }
    }
}

impl Per {
    fn period(self) -> Period {
        match self {
            Self::Day => Period::Day,
            Self::Week => Period::Week,
            Self::Month => Period::Month,
            Self::Total => Period::Total,
        }
    }
}

impl Hold {
    fn estimate(self) -> Estimate {
        match self {
            Self::Bound => Estimate::Bound,
            Self::Learned => Estimate::Learned,
        }
    }
}

#[cfg(test)]
mod tests;
