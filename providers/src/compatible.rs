//! Vendors that speak `OpenAI`'s API, more or less.
//!
//! One implementation, one row of data per vendor (`rows`). A request passes as the
//! caller wrote it, but for the model name and what the row says must change (`encode`).
//! A vendor that needs code of its own does not belong here.

mod count;
mod encode;
mod format;
mod media;
mod models;
mod realtime;
mod responses;
pub(crate) mod row;
pub(crate) mod rows;
#[cfg(test)]
mod tests;
mod tool_id;

use http::header::{ACCEPT, ACCEPT_ENCODING, CONTENT_TYPE};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, Uri};
use serde_json::{Map, Value};
use tollward_wire::chat::{Searching, Traits};
use tollward_wire::dialect::Dialect;
use tollward_wire::document::{Document, FieldError};
use tollward_wire::operation::Operation;
use tollward_wire::reader::{Framing, UsageChunk};
use tollward_wire::segments::Segments;
use tollward_wire::view::RequestView;

use self::models::OnlyResponses;
use self::row::{Proof, ResponsesModels, Row, SearchingModels, StreamUsage, ThinkingModels};
use crate::account::{Account, KeyHeader, api_key};
use crate::credentials::{self, Credential};
use crate::failure::Failure;
use crate::listing::Listing;
use crate::provider::{
    Call, Counter, EncodeError, HostScope, Outbound, Provider, Service, Services, Translated,
};
use crate::settings::{BuildError, Settings, path_of};

/// One vendor of the family with its settings.
pub(crate) struct Compatible {
    row: &'static Row,
    scope: HostScope,
    endpoints: Endpoints,
    credentials: Vec<Credential>,
    /// Headers of a request whose answer is one JSON object; a streamed one differs in `accept`.
    headers: HeaderMap,
}

/// The URIs a request may go to, made once.
struct Endpoints {
    chat: Uri,
    /// Of what else the row has, and of rankings in a form of its own.
    others: Vec<(Operation, Uri)>,
    models: Option<Uri>,
    /// Where a wrong key is refused, if the list is open to everybody.
    proof: Option<Uri>,
    counting: Option<Uri>,
    /// The base URL, behind which what is passed through goes.
    base: String,
}

impl Compatible {
    /// # Errors
    /// [`BuildError`] naming the setting at fault.
    pub(crate) fn new(row: &'static Row, fields: Map<String, Value>) -> Result<Self, BuildError> {
        let mut settings = Settings::new(fields, row.facts.settings)?;
        let usual_path = row.facts.base_url.map_or("/v1", path_of);
        let configured = settings.base_url("base_url", usual_path)?;
        let is_builtin_host = configured.is_none() && row.facts.default_port.is_none();
        let base_url = configured
            .or_else(|| row.facts.base_url.map(str::to_owned))
            .ok_or(BuildError::Missing { field: "base_url" })?;
        let credentials = credentials::read(row.facts.access, &mut settings, |settings| {
            api_key(settings, KeyHeader::Bearer)
        })?;
        if row.facts.needs_key && credentials.is_empty() {
            return Err(BuildError::Missing { field: "api_key" });
        }
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
        headers.insert(ACCEPT_ENCODING, HeaderValue::from_static("identity"));
        for (setting, name) in [
            ("organization", "openai-organization"),
            ("project", "openai-project"),
        ] {
            if let Some(value) = settings.header(setting)? {
                headers.insert(HeaderName::from_static(name), value);
            }
        }
        headers.extend(settings.headers("headers")?);
        Ok(Self {
            row,
            scope: if is_builtin_host {
                HostScope::Public
            } else {
                HostScope::Operator
            },
            endpoints: Endpoints::new(&base_url, row)?,
            credentials,
            headers,
        })
    }

    /// The family's API as a part of an account's; who has the account adds the credential.
    ///
    /// # Errors
    /// [`BuildError`] if the account's address is none.
    pub(crate) fn part_of(row: &'static Row, account: &Account) -> Result<Self, BuildError> {
        Ok(Self {
            row,
            scope: account.scope,
            endpoints: Endpoints::new(account.base_url(), row)?,
            credentials: Vec::new(),
            headers: account.headers().clone(),
        })
    }

    /// The same with the credentials of `account`.
    pub(crate) fn proving(self, account: &Account) -> Self {
        Self {
            credentials: account.credentials().to_vec(),
            ..self
        }
    }

