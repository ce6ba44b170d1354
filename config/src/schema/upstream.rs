//! Section `upstream`: how connections to providers are made.

use std::path::PathBuf;

use crate::reader::{Reader, Table};

/// What every connection to a provider has in common.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct UpstreamConfig {
    /// A PEM file of certificate authorities that are trusted besides the public ones.
    /// `None`: only the public ones. Reload: the file is checked, trusting it needs a restart.
    pub ca_file: Option<PathBuf>,
}

impl UpstreamConfig {
    pub(crate) fn read(mut table: Table<'_>, reader: &mut Reader) -> Self {
        let upstream = Self {
            ca_file: table
                .field("ca_file")
                .path(reader, "public authorities only"),
        };
        table.finish(reader);
        upstream
    }
}
