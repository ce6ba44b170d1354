//! Decimal text as digits and an exponent; scaling without loss or rounded up.

use super::MoneyError;

/// Longest text that is read; a JSON number of a price needs far less.
const MAX_TEXT: usize = 128;

/// A non-negative decimal: `digits × 10^exponent`.
pub(crate) struct Decimal {
    /// Significant digits, each 0..=9, without leading zeros; empty means zero.
    digits: Vec<u8>,
    exponent: i32,
}

impl Decimal {
    /// Reads `12`, `1.5`, `.5`, `+1.2E-05`; no spaces, no separators, no currency.
    pub(crate) fn parse(text: &str) -> Result<Self, MoneyError> {
        if text.len() > MAX_TEXT {
            return Err(MoneyError::NotDecimal);
        }
        let (is_negative, unsigned) = match text.strip_prefix('-') {
            Some(rest) => (true, rest),
            None => (false, text.strip_prefix('+').unwrap_or(text)),
        };
        let (mantissa, exponent) = match unsigned.split_once(['e', 'E']) {
            Some((mantissa, exponent)) => (mantissa, parse_exponent(exponent)?),
            None => (unsigned, 0),
        };
        let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        if whole.is_empty() && fraction.is_empty() {
            return Err(MoneyError::NotDecimal);
        }
        let mut digits = Vec::with_capacity(whole.len() + fraction.len());
        for byte in whole.bytes().chain(fraction.bytes()) {
            if !byte.is_ascii_digit() {
                return Err(MoneyError::NotDecimal);
            }
            if byte != b'0' || !digits.is_empty() {
                digits.push(byte - b'0');
            }
        }
        if is_negative && !digits.is_empty() {
            return Err(MoneyError::Negative);
        }
        let places = i32::try_from(fraction.len()).map_err(|_| MoneyError::NotDecimal)?;
        Ok(Self {
            digits,
            exponent: exponent - places,
        })
    }

    /// The value times `10^places`, rounded up to an integer.
    pub(crate) fn scaled_up(&self, places: i32) -> Result<u128, MoneyError> {
        let (whole, is_exact) = self.scaled(places)?;
        whole
            .checked_add(u128::from(!is_exact))
            .ok_or(MoneyError::OutOfRange)
    }

    /// The value times `10^places`, refused when that is not an integer.
    pub(crate) fn scaled_exactly(&self, places: i32) -> Result<u128, MoneyError> {
        match self.scaled(places)? {
            (whole, true) => Ok(whole),
            (_, false) => Err(MoneyError::TooFine),
        }
    }

    /// The integer part of the value times `10^places`, and whether nothing was cut off.
    fn scaled(&self, places: i32) -> Result<(u128, bool), MoneyError> {
        if self.digits.is_empty() {
            return Ok((0, true));
        }
        let shift = self.exponent + places;
        let cut = usize::try_from(shift.min(0).unsigned_abs()).unwrap_or(usize::MAX);
        let kept = self.digits.len().saturating_sub(cut);
        let zeros = usize::try_from(shift.max(0)).unwrap_or(usize::MAX);
        // 39 digits are all that 128 bits can hold; the check also bounds the loop.
        if kept.saturating_add(zeros) > 39 {
            return Err(MoneyError::OutOfRange);
        }
        let padding = std::iter::repeat_n(&0, zeros);
        let whole = self
            .digits
            .iter()
            .take(kept)
            .chain(padding)
            .try_fold(0_u128, |sum, digit| {
                sum.checked_mul(10)?.checked_add(u128::from(*digit))
            });
        let is_exact = self.digits.iter().skip(kept).all(|digit| *digit == 0);
        Ok((whole.ok_or(MoneyError::OutOfRange)?, is_exact))
    }
}

fn parse_exponent(text: &str) -> Result<i32, MoneyError> {
    let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(MoneyError::NotDecimal);
    }
    // Beyond four digits every value is zero or out of range; clamping keeps sums small.
    let significant = digits.trim_start_matches('0');
    let magnitude = if significant.len() > 4 {
        9_999
    } else {
        significant.parse().unwrap_or(0)
    };
    Ok(if text.starts_with('-') {
        -magnitude
    } else {
        magnitude
    })
}
