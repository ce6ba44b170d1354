//! How many tokens a request has, as its vendor counts them.
//!
//! What is counted is what the model reads: the conversation, the tools and how to use them, the
//! format of the answer. How the answer is drawn is left out, so that nothing of it is refused.
//! A caller who speaks the counter's dialect is relayed, another one is translated into it.

use tollward_wire::chat::{ChatRequest, Target, Traits};
use tollward_wire::dialect::Dialect;
use tollward_wire::document::{Document, FieldError};

use crate::provider::{Call, Counter, EncodeError, Outbound, Provider};

/// The question to a vendor, and how to read its answer.
#[derive(Debug)]
pub struct Question {
    /// The request, all but the credential.
    pub outbound: Outbound,
    /// How the vendor counts.
    pub counter: Counter,
}

/// Shapes the question how many tokens a call has.
///
/// # Errors
/// [`EncodeError`] if the vendor does not count, or not what the caller wrote.
pub fn ask(provider: &dyn Provider, call: &Call<'_>) -> Result<Question, EncodeError> {
    let kind = provider.kind();
    let counter = provider
        .counter(call.upstream_model)
        .ok_or(EncodeError::Count { kind })?;
    let outbound = if call.operation.dialect() == Some(counter.dialect) {
        provider.encode_count(call.document, call.upstream_model)?
    } else {
        let traits = provider.traits(call.upstream_model);
        let prompt = prompt(call, counter.dialect, traits)?;
        provider.encode_count(&prompt, call.upstream_model)?
    };
    Ok(Question { outbound, counter })
}

impl Counter {
    /// The number in the vendor's answer; `None` if there is none.
    pub fn read(&self, answer: &Document) -> Option<u64> {
        answer.get(self.answer).ok()?
    }
}

/// Writes what the model reads of a call's request in another dialect.
///
/// # Errors
/// [`EncodeError`] if the request cannot be understood, or the dialect has nothing like it.
pub fn prompt(call: &Call<'_>, dialect: Dialect, traits: Traits) -> Result<Document, EncodeError> {
    let Some(from) = call.operation.dialect() else {
        return Err(EncodeError::Operation {
            kind: dialect.name(),
            operation: call.operation,
        });
    };
    let request = read_by_the_model(from.read_request(call.document)?);
    let target = Target {
        model: call.upstream_model,
        traits,
    };
    let written = dialect.write_request(&request, &target)?;
    let body = written.body.to_segments(call.document.bytes());
    let prompt = Document::parse(body.to_bytes())
        .map_err(|_| FieldError::new("messages", "text that can be written as JSON"))?;
    Ok(prompt)
}

fn read_by_the_model(request: ChatRequest<'_>) -> ChatRequest<'_> {
    ChatRequest {
        messages: request.messages,
        tools: request.tools,
        tool_choice: request.tool_choice,
        parallel_tool_calls: request.parallel_tool_calls,
        format: request.format,
        thinking: request.thinking,
        choices: 1,
        ..ChatRequest::default()
    }
}
