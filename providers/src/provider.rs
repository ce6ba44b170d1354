//! The seam between the gateway and a vendor.
//!
//! One `Provider` is one vendor with one set of settings. Its methods are pure functions of
//! their arguments. What it proves itself with is told by [`Provider::credentials`]; signing
//! a request is the business of a [`Key`](crate::Key).

use std::borrow::Cow;

use http::{HeaderMap, StatusCode, Uri};
use tollward_wire::chat::{Effort, Traits, Unsupported};
use tollward_wire::dialect::Dialect;
use tollward_wire::dialect::anthropic::invoke;
use tollward_wire::document::{Document, FieldError};
use tollward_wire::embed::EmbedDialect;
use tollward_wire::form::Form;
use tollward_wire::operation::Operation;
use tollward_wire::reader::{Framing, UsageChunk};
use tollward_wire::rerank::RerankDialect;
use tollward_wire::segments::Segments;
use tollward_wire::view::RequestView;

use crate::credentials::Credential;
use crate::failure::Failure;
use crate::listing::Listing;

/// One request, about to be shaped for a vendor.
#[derive(Clone, Copy, Debug)]
pub struct Call<'a> {
    /// The endpoint the caller used.
    pub operation: Operation,
    /// The caller's body; of a form, an empty object.
    pub document: &'a Document,
    /// The caller's form, where the body is one.
    pub form: Option<&'a Form>,
    /// What the caller tries out of Anthropic's API, as its header `anthropic-beta` has it: words
    /// set apart by commas.
    pub betas: Option<&'a str>,
    /// The fields of the body that the gateway acts on.
    pub view: &'a RequestView,
    /// The vendor's name of the model.
    pub upstream_model: &'a str,
}

/// A request as the vendor wants it, all but the credential.
#[derive(Clone, Debug)]
pub struct Outbound {
    /// Where it goes; the method is `POST`, but for [`Provider::ask_kept`].
    pub uri: Uri,
    /// `content-type`, `accept`, `accept-encoding: identity` and the operator's own headers.
    pub headers: HeaderMap,
    /// The caller's bytes, spliced.
    pub body: Segments,
    /// Whether the caller is to see the chunk that carries only usage.
    pub usage_chunk: UsageChunk,
    /// How the events of a streamed answer in the caller's own dialect are set apart.
    pub framing: Framing,
    /// Fields of the caller that this vendor would refuse and that were left out, as paths
    /// such as `logit_bias` or `messages[].name`.
    pub dropped: Vec<Cow<'static, str>>,
}

/// How a vendor answers a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Service {
    /// It takes the caller's own words.
    Relay,
    /// It speaks another dialect, into which the chat is put.
    Translate(Dialect),
    /// It has its own form of embeddings.
    Embed(EmbedDialect),
    /// It has its own form of rankings.
    Rerank(RerankDialect),
}

impl Service {
    /// The word used in documents: `relay`, or the vendor's dialect.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Relay => "relay",
            Self::Translate(dialect) => dialect.name(),
            Self::Embed(dialect) => dialect.name(),
            Self::Rerank(dialect) => dialect.name(),
        }
    }
}

/// How a vendor answers an operation for one of its models.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Services {
    /// For most calls.
    pub plain: Service,
    /// For calls that have tools and do not switch thinking off.
    pub with_tools: Service,
    /// For calls of Messages that only Anthropic's own servers take as they are.
    pub beyond: Service,
}

impl Services {
    /// The same for every call.
    pub const fn always(service: Service) -> Self {
        Self {
            plain: service,
            with_tools: service,
            beyond: service,
        }
    }

    /// The one for `call`, which is looked into only where it matters.
    pub fn of(self, call: &Call<'_>) -> Service {
        if self.plain != self.with_tools && call.thinks_with_tools() {
            self.with_tools
        } else if self.plain != self.beyond && invoke::is_beyond(call.document) {
            self.beyond
        } else {
            self.plain
        }
    }
}

impl Call<'_> {
    /// Whether it has tools and does not switch thinking off.
    fn thinks_with_tools(&self) -> bool {
        let tools = self.document.objects("tools");
        let has_tools = tools.is_some_and(|it| !it.is_empty())
            || (self.operation == Operation::Chat && self.document.has("functions"));
        has_tools && self.effort() != Some(Effort::None)
    }

    /// The effort that the caller asks for.
    fn effort(&self) -> Option<Effort> {
        if self.operation == Operation::Chat {
            let word = self.document.get::<String>("reasoning_effort");
            return Effort::of_word(&word.ok().flatten()?);
        }
        let request = self.operation.dialect()?.read_request(self.document);
        request.ok()?.thinking.meant()
    }
}

/// A request that was written in a vendor's dialect.
#[derive(Debug)]
pub struct Translated<'a> {
    /// The form in which it was written; never [`Service::Relay`].
    pub service: Service,
    /// The vendor's name of the model.
    pub model: &'a str,
    /// Whether the answer is to be streamed.
    pub is_stream: bool,
    /// The body.
    pub body: Segments,
}

/// How a vendor is asked for the number of tokens in a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Counter {
    /// The dialect in which it takes the request.
    pub dialect: Dialect,
    /// The field of its answer that has the number.
    pub answer: &'static str,
}

