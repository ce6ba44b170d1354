//! Section `timeouts`: limits on one upstream call, each with its own name.

use std::time::Duration;

use crate::reader::{Reader, Table};

/// How long each phase of one upstream call may take.
///
/// Written as `500ms`, `3s`, `2m` or `1h`. Reload: applies to the next request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TimeoutsConfig {
    /// Until a TCP connection stands; the same for all deployments. Default 3 s.
    pub connect: Duration,
    /// From the request to the first byte of a streamed answer. Default 60 s.
    pub first_byte: Duration,
    /// From the request to the first byte of a plain answer, which a model only sends when it is
    /// done. Default 600 s.
    pub first_byte_plain: Duration,
    /// From the response head to the first content of a stream. Default 120 s.
    pub first_content: Duration,
    /// Between two chunks of a stream. Default 60 s.
    pub idle: Duration,
    /// For the whole request, all attempts together. Default 900 s.
    pub total: Duration,
}

impl Default for TimeoutsConfig {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(3),
            first_byte: Duration::from_mins(1),
            first_byte_plain: Duration::from_mins(10),
            first_content: Duration::from_mins(2),
            idle: Duration::from_mins(1),
            total: Duration::from_mins(15),
        }
    }
}

impl TimeoutsConfig {
    /// Reads the section.
    pub(crate) fn read(mut table: Table<'_>, reader: &mut Reader) -> Self {
        let default = Self::default();
        let written = table.field("connect");
        let connect = written.duration(reader, default.connect);
        let path = format!("{}.total", table.path());
        let timeouts = Self::read_limits(table, reader, &Self { connect, ..default });
        // One that nobody wrote is not in the way: `total` holds as well.
        if written.node.is_some() && connect > timeouts.total {
            let help = Some(String::from("`total` covers all phases and all attempts"));
            reader.report(&path, "`total` is shorter than `connect`", help);
        }
        timeouts
    }

    /// Reads a deployment's own limits; what they do not name is as in the section, `base`.
    pub(crate) fn read_own(mut table: Table<'_>, reader: &mut Reader, base: &Self) -> Self {
        // Deployments share connections, and those who make them.
        let why = "`connect` is the same for all deployments";
        table.refuse("connect", reader, why, "write it in the section `timeouts`");
        Self::read_limits(table, reader, base)
    }

    fn read_limits(mut table: Table<'_>, reader: &mut Reader, base: &Self) -> Self {
        let timeouts = Self {
            connect: base.connect,
            first_byte: table.field("first_byte").duration(reader, base.first_byte),
            first_byte_plain: table
                .field("first_byte_plain")
                .duration(reader, base.first_byte_plain),
            first_content: table
                .field("first_content")
                .duration(reader, base.first_content),
            idle: table.field("idle").duration(reader, base.idle),
            total: table.field("total").duration(reader, base.total),
        };
        table.finish(reader);
        timeouts
    }
}
