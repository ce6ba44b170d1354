//! Tools that a vendor runs itself, of which several vendors have one: a search of the web.
//!
//! One rule for every caller and every target. A tool that the target has not is left out,
//! and named, where the caller brings tools of its own: agents offer a search with each
//! request and go on without it. Where nothing else is offered, or the model is made to use
//! it, the answer would not be what was asked for, and the request is refused. A search that
//! is bounded to some pages is never made without the bound.

use std::borrow::Cow;

use crate::chat::fields::Fields;
use crate::chat::request::{ChatRequest, ToolChoice, Unsupported, Written};
use crate::document::FieldError;
use crate::json::Json;

/// A tool that its vendor runs.
#[derive(Clone, Debug, PartialEq)]
pub struct HostedTool<'a> {
    /// Where the request has it: `tools[3]`, or a field that stands for it.
    pub path: Cow<'static, str>,
    /// The caller's word for it; `None` where a field stands for it, which nobody sends by habit.
    pub kind: Option<Cow<'a, str>>,
    /// What a choice among tools calls it.
    pub name: Cow<'a, str>,
    /// Whether the model must use it.
    pub is_forced: bool,
    /// The search it is; `None` for any other tool.
    pub search: Option<WebSearch<'a>>,
}

/// A search of the web.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct WebSearch<'a> {
    /// The only domains to search; empty for all.
    pub allowed_domains: Vec<Cow<'a, str>>,
    /// Domains to leave out.
    pub blocked_domains: Vec<Cow<'a, str>>,
    /// Most searches for one answer.
    pub max_uses: Option<u64>,
    /// Where the person is: `type`, which is `approximate`, and `city`, `region`, `country` and
    /// `timezone` beside it.
    pub user_location: Option<Json<'a>>,
    /// How much of the pages the model is shown: `low`, `medium` or `high`.
    pub context_size: Option<Json<'a>>,
    /// Only what was fetched before may be read.
    pub is_offline: bool,
}

/// How a model searches the web, as its provider knows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Searching {
    /// Not at all.
    #[default]
    No,
    /// With each answer, as `web_search_options` says.
    Always,
    /// When it sees fit, if the vendor's tool is offered.
    ByTool,
}

/// What can be said of a search.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SearchOption {
    /// `allowed_domains`
    Allowed,
    /// `blocked_domains`
    Blocked,
    /// `max_uses`
    MaxUses,
    /// `user_location`
    Location,
    /// `context_size`
    ContextSize,
    /// `is_offline`
    Offline,
    /// That the model must search.
    Forced,
}

impl<'a> HostedTool<'a> {
    /// A tool of the vendor's, at its place among the caller's tools.
    pub fn at(place: usize, kind: Cow<'a, str>, name: Cow<'a, str>) -> Self {
        Self {
            path: format!("tools[{place}]").into(),
            kind: Some(kind),
            name,
            is_forced: false,
            search: None,
        }
    }

    /// What it is called where it is left out.
    fn label(&self) -> String {
        match &self.kind {
            Some(kind) => format!("{}:{}", self.path, word(kind)),
            None => self.path.to_string(),
        }
    }

    /// The field that is at fault where it is refused.
    fn param(&self) -> Cow<'static, str> {
        match self.kind {
            Some(_) => format!("{}.type", self.path).into(),
            None => self.path.clone(),
        }
    }
}

/// A type is a word; what is none is not repeated to anybody.
pub fn word(kind: &str) -> &str {
    let is_word = |it: u8| it.is_ascii_alphanumeric() || matches!(it, b'_' | b'-' | b':' | b'.');
    if kind.len() <= 64 && kind.bytes().all(is_word) {
        kind
    } else {
        "unknown"
    }
}

impl<'a> WebSearch<'a> {
    /// Reads the options that callers' dialects have in common.
    ///
    /// # Errors
    /// [`FieldError`] naming the first option of a wrong type.
    pub fn read(fields: &mut Fields<'a>) -> Result<Self, FieldError> {
        Ok(Self {
            allowed_domains: fields.texts("allowed_domains")?,
            blocked_domains: fields.texts("blocked_domains")?,
            max_uses: fields.whole("max_uses")?,
            user_location: fields.any("user_location"),
            context_size: fields.any("search_context_size"),
            is_offline: false,
        })
    }

    /// Whether a target that takes these options can make the search that is meant.
    fn is_within(&self, takes: &[SearchOption]) -> bool {
        let bounds = [
            (SearchOption::Allowed, !self.allowed_domains.is_empty()),
            (SearchOption::Blocked, !self.blocked_domains.is_empty()),
            (SearchOption::Offline, self.is_offline),
        ];
        let lost = |(option, is_said): &(SearchOption, bool)| *is_said && !takes.contains(option);
        !bounds.iter().any(lost)
    }

    /// Names what the target cannot be told and the search can do without.
    fn note(&self, path: &str, takes: &[SearchOption], written: &mut Written<'_>) {
        let options = [
            (SearchOption::MaxUses, "max_uses", self.max_uses.is_some()),
            (
                SearchOption::Location,
                "user_location",
                self.user_location.is_some(),
            ),
            (
                SearchOption::ContextSize,
                "search_context_size",
                self.context_size.is_some(),
            ),
        ];
        for (option, name, is_said) in options {
            if is_said && !takes.contains(&option) {
                written.drop_field(format!("{path}.{name}"));
            }
        }
    }
}

impl<'a> ChatRequest<'a> {
    /// The search that the target is to offer, and whether the model must use it. `takes` is what
    /// can be said of one; `None` if the target has none. What is left out is named.
    ///
    /// # Errors
    /// [`Unsupported`] if the caller would miss a tool that the target has not.
    pub fn web_search(
        &self,
        takes: Option<&[SearchOption]>,
        written: &mut Written<'a>,
    ) -> Result<Option<&HostedTool<'a>>, Unsupported> {
        if self.tool_choice == Some(ToolChoice::None) {
            return Ok(None);
        }
        let mut found = None;
        for tool in &self.hosted {
            let takes = takes.filter(|_| found.is_none());
            let (Some(search), Some(takes)) = (&tool.search, takes) else {
                self.go_without(tool, written)?;
                continue;
            };
            if !search.is_within(takes) {
                self.go_without(tool, written)?;
                continue;
            }
            if tool.is_forced && !takes.contains(&SearchOption::Forced) {
                return Err(Unsupported::new(
                    "tool_choice",
                    "the model cannot be made to search",
                ));
            }
            search.note(&tool.path, takes, written);
            found = Some(tool);
        }
        Ok(found)
    }

    fn go_without(
        &self,
        tool: &HostedTool<'a>,
        written: &mut Written<'a>,
    ) -> Result<(), Unsupported> {
        let is_habit = tool.kind.is_some() && !tool.is_forced && !self.tools.is_empty();
        if is_habit {
            written.drop_field(tool.label());
            return Ok(());
        }
        Err(Unsupported::new(
            tool.param(),
            "its vendor's own models run this tool, and this model is none of them or has it not in this form",
        ))
    }
}
