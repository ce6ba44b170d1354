//! One deployment of a model: a provider, and what the model is called there.

use super::canary::CanaryConfig;
use super::probe::ProbeConfig;
use crate::node::{Node, Value};
use crate::reader::{Field, Reader};
use crate::report::quote;
use crate::schema::timeouts::TimeoutsConfig;

/// The most that a weight may be.
const MAX_WEIGHT: u32 = 1_000_000;

/// One provider with the name the model has there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeploymentConfig {
    /// Name of an entry in `providers`.
    pub provider: String,
    /// The model's name at that provider, sent as it is. In a model whose name has a `*`, one stands
    /// for the same text.
    pub model: String,
    /// Its share of the calls, against the others' shares. Default 1. 0: only when no other is left.
    /// Reload: applies to the next request.
    pub weight: u32,
    /// Words that guards ask for. Default none; the embedded engine has `local` in any case.
    /// Reload: applies to the next request.
    pub tags: Vec<String>,
    /// A condition on requests that may go there. Default: all may. Reload: applies to the next request.
    pub when: Option<String>,
    /// It is on trial, and taken out when it fails too often. Default: it is not.
    /// Reload: applies to the next request.
    pub canary: Option<CanaryConfig>,
    /// How it is asked whether it works again while it is left alone. Default: it is not.
    /// Reload: applies within a second.
    pub probe: Option<ProbeConfig>,
    /// Limits for this deployment: the section `timeouts` with the keys written here replaced.
    /// `None`: the section holds. Reload: applies to the next request.
    pub timeouts: Option<TimeoutsConfig>,
}

impl DeploymentConfig {
    /// A provider and a model there, and nothing else.
    pub fn of(provider: &str, model: &str) -> Self {
        Self {
            provider: provider.to_owned(),
            model: model.to_owned(),
            weight: 1,
            tags: Vec::new(),
            when: None,
            canary: None,
            probe: None,
            timeouts: None,
        }
    }

    /// The deployment as one writes it: `provider/model`.
    pub fn name(&self) -> String {
        format!("{}/{}", self.provider, self.model)
    }

    /// Reads `provider/model` or a table; what cannot be read is reported and left out.
    pub(super) fn read(
        node: &Node,
        path: &str,
        base: &TimeoutsConfig,
        reader: &mut Reader,
    ) -> Option<Self> {
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
            return Some(Self::of(provider, model));
        }
        let mut table = field.table(reader);
        let provider = table.field("provider").required_text(reader);
        let model = table.field("model").required_text(reader);
        let written = table.field("timeouts");
        let timeouts = written.node.is_some().then(|| {
            TimeoutsConfig::read_own(written.table(reader).inheriting("timeouts"), reader, base)
        });
        let (weight, tags) = (table.field("weight"), table.field("tags"));
        let weight = weight.integer(reader, 1, 0..=MAX_WEIGHT);
        let tags = tags.words(reader, &[]);
        let when = table.field("when").recorded(reader).optional_text(reader);
        let canary = CanaryConfig::read(&table.field("canary"), reader);
        let probe = ProbeConfig::read(&table.field("probe"), reader);
        table.finish(reader);
        Some(Self {
            provider: provider?,
            model: model?,
            weight,
            tags,
            when,
            canary,
            probe,
            timeouts,
        })
    }
}
