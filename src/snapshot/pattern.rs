//! Public names of which a part may be any text: `openai/*`.

use std::collections::HashMap;
use std::sync::Arc;

use parking_lot::RwLock;

use super::route::Route;

/// Routes that are kept ready; names are the callers' own.
const MAX_KEPT: usize = 512;

/// Makes the route of a name, given what stands for the `*`.
pub type Build = Box<dyn Fn(&str, &str) -> Route + Send + Sync>;

/// A name with a `*` in it.
pub struct Pattern {
    before: Box<str>,
    after: Box<str>,
    /// The ids of the deployments that it leads to, with a `*` in them.
    leads_to: Vec<Arc<str>>,
    build: Build,
    kept: RwLock<HashMap<Box<str>, Arc<Route>>>,
}

impl Pattern {
    /// The pattern of `name`; without a `*` it fits that name only. `leads_to`: the ids of
    /// its deployments that have one as well.
    pub fn new(name: &str, leads_to: Vec<Arc<str>>, build: Build) -> Self {
        let (before, after) = name.split_once('*').unwrap_or((name, ""));
        Self {
            before: before.into(),
            after: after.into(),
            leads_to,
            build,
            kept: RwLock::default(),
        }
    }

    /// How much of a name it says: of two that fit, the one that says more is meant.
    pub fn specificity(&self) -> usize {
        self.before.len() + self.after.len()
    }

    /// The route of a name that fits. A `*` is no text that a model is called by, and neither is what
    /// would lead elsewhere in an address that models are part of (faults S-09).
    pub fn route(&self, name: &str) -> Option<Arc<Route>> {
        let star = name
            .strip_prefix(&*self.before)?
            .strip_suffix(&*self.after)
            .filter(|it| !matches!(*it, "" | "." | "..") && !it.contains('*'))?;
        let known = self.kept.read().get(name).cloned();
        if known.is_some() {
            return known;
        }
        // Made before anything is locked: others do not wait for it, and of two the first is kept.
        let route = Arc::new((self.build)(name, star));
        let mut kept = self.kept.write();
        if kept.len() >= MAX_KEPT {
            kept.clear();
        }
        Some(Arc::clone(kept.entry(name.into()).or_insert(route)))
    }

    /// The route that leads to the deployment `id`.
    pub fn route_to(&self, id: &str) -> Option<Arc<Route>> {
        let star = |it: &Arc<str>| {
            let (before, after) = it.split_once('*')?;
            id.strip_prefix(before)?.strip_suffix(after)
        };
        let star = self.leads_to.iter().find_map(star)?;
        self.route(&format!("{}{star}{}", self.before, self.after))
    }

    /// The routes of names that were asked for lately.
    pub fn kept(&self) -> Vec<Arc<Route>> {
        self.kept.read().values().cloned().collect()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Barrier;

    use tollward_config::SpreadBy;

    use super::*;
    use crate::snapshot::route::Group;

    fn route(name: &str) -> Route {
        let group = Group {
            model: name.into(),
            deployments: Vec::new(),
            policies: Vec::new(),
            spread_by: SpreadBy::default(),
            turns: Arc::default(),
        };
        Route {
            model: name.into(),
            own: Arc::new(group),
            fallbacks: Vec::new(),
            context_fallbacks: Vec::new(),
            filter_fallbacks: Vec::new(),
            attempts: None,
            hedge: None,
            cache: None,
            shadow: None,
            max_cost: None,
            rules: Arc::default(),
        }
    }

    #[test]
    fn a_route_that_is_being_made_keeps_no_other_call_waiting() {
        let (begun, done) = (Arc::new(Barrier::new(2)), Arc::new(Barrier::new(2)));
        let (has_begun, is_done) = (Arc::clone(&begun), Arc::clone(&done));
        let build = move |name: &str, _: &str| {
            if name == "a/slow" {
                begun.wait();
                done.wait();
            }
            route(name)
        };
        let pattern = Pattern::new("a/*", Vec::new(), Box::new(build));
        std::thread::scope(|scope| {
            let slow = scope.spawn(|| pattern.route("a/slow"));
            has_begun.wait();
            assert!(pattern.route("a/quick").is_some());
            is_done.wait();
            assert!(slow.join().is_ok_and(|it| it.is_some()));
        });
    }

    #[test]
    fn a_name_that_fits_gets_one_route_and_a_pattern_is_no_name() {
        let leads_to = vec!["b/m".into(), "b/x-*:free".into()];
        let pattern = Pattern::new("a/*-mini", leads_to, Box::new(|name, _| route(name)));
        let (first, second) = (pattern.route("a/b-mini"), pattern.route("a/b-mini"));
        let same = first.zip(second);
        assert!(same.is_some_and(|(first, second)| Arc::ptr_eq(&first, &second)));
        for other in ["a/-mini", "a/b", "b/b-mini", "a/*-mini", "a/..-mini"] {
            assert!(pattern.route(other).is_none(), "{other}");
        }
        assert_eq!(pattern.kept().len(), 1);
        let led = pattern
            .route_to("b/x-y:free")
            .map(|it| it.model.to_string());
        assert_eq!(led.as_deref(), Some("a/y-mini"));
        for other in ["b/m", "b/x-y", "b/x-*:free", "a/y-mini"] {
            assert!(pattern.route_to(other).is_none(), "{other}");
        }
    }
}