    /// Shapes a request that is relayed to a model that goes by a name of the operator's: the
    /// vendor knows it as `known`.
    ///
    /// # Errors
    /// As of [`Provider::encode`].
    pub(crate) fn encode_as(&self, call: &Call<'_>, known: &str) -> Result<Outbound, EncodeError> {
        if !self.row.operations.contains(&call.operation) {
            return Err(EncodeError::Operation {
                kind: self.row.facts.kind,
                operation: call.operation,
            });
        }
        if call.operation == Operation::Realtime {
            return realtime::outbound(self, call);
        }
        if call.operation.is_only_relayed() {
            return media::outbound(self, call);
        }
        let is_responses = call.operation == Operation::Responses;
        let (body, dropped) = if is_responses {
            responses::body(self.row, call)?
        } else {
            encode::body(self.row, call, known)?
        };
        let asks = !is_responses && self.row.quirks.stream_usage == StreamUsage::Ask;
        Ok(Outbound {
            usage_chunk: if asks && !call.view.asks_usage {
                UsageChunk::Hide
            } else {
                UsageChunk::Keep
            },
            dropped,
            ..self.outbound(call.operation, body, call.view.is_stream)
        })
    }

    /// The same for a request that was written in the vendor's dialect already.
    ///
    /// # Errors
    /// As of [`Provider::encode_translated`].
    pub(crate) fn encode_translated_as(
        &self,
        translated: &Translated<'_>,
        known: &str,
    ) -> Result<Outbound, EncodeError> {
        let as_written = match translated.service {
            Service::Translate(Dialect::OpenAiResponses) => Some(Operation::Responses),
            Service::Rerank(_) => Some(Operation::Rerank),
            Service::Relay | Service::Translate(_) | Service::Embed(_) => None,
        };
        if let Some(operation) = as_written {
            let body = translated.body.clone();
            return Ok(self.outbound(operation, body, translated.is_stream));
        }
        let document = Document::parse(translated.body.to_bytes())
            .map_err(|_| FieldError::new("messages", "text that can be written as JSON"))?;
        let view = RequestView::read(Operation::Chat, &document)?;
        let call = Call {
            operation: Operation::Chat,
            document: &document,
            form: None,
            betas: None,
            view: &view,
            upstream_model: translated.model,
        };
        self.encode_as(&call, known)
    }

    /// A request as it is, all but the credential.
    fn outbound(&self, operation: Operation, body: Segments, is_stream: bool) -> Outbound {
        let mut headers = self.headers.clone();
        if is_stream {
            headers.insert(ACCEPT, HeaderValue::from_static("text/event-stream"));
        }
        Outbound {
            uri: self.endpoints.uri(operation).clone(),
            headers,
            body,
            usage_chunk: UsageChunk::Keep,
            framing: Framing::Events,
            dropped: Vec::new(),
        }
    }

    /// Which calls the model takes only through Responses.
    fn only_responses(&self, model: &str) -> OnlyResponses {
        match self.row.quirks.responses {
            ResponsesModels::No => OnlyResponses::Nothing,
            ResponsesModels::ByName => models::only_responses(model),
        }
    }

    /// Whether the model thinks, as far as its name says.
    fn thinks_by_name(&self, model: &str) -> bool {
        models::is_reasoning_model(model) || self.only_responses(model) == OnlyResponses::Everything
    }
}

impl Endpoints {
    fn new(base_url: &str, row: &Row) -> Result<Self, BuildError> {
        let endpoint = |path: &str| -> Result<Uri, BuildError> {
            let (base_url, path) = match path.strip_prefix("/v1") {
                Some(path) => (base_url, path),
                None => (base_url.strip_suffix("/v1").unwrap_or(base_url), path),
            };
            format!("{base_url}{path}")
                .parse()
                .map_err(|_| BuildError::Invalid {
                    field: "base_url".to_owned(),
                    reason: "cannot be used as a request target".to_owned(),
                })
        };
        let listing = &row.quirks.listing;
        let more = [Operation::Rerank, Operation::Responses];
        let others = row.operations.iter().copied().chain(more);
        let path = |operation: Operation| match row.quirks.rerank {
            Some(own) if operation == Operation::Rerank => own.path,
            _ => operation.path(),
        };
        Ok(Self {
            chat: endpoint(Operation::Chat.path())?,
            others: others
                .map(|it| Ok((it, endpoint(path(it))?)))
                .collect::<Result<_, BuildError>>()?,
            base: base_url.to_owned(),
            models: listing.path.map(endpoint).transpose()?,
            proof: match listing.proof {
                Some(Proof::Path(path)) => Some(endpoint(path)?),
                Some(Proof::Elsewhere(address)) if row.facts.base_url == Some(base_url) => {
                    address.parse().ok()
                }
                Some(Proof::Elsewhere(_)) | None => None,
            },
            counting: row
                .counting
                .as_ref()
                .map(|it| endpoint(it.path))
                .transpose()?,
        })
    }

    fn uri(&self, operation: Operation) -> &Uri {
        let own = self.others.iter().find(|(it, _)| *it == operation);
        // What the vendor does not have is put into a chat.
        own.map_or(&self.chat, |(_, uri)| uri)
    }
}

