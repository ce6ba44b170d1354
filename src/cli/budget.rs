//! `tollward budget`: what keys, teams, organisations or everybody may spend.
//!
//! A running gateway follows within a second. What is reserved for calls that run is known to it
//! alone: the list shows what was charged.

pub(in crate::cli) mod list;
mod show;

use std::time::Duration;

use anyhow::{Context, bail};
use clap::{Args, Subcommand, ValueEnum};
use tollward_store::{
    Account, AccountKind, Budget, BudgetTerms, Estimate, Holder, MAX_CHARGES, NanoUsd, NewBudget,
    Period, Raise, Scope, Store, Then, Webhook,
};

use crate::budgets;
use crate::budgets::crowd::crowd;
use crate::cli::console::{Console, time_text};
use crate::cli::span;

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
    store: &Store,
    now_ms: i64,
    console: &mut Console<'_>,
) -> anyhow::Result<()> {
    match &args.command {
        BudgetCommand::Create(args) => create(args, store, now_ms, console).await,
        BudgetCommand::List(args) => list::run(args.json, store, now_ms, console).await,
        BudgetCommand::Show(args) => show::run(&args.budget, store, now_ms, console).await,
        BudgetCommand::Change(args) => {
            let found = find(store, &args.budget).await?;
            let limit = args.limit.unwrap_or(found.limit);
            let terms = args.terms.over(found.terms.clone())?;
            let changed = change(store, &found, limit, terms).await?;
            Ok(writeln!(
                console.notes,
                "Changed budget `{}`: {} {}.",
                changed.name,
                changed.limit,
                list::period_text(&changed),
            )?)
        }
        BudgetCommand::Raise(args) => raise(args, store, now_ms, console).await,
        BudgetCommand::End(args) => {
            let ended = store.budgets.end_budget(&args.budget, now_ms).await;
            let Some(ended) = ended.context("failed to end the budget")? else {
                bail!(unknown(&args.budget));
            };
            Ok(writeln!(console.notes, "Ended budget `{}`.", ended.name)?)
        }
    }
}

async fn raise(
    args: &RaiseArgs,
    store: &Store,
    now_ms: i64,
    console: &mut Console<'_>,
) -> anyhow::Result<()> {
    let found = find(store, &args.budget).await?;
    let raise = match (args.by, args.span) {
        (NanoUsd::ZERO, _) => None,
        (_, None) => bail!("--for is missing: for how long, such as 12h or 7d"),
        (by, Some(span)) => Some(Raise {
            by_nano: by.0,
            until_ms: now_ms.saturating_add(span::millis(span)),
        }),
    };
    let before = found.terms.raise.filter(|it| now_ms < it.until_ms);
    let terms = BudgetTerms {
        raise,
        ..found.terms.clone()
    };
    let raised = change(store, &found, found.limit, terms).await?;
    let (name, now) = (&raised.name, raised.limit_at(now_ms));
    let instead = before.filter(|_| raise.is_some()).map(|it| {
        let until = time_text(it.until_ms);
        format!(
            ", in place of {} more until {until} UTC",
            NanoUsd(it.by_nano)
        )
    });
    let instead = instead.unwrap_or_default();
    let Some(raise) = raise else {
        let told = writeln!(console.notes, "Budget `{name}` is not raised: {now}.");
        return Ok(told?);
    };
    let until = time_text(raise.until_ms);
    let told = writeln!(
        console.notes,
        "Raised budget `{name}` to {now} until {until} UTC{instead}."
    );
    Ok(told?)
}

/// That a call can still be charged to all budgets that it counts towards.
async fn check_room(store: &Store, new: &NewBudget) -> anyhow::Result<()> {
    if new.terms.scope != Scope::default() {
        return Ok(());
    }
    let budgets = store.budgets.budgets().await;
    let accounts = store.budgets.accounts().await;
    let keys = store.keys.list().await;
    let budgets = budgets.context("failed to read the budgets")?;
    let accounts = accounts.context("failed to read the accounts")?;
    let keys = keys.context("failed to read the keys")?;
    let met = crowd(new.holder, &budgets, (&accounts, &keys));
    if met >= MAX_CHARGES {
        bail!(
            "some calls count towards {met} budgets already, and none can count towards more than {MAX_CHARGES}"
        );
    }
    Ok(())
}

