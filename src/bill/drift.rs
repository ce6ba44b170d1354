//! What was billed beside what was booked: how far they are apart, day by day and model by model.

use std::collections::BTreeMap;

use serde::Serialize;
use tollward_store::{NanoUsd, RollupRow, StoreError, Width};

use super::vendor::{Billed, normal};

/// One model on one day, or all of them together.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Drift {
    /// The day in UTC, `YYYY-MM-DD`; empty for all days.
    pub day: String,
    /// The model, in the form in which both sides agree; empty for all models.
    pub model: String,
    /// What the vendor bills.
    pub billed: NanoUsd,
    /// What the ledger has.
    pub booked: NanoUsd,
    /// Attempts in the ledger whose cost nobody knows.
    pub unpriced: u64,
    /// Whether they are further apart than they may be.
    pub is_beyond: bool,
}

/// How far a bill and the ledger may be apart.
#[derive(Clone, Copy, Debug)]
pub struct Tolerance {
    /// In thousandths of a percent of what is billed.
    pub millipercent: u64,
    /// Less than that is no drift: bills are rounded.
    pub least: NanoUsd,
}

impl Drift {
    /// What the ledger has too much, in nano-dollars; negative if it has too little.
    pub fn difference(&self) -> NanoUsd {
        NanoUsd(self.booked.0.saturating_sub(self.billed.0))
    }

    /// The difference in thousandths of a percent of what is billed; `None` where nothing is.
    pub fn millipercent(&self) -> Option<i64> {
        if self.billed == NanoUsd::ZERO {
            return None;
        }
        let (difference, billed) = (i128::from(self.difference().0), i128::from(self.billed.0));
        let parts = difference * 100_000 / billed.abs();
        Some(i64::try_from(parts).unwrap_or(i64::MAX))
    }

    fn judged(mut self, tolerance: Tolerance) -> Self {
        let difference = self.difference().0.unsigned_abs();
        let share = u128::from(difference) * 100_000;
        let allowed = u128::from(self.billed.0.unsigned_abs()) * u128::from(tolerance.millipercent);
        self.is_beyond =
            i64::try_from(difference).map_or(true, |it| it >= tolerance.least.0) && share > allowed;
        self
    }
}

/// Holds a bill against what the ledger says of the same days; the last one is the sum of all.
///
/// # Errors
/// A sum exceeds 64 bits.
pub fn compare(
    billed: Billed,
    booked: Vec<RollupRow>,
    tolerance: Tolerance,
) -> Result<Vec<Drift>, StoreError> {
    let mut rows: BTreeMap<(i64, String), Drift> = BTreeMap::new();
    let zero = |day: i64, model: &str| Drift {
        day: day_text(day),
        model: model.to_owned(),
        billed: NanoUsd::ZERO,
        booked: NanoUsd::ZERO,
        unpriced: 0,
        is_beyond: false,
    };
    for ((day, model), amount) in billed {
        let blank = zero(day, &model);
        rows.entry((day, model)).or_insert(blank).billed = amount;
    }
    for row in booked {
        let (day, model) = (
            row.start_ms / Width::Day.millis(),
            normal(&row.upstream_model),
        );
        let blank = zero(day, &model);
        let drift = rows.entry((day, model)).or_insert(blank);
        let sum = drift.booked.checked_add(row.sums.cost);
        drift.booked = sum.ok_or(StoreError::Overflow)?;
        drift.unpriced = drift.unpriced.saturating_add(row.sums.unpriced);
    }
    let mut total = Drift {
        day: String::new(),
        ..zero(0, "")
    };
    for row in rows.values() {
        let (billed, booked) = (
            total.billed.checked_add(row.billed),
            total.booked.checked_add(row.booked),
        );
        total.billed = billed.ok_or(StoreError::Overflow)?;
        total.booked = booked.ok_or(StoreError::Overflow)?;
        total.unpriced = total.unpriced.saturating_add(row.unpriced);
    }
    // What cost nothing on either side is no news.
    let is_news = |it: &Drift| it.billed.0 != 0 || it.booked.0 != 0 || it.unpriced > 0;
    let all = rows.into_values().filter(is_news).chain([total]);
    Ok(all.map(|it| it.judged(tolerance)).collect())
}

fn day_text(day: i64) -> String {
    let time = jiff::Timestamp::from_second(day.saturating_mul(86_400));
    time.map_or_else(
        |_| day.to_string(),
        |it| it.strftime("%Y-%m-%d").to_string(),
    )
}

#[cfg(test)]
mod tests;
