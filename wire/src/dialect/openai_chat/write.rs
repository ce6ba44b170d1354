//! A request for a vendor of the family.

use std::borrow::Cow;

use crate::chat::names::NameRule;
use crate::chat::shape::data_url_of;
use crate::chat::{
    ChatRequest, Format, Media, Message, Names, Part, Provenance, Replay, Role, Source, Target,
    Thought, Tool, ToolCall, ToolChoice, ToolResult, Traits, Unsupported, Written,
};
use crate::json::{Json, Object};

/// What the family takes as a tool's name.
const NAMES: NameRule = NameRule {
    max_bytes: 64,
    others: b"-",
    begins_with_any: true,
};
/// What a tool message says where no result is known.
const NO_RESULT: &str = "[no result recorded]";

/// Writes the request.
pub(crate) fn write_request<'a>(
    request: &ChatRequest<'a>,
    target: &Target<'_>,
) -> Result<Written<'a>, Unsupported> {
    let names = Names::new(NAMES, &tool_names(request));
    let mut written = Written::new(Json::Null);
    let mut scribe = Scribe {
        traits: target.traits,
        names: &names,
        messages: Vec::new(),
        open_calls: Vec::new(),
        written: &mut written,
    };
    for message in &request.messages {
        scribe.message(message)?;
    }
    scribe.close_calls();
    let messages = scribe.messages;
    let mut body = Object::new()
        .with("model", target.model.to_owned())
        .with("messages", messages);
    tools(request, target.traits, &names, &mut body, &mut written);
    format(&request.format, &mut body);
    thinking(request, target.traits, &mut body, &mut written);
    sampling(request, target.traits, &mut body, &mut written);
    for (field, value) in &request.hints {
        body.push(Cow::Borrowed(field), value.clone());
    }
    request.leave_out(|_| true, &mut written)?;
    if request.is_stream {
        body = body
            .with("stream", true)
            .with("stream_options", Object::new().with("include_usage", true));
    }
    written.body = body.into();
    written.names = names;
    Ok(written)
}

/// Every tool that the request names, history included.
pub(crate) fn tool_names<'r>(
    request: &'r ChatRequest<'_>,
) -> impl Iterator<Item = &'r str> + Clone {
    let parts = request.messages.iter().flat_map(|it| &it.parts);
    let called = parts.filter_map(|part| match part {
        Part::ToolCall(call) => Some(&*call.name),
        _ => None,
    });
    request.tools.iter().map(|it| &*it.name).chain(called)
}

struct Scribe<'w, 'a> {
    traits: Traits,
    names: &'w Names,
    messages: Vec<Json<'a>>,
    /// Calls whose results have not come yet.
    open_calls: Vec<Cow<'a, str>>,
    written: &'w mut Written<'a>,
}

