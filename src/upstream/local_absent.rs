//! Stands in for the embedded engine in a build without it.

use std::path::Path;
use std::sync::Arc;

use tollward_config::EngineConfig;

use crate::snapshot::LocalModel;

/// Whether the engine is part of this build.
pub const IS_BUILT_IN: bool = false;

/// Says how to get the engine.
///
/// # Errors
/// Always: there is no engine in this build.
pub fn open(model: &str, _: &Path, _: &EngineConfig) -> Result<Arc<dyn LocalModel>, String> {
    Err(format!(
        "`local/{model}` needs the embedded engine, which this build leaves out; build with `--features full`"
    ))
}
