//! The kinds of single values a configuration has, and how each is written.

use std::fmt::Display;
use std::net::SocketAddr;
use std::ops::RangeInclusive;
use std::path::PathBuf;
use std::time::Duration;

use super::{Field, Reader};
use crate::node::{Scalar, ScalarKind, Value};
use crate::path;
use crate::report::{closest, list, quote};

/// How durations are described in messages.
const DURATION: &str = "a duration such as `500ms`, `3s`, `2m` or `1h`";
/// How sizes are described in messages.
const SIZE: &str = "a size such as `20MiB`, `512KiB` or a number of bytes";

impl Field<'_> {
    /// Text that is not empty.
    pub(crate) fn text(&self, reader: &mut Reader, default: &str) -> String {
        let read = self.optional_text(reader);
        self.settle(reader, read, default.to_owned(), Clone::clone)
    }

    /// Text that is not empty; nothing is recorded, the caller knows what it means.
    pub(crate) fn optional_text(&self, reader: &mut Reader) -> Option<String> {
        self.read(reader, "text", |scalar| {
            let is_text = scalar.kind == ScalarKind::Text && !scalar.text.trim().is_empty();
            is_text.then(|| scalar.text.clone())
        })
    }

    /// The same, recorded as it is written; where nothing is, there is no value of its own in force.
    pub(crate) fn recorded(self, reader: &mut Reader) -> Self {
        if let Some(Value::Scalar(scalar)) = self.node.map(|it| &it.value)
            && !scalar.is_secret
        {
            let text = scalar.text.clone();
            reader
                .origins
                .record_value(self.path.clone(), text, self.absent);
        }
        self
    }

    /// Text that a header can carry; nothing is recorded.
    pub(crate) fn header_text(&self, reader: &mut Reader) -> Option<String> {
        let text = self.optional_text(reader)?;
        if text.chars().all(|it| it == ' ' || it.is_ascii_graphic()) {
            return Some(text);
        }
        let message = format!("{} cannot stand in a header", quote(&text));
        let help = String::from("use letters, digits and signs of ASCII, on one line");
        reader.report(&self.path, message, Some(help));
        None
    }

    /// A list of words, or one word for a list of one.
    pub(crate) fn words(&self, reader: &mut Reader, default: &[&str]) -> Vec<String> {
        let is_one = |it: &Scalar| !it.is_loose && it.kind == ScalarKind::Text;
        let read = match self.node.map(|node| &node.value) {
            None => None,
            Some(Value::Scalar(scalar)) if is_one(scalar) => {
                self.optional_text(reader).map(|it| vec![it])
            }
            Some(_) => {
                let items = self.items(reader);
                let words = items
                    .iter()
                    .filter_map(|(path, node)| Field::at(path, node).optional_text(reader));
                Some(words.collect())
            }
        };
        let default = default.iter().map(|it| (*it).to_owned()).collect();
        self.settle(reader, read, default, |words: &Vec<String>| {
            words.join(", ")
        })
    }

    /// Text that must be there; nothing is recorded.
    pub(crate) fn required_text(&self, reader: &mut Reader) -> Option<String> {
        if self.node.is_none() {
            let parent = path::parent(&self.path).unwrap_or_default();
            let message = format!("{} is missing here", quote(&path::last(&self.path)));
            reader.report(parent, message, None);
        }
        self.optional_text(reader)
    }

    /// A path, or `None` with `default` naming what then happens.
    pub(crate) fn path(&self, reader: &mut Reader, default: &str) -> Option<PathBuf> {
        let read = self.optional_text(reader).map(PathBuf::from);
        self.settle(reader, read.map(Some), None, |path| match path {
            Some(path) => path.display().to_string(),
            None => default.to_owned(),
        })
    }

    /// An address with a port.
    pub(crate) fn address(&self, reader: &mut Reader, default: SocketAddr) -> SocketAddr {
        let read = self.read(reader, "an address such as `127.0.0.1:4000`", |scalar| {
            parse_address(&scalar.text)
        });
        self.settle(reader, read, default, ToString::to_string)
    }

    /// A whole number within bounds.
    pub(crate) fn integer<T>(&self, reader: &mut Reader, default: T, range: RangeInclusive<T>) -> T
    where
        T: TryFrom<u64> + PartialOrd + Display + Copy,
    {
        let read = self.optional_integer(reader, range);
        self.settle(reader, read, default, ToString::to_string)
    }

    /// A whole number within bounds; nothing is recorded.
    pub(crate) fn optional_integer<T>(
        &self,
        reader: &mut Reader,
        range: RangeInclusive<T>,
    ) -> Option<T>
    where
        T: TryFrom<u64> + PartialOrd + Display + Copy,
    {
        let expected = format!("a whole number from {} to {}", range.start(), range.end());
        self.read(reader, &expected, |scalar| {
            let is_number = scalar.kind == ScalarKind::Integer || scalar.is_loose;
            let number = is_number
                .then(|| scalar.text.trim().parse::<u64>().ok())
                .flatten()?;
            T::try_from(number)
                .ok()
                .filter(|number| range.contains(number))
        })
    }

    /// A duration that is longer than nothing and at most a day.
    pub(crate) fn duration(&self, reader: &mut Reader, default: Duration) -> Duration {
        let bounds = Duration::from_millis(1)..=Duration::from_hours(24);
        self.duration_within(bounds, reader, default)
    }

    /// A duration of at most a day; nothing is one as well.
    pub(crate) fn pause(&self, reader: &mut Reader, default: Duration) -> Duration {
        self.span(reader, default, Duration::from_hours(24))
    }

    /// A duration of at most `most`; nothing is one as well.
    pub(crate) fn span(&self, reader: &mut Reader, default: Duration, most: Duration) -> Duration {
        self.duration_within(Duration::ZERO..=most, reader, default)
    }

    fn duration_within(
        &self,
        bounds: RangeInclusive<Duration>,
        reader: &mut Reader,
        default: Duration,
    ) -> Duration {
        let read = self.read(reader, DURATION, |scalar| parse_duration(&scalar.text));
        let fitting = read.filter(|duration| {
            let fits = bounds.contains(duration);
            if !fits {
                let help = Some(format!(
                    "durations go from {} to {} here",
                    show_duration(*bounds.start()),
                    show_duration(*bounds.end())
                ));
                reader.report(&self.path, "this duration is out of bounds", help);
            }
            fits
        });
        self.settle(reader, fitting, default, |duration| {
            show_duration(*duration)
        })
    }

    /// A size in bytes within bounds.
    pub(crate) fn size(
        &self,
        reader: &mut Reader,
        default: u64,
        range: RangeInclusive<u64>,
    ) -> u64 {
        let read = self.read(reader, SIZE, |scalar| match scalar.kind {
            ScalarKind::Text | ScalarKind::Integer => parse_size(&scalar.text),
            _ => None,
        });
        let fitting = read.filter(|size| {
            let fits = range.contains(size);
            if !fits {
                let (from, to) = (show_size(*range.start()), show_size(*range.end()));
                let help = Some(format!("it goes from {from} to {to}"));
                reader.report(&self.path, "this size is out of bounds", help);
            }
            fits
        });
        self.settle(reader, fitting, default, |size| show_size(*size))
    }

    /// One of a few words. `true` and `false` stand for `on` and `off` where those are choices.
    pub(crate) fn choice<T: Copy + PartialEq>(
        &self,
        reader: &mut Reader,
        default: T,
        choices: &[(&'static str, T)],
    ) -> T {
        let read = self.optional_choice(reader, choices);
        self.settle(reader, read, default, |value| {
            name_of(choices, value).to_owned()
        })
    }

    /// One of a few words; nothing is recorded.
    pub(crate) fn optional_choice<T: Copy>(
        &self,
        reader: &mut Reader,
        choices: &[(&'static str, T)],
    ) -> Option<T> {
        let names = || choices.iter().map(|(name, _)| *name);
        let expected = format!("one of {}", list(names()));
        let scalar = self.scalar(reader, &expected)?;
        let word = choice_word(scalar);
        let found = choices
            .iter()
            .find(|(name, _)| *name == word)
            .map(|(_, value)| *value);
        if found.is_none() {
            let message = format!(
                "expected {expected}, found {}",
                super::shown(&self.path, scalar)
            );
            let mut diagnostic = reader.origins.diagnose(&self.path, message, &[]);
            diagnostic.suggestion = closest(word, names()).map(String::from);
            reader.diagnostics.push(diagnostic);
        }
        found
    }

    /// `on`, `off` or a path; nothing is recorded.
    ///
    /// A word that looks like a misspelt switch is refused: a file named `of` helps nobody.
    pub(crate) fn switch_or_path(&self, reader: &mut Reader) -> Option<SwitchOrPath> {
        self.read(
            reader,
            "`on`, `off` or the path of a file such as `./access.log`",
            |scalar| match choice_word(scalar) {
                "on" => Some(SwitchOrPath::On),
                "off" => Some(SwitchOrPath::Off),
                path if path.contains(['/', '\\', '.']) && scalar.kind == ScalarKind::Text => {
                    Some(SwitchOrPath::Path(PathBuf::from(path)))
                }
                _ => None,
            },
        )
    }

    /// The value read or the default, recorded as it is shown.
    pub(crate) fn settle<T>(
        &self,
        reader: &mut Reader,
        read: Option<T>,
        default: T,
        show: impl FnOnce(&T) -> String,
    ) -> T {
        let value = read.unwrap_or(default);
        reader
            .origins
            .record_value(self.path.clone(), show(&value), self.absent);
        value
    }
}

/// What a field that takes `on`, `off` or a path was given.
pub(crate) enum SwitchOrPath {
    On,
    Off,
    Path(PathBuf),
}

/// The word of a choice; truth values read as `on` and `off`.
pub(crate) fn choice_word(scalar: &Scalar) -> &str {
    match (scalar.kind, scalar.text.as_str()) {
        (ScalarKind::Bool, "true") => "on",
        (ScalarKind::Bool, "false") => "off",
        (_, text) => text,
    }
}

fn name_of<T: PartialEq>(choices: &[(&'static str, T)], value: &T) -> &'static str {
    choices
        .iter()
        .find(|(_, choice)| choice == value)
        .map_or("", |(name, _)| name)
}

/// `host:port`; `localhost` is loopback and an empty host is every address.
fn parse_address(text: &str) -> Option<SocketAddr> {
    if let Some(port) = text.strip_prefix("localhost:") {
        return format!("127.0.0.1:{port}").parse().ok();
    }
    if text.starts_with(':') {
        return format!("0.0.0.0{text}").parse().ok();
    }
    text.parse().ok()
}

/// `500ms`, `3s`, `2m`, `1h`, `30d`, `1m30s`; a number needs its unit, because guessing it is a bug.
pub(crate) fn parse_duration(text: &str) -> Option<Duration> {
    let mut total = Duration::ZERO;
    let mut rest = text.trim();
    if rest.is_empty() {
        return None;
    }
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit())?;
        let (number, after) = rest.split_at_checked(digits)?;
        let number: u64 = number.parse().ok()?;
        let unit_length = after
            .find(|c: char| c.is_ascii_digit())
            .unwrap_or(after.len());
        let (unit, after) = after.split_at_checked(unit_length)?;
        let part = match unit.trim() {
            "ms" => Duration::from_millis(number),
            "s" => Duration::from_secs(number),
            "m" | "min" => Duration::from_secs(number.checked_mul(60)?),
            "h" => Duration::from_secs(number.checked_mul(3600)?),
            "d" => Duration::from_secs(number.checked_mul(86_400)?),
            _ => return None,
        };
        total = total.checked_add(part)?;
        rest = after;
    }
    Some(total)
}

/// A duration the way it is written: the largest units that express it exactly.
pub(crate) fn show_duration(duration: Duration) -> String {
    let millis = duration.as_millis();
    match millis {
        0 => String::from("0s"),
        _ if !millis.is_multiple_of(1000) => format!("{millis}ms"),
        _ if !millis.is_multiple_of(60_000) => format!("{}s", millis / 1000),
        _ if !millis.is_multiple_of(3_600_000) => format!("{}m", millis / 60_000),
        // A day is as many hours; only what is longer is better read in days.
        _ if millis <= 86_400_000 || !millis.is_multiple_of(86_400_000) => {
            format!("{}h", millis / 3_600_000)
        }
        _ => format!("{}d", millis / 86_400_000),
    }
}

/// `20MiB`, `512KiB`, `1GB`, `1000000`: binary and decimal units, bytes without one.
pub(crate) fn parse_size(text: &str) -> Option<u64> {
    let text = text.trim();
    let digits = text
        .find(|c: char| !c.is_ascii_digit())
        .unwrap_or(text.len());
    let (number, unit) = text.split_at_checked(digits)?;
    let number: u64 = number.parse().ok()?;
    let factor = match unit.trim() {
        "" | "B" => 1,
        "KiB" => 1 << 10,
        "MiB" => 1 << 20,
        "GiB" => 1 << 30,
        "kB" | "KB" => 1_000,
        "MB" => 1_000_000,
        "GB" => 1_000_000_000,
        _ => return None,
    };
    number.checked_mul(factor)
}

fn show_size(bytes: u64) -> String {
    [(1 << 30, "GiB"), (1 << 20, "MiB"), (1 << 10, "KiB")]
        .into_iter()
        .find(|(unit, _)| bytes >= *unit && bytes.is_multiple_of(*unit))
        .map_or_else(
            || format!("{bytes}"),
            |(unit, name)| format!("{}{name}", bytes / unit),
        )
}