async fn create(
    args: &CreateArgs,
    store: &Store,
    now_ms: i64,
    console: &mut Console<'_>,
) -> anyhow::Result<()> {
    let new = NewBudget {
        name: args.name.clone(),
        holder: args.holder.find(store).await?,
        limit: args.limit,
        terms: args.terms.over(BudgetTerms::default())?,
        now_ms,
    };
    check_room(store, &new).await?;
    let made = store.budgets.create_budget(new).await;
    let made = made.context("failed to make the budget")?;
    if args.json {
        return Ok(console.json(&made)?);
    }
    Ok(writeln!(
        console.notes,
        "Made budget `{}`: {} {}. What was spent before does not count.",
        made.name,
        made.limit,
        list::period_text(&made),
    )?)
}

async fn find(store: &Store, id_or_name: &str) -> anyhow::Result<Budget> {
    let budgets = store.budgets.budgets().await;
    let budgets = budgets.context("failed to read the budgets")?;
    let found = Budget::named(&budgets, id_or_name).cloned();
    found.with_context(|| unknown(id_or_name))
}

fn unknown(id_or_name: &str) -> String {
    format!("no budget has the name or id `{id_or_name}`; see `tollward budget list`")
}

async fn change(
    store: &Store,
    found: &Budget,
    limit: NanoUsd,
    terms: BudgetTerms,
) -> anyhow::Result<Budget> {
    let changed = store.budgets.change_budget(found.id, limit, terms).await;
    let changed = changed.context("failed to change the budget")?;
    changed.with_context(|| format!("the budget `{}` has ended", found.name))
}

impl HolderArgs {
    /// Who it is.
    ///
    /// # Errors
    /// There is nobody of that name.
    pub async fn find(&self, store: &Store) -> anyhow::Result<Holder> {
        if let Some(name) = &self.key {
            let keys = store.keys.list().await.context("failed to read the keys")?;
            let id = name.parse().ok();
            let found = keys.iter().find(|it| match id {
                Some(id) => it.id == id,
                None => it.revoked_ms.is_none() && it.name == *name,
            });
            let found = found.with_context(|| {
                format!("no key has the name or id `{name}`; see `tollward key list`")
            })?;
            return Ok(Holder::Key(found.id));
        }
        let (kind, name) = match (&self.org, &self.team) {
            (Some(org), _) => (AccountKind::Organization, org),
            (None, Some(team)) => (AccountKind::Team, team),
            (None, None) => return Ok(Holder::Gateway),
        };
        Ok(Holder::of(&find_account(store, kind, name).await?))
    }
}

/// The account of that name or id.
///
/// # Errors
/// There is none, or it cannot be read.
pub async fn find_account(
    store: &Store,
    kind: AccountKind,
    id_or_name: &str,
) -> anyhow::Result<Account> {
    let accounts = store.budgets.accounts().await;
    let accounts = accounts.context("failed to read the accounts")?;
    let found = Account::named(&accounts, kind, id_or_name).cloned();
    found.with_context(|| {
        let (kind, command) = (kind.name(), kind.command());
        format!("no {kind} has the name or id `{id_or_name}`; see `tollward {command} list`")
    })
}

impl TermsArgs {
    /// `terms` with what was said.
    fn over(&self, terms: BudgetTerms) -> anyhow::Result<BudgetTerms> {
        if let Some(zone) = &self.zone {
            budgets::zone(zone).with_context(|| {
                format!("`{zone}` is no time zone; use a name such as Asia/Seoul or Europe/Berlin")
            })?;
        }
        // An empty list, as in `--models ''`, takes the narrowing back.
        let list = |said: &Option<Vec<String>>, kept: Vec<String>| match said {
            Some(said) => said.iter().filter(|it| !it.is_empty()).cloned().collect(),
            None => kept,
        };
        let scope = terms.scope;
        let webhook = match self.webhook.clone() {
            Some(address) if address.is_empty() => None,
            Some(address) => Some(Webhook(address)),
            None => terms.webhook,
        };
        let mut warn_at = self.warn.clone().unwrap_or(terms.warn_at);
        // An address that is never told anything is a mistake.
        if webhook.is_some() && warn_at.is_empty() {
            warn_at.push(100);
        }
        Ok(BudgetTerms {
            period: self.per.map_or(terms.period, Per::period),
            zone: self.zone.clone().unwrap_or(terms.zone),
            scope: Scope {
                models: list(&self.models, scope.models),
                providers: list(&self.providers, scope.providers),
                tags: list(&self.tags, scope.tags),
            },
            estimate: self.estimate.map_or(terms.estimate, Hold::estimate),
            then: match self.then.clone() {
                Some(model) if model.is_empty() => Then::Deny,
                Some(model) => Then::Model(model),
                None => terms.then,
            },
            warn_at,
            webhook,
            raise: terms.raise,
        })
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
