//! Section `models`: public names, the deployments behind them, and their fallbacks.

use crate::node::{Node, Value};
use crate::reader::{Field, Reader};
use crate::report::quote;
use crate::schema::timeouts::TimeoutsConfig;

/// Longest public model name, in characters.
const MAX_NAME: usize = 128;

/// What a public model name stands for.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ModelConfig {
    /// Where requests go, in order of preference; never empty.
    /// Reload: applies to the next request.
    pub deployments: Vec<DeploymentConfig>,
    /// Models to try when every deployment failed, in order. Default none.
    /// Reload: applies to the next request.
    pub fallbacks: Vec<String>,
    /// What becomes of fields of a request that a deployment does not take. Default `warn`.
    /// Reload: applies to the next request.
    pub on_unsupported: OnUnsupported,
}

/// What becomes of fields that a deployment does not take.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum OnUnsupported {
    /// They are left out and named in the answer's headers.
    #[default]
    Warn,
    /// They are left out.
    Drop,
    /// The request is refused, and the fields are named.
    Reject,
}

/// How [`OnUnsupported`] is written.
const ON_UNSUPPORTED: [(&str, OnUnsupported); 3] = [
    ("warn", OnUnsupported::Warn),
    ("drop", OnUnsupported::Drop),
    ("reject", OnUnsupported::Reject),
];

/// One provider with the name the model has there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeploymentConfig {
    /// Name of an entry in `providers`.
    pub provider: String,
    /// The model's name at that provider, sent as it is.
    pub model: String,
    /// Limits for this deployment: the section `timeouts` with the keys written here replaced.
    /// `None`: the section holds. Reload: applies to the next request.
    pub timeouts: Option<TimeoutsConfig>,
}

impl ModelConfig {
    /// Reads one entry: a table, or just `provider/model` for a single deployment.
    pub(crate) fn read(
        name: &str,
        field: &Field<'_>,
        timeouts: &TimeoutsConfig,
        reader: &mut Reader,
    ) -> Self {
        check_name(name, field, reader);
        if let Some(node) = field.node
            && matches!(node.value, Value::Scalar(_))
            && !node.is_null()
        {
            let deployment = DeploymentConfig::read(node, &field.path, timeouts, reader);
            return Self {
                deployments: deployment.into_iter().collect(),
                ..Self::default()
            };
        }
        let mut table = field.table(reader);
        let written = table.field("deployments");
        let items = written.items(reader);
        if items.is_empty() && !written.node.is_some_and(Node::is_unresolved) {
            let message = format!("the model {} has no deployments", quote(name));
            let diagnostic = reader.origins.diagnose_key(&field.path, message);
            let help = "write where its requests go: deployments: [provider/model]";
            reader.diagnostics.push(diagnostic.with_help(help));
        }
        let deployments = items
            .iter()
            .filter_map(|(path, node)| DeploymentConfig::read(node, path, timeouts, reader))
            .collect();
        let fallbacks = table.field("fallbacks");
        let fallbacks = fallbacks
            .items(reader)
            .iter()
            .filter_map(|(path, node)| Field::at(path, node).optional_text(reader))
            .collect();
        let model = Self {
            deployments,
            fallbacks,
            on_unsupported: table.field("on_unsupported").choice(
                reader,
                OnUnsupported::default(),
                &ON_UNSUPPORTED,
            ),
        };
        model.record(table.path(), reader);
        table.finish(reader);
        model
    }

    fn record(&self, path: &str, reader: &mut Reader) {
        let deployments: Vec<_> = self
            .deployments
            .iter()
            .map(DeploymentConfig::name)
            .collect();
        let origins = &mut reader.origins;
        origins.record_value(
            format!("{path}.deployments"),
            deployments.join(", "),
            "default",
        );
        origins.record_value(
            format!("{path}.fallbacks"),
            self.fallbacks.join(", "),
            "default",
        );
    }
}

impl DeploymentConfig {
    /// The deployment as one writes it: `provider/model`.
    pub fn name(&self) -> String {
        format!("{}/{}", self.provider, self.model)
    }

    /// Reads `provider/model` or a table; what cannot be read is reported and left out.
    fn read(node: &Node, path: &str, base: &TimeoutsConfig, reader: &mut Reader) -> Option<Self> {
        let field = Field::at(path, node);
        if !matches!(node.value, Value::Table(_)) {
            let text = field.optional_text(reader)?;
            let split = text
                .split_once('/')
                .filter(|(provider, model)| !provider.is_empty() && !model.trim().is_empty());
            let Some((provider, model)) = split else {
                let message = format!("{} does not name a deployment", quote(&text));
                let help = String::from("write provider/model, such as openai/gpt-5.6");
                reader.report(path, message, Some(help));
                return None;
            };
            return Some(Self {
                provider: provider.to_owned(),
                model: model.to_owned(),
                timeouts: None,
            });
        }
        let mut table = field.table(reader);
        let provider = table.field("provider").required_text(reader);
        let model = table.field("model").required_text(reader);
        let written = table.field("timeouts");
        let timeouts = written.node.is_some().then(|| {
            TimeoutsConfig::read_own(written.table(reader).inheriting("timeouts"), reader, base)
        });
        table.finish(reader);
        Some(Self {
            provider: provider?,
            model: model?,
            timeouts,
        })
    }
}

/// Public names travel in URLs, headers and JSON; they keep to what all of these take plainly.
fn check_name(name: &str, field: &Field<'_>, reader: &mut Reader) {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "._:/@-".contains(c);
    if name.is_empty() || name.len() > MAX_NAME || !name.chars().all(is_plain) {
        let message = format!("{} is not a name for a model", quote(name));
        let diagnostic = reader.origins.diagnose_key(&field.path, message);
        let help = "1 to 128 of: letters, digits and . _ : / @ -";
        reader.diagnostics.push(diagnostic.with_help(help));
    }
}
