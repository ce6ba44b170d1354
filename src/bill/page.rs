//! The answer of the usage API: a page of buckets with results.
//!
//! Amounts are JSON numbers that are written from the integer, digit by digit. What the ledger does
//! not tell, such as who the end user was, is null.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::value::RawValue;
use tollward_store::{AccountId, KeyId, NanoUsd, RollupRow, StoreError, Sums};

use super::asked::Asked;
use super::kind::{Group, Kind};
use super::owners::Owners;

/// A page.
#[derive(Debug, Serialize)]
pub struct Page {
    object: &'static str,
    data: Vec<Bucket>,
    has_more: bool,
    #[serde(rename = "next_page")]
    next: Option<String>,
}

/// A part of the span, empty or not.
#[derive(Debug, Serialize)]
struct Bucket {
    object: &'static str,
    start_time: i64,
    end_time: i64,
    results: Vec<Line>,
}

/// A result.
#[derive(Debug, Serialize)]
struct Line {
    object: &'static str,
    #[serde(flatten)]
    figures: Figures,
    project_id: Option<AccountId>,
    user_id: Option<&'static str>,
    api_key_id: Option<KeyId>,
}

/// What a result says.
#[derive(Debug, Serialize)]
#[serde(untagged)]
enum Figures {
    Completions {
        input_tokens: u64,
        output_tokens: u64,
        input_cached_tokens: u64,
        input_audio_tokens: u64,
        output_audio_tokens: u64,
        num_model_requests: u64,
        model: Option<String>,
        batch: Option<bool>,
        service_tier: Option<&'static str>,
    },
    Input {
        input_tokens: u64,
        num_model_requests: u64,
        model: Option<String>,
    },
    Images {
        images: u64,
        num_model_requests: u64,
        model: Option<String>,
        size: Option<&'static str>,
        source: Option<&'static str>,
    },
    Characters {
        characters: u64,
        num_model_requests: u64,
        model: Option<String>,
    },
    Seconds {
        seconds: u64,
        num_model_requests: u64,
        model: Option<String>,
    },
    Cost {
        amount: Amount,
        line_item: Option<String>,
        quantity: Option<u64>,
        /// Attempts whose cost nobody knows, and which are missing from the amount.
        unpriced: u64,
    },
    /// Of what is not counted there are no results.
    Nothing {},
}

/// An amount of money.
#[derive(Debug, Serialize)]
struct Amount {
    value: Box<RawValue>,
    currency: &'static str,
}

/// What tells results apart; what was not asked for is missing.
#[derive(Clone, Default, PartialEq, Eq, PartialOrd, Ord)]
struct Cell {
    start_s: i64,
    project: Option<AccountId>,
    key: Option<KeyId>,
    text: Option<String>,
}

impl Page {
    /// The answer to `asked` from what the store found.
    ///
    /// # Errors
    /// A sum exceeds 64 bits.
    pub fn new(asked: &Asked, rows: Vec<RollupRow>, owners: &Owners) -> Result<Self, StoreError> {
        let mut results: BTreeMap<i64, Vec<Line>> = BTreeMap::new();
        for (cell, sums) in summed(asked, rows, owners)? {
            let line = line(asked.kind, &cell, &sums);
            results.entry(cell.start_s).or_default().push(line);
        }
        let length = asked.width.millis() / 1_000;
        let (first, end) = (asked.first_s, asked.page_end_s());
        let starts = (0..asked.limit).map(|it| first + it * length);
        let buckets = starts.take_while(|it| *it < end).map(|start_time| Bucket {
            object: "bucket",
            start_time,
            end_time: start_time + length,
            results: results.remove(&start_time).unwrap_or_default(),
        });
        let next = asked.next_page();
        Ok(Self {
            object: "page",
            data: buckets.collect(),
            has_more: next.is_some(),
            next,
        })
    }
}

/// The rows that are asked for, added up as far as they are not told apart.
fn summed(
    asked: &Asked,
    rows: Vec<RollupRow>,
    owners: &Owners,
) -> Result<BTreeMap<Cell, Sums>, StoreError> {
    let filters = &asked.filters;
    let keys = filters.keys.as_ref().map(|it| owners.keys_of(it));
    let projects = filters.projects.as_ref().map(|it| owners.accounts_of(it));
    let is_by = |group| asked.groups.contains(&group);
    let mut cells: BTreeMap<Cell, Sums> = BTreeMap::new();
    for row in rows {
        let project = owners.account(row.key).map(|it| it.id);
        let is_in = |list: &Option<Vec<String>>, text: &String| {
            list.as_ref().is_none_or(|it| it.contains(text))
        };
        let is_asked = is_in(&filters.models, &row.model)
            && is_in(&filters.line_items, &row.deployment)
            && keys
                .as_ref()
                .is_none_or(|it| row.key.is_some_and(|key| it.contains(&key)))
            && projects
                .as_ref()
                .is_none_or(|it| project.is_some_and(|id| it.contains(&id)));
        if !is_asked {
            continue;
        }
        let text = match asked.kind {
            Kind::Costs => is_by(Group::LineItem).then_some(row.deployment),
            _ => is_by(Group::Model).then_some(row.model),
        };
        let cell = Cell {
            start_s: row.start_ms / 1_000,
            project: project.filter(|_| is_by(Group::Project)),
            key: row.key.filter(|_| is_by(Group::Key)),
            // Who was never sent to a provider has no line there.
            text: text.filter(|it| !it.is_empty()),
        };
        let sums = cells.entry(cell).or_default();
        *sums = sums.checked_add(&row.sums).ok_or(StoreError::Overflow)?;
    }
    Ok(cells)
}

fn line(kind: Kind, cell: &Cell, sums: &Sums) -> Line {
    let (num_model_requests, model) = (sums.requests, cell.text.clone());
    let figures = match kind {
        Kind::Completions => Figures::Completions {
            input_tokens: sums.tokens.input,
            output_tokens: sums.tokens.output,
            input_cached_tokens: sums.tokens.cache_read,
            input_audio_tokens: sums.tokens.audio_input,
            output_audio_tokens: sums.tokens.audio_output,
            num_model_requests,
            model,
            batch: None,
            service_tier: None,
        },
        Kind::Embeddings | Kind::Moderations => Figures::Input {
            input_tokens: sums.tokens.input,
            num_model_requests,
            model,
        },
        Kind::Images => Figures::Images {
            images: sums.things.images,
            num_model_requests,
            model,
            size: None,
            source: None,
        },
        Kind::AudioSpeeches => Figures::Characters {
            characters: sums.things.characters,
            num_model_requests,
            model,
        },
        Kind::AudioTranscriptions => Figures::Seconds {
            seconds: sums.things.input_ms.div_ceil(1_000),
            num_model_requests,
            model,
        },
        Kind::Costs => Figures::Cost {
            amount: Amount::of(sums.cost),
            line_item: model,
            quantity: None,
            unpriced: sums.unpriced,
        },
        Kind::VectorStores
        | Kind::CodeInterpreterSessions
        | Kind::FileSearchCalls
        | Kind::WebSearchCalls => Figures::Nothing {},
    };
    Line {
        object: kind.object(),
        figures,
        project_id: cell.project,
        user_id: None,
        api_key_id: cell.key,
    }
}

impl Amount {
    fn of(cost: NanoUsd) -> Self {
        // A decimal number is JSON as it stands, so none is ever replaced by nothing.
        let value = RawValue::from_string(cost.to_decimal());
        Self {
            value: value.unwrap_or_else(|_| RawValue::NULL.to_owned()),
            currency: "usd",
        }
    }
}
