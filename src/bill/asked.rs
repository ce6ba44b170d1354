//! A question to the usage API: its parameters, read once and checked.
//!
//! Arrays are written as SDKs do, `group_by[]=model`, or as plain repetition. What is not known is
//! refused: a filter that is misspelt would show everybody's sum as somebody's.

use std::borrow::Cow;

use tollward_store::{RollupQuery, Split, Whose, Width};
use tollward_wire::document::FieldError;
use url::form_urlencoded;

use super::kind::{Group, Kind};

/// The year 10000, in Unix seconds: nothing is asked beyond it.
const LAST_S: i64 = 253_402_300_800;
/// Most values of one parameter.
const MAX_VALUES: usize = 1_000;

/// A question, checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asked {
    /// What is asked for.
    pub kind: Kind,
    /// Length of a bucket.
    pub width: Width,
    /// When the first bucket of this page begins, Unix seconds.
    pub first_s: i64,
    /// When the last bucket of all pages ends.
    pub end_s: i64,
    /// Buckets of a page.
    pub limit: i64,
    /// What tells results of a bucket apart.
    pub groups: Vec<Group>,
    /// What is left out.
    pub filters: Filters,
}

/// Which calls are counted; a list that is missing is no bound, an empty one admits none.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Filters {
    /// Teams or organisations, by id or name.
    pub projects: Option<Vec<String>>,
    /// Virtual keys, by id or name.
    pub keys: Option<Vec<String>>,
    /// Public model names.
    pub models: Option<Vec<String>>,
    /// Deployments.
    pub line_items: Option<Vec<String>>,
    /// Something is asked for that the ledger does not tell: nothing is known to be that.
    pub is_untold: bool,
}

/// The parameters as they were written.
struct Parameters<'a>(Vec<(Cow<'a, str>, Cow<'a, str>)>);

impl Asked {
    /// Reads the query of a request; `now_s` ends a span that has no end, in Unix seconds.
    ///
    /// # Errors
    /// A parameter is unknown, missing, there twice or out of its bounds.
    pub fn parse(kind: Kind, query: &str, now_s: i64) -> Result<Self, FieldError> {
        let mut parameters = Parameters::read(query)?;
        let (width, most, usual) = width(kind, &mut parameters)?;
        let limit = parameters.number("limit", 1, most)?.unwrap_or(usual);
        let start = parameters.number("start_time", 0, LAST_S)?;
        let start = start.ok_or_else(|| FieldError::new("start_time", "given, in Unix seconds"))?;
        let end = parameters.number("end_time", 0, LAST_S)?;
        let length = width.millis() / 1_000;
        // Every bucket is whole: the sums are kept by the hour.
        let first = start - start % length;
        let end = end.unwrap_or(now_s.max(start));
        if end < start {
            return Err(FieldError::new("end_time", "after `start_time`"));
        }
        let end_s = (end + length - 1) / length * length;
        let first_s = match parameters.one("page")? {
            Some(page) => cursor(&page, first, end_s, length)?,
            None => first,
        };
        let groups = groups(kind, &mut parameters)?;
        let filters = Filters {
            projects: parameters.list("project_ids"),
            keys: parameters.list("api_key_ids"),
            models: match kind {
                Kind::Costs => None,
                _ => parameters.list("models"),
            },
            line_items: match kind {
                Kind::Costs => parameters.list("line_items"),
                _ => None,
            },
            is_untold: untold(kind, &mut parameters)?,
        };
        parameters.finish()?;
        Ok(Self {
            kind,
            width,
            first_s,
            end_s,
            limit,
            groups,
            filters,
        })
    }

    /// When the last bucket of this page ends, Unix seconds.
    pub fn page_end_s(&self) -> i64 {
        let length = self.width.millis() / 1_000;
        self.end_s.min(self.first_s + self.limit * length)
    }

    /// The name of the page after this one, if there is one.
    pub fn next_page(&self) -> Option<String> {
        let next = self.page_end_s();
        (next < self.end_s).then(|| format!("page_{next}"))
    }

    /// The question to the store, about calls of `whose`; `None` where the ledger has no answer.
    pub fn rollup(&self, whose: Whose) -> Option<RollupQuery> {
        let operations = match self.kind.operations() {
            Some([]) => return None,
            Some(some) => some.iter().map(|it| it.name()).collect(),
            None => Vec::new(),
        };
        if self.filters.is_untold {
            return None;
        }
        let is_by = |group| self.groups.contains(&group);
        let filters = &self.filters;
        let has_owner = is_by(Group::Key) || is_by(Group::Project);
        Some(RollupQuery {
            since_ms: self.first_s * 1_000,
            until_ms: self.page_end_s() * 1_000,
            width: Some(self.width),
            split: Split {
                key: has_owner || filters.keys.is_some() || filters.projects.is_some(),
                model: is_by(Group::Model) || filters.models.is_some(),
                deployment: is_by(Group::LineItem) || filters.line_items.is_some(),
                ..Split::default()
            },
            whose,
            operations,
        })
    }
}

