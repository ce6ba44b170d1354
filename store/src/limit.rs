//! Limits of rate: how fast calls may come, and how many at once.

use serde::{Deserialize, Serialize};

use crate::StoreError;

/// How fast the calls of a holder may come; `None`: as fast as they like.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct RateLimits {
    /// Calls a minute.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub requests_per_minute: Option<u32>,
    /// Tokens a minute, of input and output together.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tokens_per_minute: Option<u32>,
    /// Tokens of input a minute.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub input_tokens_per_minute: Option<u32>,
    /// Tokens of output a minute.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub output_tokens_per_minute: Option<u32>,
    /// Calls that run at once.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub parallel: Option<u32>,
}

impl RateLimits {
    /// Whether nothing is limited.
    pub fn is_nothing(&self) -> bool {
        *self == Self::default()
    }

    /// Whether they can be kept.
    pub(crate) fn check(&self) -> Result<(), StoreError> {
        let Self {
            requests_per_minute,
            tokens_per_minute,
            input_tokens_per_minute,
            output_tokens_per_minute,
            parallel,
        } = *self;
        let all = [
            requests_per_minute,
            tokens_per_minute,
            input_tokens_per_minute,
            output_tokens_per_minute,
            parallel,
        ];
        if all.contains(&Some(0)) {
            return Err(StoreError::InvalidBudget {
                field: "limit",
                reason: "is nothing; revoke the key or close the account instead",
            });
        }
        Ok(())
    }
}
