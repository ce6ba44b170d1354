//! Tools, and the choice among them.

use std::borrow::Cow;

use crate::chat::{ChatRequest, Names, Searching, Tool, ToolChoice, Traits, Unsupported, Written};
use crate::dialect::openai_chat::input_schema;
use crate::json::{Json, Object};

/// Keywords of a schema that ask for no argument.
const EMPTY: [&str; 5] = [
    "$schema",
    "type",
    "properties",
    "required",
    "additionalProperties",
];

/// `tools` and `functionCallingConfig`.
#[derive(Debug, Default)]
pub(super) struct Tools<'a> {
    /// `functionDeclarations`.
    functions: Vec<Json<'a>>,
    has_search: bool,
    calling: Option<Object<'a>>,
}

impl<'a> Tools<'a> {
    /// Writes the caller's tools and choice.
    pub(super) fn of(
        request: &ChatRequest<'a>,
        traits: Traits,
        names: &Names,
        written: &mut Written<'a>,
    ) -> Result<Self, Unsupported> {
        let mut tools = Self::default();
        for tool in &request.tools {
            if is_offered(request, tool) {
                tools.functions.push(function(tool, names, written));
            }
            if tool.strict == Some(true) && !traits.takes_strict_tools {
                written.drop_field("tools[].function.strict");
            }
        }
        // A search beside functions is refused by most models.
        let has_search = traits.web_search != Searching::No && tools.functions.is_empty();
        let takes = has_search.then_some(&[][..]);
        tools.has_search = request.web_search(takes, written)?.is_some();
        if request.parallel_tool_calls == Some(false) {
            written.drop_field("parallel_tool_calls");
        }
        tools.calling = calling(request, traits, names).filter(|_| !tools.functions.is_empty());
        Ok(tools)
    }

    /// Whether there is any.
    pub(super) fn is_empty(&self) -> bool {
        self.functions.is_empty() && !self.has_search
    }

    /// Takes the caller's tools back: none of them is to be called.
    pub(super) fn withhold(&mut self) {
        self.functions.clear();
        self.calling = None;
    }

    /// A single function that must be called.
    pub(super) fn force(&mut self, name: &'static str, function: Object<'a>) {
        self.functions.push(function.into());
        let names = vec![Json::from(name)];
        self.calling = Some(mode("ANY").with("allowedFunctionNames", names));
    }

    /// Puts what there is into the body.
    pub(super) fn put(self, body: &mut Object<'a>) {
        let mut tools = Vec::new();
        if !self.functions.is_empty() {
            let functions = Object::new().with("functionDeclarations", self.functions);
            tools.push(functions.into());
        }
        if self.has_search {
            tools.push(Object::new().with("googleSearch", Object::new()).into());
        }
        if !tools.is_empty() {
            body.push(Cow::Borrowed("tools"), tools.into());
        }
        if let Some(calling) = self.calling {
            let config = Object::new().with("functionCallingConfig", calling);
            body.push(Cow::Borrowed("toolConfig"), config.into());
        }
    }
}

/// All tools are offered, but where the model may call or not the ones that it may not are left out.
fn is_offered(request: &ChatRequest<'_>, tool: &Tool<'_>) -> bool {
    match &request.tool_choice {
        Some(ToolChoice::Allowed {
            is_required: false,
            names,
        }) => names.contains(&tool.name),
        _ => true,
    }
}

fn function<'a>(tool: &Tool<'a>, names: &Names, written: &mut Written<'a>) -> Json<'a> {
    if tool.cache.is_some() {
        written.drop_field("cache_control");
    }
    let parameters = match &tool.custom {
        Some(format) => {
            let is_bound = |it: &Json<'_>| it.str("type") != Some("text");
            if format.as_ref().is_some_and(is_bound) {
                written.drop_field("tools[].custom.format");
            }
            written.wrapped_tools.push((*tool.name).into());
            Some(input_schema())
        }
        None => tool.parameters.clone().filter(|it| !is_empty(it)),
    };
    let description = tool.description.clone().filter(|it| !it.is_empty());
    Object::new()
        .with("name", names.to_target(&tool.name).into_owned())
        .with_some("description", description)
        .with_some("parametersJsonSchema", parameters)
        .into()
}

/// Whether a schema asks for nothing: models refuse an object without properties.
fn is_empty(schema: &Json<'_>) -> bool {
    let Some(schema) = schema.as_object() else {
        return schema.is_null();
    };
    schema.members().all(|(key, value)| {
        EMPTY.contains(&key)
            && match key {
                "type" => value.as_str() == Some("object"),
                "properties" => value.as_object().is_some_and(Object::is_empty),
                "required" => value.as_array().is_some_and(<[Json<'_>]>::is_empty),
                "additionalProperties" => value.as_bool() == Some(false),
                _ => true,
            }
    })
}

fn mode<'a>(mode: &'static str) -> Object<'a> {
    Object::new().with("mode", mode)
}

/// Arguments are held to their schemas if that is wanted of any tool: it cannot be said of one.
fn calling<'a>(request: &ChatRequest<'a>, traits: Traits, names: &Names) -> Option<Object<'a>> {
    let is_strict =
        traits.takes_strict_tools && request.tools.iter().any(|it| it.strict == Some(true));
    let only = |these: &[Cow<'a, str>]| {
        let these: Vec<Json<'a>> = these
            .iter()
            .map(|it| names.to_target(it).into_owned().into())
            .collect();
        mode("ANY").with("allowedFunctionNames", these)
    };
    Some(match &request.tool_choice {
        None if !is_strict => return None,
        Some(ToolChoice::None) => mode("NONE"),
        Some(ToolChoice::Required) => mode("ANY"),
        Some(ToolChoice::Named(name)) => only(std::slice::from_ref(name)),
        Some(ToolChoice::Allowed {
            is_required: true,
            names,
        }) => only(names),
        _ if is_strict => mode("VALIDATED"),
        _ => mode("AUTO"),
    })
}
