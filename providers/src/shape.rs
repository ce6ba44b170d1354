//! A call as a vendor is to get it, and how its answer is to be read.
//!
//! The one place that knows whether a call is relayed or translated: same dialect, the
//! caller's bytes; another one, through [`tollward_wire::chat`]. Embeddings and rankings in
//! a vendor's own form, which have no stream and may take several requests, are a [`batch`].

pub mod batch;

use tollward_wire::chat::settle::Settler;
use tollward_wire::chat::{ChatRequest, Names, Target, Traits};
use tollward_wire::dialect::{Dialect, Echo};
use tollward_wire::segments::Segments;
use tollward_wire::translate::Translation;

use crate::provider::{Call, EncodeError, Outbound, Provider, Service, Services, Translated};

/// A request, and how its answer is to be read.
#[derive(Debug)]
pub struct Shaped {
    /// The request, all but the credential.
    pub outbound: Outbound,
    /// How the answer is to be read.
    pub reading: Reading,
}

/// How an answer is to be read.
#[derive(Debug)]
pub enum Reading {
    /// It is in the caller's dialect.
    Relay,
    /// It is translated.
    Translate(Box<Way>),
}

/// The way back from a vendor's dialect to the caller's.
#[derive(Debug)]
pub struct Way {
    /// The vendor's dialect.
    pub from: Dialect,
    /// The caller's.
    pub to: Dialect,
    names: Names,
    answer_tool: Option<&'static str>,
    wrapped_tools: Vec<Box<str>>,
}

impl Way {
    /// For an answer in the caller's own dialect that is written anew all the same.
    pub fn within(dialect: Dialect) -> Self {
        Self {
            from: dialect,
            to: dialect,
            names: Names::default(),
            answer_tool: None,
            wrapped_tools: Vec::new(),
        }
    }

    /// What puts the events of the answer right; `seed` is unique to the call.
    pub fn settler(&self, seed: &str) -> Settler {
        let (names, wrapped) = (self.names.clone(), self.wrapped_tools.clone());
        Settler::new(names, self.answer_tool, wrapped, seed)
    }

    /// A reader for the streamed answer.
    pub fn stream(&self, echo: &Echo<'_>) -> Translation {
        Translation::new(self.from, self.to, self.settler(echo.id), echo)
    }
}

/// A request written in another dialect than the caller's.
#[derive(Debug)]
pub struct Rewritten {
    /// The body; long strings are slices of the caller's.
    pub body: Segments,
    /// Fields of the caller that were left out, in its words.
    pub dropped: Vec<std::borrow::Cow<'static, str>>,
    /// The way back.
    pub way: Box<Way>,
}

/// Shapes a call for a vendor.
///
/// # Errors
/// [`EncodeError`] if the vendor cannot do what the caller asks for.
pub fn shape(provider: &dyn Provider, call: &Call<'_>) -> Result<Shaped, EncodeError> {
    let services = provider.services(call.operation, call.upstream_model);
    let dialect = match services.map(|it| it.of(call)) {
        Some(Service::Translate(dialect)) => dialect,
        // What is a batch is refused here by the provider itself.
        Some(Service::Relay | Service::Embed(_) | Service::Rerank(_)) | None => {
            return Ok(Shaped {
                outbound: provider.encode(call)?,
                reading: Reading::Relay,
            });
        }
    };
    let rewritten = rewrite(call, dialect, provider.traits(call.upstream_model));
    let rewritten = rewritten.map_err(|error| match dialect {
        Dialect::OpenAiResponses => only_responses(error, call, services),
        _ => error,
    })?;
    let to = rewritten.way.to;
    let mut outbound = provider
        .encode_translated(&Translated {
            service: Service::Translate(dialect),
            model: call.upstream_model,
            is_stream: call.view.is_stream,
            body: rewritten.body,
        })
        .map_err(|error| error.spelt(|it| to.spell(it, call.document)))?;
    for field in &mut outbound.dropped {
        *field = to.spell(std::mem::take(field), call.document);
    }
    outbound.dropped.splice(0..0, rewritten.dropped);
    Ok(Shaped {
        outbound,
        reading: Reading::Translate(rewritten.way),
    })
}

/// Says why a caller of another dialect meets the limits of Responses.
fn only_responses(error: EncodeError, call: &Call<'_>, services: Option<Services>) -> EncodeError {
    let EncodeError::Untranslatable(error) = error else {
        return error;
    };
    let is_for_tools = services.is_some_and(|it| it.plain != it.with_tools);
    EncodeError::OnlyResponses {
        model: call.upstream_model.to_owned(),
        why: if is_for_tools {
            "takes tools only through Responses, unless its effort is `none`"
        } else {
            "is there only through Responses"
        },
        error,
    }
}

/// Writes a call's request in another dialect.
///
/// # Errors
/// [`EncodeError`] if the request cannot be understood, or the dialect has nothing like
/// what the caller asks for.
pub fn rewrite(
    call: &Call<'_>,
    dialect: Dialect,
    traits: Traits,
) -> Result<Rewritten, EncodeError> {
    let Some(to) = call.operation.dialect() else {
        return Err(EncodeError::Operation {
            kind: dialect.name(),
            operation: call.operation,
        });
    };
    let mut request: ChatRequest<'_> = to.read_request(call.document)?;
    request.is_stream = call.view.is_stream;
    let target = Target {
        model: call.upstream_model,
        traits,
    };
    let spell = |path| to.spell(path, call.document);
    let written = dialect
        .write_request(&request, &target)
        .map_err(|error| EncodeError::from(error).spelt(spell))?;
    // What the reader did not know is in the caller's words already.
    let dropped = written.dropped.into_iter().map(|path| {
        let is_theirs = request.unknown.contains(&path);
        let path = if is_theirs {
            path
        } else {
            to.spell(path, call.document)
        };
        path.into_owned().into()
    });
    Ok(Rewritten {
        body: written.body.to_segments(call.document.bytes()),
        dropped: dropped.collect(),
        way: Box::new(Way {
            from: dialect,
            to,
            names: written.names,
            answer_tool: written.answer_tool,
            wrapped_tools: written.wrapped_tools,
        }),
    })
}
