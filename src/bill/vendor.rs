//! A vendor's own bill, read from the file that its console exports.
//!
//! Which vendor's it is, the headings say; a file of another kind is refused by what it has.
//! Amounts are summed up by day in UTC and by model, exactly. Sources, read 2026-11: the exports of
//! `platform.openai.com/usage` (Costs), `platform.claude.com/cost` and `openrouter.ai/activity`.

use std::collections::BTreeMap;

use tollward_store::{MoneyError, NanoUsd};

use super::csv::{Row, read};

/// What was billed for a model on a day.
pub type Billed = BTreeMap<(i64, String), NanoUsd>;

/// Whose export a file is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Export {
    /// `OpenAI`'s costs.
    OpenAi,
    /// Anthropic's costs.
    Anthropic,
    /// `OpenRouter`'s activity.
    OpenRouter,
}

/// Why a file is no bill.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum BillError {
    /// A quote has no end.
    #[error("line {0}: a quote is opened here and not closed")]
    Quote(usize),
    /// It has no headings, or nothing below them.
    #[error("there are no charges in it")]
    Empty,
    /// It tells tokens and no amounts.
    #[error("it tells what was used and not what it cost; export {0} instead")]
    UsageOnly(&'static str),
    /// Nobody's headings.
    #[error(
        "its columns ({found}) are those of no bill that is known: OpenAI's costs have {openai}, \
         Anthropic's {anthropic}, OpenRouter's activity {openrouter}",
        openai = OPENAI.join(", "),
        anthropic = ANTHROPIC.join(", "),
        openrouter = OPENROUTER.join(", ")
    )]
    Unknown {
        /// The first of them.
        found: String,
    },
    /// A field is not what it must be.
    #[error("line {line}: `{column}` is `{found}`, which is no {expected}")]
    Field {
        /// Where it stands.
        line: usize,
        /// Which it is.
        column: &'static str,
        /// What it is, cut short.
        found: String,
        /// What it must be.
        expected: &'static str,
    },
    /// More money than there is.
    #[error("the amounts add up to more than can be counted")]
    Overflow,
}

/// Columns that each export must have.
const OPENAI: [&str; 4] = ["start_time", "amount_value", "amount_currency", "line_item"];
const ANTHROPIC: [&str; 3] = ["usage_date_utc", "model", "cost_usd"];
const OPENROUTER: [&str; 3] = ["created_at", "cost_total", "model_permaslug"];

/// Longest text of a file that is repeated in an error, in characters.
const MAX_SHOWN: usize = 120;

/// Reads a bill.
///
/// # Errors
/// It is none that is known, or a field of it cannot be read.
pub fn read_bill(text: &str) -> Result<(Export, Billed), BillError> {
    let rows = read(text).map_err(BillError::Quote)?;
    let (headings, rows) = rows.split_first().ok_or(BillError::Empty)?;
    let names: Vec<&str> = headings.1.iter().map(|it| it.trim()).collect();
    let export = whose(&names)?;
    let mut billed = Billed::new();
    for row in rows {
        let row = Fields { names: &names, row };
        let Some((day, model, amount)) = charge(export, &row)? else {
            continue;
        };
        let sum = billed.entry((day, model)).or_default();
        *sum = sum.checked_add(amount).ok_or(BillError::Overflow)?;
    }
    if billed.is_empty() {
        return Err(BillError::Empty);
    }
    Ok((export, billed))
}

fn whose(names: &[&str]) -> Result<Export, BillError> {
    let has = |columns: &[&str]| columns.iter().all(|it| names.contains(it));
    if has(&OPENAI) {
        return Ok(Export::OpenAi);
    }
    if has(&ANTHROPIC) {
        return Ok(Export::Anthropic);
    }
    if has(&OPENROUTER) {
        return Ok(Export::OpenRouter);
    }
    // The exports beside those, which are taken for them.
    if has(&["num_model_requests"]) {
        return Err(BillError::UsageOnly(
            "the costs of OpenAI's usage page, grouped by line item",
        ));
    }
    if has(&["amount_value"]) {
        return Err(BillError::UsageOnly("OpenAI's costs grouped by line item"));
    }
    if has(&["usage_output_tokens"]) {
        return Err(BillError::UsageOnly("the cost page of Anthropic's console"));
    }
    Err(BillError::Unknown {
        found: shown(&names.join(", ")),
    })
}

/// A row under its headings.
struct Fields<'r> {
    names: &'r [&'r str],
    row: &'r Row,
}