impl<'a> Scribe<'_, 'a> {
    fn message(&mut self, message: &Message<'a>) -> Result<(), Unsupported> {
        match message.role {
            Role::System => self.words("system", message),
            Role::Developer => self.words("developer", message),
            Role::User => self.user(message)?,
            Role::Assistant => {
                self.close_calls();
                self.assistant(message);
            }
        }
        Ok(())
    }

    fn words(&mut self, role: &'static str, message: &Message<'a>) {
        let text = joined(&message.parts, "\n");
        if !text.trim().is_empty() {
            self.close_calls();
            let it = Object::new()
                .with("role", role)
                .with("content", text)
                .with_some("name", message.name.clone());
            self.messages.push(it.into());
        }
    }

    /// Results are messages of their own and come first; pictures in them follow as the user's.
    fn user(&mut self, message: &Message<'a>) -> Result<(), Unsupported> {
        let mut parts = Vec::new();
        for part in &message.parts {
            if let Part::ToolResult(result) = part {
                self.result(result, &mut parts)?;
            }
        }
        for part in &message.parts {
            if !matches!(part, Part::ToolResult(_)) {
                parts.extend(user_part(part)?);
            }
        }
        if parts.is_empty() {
            return Ok(());
        }
        self.close_calls();
        let it = Object::new()
            .with("role", "user")
            .with("content", plain(parts))
            .with_some("name", message.name.clone());
        self.messages.push(it.into());
        Ok(())
    }

    fn result(
        &mut self,
        result: &ToolResult<'a>,
        beside: &mut Vec<Json<'a>>,
    ) -> Result<(), Unsupported> {
        let mut text = joined(&result.parts, "\n").into_owned();
        if result.is_error && !text.starts_with("Error") {
            text.insert_str(0, "Error: ");
        }
        let media = result
            .parts
            .iter()
            .filter(|it| matches!(it, Part::Image(_) | Part::File(_) | Part::Audio(_)));
        let mut shown = 0;
        for part in media {
            if shown == 0 {
                let label = format!("[attachments of the tool result {}]", result.call);
                beside.push(text_part(label.into()));
            }
            shown += 1;
            beside.extend(user_part(part)?);
        }
        if shown > 0 && text.is_empty() {
            text.push_str("[see the attachments that follow]");
        }
        let Some(at) = self.open_calls.iter().position(|it| *it == result.call) else {
            // A result without a call would be refused together with everything else.
            beside.push(text_part(format!("[tool result]\n{text}").into()));
            return Ok(());
        };
        self.open_calls.remove(at);
        self.messages.push(tool_message(&result.call, text));
        Ok(())
    }

    /// Every call must have a result before anybody speaks.
    fn close_calls(&mut self) {
        for call in std::mem::take(&mut self.open_calls) {
            self.messages
                .push(tool_message(&call, NO_RESULT.to_owned()));
        }
    }

    fn assistant(&mut self, message: &Message<'a>) {
        let text = joined(&message.parts, "");
        let mut calls = Vec::new();
        let mut refusal = None;
        let mut thoughts = Vec::new();
        for part in &message.parts {
            match part {
                Part::ToolCall(call) => {
                    self.open_calls.push(call.id.clone());
                    calls.push(self.call(call));
                }
                Part::Refusal(text) => refusal = Some(text.clone()),
                Part::Thought(thought) => thoughts.push(thought),
                _ => {}
            }
        }
        if text.is_empty() && calls.is_empty() && refusal.is_none() {
            return;
        }
        let mut it = Object::new().with("role", "assistant");
        it.push(
            Cow::Borrowed("content"),
            if text.is_empty() {
                Json::Null
            } else {
                text.into()
            },
        );
        it = it.with_some("refusal", refusal);
        if !calls.is_empty() {
            it = it.with("tool_calls", calls);
        }
        let it = self.with_thoughts(it, &thoughts);
        self.messages.push(it.into());
    }

    fn with_thoughts(&mut self, it: Object<'a>, thoughts: &[&Thought<'a>]) -> Object<'a> {
        let text = || {
            let texts: Vec<&str> = thoughts.iter().map(|it| &*it.text).collect();
            texts.join("\n")
        };
        match self.traits.thoughts {
            Replay::AlwaysAsText => it.with("reasoning_content", text()),
            Replay::AsText if thoughts.iter().any(|it| !it.text.is_empty()) => {
                it.with("reasoning_content", text())
            }
            Replay::AsDetails if !thoughts.is_empty() => {
                let details: Vec<_> = thoughts.iter().map(|it| detail(it)).collect();
                it.with("reasoning_details", details)
            }
            Replay::Never if !thoughts.is_empty() => {
                self.written.drop_field("messages[].reasoning");
                it
            }
            _ => it,
        }
    }

    fn call(&mut self, call: &ToolCall<'a>) -> Json<'a> {
        let name = self.names.to_target(&call.name).into_owned();
        let it = Object::new().with("id", call.id.clone());
        if call.is_custom && self.traits.takes_custom_tools {
            let custom = Object::new()
                .with("name", name)
                .with("input", call.arguments.clone());
            return it.with("type", "custom").with("custom", custom).into();
        }
        let arguments = match &call.arguments {
            text if call.is_custom => Json::from(Object::new().with("input", text.clone()))
                .to_string()
                .into(),
            text if text.trim().is_empty() => Cow::Borrowed("{}"),
            text => text.clone(),
        };
        let function = Object::new()
            .with("name", name)
            .with("arguments", arguments);
        it.with("type", "function")
            .with("function", function)
            .into()
    }
}

