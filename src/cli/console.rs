//! Where a command writes: results to one stream, remarks to another.
//!
//! Results go to standard output and are all that a script sees; remarks, warnings and progress go to
//! standard error. Tables are plain columns without colour, so `NO_COLOR` and pipes need no special case.
//! Commands take a `Console` and never touch the process's streams, which is what makes them testable.

use std::io::{self, Write};

use comfy_table::{Cell, ContentArrangement, Table, presets};
use serde::Serialize;

/// The streams of one command.
pub struct Console<'a> {
    /// Results.
    pub out: &'a mut (dyn Write + Send),
    /// Remarks for people.
    pub notes: &'a mut (dyn Write + Send),
    /// Whether a person looks at `notes` in a terminal.
    pub is_terminal: bool,
}

impl Console<'_> {
    /// Writes a value as indented JSON and a line end.
    ///
    /// # Errors
    /// The stream is closed.
    pub fn json(&mut self, value: &impl Serialize) -> io::Result<()> {
        let text = serde_json::to_string_pretty(value).map_err(io::Error::other)?;
        writeln!(self.out, "{text}")
    }

    /// Writes a table; column headings are followed by one row a line.
    ///
    /// # Errors
    /// The stream is closed.
    pub fn table<'h>(
        &mut self,
        headings: impl IntoIterator<Item = &'h str>,
        rows: impl IntoIterator<Item = impl IntoIterator<Item = String>>,
    ) -> io::Result<()> {
        let mut table = Table::new();
        table
            .load_style(presets::NOTHING)
            .set_content_arrangement(ContentArrangement::Disabled);
        table.force_no_tty().set_header(headings);
        for row in rows {
            table.add_row(row.into_iter().map(|text| Cell::new(printable(&text))));
        }
        for line in table.to_string().lines() {
            // Every cell has a space on both sides; the first and the last of a line are of no use.
            writeln!(
                self.out,
                "{}",
                line.strip_prefix(' ').unwrap_or(line).trim_end()
            )?;
        }
        Ok(())
    }
}

/// The text without control characters, but for line ends and tabs.
///
/// Names, errors and answers come from elsewhere; an escape sequence in one could rewrite the screen.
pub fn printable(text: &str) -> String {
    text.chars()
        .filter(|c| !c.is_control() || matches!(c, '\n' | '\t'))
        .collect()
}

/// A point in time as `2026-11-24 13:05`, in UTC; the number itself when it is out of range.
pub fn time_text(unix_ms: i64) -> String {
    written(unix_ms, "%Y-%m-%d %H:%M")
}

/// The same with seconds: `2026-11-24 13:05:09`.
pub fn moment_text(unix_ms: i64) -> String {
    written(unix_ms, "%Y-%m-%d %H:%M:%S")
}

fn written(unix_ms: i64, form: &str) -> String {
    let time = jiff::Timestamp::from_millisecond(unix_ms);
    time.map_or_else(
        |_| unix_ms.to_string(),
        |time| time.strftime(form).to_string(),
    )
}

#[cfg(test)]
pub(crate) mod tests;
