//! A caller's tools, and the choice among them.

use std::borrow::Cow;

use super::namespace::joined;
use crate::chat::fields::{Fields, note, within};
use crate::chat::hosted::word;
use crate::chat::{HostedTool, Tool, ToolChoice, WebSearch};
use crate::document::FieldError;
use crate::json::Json;

/// What has been read of the tools.
#[derive(Default)]
pub(super) struct Tools<'a> {
    /// The caller's own.
    pub(super) own: Vec<Tool<'a>>,
    /// `OpenAI`'s own.
    pub(super) hosted: Vec<HostedTool<'a>>,
    /// Paths of what was left out.
    pub(super) left_out: Vec<Cow<'a, str>>,
}

impl<'a> Tools<'a> {
    /// Reads `tools`. Those of a `holder` are added to the request's by its input.
    ///
    /// Source: openai-python 3.57 `types/responses/tool_param.py` and
    /// `types/responses/web_search_tool_param.py` (read 2026-11).
    pub(super) fn read(
        &mut self,
        fields: &mut Fields<'a>,
        holder: Option<&str>,
    ) -> Result<(), FieldError> {
        for (at, value) in fields.list("tools")?.into_iter().enumerate() {
            let is_hosted = self.hosted.len();
            let path = format!("tools[{at}]");
            self.tool(value, at).map_err(|it| within(&path, it))?;
            if let (Some(holder), Some(tool)) = (holder, self.hosted.get_mut(is_hosted)) {
                tool.path = format!("{holder}.{path}").into();
            }
        }
        Ok(())
    }

    /// One tool, or those of a namespace.
    fn tool(&mut self, value: Json<'a>, at: usize) -> Result<(), FieldError> {
        let mut fields = Fields::of(value)?;
        let kind = fields.need_text("type")?;
        match &*kind {
            "function" | "custom" => {
                let tool = self.own(fields, kind == "custom")?;
                self.own.push(tool);
            }
            "namespace" => {
                let namespace = fields.need_text("name")?;
                for (at, member) in fields.list("tools")?.into_iter().enumerate() {
                    let tool = self.member(member, &namespace);
                    let tool = tool.map_err(|it| within(&format!("tools[{at}]"), it))?;
                    self.own.push(tool);
                }
            }
            _ => self.hosted(fields, kind, at)?,
        }
        Ok(())
    }

    fn member(
        &mut self,
        value: Json<'a>,
        namespace: &Cow<'a, str>,
    ) -> Result<Tool<'a>, FieldError> {
        let mut fields = Fields::of(value)?;
        let kind = fields.need_text("type")?;
        if !matches!(&*kind, "function" | "custom") {
            return Err(only_functions(&kind));
        }
        let tool = self.own(fields, kind == "custom")?;
        Ok(Tool {
            name: joined(Some(namespace.clone()), tool.name),
            ..tool
        })
    }

    fn own(&mut self, mut fields: Fields<'a>, is_custom: bool) -> Result<Tool<'a>, FieldError> {
        let mut tool = Tool {
            name: fields.need_text("name")?,
            description: fields.text("description")?,
            parameters: None,
            strict: None,
            custom: None,
            cache: None,
        };
        if is_custom {
            tool.custom = Some(fields.any("format"));
        } else {
            tool.parameters = fields.any("parameters");
            tool.strict = fields.flag("strict")?;
        }
        note(&mut self.left_out, fields.rest_of("tools[]"));
        Ok(tool)
    }

    fn hosted(
        &mut self,
        mut fields: Fields<'a>,
        kind: Cow<'a, str>,
        at: usize,
    ) -> Result<(), FieldError> {
        let is_search = kind.starts_with("web_search");
        let mut tool = HostedTool::at(at, kind.clone(), kind);
        if is_search {
            let mut search = WebSearch::read(&mut fields)?;
            if let Some(mut filters) = fields.object("filters")? {
                let path = |it| within("filters", it);
                search.allowed_domains = filters.texts("allowed_domains").map_err(path)?;
                search.blocked_domains = filters.texts("blocked_domains").map_err(path)?;
                let path = format!("{}.filters", tool.path);
                note(&mut self.left_out, filters.rest_of(&path));
            }
            search.is_offline = fields.flag("external_web_access")? == Some(false);
            note(&mut self.left_out, fields.rest_of(&tool.path));
            tool.search = Some(search);
        }
        self.hosted.push(tool);
        Ok(())
    }
}

