//! Public names of which a part may be any text: `openai/*`.

use std::collections::HashMap;
use std::sync::Arc;

use parking_lot::Mutex;

use super::route::Route;

/// Routes that are kept ready; names are the callers' own.
const MAX_KEPT: usize = 512;

/// Makes the route of a name, given what stands for the `*`.
pub type Build = Box<dyn Fn(&str, &str) -> Route + Send + Sync>;

/// A name with a `*` in it.
pub struct Pattern {
    before: Box<str>,
    after: Box<str>,
    build: Build,
    kept: Mutex<HashMap<Box<str>, Arc<Route>>>,
}

impl Pattern {
    /// The pattern of `name`; without a `*` it fits that name only.
    pub fn new(name: &str, build: Build) -> Self {
        let (before, after) = name.split_once('*').unwrap_or((name, ""));
        Self {
            before: before.into(),
            after: after.into(),
            build,
            kept: Mutex::default(),
        }
    }

    /// How much of a name it says: of two that fit, the one that says more is meant.
    pub fn specificity(&self) -> usize {
        self.before.len() + self.after.len()
    }

    /// The route of a name that fits.
    pub fn route(&self, name: &str) -> Option<Arc<Route>> {
        let star = name
            .strip_prefix(&*self.before)?
            .strip_suffix(&*self.after)
            .filter(|it| !it.is_empty())?;
        let mut kept = self.kept.lock();
        if let Some(route) = kept.get(name) {
            return Some(Arc::clone(route));
        }
        let route = Arc::new((self.build)(name, star));
        if kept.len() >= MAX_KEPT {
            kept.clear();
        }
        kept.insert(name.into(), Arc::clone(&route));
        Some(route)
    }
}
