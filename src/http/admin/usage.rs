//! `/admin/v1/usage`: what was used and what it cost.

use axum::Json;
use axum::extract::FromRequestParts;
use http::request::Parts;
use serde::Serialize;
use tollward_store::{GroupBy, UsageQuery, UsageRow};
use utoipa::{IntoParams, ToSchema};

use super::body::FieldsError;
use super::gate::Desk;
use super::query::Query;
use super::refusal::AdminError;
use super::value::{Dollars, Moment};
use crate::http::error::admin::Refusals;

/// What is summed up.
#[derive(Debug, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct UsageWanted {
    /// What makes a row.
    #[param(required = false, default = "model")]
    pub by: By,
    /// Only calls that ended at that time or later.
    #[param(required = false, nullable = false)]
    pub since: Option<Moment>,
    /// Only calls that ended before.
    #[param(required = false, nullable = false)]
    pub until: Option<Moment>,
}

/// What makes a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum By {
    /// The public model name.
    Model,
    /// The virtual key.
    Key,
    /// The deployment that answered.
    Deployment,
    /// The provider.
    Provider,
    /// The day, in UTC.
    Day,
}

/// What was used.
#[derive(Debug, Serialize, ToSchema)]
pub struct Usage {
    /// What it is: `usage`.
    #[schema(pattern = "^usage$")]
    object: &'static str,
    /// What makes a row.
    by: By,
    /// The rows, the dearest first; days in order of time.
    data: Vec<UsageSum>,
}

/// A row.
#[derive(Debug, Serialize, ToSchema)]
pub struct UsageSum {
    /// The model, deployment, provider or day, or the key's name; empty for calls without one.
    group: String,
    /// The key's id, where rows are keys.
    key: Option<String>,
    /// Requests.
    requests: u64,
    /// Attempts that were booked.
    attempts: u64,
    /// Attempts that failed.
    errors: u64,
    /// Tokens of input, cached ones included.
    input_tokens: u64,
    /// Tokens of input that were read from a provider's cache.
    cache_read_tokens: u64,
    /// Tokens of input that were written to a provider's cache.
    cache_write_tokens: u64,
    /// Tokens of output, thoughts included.
    output_tokens: u64,
    /// Tokens of thoughts.
    reasoning_tokens: u64,
    /// Pictures that were made.
    images: u64,
    /// Milliseconds of sound that were sent.
    input_ms: u64,
    /// Characters that were spoken.
    characters: u64,
    /// The sum of known costs.
    cost: Dollars,
    /// What answers that were given again would have cost.
    saved: Dollars,
    /// Attempts of which nobody knows the cost.
    unpriced: u64,
    /// Attempts whose tokens are estimated.
    estimated: u64,
}

/// Sum up usage
///
/// Of the calls of keys that the token reaches.
#[utoipa::path(get, path = "/admin/v1/usage", tag = "usage", operation_id = "sum_usage",
    params(UsageWanted), responses((status = 200, description = "The sums", body = Usage), Refusals))]
pub async fn sum(desk: Desk, wanted: UsageWanted) -> Result<Json<Usage>, AdminError> {
    let query = UsageQuery {
        by: wanted.by.group(),
        since_ms: wanted.since.map(|it| it.0),
        until_ms: wanted.until.map(|it| it.0),
        within: desk.registrar().actor.reach(),
    };
    let rows = desk.registrar().usage(query).await?;
    Ok(Json(Usage {
        object: "usage",
        by: wanted.by,
        data: rows.into_iter().map(told).collect(),
    }))
}

impl<S: Send + Sync> FromRequestParts<S> for UsageWanted {
    type Rejection = AdminError;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, AdminError> {
        let mut query = Query::of(&parts.uri);
        let by = query.take("by").unwrap_or_else(|| "model".to_owned());
        let by = By::named(&by).ok_or_else(|| {
            let known = "takes model, key, deployment, provider or day";
            FieldsError::value("by", known)
        })?;
        let mut moment = |name| {
            let text: Option<String> = query.take(name);
            let read = |text: String| {
                let wrong = || FieldsError::value(name, "takes a time in RFC 3339");
                Moment::parse(&text).ok_or_else(wrong)
            };
            text.map(read).transpose()
        };
        let (since, until) = (moment("since")?, moment("until")?);
        query.finish()?;
        Ok(Self { by, since, until })
    }
}

impl By {
    fn named(name: &str) -> Option<Self> {
        match name {
            "model" => Some(Self::Model),
            "key" => Some(Self::Key),
            "deployment" => Some(Self::Deployment),
            "provider" => Some(Self::Provider),
            "day" => Some(Self::Day),
            _ => None,
        }
    }

    fn group(self) -> GroupBy {
        match self {
            Self::Model => GroupBy::Model,
            Self::Key => GroupBy::Key,
            Self::Deployment => GroupBy::Deployment,
            Self::Provider => GroupBy::Provider,
            Self::Day => GroupBy::Day,
        }
    }
}

fn told(row: UsageRow) -> UsageSum {
    UsageSum {
        group: row.group,
        key: row.key.map(|it| it.to_string()),
        requests: row.sums.requests,
        attempts: row.sums.attempts,
        errors: row.sums.errors,
        input_tokens: row.sums.tokens.input,
        cache_read_tokens: row.sums.tokens.cache_read,
        cache_write_tokens: row.sums.tokens.cache_write,
        output_tokens: row.sums.tokens.output,
        reasoning_tokens: row.sums.tokens.reasoning,
        images: row.sums.things.images,
        input_ms: row.sums.things.input_ms,
        characters: row.sums.things.characters,
        cost: Dollars(row.sums.cost),
        saved: Dollars(row.sums.saved),
        unpriced: row.sums.unpriced,
        estimated: row.sums.estimated,
    }
}
