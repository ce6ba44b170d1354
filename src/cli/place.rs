//! Where things are: the configuration file, the state, the models.

use std::path::PathBuf;

use clap::Args;
use tollward_config::{Config, Diagnostic, EngineConfig, Loaded, Report, Sources};

use crate::assembly::{LOCAL, idle};
use crate::weights::PullSettings;
use crate::weights::hub::{HubSettings, HubSettingsError};

/// File names that are looked for in the working directory.
const FILES: [&str; 4] = [
    "tollward.yaml",
    "tollward.yml",
    "tollward.toml",
    "tollward.json",
];

/// Options that every command shares.
#[derive(Args, Clone, Debug, Default)]
pub struct PlaceArgs {
    /// The configuration file [default: tollward.{yaml,yml,toml,json} in the working directory, if there].
    #[arg(
        long,
        short,
        global = true,
        env = "TOLLWARD_CONFIG",
        value_name = "FILE"
    )]
    pub config: Option<PathBuf>,
    /// Where keys and the ledger are kept.
    #[arg(long, global = true, env = "TOLLWARD_STATE_DIR", value_name = "DIR")]
    pub state_dir: Option<PathBuf>,
    /// Where model weights are kept.
    #[arg(long, global = true, env = "TOLLWARD_MODELS_DIR", value_name = "DIR")]
    pub models_dir: Option<PathBuf>,
}

/// The process environment, read once. It holds vendors' keys, hence no `Debug`.
#[derive(Clone)]
pub struct Environment {
    variables: Vec<(String, String)>,
}

impl Environment {
    /// Takes the variables as they are.
    pub fn new(variables: Vec<(String, String)>) -> Self {
        Self { variables }
    }

    /// All variables.
    pub fn variables(&self) -> &[(String, String)] {
        &self.variables
    }

    /// A variable that is set and not empty.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.variables
            .iter()
            .find(|(key, value)| key == name && !value.is_empty())
            .map(|(_, value)| value.as_str())
    }

    /// `$XDG_…/tollward`, or below the home directory, or below the working directory.
    fn base(&self, variable: &str, below_home: &str) -> PathBuf {
        let xdg = self.get(variable).map(PathBuf::from);
        let home = || {
            self.get("HOME")
                .map(|home| PathBuf::from(home).join(below_home))
        };
        xdg.or_else(home)
            .unwrap_or_else(|| PathBuf::from("."))
            .join("tollward")
    }
}

impl PlaceArgs {
    /// The same for a gateway that goes on: a file that was found stays the file, also when it is gone.
    #[must_use]
    pub fn settled(&self) -> Self {
        Self {
            config: self.file(),
            ..self.clone()
        }
    }

    /// The configuration file, when there is one.
    pub fn file(&self) -> Option<PathBuf> {
        let beside = || FILES.iter().map(PathBuf::from).find(|file| file.is_file());
        self.config.clone().or_else(beside)
    }

    /// Where keys and the ledger are kept.
    pub fn state_dir(&self, environment: &Environment) -> PathBuf {
        self.state_dir
            .clone()
            .unwrap_or_else(|| environment.base("XDG_STATE_HOME", ".local/state"))
    }

    /// Where model weights are kept: as the flag or its variable says, else as configured.
    pub fn models_dir(&self, environment: &Environment, engine: &EngineConfig) -> PathBuf {
        let named = self.models_dir.as_ref().or(engine.models_dir.as_ref());
        named.cloned().unwrap_or_else(|| {
            environment
                .base("XDG_DATA_HOME", ".local/share")
                .join("models")
        })
    }

    /// Where weights are fetched to, and from.
    ///
    /// # Errors
    /// `HF_ENDPOINT` is not an address.
    pub fn pull_settings(
        &self,
        environment: &Environment,
        engine: &EngineConfig,
    ) -> Result<PullSettings, HubSettingsError> {
        let hub = HubSettings::from_variables(
            environment.get("HF_ENDPOINT"),
            environment.get("HF_TOKEN").map(str::to_owned),
        )?;
        Ok(PullSettings::new(self.models_dir(environment, engine), hub))
    }

    /// Loads the configuration; `overrides` are `key.path`, value.
    ///
    /// # Errors
    /// Everything that is wrong in it.
    pub fn load(
        &self,
        environment: &Environment,
        overrides: Vec<(String, String)>,
    ) -> Result<Loaded, Report> {
        let mut loaded = tollward_config::load(&self.sources(environment, overrides))?;
        loaded.warnings.extend(idle(&loaded));
        Ok(loaded)
    }

    /// Loads as much of the configuration as can be read, with what is wrong in it.
    ///
    /// # Errors
    /// Nothing of it can be read.
    pub fn survey(&self, environment: &Environment) -> Result<(Loaded, Vec<Diagnostic>), Report> {
        let sources = self.sources(environment, Vec::new());
        let (mut loaded, errors) = tollward_config::survey(&sources)?;
        loaded.warnings.extend(idle(&loaded));
        Ok((loaded, errors))
    }

    /// Loads no more than `sections`: who looks into the books must not need vendors' keys.
    ///
    /// # Errors
    /// What is wrong in these.
    pub fn load_sections(
        &self,
        environment: &Environment,
        sections: &[&str],
    ) -> Result<Config, Report> {
        let sources = self.sources(environment, Vec::new());
        tollward_config::load_sections(&sources, sections).map(|it| it.config)
    }

    fn sources(&self, environment: &Environment, overrides: Vec<(String, String)>) -> Sources {
        let known_kinds = tollward_providers::kinds()
            .map(|row| row.kind.to_owned())
            .chain([LOCAL.to_owned()])
            .collect();
        Sources {
            file: self.file(),
            env: environment.variables.clone(),
            overrides,
            known_kinds,
        }
    }
}
