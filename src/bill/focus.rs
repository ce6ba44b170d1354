//! The bill as FOCUS, the `FinOps` Foundation's form that cost tools read from every cloud.
//!
//! A charge is what one key used of one deployment on one day. Columns are those that version 1.2
//! asks for and those that 1.0 did; what a gateway does not know, such as a region, is null. Columns
//! that begin with `x_` are ours. Source: `https://focus.finops.org/focus-specification/v1-2/`
//! (read 2026-11).

use serde_json::json;
use tollward_store::{Account, AccountKind, RollupQuery, RollupRow, Split, Sums, Width};

use super::csv::{Field, line};
use super::owners::Owners;

/// The columns, in the order in which they are written.
const COLUMNS: [&str; 59] = [
    "AvailabilityZone",
    "BilledCost",
    "BillingAccountId",
    "BillingAccountName",
    "BillingAccountType",
    "BillingCurrency",
    "BillingPeriodEnd",
    "BillingPeriodStart",
    "ChargeCategory",
    "ChargeClass",
    "ChargeDescription",
    "ChargeFrequency",
    "ChargePeriodEnd",
    "ChargePeriodStart",
    "CommitmentDiscountCategory",
    "CommitmentDiscountId",
    "CommitmentDiscountName",
    "CommitmentDiscountStatus",
    "CommitmentDiscountType",
    "ConsumedQuantity",
    "ConsumedUnit",
    "ContractedCost",
    "ContractedUnitPrice",
    "EffectiveCost",
    "InvoiceIssuerName",
    "ListCost",
    "ListUnitPrice",
    "PricingCategory",
    "PricingCurrency",
    "PricingQuantity",
    "PricingUnit",
    "ProviderName",
    "PublisherName",
    "RegionId",
    "RegionName",
    "ResourceId",
    "ResourceName",
    "ResourceType",
    "ServiceCategory",
    "ServiceName",
    "ServiceSubcategory",
    "SkuId",
    "SkuPriceId",
    "SubAccountId",
    "SubAccountName",
    "SubAccountType",
    "Tags",
    "x_Model",
    "x_Operation",
    "x_Key",
    "x_KeyId",
    "x_Organization",
    "x_Requests",
    "x_InputTokens",
    "x_CacheReadTokens",
    "x_CacheWriteTokens",
    "x_OutputTokens",
    "x_ReasoningTokens",
    "x_UnpricedAttempts",
];

/// What is to be read for charges of a span of time.
pub fn question(since_ms: i64, until_ms: i64) -> RollupQuery {
    RollupQuery {
        since_ms,
        until_ms,
        width: Some(Width::Day),
        split: Split {
            key: true,
            model: true,
            deployment: true,
            operation: true,
            ..Split::default()
        },
        ..RollupQuery::default()
    }
}

/// The line of the columns' names.
pub fn heading() -> String {
    line(COLUMNS.map(Field::text))
}

/// The line of a charge; `None` where nobody was asked for anything.
pub fn charge(row: &RollupRow, owners: &Owners) -> Option<String> {
    if row.provider.is_empty() {
        return None;
    }
    let known = Known::of(row, owners);
    Some(line(COLUMNS.map(|column| known.field(column))))
}

/// A row with what its fields are made of.
struct Known<'r> {
    row: &'r RollupRow,
    day: jiff::Timestamp,
    month: (String, String),
    key: Option<String>,
    account: Option<Account>,
    organization: Option<String>,
    quantity: (u64, &'static str),
}

impl<'r> Known<'r> {
    fn of(row: &'r RollupRow, owners: &Owners) -> Self {
        let day = jiff::Timestamp::from_millisecond(row.start_ms).unwrap_or_default();
        let account = owners.account(row.key);
        Self {
            row,
            day,
            month: month(day),
            key: row.key.map(|it| owners.key_name(it)),
            organization: account.map(|it| owners.top(it).name),
            account: account.cloned(),
            quantity: quantity(&row.sums),
        }
    }

