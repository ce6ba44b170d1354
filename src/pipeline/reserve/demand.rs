//! Admitted → [`Demand`]: what of a call is known before it is sent.

use serde::de::IgnoredAny;
use tollward_store::Estimate;
use tollward_wire::operation::Operation;
use tollward_wire::usage::Things;
use tollward_wire::view::content::InputBound;
use tollward_wire::view::services::asks_for_services;

use crate::budgets::Budgets;
use crate::pipeline::admit::Admitted;
use crate::pipeline::route::Plan;
use crate::policy::ceiling::{Demand, LEAST_OUTPUT, Measure, UNKNOWN_OUTPUT, search_units};
use crate::policy::estimate;

/// What a call may use, if `is_bound` as the most that it can.
///
/// # Errors
/// What of it has no bound, where one is wanted.
pub(super) fn demand(
    budgets: &Budgets,
    is_bound: bool,
    admitted: &Admitted,
    plan: &Plan,
) -> Result<Demand, &'static str> {
    let (operation, document) = (admitted.operation, &admitted.document);
    let measure = measure(operation);
    let output = match measure {
        Some(Measure::Pieces) => Some(0),
        _ if writes_nothing(operation) => Some(0),
        _ if is_bound => admitted.view.max_output,
        _ => Some(learned(budgets, admitted)),
    };
    let bound = InputBound::of(operation, document);
    if is_bound {
        if measure.is_none() {
            return Err("nobody can tell how much such a call uses");
        }
        if bound.wants.tools || asks_for_services(operation, document) {
            return Err("the provider is asked for tools of its own");
        }
    }
    let input = if is_bound {
        bound.tokens
    } else {
        let decided = plan.decision.as_ref().map(|it| it.tokens);
        decided.unwrap_or_else(|| estimate::input_tokens(document.bytes()))
    };
    Ok(Demand {
        estimate: if is_bound {
            Estimate::Bound
        } else {
            Estimate::Learned
        },
        input,
        is_input_open: is_bound && bound.is_open,
        output,
        choices: admitted.view.written.into(),
        has_media: bound.has_media,
        things: things(admitted, input),
        measure: measure.unwrap_or(match operation {
            Operation::Realtime => Measure::Tokens,
            _ => Measure::Pieces,
        }),
        wants: bound.wants,
    })
}

/// What a call is counted by; `None` if nobody can tell before it has ended.
fn measure(operation: Operation) -> Option<Measure> {
    match operation {
        Operation::Speech | Operation::ImageGenerations => Some(Measure::Pieces),
        _ if operation.dialect().is_some() || writes_nothing(operation) => Some(Measure::Tokens),
        _ => None,
    }
}

/// What is counted by the piece, as far as the request says how much.
fn things(admitted: &Admitted, input: u64) -> Things {
    let document = &admitted.document;
    match admitted.operation {
        Operation::Speech => Things {
            characters: admitted.characters(),
            ..Things::default()
        },
        Operation::ImageGenerations => Things {
            images: admitted.view.written.into(),
            ..Things::default()
        },
        Operation::Rerank => {
            let documents = document.get::<Vec<IgnoredAny>>("documents").ok().flatten();
            let documents = documents.map_or(0, |it| it.len() as u64);
            let query = document.raw("query").map_or(0, |it| it.len() as u64);
            Things {
                search_units: search_units(documents, query, input),
                ..Things::default()
            }
        }
        _ => Things::default(),
    }
}

/// The output that is held for a call whose budgets learn, for each choice.
fn learned(budgets: &Budgets, admitted: &Admitted) -> u64 {
    let key = admitted.caller.key().map(|it| it.id);
    let typical = budgets.habits.typical_output(key, &admitted.view.model);
    let typical = typical.unwrap_or(UNKNOWN_OUTPUT).max(LEAST_OUTPUT);
    admitted
        .view
        .max_output
        .map_or(typical, |it| it.min(typical))
}

/// Whether answers have no tokens of their own.
fn writes_nothing(operation: Operation) -> bool {
    matches!(
        operation,
        Operation::Embeddings | Operation::Rerank | Operation::Moderations
    )
}
