//! One rule of a model: requests of some kind go to another model.

use crate::reader::{Field, Reader};

/// Requests for which a condition holds go where another model's do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RuleConfig {
    /// What headers and the ledger call it. Default: its place in the list, from 1.
    pub name: String,
    /// The condition, in CEL.
    pub when: String,
    /// The model whose deployments answer.
    pub model: String,
}

impl RuleConfig {
    pub(super) fn read_all(field: &Field<'_>, reader: &mut Reader) -> Vec<Self> {
        let items = field.items(reader);
        let rules = (1..).zip(&items).filter_map(|(place, (path, node))| {
            let mut table = Field::at(path, node).table(reader);
            let name = table.field("name").recorded(reader).header_text(reader);
            let when = table.field("when").recorded(reader).required_text(reader);
            let model = table.field("use").recorded(reader).required_text(reader);
            table.finish(reader);
            Some(Self {
                name: name.unwrap_or_else(|| format!("{place}")),
                when: when?,
                model: model?,
            })
        });
        rules.collect()
    }
}