fn user_part<'a>(part: &Part<'a>) -> Result<Option<Json<'a>>, Unsupported> {
    Ok(match part {
        Part::Text(text) if text.text.is_empty() => None,
        Part::Text(text) => Some(text_part(text.text.clone())),
        Part::Refusal(text) => Some(text_part(text.clone())),
        Part::Image(image) => Some(image_part(image)?),
        Part::Audio(audio) => Some(audio_part(audio)?),
        Part::File(file) => Some(file_part(file)),
        Part::Thought(_) | Part::ToolCall(_) | Part::ToolResult(_) => None,
    })
}

fn tool_message<'a>(call: &Cow<'a, str>, text: String) -> Json<'a> {
    Object::new()
        .with("role", "tool")
        .with("tool_call_id", call.clone())
        .with("content", text)
        .into()
}

fn text_part(text: Cow<'_, str>) -> Json<'_> {
    Object::new().with("type", "text").with("text", text).into()
}

/// One text is a string, which every server of the family takes; more are parts.
fn plain(mut parts: Vec<Json<'_>>) -> Json<'_> {
    if let [Json::Object(only)] = parts.as_mut_slice()
        && only.get("type").and_then(Json::as_str) == Some("text")
        && let Some(text) = only.take("text")
    {
        return text;
    }
    Json::Array(parts)
}

fn joined<'a>(parts: &[Part<'a>], between: &str) -> Cow<'a, str> {
    let mut texts = parts.iter().filter_map(|part| match part {
        Part::Text(text) => Some(&text.text),
        _ => None,
    });
    let Some(first) = texts.next() else {
        return Cow::Borrowed("");
    };
    texts.fold(first.clone(), |all, next| {
        Cow::Owned([&all, between, next].concat())
    })
}

fn image_part<'a>(image: &Media<'a>) -> Result<Json<'a>, Unsupported> {
    let url = match &image.source {
        Source::Url(url) => url.clone(),
        Source::Base64(data) => {
            let kind = crate::chat::shape::sniff(data).or(image.media_type.as_deref());
            data_url_of(kind.unwrap_or("image/png"), data).into()
        }
        Source::Text(_) | Source::Id(_) => {
            return Err(Unsupported::new(
                "messages[].content[].image",
                "a picture must be given by URL or in base64",
            ));
        }
    };
    let inner = Object::new()
        .with("url", url)
        .with_some("detail", image.detail.clone());
    Ok(Object::new()
        .with("type", "image_url")
        .with("image_url", inner)
        .into())
}

fn audio_part<'a>(audio: &Media<'a>) -> Result<Json<'a>, Unsupported> {
    let Source::Base64(data) = &audio.source else {
        return Err(Unsupported::new(
            "messages[].content[].input_audio",
            "a recording must be given in base64",
        ));
    };
    let format = match audio.media_type.as_deref() {
        Some("audio/mpeg") => "mp3",
        _ => "wav",
    };
    let inner = Object::new()
        .with("data", data.clone())
        .with("format", format);
    Ok(Object::new()
        .with("type", "input_audio")
        .with("input_audio", inner)
        .into())
}

