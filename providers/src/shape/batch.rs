//! A call without a stream in a vendor's own form: one or several requests, one answer.
//!
//! Vendors of embeddings take from one to a hundred texts a request, callers send up to two
//! thousand. The requests are shaped here and the answers put together here; who sends them
//! decides how many at once, and in which order their answers come.

use std::borrow::Cow;

use bytes::Bytes;
use http::HeaderMap;
use tollward_wire::answer::Answer;
use tollward_wire::dialect::Echo;
use tollward_wire::embed::{self, EmbedDialect, EmbedRequest, Reply};
use tollward_wire::error_body::ErrorBody;
use tollward_wire::fault::Fault;
use tollward_wire::reader::StreamFault;
use tollward_wire::rerank::answer::Ranking;
use tollward_wire::rerank::{self, RerankDialect, RerankRequest};
use tollward_wire::segments::Segments;
use tollward_wire::usage::{Usage, UsageAnomaly};

use crate::provider::{Call, EncodeError, Outbound, Provider, Service, Translated};

/// A call as one or several requests.
#[derive(Debug)]
pub struct Batch<'a> {
    /// The requests in order; never empty.
    pub requests: Vec<Part>,
    /// Fields of the caller that were left out.
    pub dropped: Vec<Cow<'static, str>>,
    way: Way<'a>,
}

/// One of the requests.
#[derive(Debug)]
pub struct Part {
    /// The request, all but the credential.
    pub outbound: Outbound,
    /// How many of the call's texts it holds.
    pub texts: usize,
}

