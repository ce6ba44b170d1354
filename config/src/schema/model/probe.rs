//! How a deployment is asked how it is, so that no request has to find out.

use std::time::Duration;

use crate::reader::{Field, Reader};

/// A deployment that is left alone is asked by the gateway whether it works again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ProbeConfig {
    /// What it is asked. Default `models`.
    pub ask: ProbeAsk,
    /// One that works is asked as well when nobody has called it for so long. `None`: it is not.
    pub every: Option<Duration>,
}

/// What a deployment is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ProbeAsk {
    /// For its list of models: that costs nothing, and says that its server answers.
    #[default]
    Models,
    /// For a chat of a few tokens: that is paid for, and says that its model answers.
    Chat,
}

/// How [`ProbeAsk`] is written.
const ASK: [(&str, ProbeAsk); 2] = [("models", ProbeAsk::Models), ("chat", ProbeAsk::Chat)];

impl ProbeConfig {
    pub(super) fn read(field: &Field<'_>, reader: &mut Reader) -> Option<Self> {
        field.node?;
        let mut table = field.table(reader);
        let ask = table.field("ask").choice(reader, ProbeAsk::default(), &ASK);
        let every = table.field("every");
        let is_written = every.node.is_some();
        let every = is_written.then(|| every.duration(reader, Duration::from_secs(30)));
        table.finish(reader);
        Some(Self { ask, every })
    }
}