    fn field(&self, column: &str) -> Field<'_> {
        let row = self.row;
        let tokens = &row.sums.tokens;
        match column {
            // Nothing is discounted here that was not when it was booked.
            "BilledCost" | "ContractedCost" | "EffectiveCost" | "ListCost" => {
                decimal(row.sums.cost.to_decimal())
            }
            // Who sends the bill for what is used here is the provider.
            "BillingAccountId" | "BillingAccountName" | "InvoiceIssuerName" | "ProviderName"
            | "PublisherName" => Field::text(&*row.provider),
            "BillingAccountType" => Field::text("Provider"),
            "BillingCurrency" | "PricingCurrency" => Field::text("USD"),
            "BillingPeriodStart" => Field::text(&*self.month.0),
            "BillingPeriodEnd" => Field::text(&*self.month.1),
            "ChargeCategory" => Field::text("Usage"),
            "ChargeDescription" => Field::text(format!("{} of {}", row.operation, row.deployment)),
            "ChargeFrequency" => Field::text("Usage-Based"),
            "ChargePeriodStart" => Field::text(moment(self.day)),
            "ChargePeriodEnd" => Field::text(moment(after(self.day, 24))),
            "ConsumedQuantity" | "PricingQuantity" => decimal(self.quantity.0.to_string()),
            "ConsumedUnit" | "PricingUnit" => Field::text(self.quantity.1),
            "PricingCategory" => Field::text("Standard"),
            "ResourceId" => Field::text(&*row.deployment),
            "ResourceName" | "SkuId" => Field::text(&*row.upstream_model),
            "ResourceType" => Field::text("Model"),
            "ServiceCategory" => Field::text("AI and Machine Learning"),
            "ServiceSubcategory" => Field::text("Generative AI"),
            "ServiceName" => Field::text("Model inference"),
            "SubAccountId" => optional(self.account.as_ref().map(|it| it.id.to_string())),
            "SubAccountName" => optional(self.account.as_ref().map(|it| it.name.clone())),
            "SubAccountType" => match self.account.as_ref().map(|it| it.kind) {
                Some(AccountKind::Team) => Field::text("Team"),
                Some(AccountKind::Organization) => Field::text("Organization"),
                None => Field::Null,
            },
            "Tags" => Field::text(self.tags()),
            "x_Model" => Field::text(&*row.model),
            "x_Operation" => Field::text(&*row.operation),
            "x_Key" => optional(self.key.clone()),
            "x_KeyId" => optional(row.key.map(|it| it.to_string())),
            "x_Organization" => optional(self.organization.clone()),
            "x_Requests" => Field::number(&row.sums.requests),
            "x_InputTokens" => Field::number(&tokens.input),
            "x_CacheReadTokens" => Field::number(&tokens.cache_read),
            "x_CacheWriteTokens" => Field::number(&tokens.cache_write),
            "x_OutputTokens" => Field::number(&tokens.output),
            "x_ReasoningTokens" => Field::number(&tokens.reasoning),
            "x_UnpricedAttempts" => Field::number(&row.sums.unpriced),
            _ => Field::Null,
        }
    }

    fn tags(&self) -> String {
        let mut tags = json!({ "model": self.row.model, "operation": self.row.operation });
        if let (Some(key), Some(members)) = (&self.key, tags.as_object_mut()) {
            members.insert("key".to_owned(), json!(key));
        }
        tags.to_string()
    }
}

fn optional(text: Option<String>) -> Field<'static> {
    text.map_or(Field::Null, Field::text)
}

/// A number of a column that may have fractions: without any point readers that guess take it for
/// whole numbers.
fn decimal(number: String) -> Field<'static> {
    let text = if number.contains('.') {
        number
    } else {
        number + ".0"
    };
    Field::Plain(text.into())
}

/// How much was used, in the unit in which it is counted.
fn quantity(sums: &Sums) -> (u64, &'static str) {
    let tokens = sums.tokens.input.saturating_add(sums.tokens.output);
    let things = &sums.things;
    let counted = [
        (tokens, "Tokens"),
        (things.images, "Images"),
        (things.input_ms.div_ceil(1_000), "Seconds"),
        (things.characters, "Characters"),
    ];
    let found = counted.into_iter().find(|(count, _)| *count > 0);
    found.unwrap_or((sums.requests, "Requests"))
}

/// The first moments of the month and of the one after it, in UTC.
fn month(day: jiff::Timestamp) -> (String, String) {
    let date = day.to_zoned(jiff::tz::TimeZone::UTC).date();
    let first = date.first_of_month();
    let next = date.last_of_month().tomorrow().unwrap_or(first);
    let text = |it: jiff::civil::Date| format!("{it}T00:00:00Z");
    (text(first), text(next))
}

fn after(time: jiff::Timestamp, hours: i64) -> jiff::Timestamp {
    time.checked_add(jiff::SignedDuration::from_hours(hours))
        .unwrap_or(time)
}

fn moment(time: jiff::Timestamp) -> String {
    time.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

#[cfg(test)]
mod tests;
