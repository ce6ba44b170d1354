//! What an attempt used, and what that costs.

use tollward_store::Outcome;
use tollward_wire::fault::Fault;
use tollward_wire::operation::Operation;
use tollward_wire::usage::Usage;

use super::{Attempt, Call, Observed};
use crate::policy::estimate;
use crate::policy::price::Priced;

impl Call {
    /// What `attempt` used, whether some of that is a guess, and what it costs.
    pub(super) fn used(
        &self,
        attempt: &Attempt,
        outcome: Outcome,
        observed: Observed<'_>,
        at_unix_s: i64,
    ) -> (Usage, bool, Priced) {
        let price = |usage: &Usage| attempt.deployment.prices.cost(usage, at_unix_s);
        let failed = attempt.failed.as_ref();
        let used = failed.and_then(|failed| failed.used.as_ref());
        let is_partial = observed.is_usage_partial || used.is_some_and(|it| it.is_guess);
        let passed = failed.map_or(0, |failed| failed.output_bytes);
        let least = estimate::tokens(observed.output_bytes.max(passed));
        if let Some(held) = attempt.unheard
            && is_unheard(attempt, outcome, observed)
        {
            let usage = Usage {
                input: self.estimated_input,
                ..Usage::default()
            };
            return (usage, true, Priced::held(held));
        }
        if let Some(usage) = observed.usage.or(used.map(|it| &it.usage)) {
            let mut usage = usage.clone().of_operation(self.operation);
            let is_chat = self.operation.dialect().is_some();
            // Some servers count nothing where they were asked and have answered (faults U-47).
            let lacks_input = is_chat && usage.input == 0;
            let lacks_output = is_chat && usage.output == 0 && least > 0;
            if lacks_input {
                usage.input = self.estimated_input;
            }
            if is_partial || lacks_output {
                usage.output = usage.output.max(least);
            }
            let priced = price(&usage);
            return (usage, is_partial || lacks_input || lacks_output, priced);
        }
        let may_be_billed = failed.is_none_or(|failed| failed.may_be_billed);
        // A session costs what its responses do, which have rows of their own.
        let is_session = self.operation == Operation::Realtime;
        if !may_be_billed || attempt.number == 0 || is_session {
            // Nothing was used: that costs nothing even where no price is known.
            return (Usage::default(), false, Priced::NOTHING);
        }
        let mut usage = Usage::default();
        if !self.operation.is_only_relayed() {
            usage.input = self.estimated_input;
            usage.output = least;
        } else if self.characters > 0 {
            usage.things.characters = self.characters;
        } else {
            // Of what is not text nothing can be estimated.
            let is_answer_of_a_model = self.operation != Operation::Passthrough;
            let priced = attempt.deployment.prices.unmeasured(at_unix_s);
            return (usage, is_answer_of_a_model, priced);
        }
        let priced = price(&usage);
        (usage, true, priced)
    }
}

/// Whether a vendor may have answered in full, or thought for long, and nobody heard any of it: it was not waited
/// for, and has counted nothing.
fn is_unheard(attempt: &Attempt, outcome: Outcome, observed: Observed<'_>) -> bool {
    let failed = attempt.failed.as_ref();
    let used = failed.and_then(|failed| failed.used.as_ref());
    let passed = failed.map_or(0, |failed| failed.output_bytes);
    let is_counted = match (observed.usage, used) {
        (Some(_), _) => !observed.is_usage_partial,
        (None, Some(used)) => !used.is_guess,
        (None, None) => false,
    };
    let is_silent = failed.is_none_or(|it| it.may_be_billed && is_silence(it.fault));
    attempt.number > 0
        && is_silent
        && outcome != Outcome::Complete
        && !is_counted
        && observed.output_bytes.max(passed) == 0
}

/// Whether an attempt that failed like that may have been answered without our hearing of it; a vendor that tells
/// of an error has not answered.
fn is_silence(fault: Fault) -> bool {
    match fault {
        Fault::Timeout(_)
        | Fault::Unreachable
        | Fault::Protocol
        | Fault::Truncated
        | Fault::Incomplete
        | Fault::EventTooLarge
        | Fault::Cancelled => true,
        Fault::BadRequest
        | Fault::ContextLength
        | Fault::ContentFilter
        | Fault::ForeignCipher
        | Fault::Misgenerated
        | Fault::NotFound
        | Fault::Auth
        | Fault::Quota
        | Fault::RateLimited
        | Fault::Overloaded
        | Fault::Server
        | Fault::Dns
        | Fault::Tls
        | Fault::ForbiddenAddress
        | Fault::Redirect
        | Fault::Empty => false,
    }
}
