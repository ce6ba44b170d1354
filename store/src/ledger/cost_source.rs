//! Where costs come from.

use serde::Serialize;

/// Where an entry's cost comes from. The numbers are stored; never reuse one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum CostSource {
    /// The provider reported it.
    Provider = 0,
    /// Tokens times our price.
    Computed = 1,
    /// Known to be free: nothing was sent, or the model is local.
    Zero = 2,
    /// No price is known.
    Unknown = 3,
    /// The provider tells no number to which a price could be applied.
    Unmeasured = 4,
    /// Nothing was asked: the call is a repetition of an earlier one, whose answer was given again.
    Replayed = 5,
    /// Nothing was asked: an answer to exactly the same was given again.
    Cached = 6,
}

impl CostSource {
    /// The name in reports and headers.
    pub fn name(self) -> &'static str {
        match self {
            Self::Provider => "provider",
            Self::Computed => "computed",
            Self::Zero => "zero",
            Self::Unknown => "unknown",
            Self::Unmeasured => "unmeasured",
            Self::Replayed => "replayed",
            Self::Cached => "cached",
        }
    }

    /// Whether an answer was given again, so that something may have been saved.
    pub(crate) fn saves(self) -> bool {
        match self {
            Self::Replayed | Self::Cached => true,
            Self::Provider | Self::Computed | Self::Zero | Self::Unknown | Self::Unmeasured => {
                false
            }
        }
    }

    pub(crate) const ALL: [Self; 7] = [
        Self::Provider,
        Self::Computed,
        Self::Zero,
        Self::Unknown,
        Self::Unmeasured,
        Self::Replayed,
        Self::Cached,
    ];

    pub(crate) fn from_code(code: u8) -> Option<Self> {
        Self::ALL.get(usize::from(code)).copied()
    }
}
