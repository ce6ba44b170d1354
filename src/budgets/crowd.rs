//! How many budgets a call can count towards: a row is charged to so many and no more.
//!
//! Of budgets that count some calls only it is not known before which: a call that meets too many of them
//! is refused when it comes, in `pipeline/reserve`.

use std::collections::HashMap;

use tollward_store::{Account, AccountId, Budget, Holder, KeyRecord};

/// The most budgets that one call counts towards whatever it asks for, if a budget of `holder` is among them.
pub fn crowd(
    holder: Holder,
    budgets: &[Budget],
    (accounts, keys): (&[Account], &[KeyRecord]),
) -> usize {
    let mut counts: HashMap<Holder, usize> = HashMap::new();
    for budget in budgets {
        let is_plain = budget.terms.scope == tollward_store::Scope::default();
        if is_plain && budget.ended_ms.is_none() {
            *counts.entry(budget.holder).or_default() += 1;
        }
    }
    let accounts: HashMap<AccountId, &Account> = accounts.iter().map(|it| (it.id, it)).collect();
    let above = |account: Option<AccountId>| {
        let own = account.and_then(|it| accounts.get(&it));
        let parent = own.and_then(|it| accounts.get(&it.parent?));
        own.into_iter().chain(parent).map(|it| Holder::of(it))
    };
    let living = keys.iter().filter(|it| it.revoked_ms.is_none());
    let of_keys = living.map(|it| {
        let mut chain: Vec<Holder> = above(it.account).collect();
        chain.push(Holder::Key(it.id));
        chain
    });
    let of_accounts = accounts
        .keys()
        .map(|it| above(Some(*it)).collect::<Vec<_>>());
    let chains = of_keys
        .chain(of_accounts)
        .chain([Vec::new()])
        .map(|mut chain| {
            chain.push(Holder::Gateway);
            chain
        });
    let count = |chain: Vec<Holder>| chain.iter().filter_map(|it| counts.get(it)).sum();
    let met = chains.filter(|chain| chain.contains(&holder));
    met.map(count).max().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use tollward_store::{BudgetTerms, NanoUsd, NewBudget, NewKey, Scope, Store};

    use super::*;

    async fn make(store: &Store, name: &str, holder: Holder, models: &[&str]) {
        let scope = Scope {
            models: models.iter().map(|it| (*it).to_owned()).collect(),
            ..Scope::default()
        };
        let new = NewBudget {
            name: name.to_owned(),
            holder,
            limit: NanoUsd(1),
            terms: BudgetTerms {
                scope,
                ..BudgetTerms::default()
            },
            now_ms: 1,
        };
        store.budgets.create_budget(new).await.unwrap();
    }

    #[tokio::test]
    async fn budgets_of_a_key_and_of_everybody_are_met_together_and_those_of_a_model_are_not_counted()
     {
        let store = Store::memory().unwrap();
        let new = NewKey {
            name: "app".to_owned(),
            allowed_models: Vec::new(),
            account: None,
            now_ms: 1,
            expires_ms: None,
        };
        let (key, _) = store.keys.create(new).await.unwrap();
        let key = Holder::Key(key.id);
        make(&store, "all", Holder::Gateway, &[]).await;
        make(&store, "one", key, &[]).await;
        make(&store, "two", key, &[]).await;
        make(&store, "of a model", key, &["m"]).await;
        let budgets = store.budgets.budgets().await.unwrap();
        let keys = store.keys.list().await.unwrap();
        let count = |holder| crowd(holder, &budgets, (&[], &keys));
        assert_eq!((count(key), count(Holder::Gateway)), (3, 3));
    }
}
