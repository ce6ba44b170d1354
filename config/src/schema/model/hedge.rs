//! When a slow call of a model is asked of a second deployment as well.

use std::time::Duration;

use crate::reader::{Field, Reader};

/// Slow calls get a second attempt beside the first; who answers first is the call's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HedgeConfig {
    /// A stream without content for so long is slow. Default 2 s.
    pub after: Duration,
    /// A whole answer that takes so long is slow. `None`: none is.
    pub whole_after: Option<Duration>,
    /// Of 100 requests of the model so many may be asked twice. Default 3. Between 1 and 100.
    pub percent: u32,
}

impl HedgeConfig {
    pub(super) fn read(field: &Field<'_>, reader: &mut Reader) -> Option<Self> {
        field.node?;
        let mut table = field.table(reader);
        let whole = table.field("whole_after");
        let hedge = Self {
            after: table
                .field("after")
                .duration(reader, Duration::from_secs(2)),
            whole_after: whole
                .node
                .is_some()
                .then(|| whole.duration(reader, Duration::from_secs(30))),
            percent: table.field("percent").integer(reader, 3, 1..=100),
        };
        table.finish(reader);
        Some(hedge)
    }
}
