//! Whose calls a key made: its name, and its team or organisation.

use std::collections::{HashMap, HashSet};

use tollward_store::{Account, AccountId, KeyId, KeyRecord};

/// Every key, revoked ones included, and every account, closed ones included.
#[derive(Debug, Default)]
pub struct Owners {
    keys: HashMap<KeyId, KeyRecord>,
    accounts: Vec<Account>,
}

impl Owners {
    /// Of these keys and accounts.
    pub fn new(keys: Vec<KeyRecord>, accounts: Vec<Account>) -> Self {
        let keys = keys.into_iter().map(|it| (it.id, it)).collect();
        Self { keys, accounts }
    }

    /// The team of a key, or its organisation if it has no team.
    pub fn account(&self, key: Option<KeyId>) -> Option<&Account> {
        let id = self.keys.get(&key?)?.account?;
        self.accounts.iter().find(|it| it.id == id)
    }

    /// The organisation above an account, or the account itself if it is one or has none.
    pub fn top(&self, account: &Account) -> Account {
        let parent = account.parent;
        let above = self.accounts.iter().find(|it| Some(it.id) == parent);
        above.unwrap_or(account).clone()
    }

    /// What people call a key; its id if nobody knows it any more.
    pub fn key_name(&self, key: KeyId) -> String {
        let known = self.keys.get(&key);
        known.map_or_else(|| key.to_string(), |it| it.name.clone())
    }

    /// The keys that are meant by ids and names; a name may have been several keys'.
    pub fn keys_of(&self, meant: &[String]) -> HashSet<KeyId> {
        let ids = meant.iter().filter_map(|it| it.parse().ok());
        let named = self.keys.values().filter(|it| meant.contains(&it.name));
        ids.chain(named.map(|it| it.id)).collect()
    }

    /// The accounts that are meant by ids and names.
    pub fn accounts_of(&self, meant: &[String]) -> HashSet<AccountId> {
        let ids = meant.iter().filter_map(|it| it.parse().ok());
        let named = self.accounts.iter().filter(|it| meant.contains(&it.name));
        ids.chain(named.map(|it| it.id)).collect()
    }
}