fn file_part<'a>(file: &Media<'a>) -> Json<'a> {
    let inner = Object::new().with_some("filename", file.name.clone());
    let inner = match &file.source {
        Source::Text(text) => return text_part(text.clone()),
        Source::Id(id) => inner.with("file_id", id.clone()),
        Source::Url(url) => inner.with("file_data", url.clone()),
        Source::Base64(data) => {
            let kind = file.media_type.as_deref().unwrap_or("application/pdf");
            let inner = match &file.name {
                Some(_) => inner,
                None => inner.with("filename", "document.pdf"),
            };
            inner.with("file_data", data_url_of(kind, data))
        }
    };
    Object::new()
        .with("type", "file")
        .with("file", inner)
        .into()
}

/// A thought in `OpenRouter`'s container.
pub(super) fn detail<'a>(thought: &Thought<'a>) -> Json<'a> {
    let format = thought.provenance.format().to_owned();
    let it = match &thought.encrypted {
        Some(data) => Object::new()
            .with("type", "reasoning.encrypted")
            .with("data", data.clone()),
        None if thought.provenance == Provenance::OpenAi => Object::new()
            .with("type", "reasoning.summary")
            .with("summary", thought.text.clone()),
        None => Object::new()
            .with("type", "reasoning.text")
            .with("text", thought.text.clone()),
    };
    it.with_some("signature", thought.signature.clone())
        .with_some("id", thought.id.clone())
        .with("format", format)
        .into()
}

fn tools<'a>(
    request: &ChatRequest<'a>,
    traits: Traits,
    names: &Names,
    body: &mut Object<'a>,
    written: &mut Written<'a>,
) {
    let allowed = match &request.tool_choice {
        Some(ToolChoice::Allowed { names, .. }) => Some(names),
        _ => None,
    };
    let is_allowed = |tool: &&Tool<'a>| allowed.is_none_or(|names| names.contains(&tool.name));
    let tools: Vec<Json<'a>> = request
        .tools
        .iter()
        .filter(is_allowed)
        .map(|tool| {
            if tool.custom.is_some() && !traits.takes_custom_tools {
                written.wrapped_tools.push((*tool.name).into());
            }
            one_tool(tool, traits, names)
        })
        .collect();
    if tools.is_empty() {
        return;
    }
    body.push(Cow::Borrowed("tools"), tools.into());
    let word = |word: &'static str| Json::from(word);
    let choice = match &request.tool_choice {
        None => None,
        Some(ToolChoice::None) => Some(word("none")),
        Some(
            ToolChoice::Auto
            | ToolChoice::Allowed {
                is_required: false, ..
            },
        ) => Some(word("auto")),
        Some(ToolChoice::Required | ToolChoice::Allowed { .. }) => Some(word("required")),
        Some(ToolChoice::Named(name)) => {
            let name = names.to_target(name).into_owned();
            let function = Object::new().with("name", name);
            let choice = Object::new()
                .with("type", "function")
                .with("function", function);
            Some(choice.into())
        }
    };
    if let Some(choice) = choice {
        body.push(Cow::Borrowed("tool_choice"), choice);
    }
    if let Some(parallel) = request.parallel_tool_calls {
        body.push(Cow::Borrowed("parallel_tool_calls"), parallel.into());
    }
}

fn one_tool<'a>(tool: &Tool<'a>, traits: Traits, names: &Names) -> Json<'a> {
    let name = names.to_target(&tool.name).into_owned();
    let it = Object::new()
        .with("name", name)
        .with_some("description", tool.description.clone());
    if let Some(format) = &tool.custom {
        if traits.takes_custom_tools {
            let custom = it.with_some("format", format.clone());
            return Object::new()
                .with("type", "custom")
                .with("custom", custom)
                .into();
        }
        let function = it.with("parameters", input_schema());
        return Object::new()
            .with("type", "function")
            .with("function", function)
            .into();
    }
    let parameters = tool.parameters.clone();
    let function = it
        .with("parameters", parameters.unwrap_or_else(empty_schema))
        .with_some("strict", tool.strict.filter(|_| traits.takes_strict_tools));
    Object::new()
        .with("type", "function")
        .with("function", function)
        .into()
}

