//! The admin tokens that work, in memory.
//!
//! Requests look here, never in the database. What is here follows the store as virtual keys do: within a
//! second of a change by another process, at once after one of this one.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use arc_swap::ArcSwap;
use tollward_store::{
    AdminToken, KeyHash, Pepper, Store, StoreError, TokenStore, is_well_formed_token,
};

/// The tokens of a gateway.
pub struct Roster {
    store: Arc<dyn TokenStore>,
    pepper: Arc<Pepper>,
    tokens: ArcSwap<HashMap<KeyHash, Arc<AdminToken>>>,
    /// There was a token since the start.
    had_tokens: AtomicBool,
}

impl Roster {
    /// Loads the tokens.
    ///
    /// # Errors
    /// The store cannot be read.
    pub async fn load(store: &Store) -> Result<Self, StoreError> {
        let roster = Self {
            store: Arc::clone(&store.tokens),
            pepper: Arc::clone(&store.pepper),
            tokens: ArcSwap::default(),
            had_tokens: AtomicBool::new(false),
        };
        roster.refresh().await?;
        Ok(roster)
    }

    /// Whether what an operator may do needs a token now. Once there was one it stays so until a
    /// restart, as with virtual keys: who revokes the last one does not want to let everybody in.
    pub fn is_required(&self) -> bool {
        self.had_tokens.load(Ordering::Relaxed)
    }

    /// The token that `presented` is the text of, if it works.
    pub fn find(&self, presented: &[u8], now_ms: i64) -> Option<Arc<AdminToken>> {
        if !is_well_formed_token(presented) {
            return None;
        }
        let hash = self.pepper.hash(presented);
        let found = self.tokens.load().get(&hash).cloned();
        found.filter(|it| it.is_active(now_ms))
    }

    /// Reads the tokens again, after a change.
    ///
    /// # Errors
    /// The store cannot be read; the tokens stay as they were.
    pub async fn refresh(&self) -> Result<(), StoreError> {
        let active = self.store.active_tokens().await?;
        if !active.is_empty() {
            self.had_tokens.store(true, Ordering::Relaxed);
        }
        let tokens = active.into_iter().map(|(hash, it)| (hash, Arc::new(it)));
        self.tokens.store(Arc::new(tokens.collect()));
        Ok(())
    }
}
