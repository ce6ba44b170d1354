//! Tables as CSV: written for spreadsheets, read from vendors' exports (RFC 4180).
//!
//! A text that a spreadsheet would take for a formula is written with a quote before it: names of
//! keys and models may be a stranger's.

use std::borrow::Cow;

/// A line of fields, with its line end.
pub fn line<'f>(fields: impl IntoIterator<Item = Field<'f>>) -> String {
    let fields: Vec<_> = fields.into_iter().map(Field::written).collect();
    format!("{}\r\n", fields.join(","))
}

/// A field as it is to be written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Field<'f> {
    /// A name or a word.
    Text(Cow<'f, str>),
    /// A number in digits, or what else no spreadsheet misreads.
    Plain(Cow<'f, str>),
    /// Nothing.
    Null,
}

impl<'f> Field<'f> {
    /// A name or a word; an empty one is nothing.
    pub fn text(text: impl Into<Cow<'f, str>>) -> Self {
        let text = text.into();
        if text.is_empty() {
            Self::Null
        } else {
            Self::Text(text)
        }
    }

    /// A number.
    pub fn number(number: &impl ToString) -> Self {
        Self::Plain(Cow::Owned(number.to_string()))
    }

    fn written(self) -> Cow<'f, str> {
        match self {
            Self::Null => Cow::Borrowed(""),
            Self::Text(text) if text.starts_with(['=', '+', '-', '@', '\t', '\r']) => {
                quoted(Cow::Owned(format!("'{text}")))
            }
            Self::Plain(text) | Self::Text(text) => quoted(text),
        }
    }
}

fn quoted(text: Cow<'_, str>) -> Cow<'_, str> {
    if text.contains(['"', ',', '\n', '\r']) {
        Cow::Owned(format!("\"{}\"", text.replace('"', "\"\"")))
    } else {
        text
    }
}

/// A row of a table that was read, and the number of the line on which it begins.
pub type Row = (usize, Vec<String>);

/// Reads a table: all rows, the headings first; lines without anything are none.
///
/// # Errors
/// The number of the line on which a quote is opened and not closed.
pub fn read(text: &str) -> Result<Vec<Row>, usize> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let (mut rows, mut row, mut field) = (Vec::new(), Vec::new(), String::new());
    // Where the row and the open quote began.
    let (mut line, mut begun, mut quote) = (1, 1, None);
    let mut characters = text.chars().peekable();
    while let Some(character) = characters.next() {
        line += usize::from(character == '\n');
        match (quote, character) {
            (Some(_), '"') if characters.peek() == Some(&'"') => {
                characters.next();
                field.push('"');
            }
            (Some(_), '"') => quote = None,
            (Some(_), other) => field.push(other),
            (None, '"') if field.is_empty() => quote = Some(line),
            (None, ',') => row.push(std::mem::take(&mut field)),
            (None, '\n') => {
                row.push(std::mem::take(&mut field));
                keep(&mut rows, (begun, std::mem::take(&mut row)));
                begun = line;
            }
            (None, '\r') if characters.peek() == Some(&'\n') => {}
            (None, other) => field.push(other),
        }
    }
    if let Some(line) = quote {
        return Err(line);
    }
    row.push(field);
    keep(&mut rows, (begun, row));
    Ok(rows)
}

fn keep(rows: &mut Vec<Row>, row: Row) {
    if row.1.iter().any(|it| !it.is_empty()) {
        rows.push(row);
    }
}

#[cfg(test)]
mod tests;
