//! Money as integers: amounts in nano-dollars, prices in pico-dollars.
//!
//! A cost is the sum over token classes of quantity times price, each rounded
//! up to the next nano-dollar, computed in 128 bits and checked. Decimal text
//! is read digit by digit; no float is involved anywhere.
//! Which price applies is not decided here.

use std::fmt;
use std::str::FromStr;

use serde::{Serialize, Serializer};

mod decimal;

use decimal::Decimal;

/// An amount in nano-dollars (10⁻⁹ USD); the range is ± $9.2 billion.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NanoUsd(pub i64);

/// A price in pico-dollars (10⁻¹² USD) per token; $1 per million tokens is 10⁶.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PicoUsd(pub u64);

/// Something that was used, with its price.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Part {
    /// How much of it.
    pub quantity: u64,
    /// What one of it costs.
    pub price: PicoUsd,
    /// In millionths of that price: 1 100 000 where a region costs a tenth more, 1 000 where the
    /// quantity is in thousandths.
    pub factor_ppm: u64,
}

/// Why an amount or a price cannot be represented.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum MoneyError {
    /// Not a decimal number.
    #[error("not a decimal number")]
    NotDecimal,
    /// Below zero, where only zero or more makes sense.
    #[error("negative")]
    Negative,
    /// More digits after the point than a pico-dollar per token can hold.
    #[error("finer than a millionth of a dollar per million tokens")]
    TooFine,
    /// More digits after the point than a nano-dollar can hold.
    #[error("finer than a billionth of a dollar")]
    FinerThanNano,
    /// Beyond the range of 64 bits.
    #[error("out of range")]
    OutOfRange,
}

impl NanoUsd {
    /// No money.
    pub const ZERO: Self = Self(0);

    /// Costs parts: each is rounded up to a nano-dollar once, then they are summed.
    ///
    /// # Errors
    /// [`MoneyError::OutOfRange`] when a product or the sum exceeds the range of the type.
    pub fn cost(parts: impl IntoIterator<Item = Part>) -> Result<Self, MoneyError> {
        let mut sum = 0_u128;
        for part in parts {
            let pico = u128::from(part.quantity) * u128::from(part.price.0);
            let millionths = pico.checked_mul(part.factor_ppm.into());
            sum = millionths
                .and_then(|it| sum.checked_add(it.div_ceil(1_000_000_000)))
                .ok_or(MoneyError::OutOfRange)?;
        }
        i64::try_from(sum)
            .map(Self)
            .map_err(|_| MoneyError::OutOfRange)
    }

    /// Reads dollars as people write them, `25` or `0.000123`: no sign, no exponent, and not finer than a
    /// nano-dollar.
    ///
    /// # Errors
    /// Anything else, and what does not fit 64 bits.
    pub fn exactly(text: &str) -> Result<Self, MoneyError> {
        let is_plain = text.bytes().all(|it| it.is_ascii_digit() || it == b'.');
        if !is_plain || text.starts_with('.') || text.ends_with('.') {
            return Err(match text.strip_prefix('-') {
                Some(_) => MoneyError::Negative,
                None => MoneyError::NotDecimal,
            });
        }
        let nano = Decimal::parse(text)?.scaled_exactly(9);
        let nano = nano.map_err(|error| match error {
            MoneyError::TooFine => MoneyError::FinerThanNano,
            other => other,
        })?;
        i64::try_from(nano)
            .map(Self)
            .map_err(|_| MoneyError::OutOfRange)
    }

    /// Adds two amounts; `None` when the sum does not fit.
    #[must_use]
    pub fn checked_add(self, other: Self) -> Option<Self> {
        self.0.checked_add(other.0).map(Self)
    }

    /// Writes the amount in dollars without a sign for the currency: `0.000123`, `1.5`, `0`.
    pub fn to_decimal(self) -> String {
        let sign = if self.0 < 0 { "-" } else { "" };
        let (whole, fraction) = self.split();
        let fraction = fraction.trim_end_matches('0');
        let point = if fraction.is_empty() { "" } else { "." };
        format!("{sign}{whole}{point}{fraction}")
    }

    fn split(self) -> (u64, String) {
        let magnitude = self.0.unsigned_abs();
        (
            magnitude / 1_000_000_000,
            format!("{:09}", magnitude % 1_000_000_000),
        )
    }
}

/// Reads dollars as decimal text (`0.000123`, `1.2e-05`), as a provider reports a cost.
///
/// Digits finer than a nano-dollar round up, so that nothing is undercounted.
impl FromStr for NanoUsd {
    type Err = MoneyError;

    fn from_str(text: &str) -> Result<Self, MoneyError> {
        let nano = Decimal::parse(text)?.scaled_up(9)?;
        i64::try_from(nano)
            .map(Self)
            .map_err(|_| MoneyError::OutOfRange)
    }
}

/// Writes `$0.000123`: at least two digits after the point, no more zeros than that.
impl fmt::Display for NanoUsd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.0 < 0 { "-" } else { "" };
        let (whole, fraction) = self.split();
        f.pad(&format!(
            "{sign}${whole}.{:0<2}",
            fraction.trim_end_matches('0')
        ))
    }
}

/// A decimal string, so that no reader turns it into a float.
impl Serialize for NanoUsd {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.to_decimal())
    }
}

impl PicoUsd {
    /// Reads dollars per token as decimal text (`1.2e-05`), exactly.
    ///
    /// # Errors
    /// Not a number, negative, finer than a pico-dollar, or beyond 64 bits.
    pub fn per_token(text: &str) -> Result<Self, MoneyError> {
        Self::scaled(text, 12)
    }

    /// Reads dollars per million tokens as decimal text (`0.15`), exactly.
    ///
    /// # Errors
    /// As [`PicoUsd::per_token`].
    pub fn per_million(text: &str) -> Result<Self, MoneyError> {
        Self::scaled(text, 6)
    }

    fn scaled(text: &str, places: i32) -> Result<Self, MoneyError> {
        let pico = Decimal::parse(text)?.scaled_exactly(places)?;
        u64::try_from(pico)
            .map(Self)
            .map_err(|_| MoneyError::OutOfRange)
    }
}

#[cfg(test)]
mod tests;
