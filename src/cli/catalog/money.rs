//! Prices and dates as people read them.

use tollward_config::catalog::Unit;

/// Pico-dollars for one as dollars for as many as people know the price of: `4.00`, `0.0028`.
pub(in crate::cli) fn dollars(unit: Unit, pico: u64) -> String {
    const PICO: u128 = 1_000_000_000_000;
    let amount = u128::from(pico) * u128::from(unit.per());
    let fraction = format!("{:012}", amount % PICO);
    format!("{}.{:0<2}", amount / PICO, fraction.trim_end_matches('0'))
}

/// How many that price is for: `1M tokens`, `1k pages`, `image`.
pub(super) fn per(unit: Unit) -> String {
    let many = match unit.per() {
        1 => "",
        1_000 => "1k ",
        _ => "1M ",
    };
    let what = match unit {
        Unit::Image => "image",
        Unit::SecondInput | Unit::SecondOutput => "second",
        Unit::Character => "characters",
        Unit::Page => "pages",
        Unit::SearchUnit | Unit::WebSearch => "searches",
        Unit::Request => "requests",
        _ => "tokens",
    };
    format!("{many}{what}")
}

/// A moment as a day in UTC.
pub(super) fn day(unix_s: i64) -> String {
    let time = jiff::Timestamp::from_second(unix_s);
    time.map_or_else(
        |_| unix_s.to_string(),
        |time| time.strftime("%Y-%m-%d").to_string(),
    )
}

/// Reads a day as the end of it in Unix seconds: what was in force on that day.
pub(super) fn parse_day(text: &str) -> Result<i64, String> {
    let expected = || format!("`{text}` is no date; write 2026-11-24");
    let date: jiff::civil::Date = text.parse().map_err(|_| expected())?;
    let begin = date
        .to_zoned(jiff::tz::TimeZone::UTC)
        .map_err(|_| expected())?;
    Ok(begin.timestamp().as_second() + 86_399)
}

/// The change between two prices in percent, with one place: `+25.0 %`.
pub(super) fn change(old: u64, new: u64) -> String {
    if old == 0 {
        return "from nothing".to_owned();
    }
    let (old, new) = (i128::from(old), i128::from(new));
    let thousandths = (new - old) * 1_000 / old;
    let sign = if new < old { "-" } else { "+" };
    let size = thousandths.unsigned_abs();
    format!("{sign}{}.{} %", size / 10, size % 10)
}
