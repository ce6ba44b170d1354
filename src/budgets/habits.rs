//! How long answers are, of each key and model: what budgets whose holds are learned go by.

use std::collections::HashMap;
use std::sync::Arc;

use parking_lot::Mutex;
use tollward_store::KeyId;

use crate::policy::typical::Typical;

/// Keys and models of which it is remembered; beyond it, all are forgotten.
const MAX_LEARNED: usize = 10_000;

/// What was learned since the start.
#[derive(Default)]
pub struct Habits(Mutex<HashMap<Habit, Typical>>);

/// A key, if there is one, and a model.
type Habit = (Option<KeyId>, Arc<str>);

impl Habits {
    /// The tokens that answers to `key` by `model` hardly ever pass; `None` while too few are known.
    pub fn typical_output(&self, key: Option<KeyId>, model: &str) -> Option<u64> {
        let typical = self.0.lock();
        typical.get(&(key, Arc::from(model)))?.bound()
    }

    /// An answer to `key` by `model` had so many tokens.
    pub fn learn(&self, key: Option<KeyId>, model: &Arc<str>, output: u64) {
        let mut typical = self.0.lock();
        let place = (key, Arc::clone(model));
        if typical.len() >= MAX_LEARNED && !typical.contains_key(&place) {
            typical.clear();
        }
        typical.entry(place).or_default().observe(output);
    }
}
