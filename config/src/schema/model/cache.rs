//! Answers of a model that are given to who asks exactly the same.

use std::time::Duration;

use crate::reader::{Field, Reader};

/// The longest time that an answer may be given again: a week.
const LONGEST: Duration = Duration::from_hours(7 * 24);

/// Who asks exactly the same is given the answer that is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CacheConfig {
    /// How long an answer is given again. Default 1 h, at most 7 d.
    pub ttl: Duration,
    /// Who is given it. Default `key`.
    pub share: Share,
}

/// Who is given an answer again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Share {
    /// The virtual key that asked for it.
    #[default]
    Key,
    /// Everybody who may use the model.
    Everyone,
}

/// How [`Share`] is written.
const SHARE: [(&str, Share); 2] = [("key", Share::Key), ("everyone", Share::Everyone)];

impl CacheConfig {
    pub(super) fn read(field: &Field<'_>, reader: &mut Reader) -> Option<Self> {
        field.node?;
        let mut table = field.table(reader);
        let ttl = table
            .field("ttl")
            .span(reader, Duration::from_secs(3600), LONGEST);
        let share = table.field("share").choice(reader, Share::Key, &SHARE);
        table.finish(reader);
        // No time at all is no cache.
        (!ttl.is_zero()).then_some(Self { ttl, share })
    }
}
