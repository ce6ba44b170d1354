//! Admin tokens in memory.

use async_trait::async_trait;
use secrecy::{ExposeSecret, SecretString};

use super::Memory;
use crate::key::{TOKEN, hint, mint};
use crate::{AdminToken, KeyHash, NewToken, Revocation, StoreError, TokenId, TokenStore};

#[async_trait]
impl TokenStore for Memory {
    async fn issue(&self, new: NewToken) -> Result<(AdminToken, SecretString), StoreError> {
        let secret = mint(TOKEN)?;
        let token = AdminToken::from_new(new, hint(TOKEN, secret.expose_secret()))?;
        let hash = self.pepper.hash(secret.expose_secret().as_bytes());
        let mut tokens = self.tokens.lock();
        let is_taken =
            |(_, it): &(KeyHash, AdminToken)| it.revoked_ms.is_none() && it.name == token.name;
        if tokens.iter().any(is_taken) {
            return Err(StoreError::Taken { name: token.name });
        }
        tokens.push((hash, token.clone()));
        self.move_version();
        Ok((token, secret))
    }

    async fn tokens(&self) -> Result<Vec<AdminToken>, StoreError> {
        let tokens = self.tokens.lock();
        Ok(tokens.iter().map(|(_, it)| it.clone()).collect())
    }

    async fn revoke_token(&self, id: TokenId, now_ms: i64) -> Result<Revocation, StoreError> {
        let mut tokens = self.tokens.lock();
        let all: Vec<AdminToken> = tokens.iter().map(|(_, it)| it.clone()).collect();
        let Some((_, token)) = tokens.iter_mut().find(|(_, it)| it.id == id) else {
            return Ok(Revocation::Unknown);
        };
        if token.revoked_ms.is_none() {
            if AdminToken::is_last_owner(&all, id, now_ms) {
                return Ok(Revocation::LastOwner);
            }
            token.revoked_ms = Some(now_ms);
            self.move_version();
        }
        Ok(Revocation::Revoked(token.clone()))
    }

    async fn active_tokens(&self) -> Result<Vec<(KeyHash, AdminToken)>, StoreError> {
        let mut tokens = self.tokens.lock().clone();
        tokens.retain(|(_, it)| it.revoked_ms.is_none());
        Ok(tokens)
    }
}