impl<'r> Fields<'r> {
    fn get(&self, column: &str) -> &'r str {
        let place = self.names.iter().position(|it| *it == column);
        let field = place.and_then(|it| self.row.1.get(it));
        field.map_or("", |it| it.trim())
    }

    fn wrong(&self, column: &'static str, expected: &'static str) -> BillError {
        BillError::Field {
            line: self.row.0,
            column,
            found: shown(self.get(column)),
            expected,
        }
    }

    /// An amount in dollars, which a credit makes negative; an empty one is nothing.
    fn amount(&self, column: &'static str) -> Result<NanoUsd, BillError> {
        let text = self.get(column);
        if text.is_empty() {
            return Ok(NanoUsd::ZERO);
        }
        let parsed: Result<NanoUsd, MoneyError> = match text.strip_prefix('-') {
            Some(credit) => credit.parse().map(|NanoUsd(it)| NanoUsd(-it)),
            None => text.parse(),
        };
        parsed.map_err(|_| self.wrong(column, "amount in dollars"))
    }

    /// The day of a date or a time in UTC, in days since 1970.
    fn day(&self, column: &'static str) -> Result<i64, BillError> {
        let date = self.get(column).get(..10);
        let date = date.and_then(|it| it.parse::<jiff::civil::Date>().ok());
        let time = date.and_then(|it| it.to_zoned(jiff::tz::TimeZone::UTC).ok());
        let seconds = time.map(|it| it.timestamp().as_second());
        let day = seconds.map(|it| it.div_euclid(86_400));
        day.ok_or_else(|| self.wrong(column, "day such as 2026-11-01"))
    }
}

/// The day, the model and the amount of a row; `None` for a bucket without a charge.
fn charge(export: Export, row: &Fields<'_>) -> Result<Option<(i64, String, NanoUsd)>, BillError> {
    match export {
        Export::OpenAi => {
            if row.get("amount_value").is_empty() {
                return Ok(None);
            }
            if !row.get("amount_currency").eq_ignore_ascii_case("usd") {
                return Err(row.wrong("amount_currency", "currency that the ledger has"));
            }
            let seconds = row.get("start_time").parse::<i64>();
            let seconds = seconds.map_err(|_| row.wrong("start_time", "Unix time"))?;
            // `gpt-5.6-mini-2026-03-17, cached input`
            let item = row.get("line_item");
            let model = item.split(", ").next().unwrap_or(item);
            let day = seconds.div_euclid(86_400);
            Ok(Some((day, normal(model), row.amount("amount_value")?)))
        }
        Export::Anthropic => {
            let amount = row.amount("cost_usd")?;
            let model = match row.get("model") {
                // Searches and code that was run have no model.
                "" => row.get("cost_type"),
                model => model,
            };
            Ok(Some((row.day("usage_date_utc")?, normal(model), amount)))
        }
        Export::OpenRouter => {
            let charged = row.amount("cost_total")?;
            // What a key of one's own is billed behind it is booked with the call.
            let behind = row.amount("byok_usage_inference")?;
            let amount = charged.checked_add(behind).ok_or(BillError::Overflow)?;
            let model = normal(row.get("model_permaslug"));
            Ok(Some((row.day("created_at")?, model, amount)))
        }
    }
}

/// A model's name in the form in which bills and deployments agree: small letters, without the date
/// of its version and the word that stands for one. `Claude Haiku 4.5` and `claude-haiku-4-5-20251001`
/// are one.
pub fn normal(model: &str) -> String {
    let model = model.trim().to_ascii_lowercase();
    let model = model.split(':').next().unwrap_or_default();
    let model = model.strip_suffix("-latest").unwrap_or(model);
    let plain: String = model
        .chars()
        .map(|it| {
            if matches!(it, ' ' | '.' | '_') {
                '-'
            } else {
                it
            }
        })
        .collect();
    without_date(&plain).to_owned()
}

/// `…-20251001` and `…-2026-03-17` without their ends.
fn without_date(model: &str) -> &str {
    let is_number =
        |text: &str, length| text.len() == length && text.bytes().all(|it| it.is_ascii_digit());
    let parts: Vec<&str> = model.split('-').collect();
    let cut = match parts.as_slice() {
        [.., last] if parts.len() > 1 && is_number(last, 8) => 9,
        [.., year, month, day]
            if parts.len() > 3
                && is_number(year, 4)
                && is_number(month, 2)
                && is_number(day, 2) =>
        {
            11
        }
        _ => 0,
    };
    model.get(..model.len() - cut).unwrap_or(model)
}

fn shown(text: &str) -> String {
    text.chars()
        .filter(|it| !it.is_control())
        .take(MAX_SHOWN)
        .collect()
}

#[cfg(test)]
mod tests;