/// The schema of a tool without arguments.
pub(crate) fn empty_schema<'a>() -> Json<'a> {
    Object::new()
        .with("type", "object")
        .with("properties", Object::new())
        .into()
}

/// The schema of a function that stands for a custom tool.
pub(crate) fn input_schema<'a>() -> Json<'a> {
    let input = Object::new().with("type", "string");
    Object::new()
        .with("type", "object")
        .with("properties", Object::new().with("input", input))
        .with("required", vec![Json::from("input")])
        .into()
}

fn format<'a>(format: &Format<'a>, body: &mut Object<'a>) {
    let it = match format {
        Format::Text => return,
        Format::JsonObject => Object::new().with("type", "json_object"),
        Format::JsonSchema(schema) => {
            let inner = Object::new()
                .with(
                    "name",
                    schema.name.clone().unwrap_or(Cow::Borrowed("answer")),
                )
                .with_some("description", schema.description.clone())
                .with("schema", schema.schema.clone())
                .with_some("strict", schema.strict);
            Object::new()
                .with("type", "json_schema")
                .with("json_schema", inner)
        }
    };
    body.push(Cow::Borrowed("response_format"), it.into());
}

fn thinking<'a>(
    request: &ChatRequest<'a>,
    traits: Traits,
    body: &mut Object<'a>,
    written: &mut Written<'a>,
) {
    match request.thinking.meant() {
        Some(effort) if traits.thinks => {
            body.push(Cow::Borrowed("reasoning_effort"), effort.word().into());
        }
        Some(crate::chat::Effort::None) | None => {}
        Some(_) => written.drop_field("reasoning_effort"),
    }
}

fn sampling<'a>(
    request: &ChatRequest<'a>,
    traits: Traits,
    body: &mut Object<'a>,
    written: &mut Written<'a>,
) {
    let sampling = &request.sampling;
    let common = [
        ("temperature", &sampling.temperature, traits.takes_sampling),
        ("top_p", &sampling.top_p, traits.takes_sampling),
        ("seed", &sampling.seed, true),
        (
            "presence_penalty",
            &sampling.presence_penalty,
            traits.takes_sampling,
        ),
        (
            "frequency_penalty",
            &sampling.frequency_penalty,
            traits.takes_sampling,
        ),
        ("logit_bias", &sampling.logit_bias, traits.takes_sampling),
        ("top_k", &sampling.top_k, traits.takes_top_k),
        ("min_p", &sampling.min_p, traits.takes_more_sampling),
        (
            "repetition_penalty",
            &sampling.repetition_penalty,
            traits.takes_more_sampling,
        ),
    ];
    for (field, value, is_taken) in common {
        match value {
            Some(value) if is_taken => body.push(Cow::Borrowed(field), value.clone()),
            Some(_) => written.drop_field(field),
            None => {}
        }
    }
    if let Some(bound) = request.max_output {
        let bound = traits.max_output.map_or(bound, |most| bound.min(most));
        body.push(Cow::Borrowed("max_completion_tokens"), bound.into());
    }
    if request.stop.len() > 4 {
        written.drop_field("stop[4..]");
    }
    let stop: Vec<Json<'a>> = request
        .stop
        .iter()
        .take(4)
        .cloned()
        .map(Json::from)
        .collect();
    if !stop.is_empty() {
        body.push(Cow::Borrowed("stop"), stop.into());
    }
    if let Some(number) = request.logprobs {
        body.push(Cow::Borrowed("logprobs"), true.into());
        if number > 0 {
            body.push(Cow::Borrowed("top_logprobs"), number.into());
        }
    }
    if request.choices > 1 {
        body.push(Cow::Borrowed("n"), request.choices.into());
    }
    if let Some(user) = &request.user {
        // The longest that OpenAI takes, in characters.
        let user: String = user.chars().take(64).collect();
        body.push(Cow::Borrowed("user"), user.into());
    }
}
