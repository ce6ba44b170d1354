//! Section `passthrough`: whose account callers may reach with what is asked of no model.

use crate::reader::{Field, Reader, Table};

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
            providers: names(&table.field("providers"), reader),
            keys: names(&table.field("keys"), reader),
        };
        if !passthrough.keys.is_empty() && passthrough.providers.is_empty() {
            let help = Some(String::from("write whose account: providers: [openai]"));
            reader.report("passthrough.keys", "no provider is passed through to", help);
        }
        table.finish(reader);
        passthrough
    }
}

fn names(field: &Field<'_>, reader: &mut Reader) -> Vec<String> {
    let names: Vec<String> = field
        .items(reader)
        .iter()
        .filter_map(|(path, node)| Field::at(path, node).optional_text(reader))
        .collect();
    let path = field.path.clone();
    reader
        .origins
        .record_value(path, names.join(", "), "default");
    names
}
