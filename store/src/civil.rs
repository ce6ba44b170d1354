//! Calendar days in UTC, for the usage report.

/// Writes the day `day` days after 1970-01-01 as `YYYY-MM-DD`.
///
/// Proleptic Gregorian calendar, by counting in eras of 400 years that begin
/// on the first of March, so that the leap day is the last of its year.
pub(crate) fn day_text(day: i64) -> String {
    let shifted = i128::from(day) + 719_468;
    let era = shifted.div_euclid(146_097);
    let day_of_era = shifted.rem_euclid(146_097);
    let year_of_era =
        (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let march_month = (5 * day_of_year + 2) / 153;
    let day_of_month = day_of_year - (153 * march_month + 2) / 5 + 1;
    let month = if march_month < 10 {
        march_month + 3
    } else {
        march_month - 9
    };
    let year = year_of_era + era * 400 + i128::from(month <= 2);
    format!("{year:04}-{month:02}-{day_of_month:02}")
}

#[cfg(test)]
mod tests;
