//! Section `passthrough`: whose account callers may reach with what is asked of no model.

use crate::reader::{Reader, Table};

/// What is passed through, to whom and for whom. Reload: applies to the next request.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PassthroughConfig {
    /// Providers, by their names in `providers`; the first one is asked unless the caller names
    /// another. Default: none, and so nothing is passed through.
    pub providers: Vec<String>,
    /// Names of the virtual keys that may; `*` for every key. Default: none.
    pub keys: Vec<String>,
}

impl PassthroughConfig {
    pub(crate) fn read(mut table: Table<'_>, reader: &mut Reader) -> Self {
        let passthrough = Self {
            providers: table.field("providers").words(reader, &[]),
            keys: table.field("keys").words(reader, &[]),
        };
        if !passthrough.keys.is_empty() && passthrough.providers.is_empty() {
            let help = Some(String::from("write whose account: providers: [openai]"));
            reader.report("passthrough.keys", "no provider is passed through to", help);
        }
        table.finish(reader);
        passthrough
    }
}
