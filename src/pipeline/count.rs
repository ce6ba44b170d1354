//! How many tokens a request has: the stages of a call up to the one that would be paid for.
//!
//! The first deployment that may answer the model is asked, because its count is the one that will
//! matter. A vendor that fails, is slow or has nothing to ask costs the caller no error: the
//! gateway's own estimate stands in. Nothing is booked.

use bytes::Bytes;
use tollward_providers::Call;
use tollward_wire::document::Document;
use tollward_wire::operation::Operation;
use tollward_wire::view::RequestView;

use crate::app::Gateway;
use crate::http::ingress::Ingress;
use crate::pipeline::ServeError;
use crate::pipeline::admit::hints::priority;
use crate::pipeline::admit::{AdmitError, Admitted, Content, held_body};
use crate::pipeline::authenticate::authenticate;
use crate::pipeline::recall::recall;
use crate::pipeline::route::foreseen;
use crate::policy::estimate;
use crate::upstream;
use crate::upstream::count::Counted;

/// A number of tokens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Count {
    /// How many the request has.
    pub tokens: u64,
    /// Who says so.
    pub source: CountSource,
    /// Their whole answer, where it is in the caller's own dialect.
    pub answer: Option<Bytes>,
}

/// Where a number of tokens comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CountSource {
    /// Whoever answers the model.
    Counted,
    /// The gateway's estimate.
    Estimated,
}

impl CountSource {
    /// The word used in headers and metrics.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Counted => "counted",
            Self::Estimated => "estimated",
        }
    }
}

/// Counts the tokens of a request, its earlier turns included where it refers to them.
///
/// It holds a place among the running calls to its end, because it may cost an upstream request.
///
/// # Errors
/// Whatever is wrong with the request itself; `http/error.rs` turns it into the answer.
///
/// # Cancellation
/// Dropping the future closes the upstream connection.
pub async fn count(gateway: &Gateway, mut ingress: Ingress) -> Result<Count, ServeError> {
    let snapshot = gateway.snapshot();
    let caller = authenticate(&snapshot, gateway, &ingress.headers, ingress.peer).await?;
    let key = caller.key().map(|it| it.id);
    let priority = priority(&ingress.headers).map_err(AdmitError::from)?;
    let places = &gateway.places;
    let mut slot = places.take_as(priority, key, snapshot.limits.max_in_flight)?;
    let document = held_body(&mut ingress, &snapshot.limits, &mut slot).await?;
    // Google's clients may send the whole request in a field of its own.
    let document = match document.raw("generateContentRequest") {
        Some(whole) if ingress.operation == Operation::GenerateContent => {
            Document::parse(Bytes::copy_from_slice(whole)).map_err(AdmitError::from)?
        }
        _ => document,
    };
    let view = RequestView::for_count(ingress.address.take(), &document);
    let content = Content::held(document, view.map_err(AdmitError::from)?);
    let admitted = Admitted::new(ingress, caller, content).map_err(AdmitError::from)?;
    let recollection = recall(gateway, &snapshot.limits, admitted).await?;
    let plan = foreseen(gateway, &snapshot, &recollection.admitted)?;
    let (recalled, plan) = recollection.planned(&snapshot.limits, plan)?;
    let admitted = recalled.unsealed(&gateway.seal).admitted;
    let deployment = plan.first();
    let call = Call {
        operation: admitted.operation,
        document: &admitted.document,
        form: None,
        betas: admitted.betas.as_deref(),
        view: &admitted.view,
        upstream_model: &deployment.upstream_model,
    };
    let counted = upstream::count::count(&gateway.fetcher, deployment, &call).await;
    let count = match counted {
        Ok(Counted { tokens, answer }) => Count {
            tokens,
            source: CountSource::Counted,
            answer,
        },
        Err(error) => {
            tracing::debug!(
                request.id = %admitted.request, deployment.id = %deployment.id, %error,
                "the tokens of a request are estimated"
            );
            Count {
                tokens: estimate::input_tokens(admitted.document.bytes()),
                source: CountSource::Estimated,
                answer: None,
            }
        }
    };
    gateway
        .metrics
        .count_token_count(deployment, count.source.name());
    Ok(count)
}
