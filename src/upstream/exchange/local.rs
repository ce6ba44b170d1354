//! The embedded engine's side of an exchange.

use bytes::Bytes;
use tollward_providers::shape::{Reading, rewrite};
use tollward_providers::{Call, EncodeError, count};
use tollward_wire::chat::Traits;
use tollward_wire::dialect::Dialect;
use tollward_wire::document::Document;
use tollward_wire::fault::Fault;
use tollward_wire::operation::Operation;
use tollward_wire::reader::{Framing, UsageChunk};
use tollward_wire::view::RequestView;

use super::open::{Opened, reported};
use super::{UpstreamBody, UpstreamHead};
use crate::snapshot::{Deployment, LocalModel};
use crate::upstream::failure::{AttemptFailure, unencodable};

/// Hands the call to the embedded engine, which has no head of its own.
///
/// It speaks `OpenAI`'s dialects; a call in another one is put into its chat.
pub(super) fn open_local(
    model: &dyn LocalModel,
    deployment: &Deployment,
    call: &Call<'_>,
) -> Result<Opened, Box<AttemptFailure>> {
    let is_own = matches!(
        call.operation.dialect(),
        None | Some(Dialect::OpenAiChat | Dialect::OpenAiCompletions)
    );
    if !is_own {
        return open_local_translated(model, deployment, call);
    }
    let body = model.open(call)?;
    let usage_chunk = if call.view.asks_usage {
        UsageChunk::Keep
    } else {
        UsageChunk::Hide
    };
    Ok(Opened {
        head: UpstreamHead::default(),
        first: Bytes::new(),
        body: UpstreamBody::Local(body),
        usage_chunk,
        framing: Framing::Events,
        reading: Reading::Relay,
        is_stream: call.view.is_stream,
    })
}

/// What the embedded engine takes.
pub fn traits() -> Traits {
    Traits {
        thinks: false,
        takes_strict_tools: false,
        fetches_urls: false,
        takes_more_sampling: false,
        ..Traits::default()
    }
}

/// The refusal of a chat's field under the name that the caller gave it, also in the message:
/// not every dialect's errors have a place for it.
fn named_for(
    caller: Dialect,
    request: &Document,
    mut failure: Box<AttemptFailure>,
) -> Box<AttemptFailure> {
    if let Some(error) = &mut failure.error
        && let Some(field) = error.param.take()
    {
        let name = caller.spell(field.into(), request).into_owned();
        error.message = format!("`{name}`: {}", error.message);
        error.param = Some(name);
    }
    failure
}

/// A call's request in the words of the engine, with nothing but what the model reads.
pub struct Prompt {
    document: Document,
    view: RequestView,
}

impl Prompt {
    /// The call as the engine takes it.
    pub fn call<'a>(&'a self, call: &Call<'a>) -> Call<'a> {
        Call {
            operation: Operation::Chat,
            document: &self.document,
            form: None,
            betas: None,
            view: &self.view,
            upstream_model: call.upstream_model,
        }
    }
}

/// What the model would read of a call.
///
/// # Errors
/// [`EncodeError`] if the request cannot be understood.
pub fn prompt(call: &Call<'_>) -> Result<Prompt, EncodeError> {
    let document = count::prompt(call, Dialect::OpenAiChat, traits())?;
    let view = RequestView::read(Operation::Chat, &document)?;
    Ok(Prompt { document, view })
}

fn open_local_translated(
    model: &dyn LocalModel,
    deployment: &Deployment,
    call: &Call<'_>,
) -> Result<Opened, Box<AttemptFailure>> {
    let refused = |error: EncodeError| Box::new(unencodable(&error));
    let rewritten = rewrite(call, Dialect::OpenAiChat, traits()).map_err(refused)?;
    let document = Document::parse(rewritten.body.to_bytes())
        .map_err(|error| Box::new(AttemptFailure::of(Fault::BadRequest, error.to_string())))?;
    let mut view =
        RequestView::read(Operation::Chat, &document).map_err(|error| refused(error.into()))?;
    view.model.clone_from(&call.view.model);
    view.asks_usage = true;
    let opened = model.open(&Call {
        operation: Operation::Chat,
        document: &document,
        form: None,
        betas: None,
        view: &view,
        upstream_model: call.upstream_model,
    });
    let body = opened.map_err(|failure| named_for(rewritten.way.to, call.document, failure))?;
    Ok(Opened {
        head: UpstreamHead {
            content_type: None,
            request_id: None,
            dropped: reported(deployment.on_unsupported, rewritten.dropped)?,
        },
        first: Bytes::new(),
        body: UpstreamBody::Local(body),
        usage_chunk: UsageChunk::Keep,
        framing: Framing::Events,
        reading: Reading::Translate(rewritten.way),
        is_stream: call.view.is_stream,
    })
}
