//! What can answer when nothing is configured: keys in the environment, model
//! servers on their usual ports, the embedded engine.

use std::collections::BTreeSet;
use std::time::Duration;

use serde_json::Map;
use tollward_config::{DeploymentConfig, ModelConfig, ProviderConfig, Settings};

use tollward_providers::{BuildError, Kind};

use crate::assembly::{LOCAL, add_from_environment};

/// A local server must list its models within this; a refused port answers at once.
const PROBE: Duration = Duration::from_millis(70);

/// What was found, and what was not.
#[derive(Clone, Debug, Default)]
pub struct Detected {
    /// Providers that can be called.
    pub providers: Vec<(String, ProviderConfig)>,
    /// Models of local servers and the embedded one, under their own names.
    pub models: Vec<(String, ModelConfig)>,
    /// One line for each source that was found.
    pub found: Vec<String>,
    /// One line for each source that was looked for in vain.
    pub missing: Vec<String>,
    /// Variables that are set and cannot be used, and why; never their values.
    pub unusable: Vec<(&'static str, String)>,
}

/// Looks around. `local_model` is the embedded model's name when the engine is compiled in.
pub async fn detect(env: &[(String, String)], local_model: Option<&str>) -> Detected {
    let mut detected = Detected::default();
    if let Some(model) = local_model {
        detected.add_model(LOCAL, model);
    }
    detected.look_for_keys(env);
    detected.look_for_servers().await;
    detected
}

impl Detected {
    fn look_for_keys(&mut self, env: &[(String, String)]) {
        for row in tollward_providers::kinds().filter(|row| row.needs_key) {
            let Some(variable) = row.key_variable else {
                continue;
            };
            let is_set = |it: &str| env.iter().any(|(of, value)| of == it && !value.is_empty());
            let mut variables =
                std::iter::once(variable).chain(row.access.found_by.iter().copied());
            let found = variables.find(|it| is_set(it));
            if let Some((variable, reason)) = found.and_then(|_| unusable(row, env)) {
                self.unusable.push((variable, reason));
            } else if let Some(found) = found
                && is_complete(row, env)
            {
                self.found.push(format!(
                    "{} ({found}): call models as `{}/MODEL`",
                    row.display_name, row.kind
                ));
                let provider = ProviderConfig {
                    kind: row.kind.to_owned(),
                    settings: Settings::default(),
                };
                self.providers.push((row.kind.to_owned(), provider));
            } else {
                self.missing.push(variable.to_owned());
            }
        }
    }

    async fn look_for_servers(&mut self) {
        // A client that cannot be built is a broken TLS set-up; then nothing local is found, and calls will say why.
        let Ok(client) = reqwest::Client::builder().no_proxy().timeout(PROBE).build() else {
            return;
        };
        let servers = servers();
        let probes = servers
            .iter()
            .map(|(row, _)| list_models(&client, row.kind));
        let listings = futures_util::future::join_all(probes).await;
        for ((row, port), listing) in servers.into_iter().zip(listings) {
            let Some(models) = listing else {
                self.missing
                    .push(format!("{} on :{port}", row.display_name));
                continue;
            };
            self.found.push(format!(
                "{} on :{port} with {} models",
                row.display_name,
                models.len()
            ));
            self.providers.push((
                row.kind.to_owned(),
                ProviderConfig {
                    kind: row.kind.to_owned(),
                    settings: Settings::default(),
                },
            ));
            for model in models {
                self.add_model(row.kind, &model);
            }
        }
    }