fn only_functions(kind: &str) -> FieldError {
    let kind = word(kind);
    FieldError::new(
        "type",
        format!("\"function\" or \"custom\": `{kind}` is a tool of OpenAI's own models"),
    )
}

/// Reads `tool_choice` among the tools that were read.
pub(super) fn tool_choice<'a>(
    fields: &mut Fields<'a>,
    tools: &mut Tools<'a>,
) -> Result<Option<ToolChoice<'a>>, FieldError> {
    let Some(value) = fields.any("tool_choice") else {
        return Ok(None);
    };
    choice(value, tools).map_err(|error| within("tool_choice", error))
}

fn choice<'a>(
    value: Json<'a>,
    tools: &mut Tools<'a>,
) -> Result<Option<ToolChoice<'a>>, FieldError> {
    let expected = "\"none\", \"auto\", \"required\" or a choice of tools";
    if let Json::String(word) = &value {
        return match &**word {
            "none" => Ok(Some(ToolChoice::None)),
            "auto" => Ok(Some(ToolChoice::Auto)),
            "required" => Ok(Some(ToolChoice::Required)),
            _ => Err(FieldError::new("", expected)),
        };
    }
    let mut fields = Fields::of(value).map_err(|_| FieldError::new("", expected))?;
    let kind = fields.need_text("type")?;
    match &*kind {
        "function" | "custom" => named(&mut fields).map(|it| Some(ToolChoice::Named(it))),
        "allowed_tools" => {
            let mode = fields.text("mode")?;
            let mut names = Vec::new();
            let mut kinds = Vec::new();
            for (at, value) in fields.list("tools")?.into_iter().enumerate() {
                let allowed = allowed(value).map_err(|it| within(&format!("tools[{at}]"), it))?;
                match allowed {
                    Ok(name) => names.push(name),
                    Err(kind) => kinds.push(kind),
                }
            }
            tools
                .hosted
                .retain(|tool| kinds.iter().any(|kind| is_kind(&tool.name, kind)));
            Ok(Some(ToolChoice::Allowed {
                is_required: mode.as_deref() == Some("required"),
                names,
            }))
        }
        other => {
            let mut hosted = tools.hosted.iter_mut();
            let Some(tool) = hosted.find(|it| is_kind(&it.name, other)) else {
                return Err(only_functions(other));
            };
            tool.is_forced = true;
            Ok(None)
        }
    }
}

/// Whether a choice of this kind means the tool; a search has several names.
fn is_kind(tool: &str, kind: &str) -> bool {
    let is_search = |it: &str| it.starts_with("web_search");
    tool == kind || (is_search(tool) && is_search(kind))
}

/// The name of a tool, with its namespace if it has one.
fn named<'a>(fields: &mut Fields<'a>) -> Result<Cow<'a, str>, FieldError> {
    let namespace = fields.text("namespace")?;
    Ok(joined(namespace, fields.need_text("name")?))
}

/// The name of a tool of the caller's, or the kind of one of `OpenAI`'s.
fn allowed(value: Json<'_>) -> Result<Result<Cow<'_, str>, Cow<'_, str>>, FieldError> {
    let mut fields = Fields::of(value)?;
    let kind = fields.need_text("type")?;
    match &*kind {
        "function" | "custom" => named(&mut fields).map(Ok),
        _ => Ok(Err(kind)),
    }
}
