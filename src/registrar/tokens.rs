//! Admin tokens: who else may look and change.

use secrecy::SecretString;
use tollward_store::{AdminToken, NewToken, Reach, Revocation, Role};

use super::Registrar;
use super::audit::{Deed, written};
use super::directory::PlaceName;
use super::error::{Named, RegisterError};
use crate::policy::access::Action;

/// A token that somebody wants.
#[derive(Debug, Clone)]
pub struct TokenWish {
    /// Whose it is to be.
    pub name: String,
    /// What its holder may do.
    pub role: Role,
    /// Where.
    pub place: PlaceName,
    /// When it stops working, milliseconds since 1970; `None`: never.
    pub expires_ms: Option<i64>,
}

impl Registrar<'_> {
    /// The tokens that reach no further than the actor's, oldest first.
    ///
    /// # Errors
    /// The actor may not see any, or the store cannot be read.
    pub async fn tokens(&self) -> Result<Vec<AdminToken>, RegisterError> {
        let directory = self.directory().await?;
        let own = directory.place_of_reach(self.actor.reach());
        self.actor.check(Action::Oversee, own)?;
        let mut tokens = self.store.tokens.tokens().await?;
        tokens.retain(|it| {
            let place = directory.place_of_reach(it.reach);
            self.actor.may(Action::Oversee, place)
        });
        Ok(tokens)
    }

    /// The token of that name or id.
    ///
    /// # Errors
    /// There is none that the actor sees, or as of [`Registrar::tokens`].
    pub async fn token(&self, name: &str) -> Result<AdminToken, RegisterError> {
        let tokens = self.tokens().await?;
        let found = AdminToken::named(&tokens, name).cloned();
        found.ok_or_else(|| RegisterError::unknown(Named::Token, name))
    }

    /// Issues a token; its text is not kept and cannot be shown again.
    ///
    /// # Errors
    /// The actor may not do there what its holder may, there is no such open account, the time is over,
    /// or the store refused.
    pub async fn issue_token(
        &self,
        wish: TokenWish,
    ) -> Result<(AdminToken, SecretString), RegisterError> {
        let directory = self.directory().await?;
        let account = self.open_place(&directory, &wish.place)?;
        let reach = match (&wish.place, account) {
            (_, None) => Reach::Gateway,
            (PlaceName::Team(_), Some(it)) => Reach::Team(it.id),
            (_, Some(it)) => Reach::Organization(it.id),
        };
        let place = directory.place_of_reach(reach);
        self.actor.check(Action::Tokens(wish.role), place)?;
        self.check_expiry(wish.expires_ms)?;
        let target = wish.name.clone();
        let new = NewToken {
            name: wish.name,
            role: wish.role,
            reach,
            now_ms: self.now_ms,
            expires_ms: wish.expires_ms,
        };
        let deed = Deed {
            action: "token.create",
            target: &target,
            place,
            before: None,
        };
        let issuing = async { Ok(self.store.tokens.issue(new).await?) };
        self.recorded(deed, issuing, |(it, _)| (it.id.to_string(), written(it)))
            .await
    }

    /// Makes a token stop working for good.
    ///
    /// # Errors
    /// There is none that the actor sees, its holder may do what the actor may not, it is that of the last
    /// owner of the gateway, or the store refused.
    pub async fn revoke_token(&self, name: &str) -> Result<AdminToken, RegisterError> {
        let found = self.token(name).await?;
        let place = self.directory().await?.place_of_reach(found.reach);
        self.actor.check(Action::Tokens(found.role), place)?;
        let id = found.id.to_string();
        let deed = Deed {
            action: "token.revoke",
            target: &id,
            place,
            before: Some(written(&found)),
        };
        let revoking = async {
            match self
                .store
                .tokens
                .revoke_token(found.id, self.now_ms)
                .await?
            {
                Revocation::Revoked(token) => Ok(token),
                Revocation::LastOwner => Err(RegisterError::LastOwner(found.name.clone())),
                Revocation::Unknown => Err(RegisterError::unknown(Named::Token, name)),
            }
        };
        self.recorded(deed, revoking, |it| (it.id.to_string(), written(it)))
            .await
    }
}