    /// The first who offers a name keeps it; the others are reached as `provider/model`.
    fn add_model(&mut self, provider: &str, model: &str) {
        if self.models.iter().any(|(name, _)| name == model) {
            return;
        }
        let deployment = DeploymentConfig::of(provider, model);
        self.models.push((
            model.to_owned(),
            ModelConfig {
                deployments: vec![deployment],
                ..ModelConfig::default()
            },
        ));
    }
}

/// Whether what is in the environment is all that a kind needs.
fn is_complete(row: &Kind, env: &[(String, String)]) -> bool {
    let mut settings = Map::new();
    add_from_environment(row.kind, &mut settings, env);
    tollward_providers::build(row.kind, settings).is_ok()
}

/// A variable of a kind's that holds what cannot be used, and why.
fn unusable(row: &Kind, env: &[(String, String)]) -> Option<(&'static str, String)> {
    let mut settings = Map::new();
    let found = add_from_environment(row.kind, &mut settings, env);
    // What is missing besides is no fault of the variable's.
    let mistakes = tollward_providers::mistakes(row.kind, settings);
    mistakes.into_iter().find_map(|error| match error {
        BuildError::Invalid { field, reason } => {
            let (_, variable) = found.iter().find(|(setting, _)| *setting == field)?;
            Some((*variable, reason))
        }
        _ => None,
    })
}

/// The kinds to look for and their ports. One server answers on a port: it is taken for the first
/// kind that lives there.
fn servers() -> Vec<(&'static Kind, u16)> {
    let mut ports = BTreeSet::new();
    tollward_providers::kinds()
        .filter_map(|row| Some((row, row.default_port?)))
        .filter(|(_, port)| ports.insert(*port))
        .collect()
}

/// The models of a server on this machine, if there is one.
async fn list_models(client: &reqwest::Client, kind: &str) -> Option<Vec<String>> {
    let provider = tollward_providers::build(kind, Map::new()).ok()?;
    let list = provider.listing().lists.into_iter().next()?;
    let response = client.get(list.uri.to_string()).send().await.ok()?;
    let body = response.bytes().await.ok()?;
    let page = list.form.read(&body).ok()?;
    Some(page.models.into_iter().map(|model| model.id).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_in_the_environment_makes_its_vendor_callable_and_is_not_shown() {
        let mut detected = Detected::default();
        let env = [
            ("OPENAI_API_KEY".to_owned(), "sk-canary".to_owned()),
            ("ANTHROPIC_API_KEY".to_owned(), String::new()),
            // Without a resource nobody can be asked.
            ("AZURE_OPENAI_API_KEY".to_owned(), "canary".to_owned()),
        ];
        detected.look_for_keys(&env);
        let names: Vec<&str> = detected.providers.iter().map(|(name, _)| &**name).collect();
        assert_eq!(names, ["openai"]);
        assert!(
            detected
                .found
                .iter()
                .all(|line| line.contains("openai/MODEL"))
        );
        assert!(!detected.missing.iter().any(|name| name == "OPENAI_API_KEY"));
        assert!(!format!("{detected:?}").contains("canary"));
    }

    #[test]
    fn a_variable_that_cannot_be_used_is_told_of_and_not_shown() {
        for value in ["sk-can ary", "sk-can\nary", "\"sk-canary\"", "sk-canärie"] {
            let mut detected = Detected::default();
            detected.look_for_keys(&[
                ("OPENAI_API_KEY".to_owned(), value.to_owned()),
                // It lacks a resource besides.
                ("AZURE_OPENAI_API_KEY".to_owned(), value.to_owned()),
            ]);
            assert!(detected.providers.is_empty(), "{value}");
            let named: Vec<_> = detected.unusable.iter().map(|(it, _)| *it).collect();
            assert_eq!(named, ["OPENAI_API_KEY", "AZURE_OPENAI_API_KEY"], "{value}");
            assert!(!format!("{detected:?}").contains("can"), "{value}");
        }
        // A line end is what a file that was read has at its end.
        let mut detected = Detected::default();
        detected.look_for_keys(&[("OPENAI_API_KEY".to_owned(), "sk-canary\n".to_owned())]);
        assert_eq!((detected.providers.len(), detected.unusable.len()), (1, 0));
    }

    #[test]
    fn credentials_of_aws_make_bedrock_callable() {
        for variable in [
            "AWS_ACCESS_KEY_ID",
            "AWS_PROFILE",
            "AWS_BEARER_TOKEN_BEDROCK",
        ] {
            let mut detected = Detected::default();
            detected.look_for_keys(&[(variable.to_owned(), "canary".to_owned())]);
            let names: Vec<&str> = detected.providers.iter().map(|(name, _)| &**name).collect();
            assert_eq!(names, ["bedrock"]);
            assert!(detected.found.iter().all(|it| it.contains(variable)));
        }
    }

    #[test]
    fn a_server_is_looked_for_once_also_where_two_kinds_have_its_port() {
        let servers = servers();
        let kinds: Vec<_> = servers.iter().map(|(row, _)| row.kind).collect();
        assert!(
            kinds.contains(&"tgi") && !kinds.contains(&"tei"),
            "{kinds:?}"
        );
        let ports: BTreeSet<_> = servers.iter().map(|(_, port)| port).collect();
        assert_eq!(ports.len(), servers.len());
    }

    #[test]
    fn the_first_who_offers_a_model_keeps_its_name() {
        let mut detected = Detected::default();
        detected.add_model("ollama", "tiny");
        detected.add_model("vllm", "tiny");
        detected.add_model("vllm", "large");
        let offered: Vec<_> = detected
            .models
            .iter()
            .flat_map(|(name, model)| {
                model
                    .deployments
                    .iter()
                    .map(move |by| (&**name, &*by.provider))
            })
            .collect();
        assert_eq!(offered, [("tiny", "ollama"), ("large", "vllm")]);
    }
}