impl Provider for Compatible {
    fn kind(&self) -> &'static str {
        self.row.facts.kind
    }

    fn host_scope(&self) -> HostScope {
        self.scope
    }

    fn services(&self, operation: Operation, model: &str) -> Option<Services> {
        let plain = if self.row.operations.contains(&operation) {
            Service::Relay
        } else if operation == Operation::Rerank {
            Service::Rerank(self.row.quirks.rerank?.dialect)
        } else {
            // Who has chats can be put all other chats.
            operation.dialect()?;
            let has_chats = self.row.operations.contains(&Operation::Chat);
            has_chats.then_some(Service::Translate(Dialect::OpenAiChat))?
        };
        let bridge = Service::Translate(Dialect::OpenAiResponses);
        let has_tools = matches!(
            operation,
            Operation::Chat
                | Operation::Messages
                | Operation::OllamaChat
                | Operation::GenerateContent
        );
        Some(match (operation, self.only_responses(model)) {
            (Operation::Embeddings | Operation::Rerank | Operation::Responses, _) => {
                Services::always(plain)
            }
            (operation, _) if operation.is_only_relayed() => Services::always(plain),
            (_, OnlyResponses::Everything) => Services::always(bridge),
            (_, OnlyResponses::Tools) if has_tools => Services {
                plain,
                with_tools: bridge,
                beyond: plain,
            },
            (_, OnlyResponses::Tools | OnlyResponses::Nothing) => Services::always(plain),
        })
    }

    fn listed_as<'a>(&'a self, model: &'a str) -> &'a str {
        model
    }

    fn traits(&self, model: &str) -> Traits {
        let quirks = &self.row.quirks;
        Traits {
            thinks: match quirks.thinking {
                ThinkingModels::All => true,
                ThinkingModels::ByName => self.thinks_by_name(model),
                ThinkingModels::Unknown => !models::is_older_gpt(model),
                ThinkingModels::No => false,
            },
            takes_sampling: quirks.thinking != ThinkingModels::ByName
                || !self.thinks_by_name(model),
            thoughts: quirks.thoughts,
            takes_top_k: quirks.takes_more_sampling,
            takes_more_sampling: quirks.takes_more_sampling,
            fetches_files: quirks.fetches_files,
            takes_custom_tools: quirks.takes_custom_tools,
            web_search: match quirks.web_search {
                SearchingModels::ByTool => Searching::ByTool,
                SearchingModels::ByName if models::is_search_model(model) => Searching::Always,
                // Calls with tools of these go through Responses, where it is one of them.
                SearchingModels::ByName if self.only_responses(model) != OnlyResponses::Nothing => {
                    Searching::ByTool
                }
                SearchingModels::ByName | SearchingModels::No => Searching::No,
            },
            ..Traits::default()
        }
    }

    fn encode(&self, call: &Call<'_>) -> Result<Outbound, EncodeError> {
        self.encode_as(call, call.upstream_model)
    }

    fn encode_translated(&self, translated: &Translated<'_>) -> Result<Outbound, EncodeError> {
        self.encode_translated_as(translated, translated.model)
    }

    fn counter(&self, _: &str) -> Option<Counter> {
        self.row.counting.as_ref().map(|it| it.counter)
    }

    fn encode_count(&self, request: &Document, model: &str) -> Result<Outbound, EncodeError> {
        let kind = self.row.facts.kind;
        let counting = self
            .row
            .counting
            .as_ref()
            .zip(self.endpoints.counting.as_ref());
        let (counting, uri) = counting.ok_or(EncodeError::Count { kind })?;
        Ok(Outbound {
            uri: uri.clone(),
            headers: self.headers.clone(),
            body: count::body(self.row, counting, request, model)?,
            usage_chunk: UsageChunk::Keep,
            framing: Framing::Events,
            dropped: Vec::new(),
        })
    }

    fn credentials(&self) -> &[Credential] {
        &self.credentials
    }

    fn fault(&self, status: StatusCode, headers: &HeaderMap, body: &[u8]) -> Failure {
        Failure::read(status, headers, body)
    }

    fn ask_kept(&self, path: &str) -> Option<Outbound> {
        let keeps = self.row.operations.contains(&Operation::Responses);
        let uri = format!("{}/{path}", self.endpoints.uri(Operation::Responses));
        let uri = uri.parse().ok().filter(|_| keeps)?;
        let mut outbound = self.outbound(Operation::Responses, Segments::new(), false);
        outbound.headers.remove(CONTENT_TYPE);
        Some(Outbound { uri, ..outbound })
    }

    fn pass_through(&self, path: &str) -> Option<Outbound> {
        let uri = format!("{}/{path}", self.endpoints.base).parse().ok()?;
        let mut outbound = self.outbound(Operation::Chat, Segments::new(), false);
        outbound
            .headers
            .insert(ACCEPT, HeaderValue::from_static("*/*"));
        outbound.headers.remove(CONTENT_TYPE);
        Some(Outbound { uri, ..outbound })
    }

    fn listing(&self) -> Listing {
        Listing {
            proof: self.endpoints.proof.clone(),
            needs_right: self.row.quirks.listing.needs_right,
            ..Listing::one(
                self.endpoints.models.clone(),
                self.row.quirks.listing.form,
                &self.headers,
            )
        }
    }
}
