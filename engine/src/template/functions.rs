//! What templates in the field call beyond plain Jinja.
//!
//! Source: Hugging Face transformers `chat_template_utils.py` (read 2026-11).

use minijinja::{Environment, Error, ErrorKind, Value, value::Kwargs};
use serde_json::ser::{Formatter, PrettyFormatter};

pub(super) fn register(environment: &mut Environment<'static>) {
    environment.set_unknown_method_callback(minijinja_contrib::pycompat::unknown_method_callback);
    environment.add_function("raise_exception", raise_exception);
    environment.add_function("strftime_now", strftime_now);
    environment.add_filter("tojson", to_json);
}

fn raise_exception(message: String) -> Result<Value, Error> {
    Err(Error::new(ErrorKind::InvalidOperation, message))
}

/// The local date and time; templates of some families state the current date.
#[expect(
    clippy::disallowed_methods,
    reason = "part of the templates' language; a rendered date decides nothing"
)]
fn strftime_now(format: &str) -> Result<String, Error> {
    jiff::fmt::strtime::format(format, &jiff::Zoned::now())
        .map_err(|error| Error::new(ErrorKind::InvalidOperation, error.to_string()))
}

/// JSON as Python writes it: a space after commas and colons, nothing escaped for HTML.
#[expect(
    clippy::needless_pass_by_value,
    reason = "the signature that a filter takes"
)]
fn to_json(value: &Value, kwargs: Kwargs) -> Result<String, Error> {
    let indent: Option<usize> = kwargs.get("indent")?;
    // Other options of Python's function change only the order or the escapes.
    let _: Option<Value> = kwargs.get("ensure_ascii")?;
    let _: Option<Value> = kwargs.get("sort_keys")?;
    let mut out = Vec::new();
    let written = match indent {
        None => write_json(value, &mut out, Spaced),
        Some(width) => {
            let indent = vec![b' '; width.min(16)];
            write_json(value, &mut out, PrettyFormatter::with_indent(&indent))
        }
    };
    written.map_err(|error| Error::new(ErrorKind::InvalidOperation, error.to_string()))?;
    String::from_utf8(out)
        .map_err(|error| Error::new(ErrorKind::InvalidOperation, error.to_string()))
}

fn write_json(
    value: &Value,
    out: &mut Vec<u8>,
    formatter: impl Formatter,
) -> serde_json::Result<()> {
    // The detour through `serde_json::Value` writes minijinja's own string kinds plainly.
    let value = serde_json::to_value(value)?;
    let mut serializer = serde_json::Serializer::with_formatter(out, formatter);
    serde::Serialize::serialize(&value, &mut serializer)
}

/// `{"a": 1, "b": 2}`.
struct Spaced;

impl Formatter for Spaced {
    fn begin_array_value<W: ?Sized + std::io::Write>(
        &mut self,
        writer: &mut W,
        first: bool,
    ) -> std::io::Result<()> {
        if first {
            Ok(())
        } else {
            writer.write_all(b", ")
        }
    }

    fn begin_object_key<W: ?Sized + std::io::Write>(
        &mut self,
        writer: &mut W,
        first: bool,
    ) -> std::io::Result<()> {
        if first {
            Ok(())
        } else {
            writer.write_all(b", ")
        }
    }

    fn begin_object_value<W: ?Sized + std::io::Write>(
        &mut self,
        writer: &mut W,
    ) -> std::io::Result<()> {
        writer.write_all(b": ")
    }
}

/// `{% generation %}` marks training targets and means nothing when generating.
pub(super) fn without_generation_tags(source: &str) -> String {
    let mut text = source.to_owned();
    for open in ["{%-", "{%"] {
        for word in ["generation", "endgeneration"] {
            for close in ["-%}", "%}"] {
                text = text.replace(&format!("{open} {word} {close}"), "");
            }
        }
    }
    text
}
