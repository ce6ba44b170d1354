//! Section `models`: public names, the deployments behind them, and their fallbacks.

pub(crate) mod cache;
pub(crate) mod canary;
pub(crate) mod deployment;
pub(crate) mod hedge;
pub(crate) mod probe;
pub(crate) mod rule;
pub(crate) mod shadow;

use crate::node::{Node, Value};
use crate::reader::{Field, Reader};
use crate::report::quote;
use crate::schema::timeouts::TimeoutsConfig;
use cache::CacheConfig;
use deployment::DeploymentConfig;
use hedge::HedgeConfig;
use rule::RuleConfig;
use shadow::ShadowConfig;

/// Longest public model name, in characters.
const MAX_NAME: usize = 128;

/// What a public model name stands for.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ModelConfig {
    /// Where requests go, in order of preference; never empty.
    /// Reload: applies to the next request.
    pub deployments: Vec<DeploymentConfig>,
    /// Names of the policies that order them; the second decides between what the first ranks
    /// alike. Default `ordered`. Reload: applies to the next request.
    pub policy: Vec<String>,
    /// What is kept together when calls are shared out by weight. Default `call`: nothing.
    /// Reload: applies to the next request.
    pub spread_by: SpreadBy,
    /// Requests that go to other models; the first rule that holds decides. Default none.
    /// Reload: applies to the next request.
    pub rules: Vec<RuleConfig>,
    /// Models to try when every deployment failed, in order. Default none.
    /// Reload: applies to the next request.
    pub fallbacks: Vec<String>,
    /// Models to try when the request is too long for a deployment. Default none.
    /// Reload: applies to the next request.
    pub context_fallbacks: Vec<String>,
    /// Models to try when a deployment's filter refuses the request. Default none.
    /// Reload: applies to the next request.
    pub filter_fallbacks: Vec<String>,
    /// Extra attempts per request, over all deployments and fallbacks. `None`: as in the section
    /// `retry`. Reload: applies to the next request.
    pub attempts: Option<u32>,
    /// When a slow request is asked of a second deployment as well. Default: never.
    /// Reload: applies to the next request.
    pub hedge: Option<HedgeConfig>,
    /// Another model that a share of the requests is asked as well. Default: none.
    /// Reload: applies to the next request.
    pub shadow: Option<ShadowConfig>,
    /// How long an answer is given to who asks exactly the same. Default: never.
    /// Reload: what is kept is forgotten.
    pub cache: Option<CacheConfig>,
    /// The most that a request may be expected to cost, in billionths of a dollar. A deployment that
    /// is dearer, or whose price is not known, is left out. Default: no bound.
    /// Reload: applies to the next request.
    pub max_cost_usd: Option<u64>,
    /// What becomes of fields of a request that a deployment does not take. Default `warn`.
    /// Reload: applies to the next request.
    pub on_unsupported: OnUnsupported,
}

/// What is kept together when calls are shared out by weight.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum SpreadBy {
    /// Nothing: every call is by itself.
    #[default]
    Call,
    /// The calls of one virtual key.
    Key,
    /// The calls for one user, as the request names them.
    User,
    /// The calls of one conversation.
    Conversation,
}

/// How [`SpreadBy`] is written.
const SPREAD_BY: [(&str, SpreadBy); 4] = [
    ("call", SpreadBy::Call),
    ("key", SpreadBy::Key),
    ("user", SpreadBy::User),
    ("conversation", SpreadBy::Conversation),
];

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
        let own = read_limits(&table.field("timeouts"), timeouts, reader);
        let deployments = items
            .iter()
            .filter_map(|(path, node)| {
                let mut deployment =
                    DeploymentConfig::read(node, path, own.as_ref().unwrap_or(timeouts), reader)?;
                deployment.timeouts = deployment.timeouts.or(own);
                Some(deployment)
            })
            .collect();
        let model = Self {
            deployments,
            policy: read_policy(&table.field("policy"), reader),
            spread_by: table
                .field("spread_by")
                .choice(reader, SpreadBy::default(), &SPREAD_BY),
            rules: RuleConfig::read_all(&table.field("rules"), reader),
            fallbacks: table.field("fallbacks").words(reader, &[]),
            context_fallbacks: table.field("context_fallbacks").words(reader, &[]),
            filter_fallbacks: table.field("filter_fallbacks").words(reader, &[]),
            attempts: table
                .field("attempts")
                .recorded(reader)
                .optional_integer(reader, 0..=10),
            hedge: HedgeConfig::read(&table.field("hedge"), reader),
            shadow: ShadowConfig::read(&table.field("shadow"), reader),
            cache: CacheConfig::read(&table.field("cache"), reader),
            max_cost_usd: table
                .field("max_cost_usd")
                .recorded(reader)
                .amount(9, reader),
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
        let path = format!("{path}.deployments");
        reader
            .origins
            .record_value(path, deployments.join(", "), "default");
    }
}

/// A model's own limits, if it has some.
fn read_limits(
    field: &Field<'_>,
    timeouts: &TimeoutsConfig,
    reader: &mut Reader,
) -> Option<TimeoutsConfig> {
    field.node?;
    let table = field.table(reader).inheriting("timeouts");
    Some(TimeoutsConfig::read_own(table, reader, timeouts))
}

fn read_policy(field: &Field<'_>, reader: &mut Reader) -> Vec<String> {
    let names = field.words(reader, &["ordered"]);
    let is_empty =
        matches!(field.node.map(|it| &it.value), Some(Value::List(items)) if items.is_empty());
    if is_empty {
        let help = String::from("leave the key out for `ordered`");
        reader.report(&field.path, "the list of policies is empty", Some(help));
    }
    names
}

/// Public names travel in URLs, headers and JSON; they keep to what all of these take plainly.
fn check_name(name: &str, field: &Field<'_>, reader: &mut Reader) {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || "._:/@-*".contains(c);
    if name.is_empty()
        || name.len() > MAX_NAME
        || name.matches('*').count() > 1
        || !name.chars().all(is_plain)
    {
        let message = format!("{} is not a name for a model", quote(name));
        let diagnostic = reader.origins.diagnose_key(&field.path, message);
        let help = "1 to 128 of: letters, digits and . _ : / @ -, and one * for any text";
        reader.diagnostics.push(diagnostic.with_help(help));
    }
}