/// Length of a bucket, the most buckets of a page, and how many there are if nobody says.
fn width(kind: Kind, parameters: &mut Parameters<'_>) -> Result<(Width, i64, i64), FieldError> {
    let asked = parameters.one("bucket_width")?;
    match (kind, asked.as_deref()) {
        (Kind::Costs, None | Some("1d")) => Ok((Width::Day, 180, 7)),
        (Kind::Costs, Some(_)) => Err(FieldError::new("bucket_width", "`1d` for costs")),
        (_, None | Some("1d")) => Ok((Width::Day, 31, 7)),
        (_, Some("1h")) => Ok((Width::Hour, 168, 24)),
        (_, Some("1m")) => Ok((Width::Minute, 1_440, 60)),
        _ => Err(FieldError::new("bucket_width", "`1m`, `1h` or `1d`")),
    }
}

/// Where a page begins.
fn cursor(page: &str, first: i64, end: i64, length: i64) -> Result<i64, FieldError> {
    let time = page.strip_prefix("page_").and_then(|it| it.parse().ok());
    // A cursor of another question leads nowhere here.
    time.filter(|it| (first..end).contains(it) && it % length == 0)
        .ok_or_else(|| FieldError::new("page", "the `next_page` of the page before"))
}

fn groups(kind: Kind, parameters: &mut Parameters<'_>) -> Result<Vec<Group>, FieldError> {
    let known = kind.groups();
    let mut groups = Vec::new();
    for asked in parameters.list("group_by").unwrap_or_default() {
        let found = known.iter().find(|(name, _)| *name == asked);
        let Some((_, group)) = found else {
            let names: Vec<_> = known.iter().map(|(name, _)| format!("`{name}`")).collect();
            let expected = format!("of {}", names.join(", "));
            return Err(FieldError::new("group_by", expected));
        };
        if !groups.contains(group) {
            groups.push(*group);
        }
    }
    Ok(groups)
}

/// Whether a filter admits only what the ledger does not tell.
fn untold(kind: Kind, parameters: &mut Parameters<'_>) -> Result<bool, FieldError> {
    let names: &[&str] = match kind {
        Kind::Images => &["user_ids", "sizes", "sources"],
        Kind::FileSearchCalls => &["user_ids", "vector_store_ids"],
        Kind::WebSearchCalls => &["user_ids", "context_levels"],
        _ => &["user_ids"],
    };
    let mut is_untold = false;
    for name in names {
        is_untold |= parameters.list(name).is_some();
    }
    if kind == Kind::Completions {
        // Nothing is known to be a job of the batch API, whose files are passed through unread.
        is_untold |= match parameters.one("batch")?.as_deref() {
            None | Some("false") => false,
            Some("true") => true,
            Some(_) => return Err(FieldError::new("batch", "`true` or `false`")),
        };
    }
    Ok(is_untold)
}

impl<'a> Parameters<'a> {
    fn read(query: &'a str) -> Result<Self, FieldError> {
        let pairs: Vec<_> = form_urlencoded::parse(query.as_bytes())
            .map(|(name, value)| (plain(name), value))
            .collect();
        if pairs.len() > MAX_VALUES {
            let (name, _) = pairs.into_iter().next().unwrap_or_default();
            return Err(FieldError::new(
                name,
                format!("one of at most {MAX_VALUES} parameters"),
            ));
        }
        Ok(Self(pairs))
    }

    /// Takes all values of a parameter; `None` if it is not there.
    fn list(&mut self, name: &str) -> Option<Vec<String>> {
        let taken = self.0.extract_if(.., |(there, _)| there == name);
        let values: Vec<_> = taken.map(|(_, value)| value.into_owned()).collect();
        Some(values).filter(|it| !it.is_empty())
    }

    /// Takes the value of a parameter that is there once.
    fn one(&mut self, name: &str) -> Result<Option<String>, FieldError> {
        let mut values = self.list(name).unwrap_or_default();
        match values.len() {
            0 | 1 => Ok(values.pop()),
            _ => Err(FieldError::new(name, "given once")),
        }
    }

    fn number(&mut self, name: &str, least: i64, most: i64) -> Result<Option<i64>, FieldError> {
        let Some(text) = self.one(name)? else {
            return Ok(None);
        };
        let number = text.parse().ok();
        let number = number.filter(|it| (least..=most).contains(it));
        let expected = || FieldError::new(name, format!("a number from {least} to {most}"));
        number.map(Some).ok_or_else(expected)
    }

    fn finish(self) -> Result<(), FieldError> {
        match self.0.into_iter().next() {
            None => Ok(()),
            Some((name, _)) => Err(FieldError::new(name, "a parameter of this endpoint")),
        }
    }
}

/// The name of a parameter without the marks of an array: `a[]` and `a[0]` are `a`.
fn plain(name: Cow<'_, str>) -> Cow<'_, str> {
    let marked = name.strip_suffix(']').and_then(|it| it.rsplit_once('['));
    match marked {
        Some((plain, index)) if index.bytes().all(|it| it.is_ascii_digit()) => {
            Cow::Owned(plain.to_owned())
        }
        _ => name,
    }
}