/// How the answers are read.
#[derive(Debug)]
enum Way<'a> {
    Embed(EmbedDialect, EmbedRequest<'a>),
    Rerank(RerankDialect, RerankRequest<'a>),
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
    let requests = written.parts.iter().map(|it| {
        let body = it.body.to_segments(call.document.bytes());
        let outbound = outbound(provider, call, Service::Embed(dialect), body)?;
        let texts = it.texts;
        Ok(Part { outbound, texts })
    });
    Ok(Batch {
        requests: requests.collect::<Result<_, EncodeError>>()?,
        dropped: owned(written.dropped),
        way: Way::Embed(dialect, request),
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
    let outbound = outbound(provider, call, Service::Rerank(dialect), body)?;
    let texts = request.documents.len();
    Ok(Batch {
        requests: vec![Part { outbound, texts }],
        dropped: owned(written.dropped),
        way: Way::Rerank(dialect, request),
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
    /// Takes the answers.
    pub fn join(&self) -> Joint<'_> {
        Joint {
            requests: &self.requests,
            answers: match &self.way {
                Way::Embed(dialect, request) => Answers::Vectors {
                    dialect: *dialect,
                    request,
                    parts: vec![None; self.requests.len()],
                    length: None,
                },
                Way::Rerank(dialect, request) => Answers::Ranking {
                    dialect: *dialect,
                    request,
                    ranking: None,
                },
            },
            told: Usage::default(),
            untold: 0,
            usage_anomaly: false,
        }
    }
}

/// The answers so far.
#[derive(Debug)]
pub struct Joint<'b> {
    requests: &'b [Part],
    answers: Answers<'b>,
    /// What the vendor counted.
    told: Usage,
    /// Texts in answers that counted nothing.
    untold: usize,
    usage_anomaly: bool,
}

#[derive(Debug)]
enum Answers<'b> {
    Vectors {
        dialect: EmbedDialect,
        request: &'b EmbedRequest<'b>,
        /// In the order of the requests.
        parts: Vec<Option<Vec<Vec<f32>>>>,
        /// Numbers in each vector, as the first one has them.
        length: Option<usize>,
    },
    Ranking {
        dialect: RerankDialect,
        request: &'b RerankRequest<'b>,
        ranking: Option<Box<Ranking>>,
    },
}

impl Joint<'_> {
    /// Takes the answer to the request at place `at`.
    ///
    /// # Errors
    /// [`Fault::Protocol`] if it is not what the vendor's form says, [`Fault::Empty`] if it says
    /// nothing, [`Fault::BadRequest`] with words for the caller if its vectors have not the
    /// length that was asked for.
    pub fn take(&mut self, at: usize, headers: &HeaderMap, body: &[u8]) -> Result<(), StreamFault> {
        let texts = self.requests.get(at).map_or(0, |it| it.texts);
        let usage = match &mut self.answers {
            Answers::Vectors {
                dialect,
                request,
                parts,
                length,
            } => {
                let counted = dialect.count_header().and_then(|it| headers.get(it));
                let reply = Reply {
                    body,
                    counted: counted.and_then(|it| it.to_str().ok()),
                    texts,
                };
                let embedded = dialect.read(request, reply).map_err(unsaid)?;
                let found = embedded.vectors.first().map_or(0, Vec::len);
                check_length(request, found)?;
                if *length.get_or_insert(found) != found {
                    return Err(unsaid(Fault::Protocol));
                }
                if let Some(part) = parts.get_mut(at) {
                    *part = Some(embedded.vectors);
                }
                embedded.usage
            }
            Answers::Ranking {
                dialect,
                request,
                ranking,
            } => {
                let read = rerank::answer::read(*dialect, request, body).map_err(unsaid)?;
                ranking.insert(Box::new(read)).usage.clone()
            }
        };
        self.count(usage, texts);
        Ok(())
    }

    fn count(&mut self, usage: Option<Result<Usage, UsageAnomaly>>, texts: usize) {
        self.usage_anomaly |= matches!(usage, Some(Err(_)));
        match usage.and_then(Result::ok) {
            Some(usage) => {
                let before = std::mem::take(&mut self.told);
                self.told = usage.plus_input(&before);
            }
            None => self.untold += texts,
        }
    }

    /// What was used when the call broke off while `open` texts more were with the vendor, and
    /// whether that is a guess in part; `estimated` tokens are those of the whole call.
    pub fn spent(&self, open: usize, estimated: u64) -> (Usage, bool) {
        let all: usize = self.requests.iter().map(|it| it.texts).sum();
        let guessed = (open + self.untold).min(all);
        let share = u128::from(estimated) * guessed as u128 / (all.max(1) as u128);
        let guess = Usage {
            input: u64::try_from(share).unwrap_or(estimated),
            ..Usage::default()
        };
        (self.told.clone().plus_input(&guess), guessed > 0)
    }

    /// Writes the answer for the caller, when all answers were taken.
    ///
    /// A vendor that counts nothing is given the gateway's own estimate of the input: clients
    /// expect a number there.
    ///
    /// # Errors
    /// [`Fault::Protocol`] if an answer is missing.
    pub fn write(self, echo: &Echo<'_>) -> Result<(Bytes, Answer), Fault> {
        let usage = (self.untold == 0).then_some(self.told);
        let body = match self.answers {
            Answers::Vectors { request, parts, .. } => {
                let parts: Option<Vec<_>> = parts.into_iter().collect();
                let vectors = parts.ok_or(Fault::Protocol)?.concat();
                let input = usage.as_ref().map_or(echo.estimated_input, |it| it.input);
                embed::openai::write(echo.model, request.encoding, &vectors, input)
            }
            Answers::Ranking {
                request, ranking, ..
            } => {
                let ranking = ranking.ok_or(Fault::Protocol)?;
                rerank::answer::write(request, *ranking, echo.model, echo.id)
            }
        };
        let answer = Answer {
            usage,
            usage_anomaly: self.usage_anomaly,
            is_usage_partial: false,
            output_bytes: 0,
            named: None,
        };
        Ok((body, answer))
    }
}

/// A fault of which the vendor says nothing.
fn unsaid(fault: Fault) -> StreamFault {
    StreamFault { fault, error: None }
}

/// Some models have vectors of one length and say nothing when asked for another.
fn check_length(request: &EmbedRequest<'_>, found: usize) -> Result<(), StreamFault> {
    let Some(asked) = request.dimensions.filter(|it| *it != found as u64) else {
        return Ok(());
    };
    Err(StreamFault {
        fault: Fault::BadRequest,
        error: Some(ErrorBody {
            message: format!("`dimensions` is {asked}, but the model's vectors have {found}"),
            kind: String::from("invalid_request_error"),
            param: Some("dimensions".into()),
            code: Some("unsupported_parameter".into()),
            filtered: None,
        }),
    })
}
