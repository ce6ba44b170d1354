//! A call without a stream in a vendor's own form: one or several requests, one answer.
//!
//! Vendors of embeddings take from one to a hundred texts a request, callers send up to two
//! thousand. The requests are shaped here and the answers put together here; who sends them
//! decides how many at once.

use std::borrow::Cow;

use bytes::Bytes;
use http::HeaderMap;
use tollward_wire::answer::Answer;
use tollward_wire::dialect::Echo;
use tollward_wire::embed::{self, EmbedDialect, EmbedRequest, Reply};
use tollward_wire::fault::Fault;
use tollward_wire::rerank::answer::Ranking;
use tollward_wire::rerank::{self, RerankDialect, RerankRequest};
use tollward_wire::segments::Segments;
use tollward_wire::usage::{Usage, UsageAnomaly};

use crate::provider::{Call, EncodeError, Outbound, Provider, Service, Translated};

/// A call as one or several requests.
#[derive(Debug)]
pub struct Batch<'a> {
    /// The requests in order, all but the credential; never empty.
    pub requests: Vec<Outbound>,
    /// Fields of the caller that were left out.
    pub dropped: Vec<Cow<'static, str>>,
    way: Way<'a>,
}

/// How the answers are read.
#[derive(Debug)]
enum Way<'a> {
    Embed {
        dialect: EmbedDialect,
        request: EmbedRequest<'a>,
        /// How many texts each request has.
        texts: Vec<usize>,
    },
    Rerank {
        dialect: RerankDialect,
        request: RerankRequest<'a>,
    },
}

/// Shapes a call; `None` if it is relayed or a chat, see [`super::shape`].
///
/// # Errors
/// [`EncodeError`] if the vendor cannot do what the caller asks for.
pub fn batch<'a>(
    provider: &dyn Provider,
    call: &Call<'a>,
) -> Result<Option<Batch<'a>>, EncodeError> {
    let services = provider.services(call.operation, call.upstream_model);
    match services.map(|it| it.plain) {
        Some(Service::Embed(dialect)) => embeddings(provider, call, dialect).map(Some),
        Some(Service::Rerank(dialect)) => ranking(provider, call, dialect).map(Some),
        Some(Service::Relay | Service::Translate(_)) | None => Ok(None),
    }
}

fn embeddings<'a>(
    provider: &dyn Provider,
    call: &Call<'a>,
    dialect: EmbedDialect,
) -> Result<Batch<'a>, EncodeError> {
    let request = embed::openai::read(call.document)?;
    let written = dialect.write(&request, call.upstream_model)?;
    let texts = written.parts.iter().map(|it| it.texts).collect();
    let bodies = written.parts.iter();
    let bodies = bodies.map(|it| it.body.to_segments(call.document.bytes()));
    Ok(Batch {
        requests: bodies
            .map(|body| outbound(provider, call, Service::Embed(dialect), body))
            .collect::<Result<_, _>>()?,
        dropped: owned(written.dropped),
        way: Way::Embed {
            dialect,
            request,
            texts,
        },
    })
}

fn ranking<'a>(
    provider: &dyn Provider,
    call: &Call<'a>,
    dialect: RerankDialect,
) -> Result<Batch<'a>, EncodeError> {
    let request = rerank::read(call.document)?;
    let written = dialect.write(&request, call.upstream_model)?;
    let body = written.body.to_segments(call.document.bytes());
    Ok(Batch {
        requests: vec![outbound(provider, call, Service::Rerank(dialect), body)?],
        dropped: owned(written.dropped),
        way: Way::Rerank { dialect, request },
    })
}

fn outbound(
    provider: &dyn Provider,
    call: &Call<'_>,
    service: Service,
    body: Segments,
) -> Result<Outbound, EncodeError> {
    provider.encode_translated(&Translated {
        service,
        model: call.upstream_model,
        is_stream: false,
        body,
    })
}

fn owned(names: Vec<Cow<'_, str>>) -> Vec<Cow<'static, str>> {
    names.into_iter().map(|it| it.into_owned().into()).collect()
}

impl Batch<'_> {
    /// Takes the answers, one after the other.
    pub fn join(&self) -> Joint<'_, '_> {
        Joint {
            batch: self,
            taken: 0,
            vectors: Vec::new(),
            ranking: None,
            answer: Answer {
                usage: None,
                usage_anomaly: false,
                output_bytes: 0,
                named: None,
            },
        }
    }
}

/// The answers so far.
#[derive(Debug)]
pub struct Joint<'b, 'a> {
    batch: &'b Batch<'a>,
    /// How many answers were taken.
    taken: usize,
    vectors: Vec<Vec<f32>>,
    ranking: Option<Ranking>,
    answer: Answer,
}

impl Joint<'_, '_> {
    /// Takes the next answer, in the order of the requests.
    ///
    /// # Errors
    /// [`Fault::Protocol`] if it is not what the vendor's form says.
    pub fn take(&mut self, headers: &HeaderMap, body: &[u8]) -> Result<(), Fault> {
        match &self.batch.way {
            Way::Embed {
                dialect,
                request,
                texts,
            } => {
                let counted = dialect.count_header().and_then(|it| headers.get(it));
                let reply = Reply {
                    body,
                    counted: counted.and_then(|it| it.to_str().ok()),
                    texts: texts.get(self.taken).copied().unwrap_or(0),
                };
                let embedded = dialect.read(request, reply)?;
                self.vectors.extend(embedded.vectors);
                self.count(embedded.usage);
            }
            Way::Rerank { dialect, request } => {
                let ranking = rerank::answer::read(*dialect, request, body)?;
                self.answer = ranking.measured();
                self.ranking = Some(ranking);
            }
        }
        self.taken += 1;
        Ok(())
    }

    /// Adds a count. One that is missing or cannot be true makes the sum unknown.
    fn count(&mut self, usage: Option<Result<Usage, UsageAnomaly>>) {
        let is_first = self.taken == 0;
        self.answer.usage_anomaly |= matches!(usage, Some(Err(_)));
        let part = usage.and_then(Result::ok);
        self.answer.usage = match (self.answer.usage.take(), part) {
            (Some(sum), Some(part)) => Some(Usage {
                input: sum.input.saturating_add(part.input),
                ..sum
            }),
            (None, Some(part)) if is_first => Some(part),
            (_, None) | (None, Some(_)) => None,
        };
    }

    /// How many answers were taken.
    pub fn taken(&self) -> usize {
        self.taken
    }

    /// What the requests that were answered used; `None` where the vendor does not say.
    pub fn usage(&self) -> Option<&Usage> {
        self.answer.usage.as_ref()
    }

    /// Writes the answer for the caller, when all answers were taken.
    ///
    /// A vendor that counts nothing is given the gateway's own estimate of the input: clients
    /// expect a number there.
    ///
    /// # Errors
    /// [`Fault::Protocol`] if an answer is missing.
    pub fn write(self, echo: &Echo<'_>) -> Result<(Bytes, Answer), Fault> {
        if self.taken != self.batch.requests.len() {
            return Err(Fault::Protocol);
        }
        let body = match (&self.batch.way, self.ranking) {
            (Way::Embed { request, .. }, _) => {
                let counted = self.answer.usage.as_ref().map(|it| it.input);
                let input = counted.unwrap_or(echo.estimated_input);
                embed::openai::write(echo.model, request.encoding, &self.vectors, input)
            }
            (Way::Rerank { request, .. }, Some(ranking)) => {
                rerank::answer::write(request, ranking, echo.model, echo.id)
            }
            (Way::Rerank { .. }, None) => return Err(Fault::Protocol),
        };
        Ok((body, self.answer))
    }
}