/// Who vouches for a provider's host.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HostScope {
    /// A vendor's public host, built in: an address inside a private network is refused.
    Public,
    /// A URL written by the operator, who may name private hosts.
    Operator,
    /// A cloud's own service that hands out credentials, on this host or beside it; no provider.
    Metadata,
}

/// Why a request cannot be expressed for a vendor. The caller's fault, never retried.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EncodeError {
    /// The vendor has no such endpoint.
    #[error("{kind} does not serve {operation}")]
    Operation {
        /// The provider's kind.
        kind: &'static str,
        /// What was asked for.
        operation: Operation,
    },
    /// The vendor does not count tokens.
    #[error("{kind} does not count tokens")]
    Count {
        /// The provider's kind.
        kind: &'static str,
    },
    /// Leaving the field out would change what the caller receives.
    #[error("`{param}` is not supported by {kind}: {reason}")]
    Unsupported {
        /// The provider's kind.
        kind: &'static str,
        /// The field, as the caller wrote it.
        param: Cow<'static, str>,
        /// What the vendor accepts instead.
        reason: &'static str,
    },
    /// The vendor's name of the model cannot stand in an address.
    #[error("the deployment's model name cannot stand in an address")]
    Model,
    /// The form's content type cannot be sent on.
    #[error("the form's content type cannot stand in a header")]
    Form,
    /// The vendor's dialect has nothing like a field that the caller would miss.
    #[error(transparent)]
    Untranslatable(#[from] Unsupported),
    /// The same, where only the newer of the vendor's APIs takes the call.
    #[error("{error}; `{model}` {why}")]
    OnlyResponses {
        /// The vendor's name of the model.
        model: String,
        /// When it is so.
        why: &'static str,
        /// What is missing there.
        error: Unsupported,
    },
    /// A field that has to be rewritten has the wrong shape.
    #[error(transparent)]
    Field(#[from] FieldError),
}

impl EncodeError {
    /// The field at fault; `None` if it is not about one.
    pub fn param(&self) -> Option<&str> {
        match self {
            Self::Operation { .. } | Self::Count { .. } | Self::Model | Self::Form => None,
            Self::Unsupported { param, .. } => Some(param),
            Self::Untranslatable(error) | Self::OnlyResponses { error, .. } => Some(&error.param),
            Self::Field(error) => Some(&error.field),
        }
    }

    /// The same, with the field as `spell` has it.
    pub(crate) fn spelt(self, spell: impl Fn(Cow<'static, str>) -> Cow<'static, str>) -> Self {
        match self {
            Self::Unsupported {
                kind,
                param,
                reason,
            } => Self::Unsupported {
                kind,
                param: spell(param),
                reason,
            },
            Self::Untranslatable(error) => Self::Untranslatable(Unsupported {
                param: spell(error.param),
                ..error
            }),
            // Read errors are about what the caller wrote.
            other => other,
        }
    }
}

/// One vendor with its settings.
pub trait Provider: Send + Sync + 'static {
    /// The registry's word for the vendor.
    fn kind(&self) -> &'static str;

    /// Who vouches for the host.
    fn host_scope(&self) -> HostScope;

    /// How the vendor answers `operation` for `model`; `None` if it does not.
    fn services(&self, operation: Operation, model: &str) -> Option<Services>;

    /// The name under which the price list of the vendor has what it calls `model` here.
    fn listed_as<'a>(&'a self, model: &'a str) -> &'a str;

    /// What a model takes, for requests that are translated.
    fn traits(&self, model: &str) -> Traits;

    /// Shapes a request that is relayed.
    ///
    /// # Errors
    /// [`EncodeError`] if the vendor cannot do what the caller asks for.
    fn encode(&self, call: &Call<'_>) -> Result<Outbound, EncodeError>;

    /// Shapes a request that was written in the vendor's dialect already.
    ///
    /// # Errors
    /// [`EncodeError`] if the vendor cannot do what the caller asks for.
    fn encode_translated(&self, translated: &Translated<'_>) -> Result<Outbound, EncodeError>;

    /// How the vendor counts the tokens of a request to `model`; `None` if it does not.
    fn counter(&self, model: &str) -> Option<Counter>;

    /// Shapes the question how many tokens `request` has, which is written in the counter's
    /// dialect; `model` is the vendor's name of the model.
    ///
    /// # Errors
    /// [`EncodeError`] if it cannot be asked.
    fn encode_count(&self, request: &Document, model: &str) -> Result<Outbound, EncodeError>;

    /// What it proves itself with, in the order in which they are to be used; nothing for a
    /// server that asks for no proof.
    fn credentials(&self) -> &[Credential];

    /// Reads an answer that is not a 2xx.
    fn fault(&self, status: StatusCode, headers: &HeaderMap, body: &[u8]) -> Failure;

    /// A request about a response that the vendor keeps, all but the method and the credential;
    /// `None` if it keeps none. `path` is the response's id and what follows it.
    fn ask_kept(&self, path: &str) -> Option<Outbound>;

    /// Where what an account has is asked about, such as files and batches, all but the credential
    /// and what the caller says; `None` if the vendor has nothing of the kind. `path` is what
    /// follows the version, with the query.
    fn pass_through(&self, path: &str) -> Option<Outbound>;

    /// How the account's models are asked for, and whether its key is accepted.
    fn listing(&self) -> Listing;
}
