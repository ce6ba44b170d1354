//! Who asks the admin API: a token → an [`Actor`].
//!
//! A handler can get at what is governed by a [`Desk`] only, and a desk is given to whoever has shown a
//! token that works; there is no other way in. What an operator could do before there were tokens they
//! may do without one until the first is issued ([`Operator`]).

use std::sync::Arc;

use axum::extract::FromRequestParts;
use http::HeaderMap;
use http::request::Parts;
use tollward_store::{Reach, is_well_formed_key};

use super::refusal::{AdminError, GateError};
use crate::app::Gateway;
use crate::clock;
use crate::http::ingress::peer;
use crate::pipeline::authenticate::{AuthError, presented};
use crate::policy::access::{Action, Place};
use crate::registrar::error::RegisterError;
use crate::registrar::{Actor, Registrar};

/// Where the holder of a token is served.
pub struct Desk {
    /// The gateway.
    pub gateway: Arc<Gateway>,
    /// When they came, milliseconds since 1970.
    pub now_ms: i64,
    actor: Actor,
}

/// Whoever operates the gateway: anybody who reaches the listener, as long as no token was ever issued.
pub struct Operator {
    /// The gateway.
    pub gateway: Arc<Gateway>,
    actor: Option<Actor>,
}

impl FromRequestParts<Arc<Gateway>> for Desk {
    type Rejection = AdminError;

    async fn from_request_parts(
        parts: &mut Parts,
        gateway: &Arc<Gateway>,
    ) -> Result<Self, AdminError> {
        let now_ms = clock::unix_ms();
        Ok(Self {
            actor: actor(gateway, parts, now_ms).await?,
            gateway: Arc::clone(gateway),
            now_ms,
        })
    }
}

impl FromRequestParts<Arc<Gateway>> for Operator {
    type Rejection = AdminError;

    async fn from_request_parts(
        parts: &mut Parts,
        gateway: &Arc<Gateway>,
    ) -> Result<Self, AdminError> {
        let actor = match actor(gateway, parts, clock::unix_ms()).await {
            Ok(actor) => Some(actor),
            Err(GateError::Missing) if !gateway.keyring.roster.is_required() => None,
            Err(error) => return Err(error.into()),
        };
        Ok(Self {
            gateway: Arc::clone(gateway),
            actor,
        })
    }
}

impl Desk {
    /// What is governed, as the holder of the token sees it.
    pub fn registrar(&self) -> Registrar<'_> {
        Registrar {
            store: &self.gateway.store,
            actor: &self.actor,
            now_ms: self.now_ms,
        }
    }

    /// Has a change take effect in this process before it is answered.
    ///
    /// # Errors
    /// That of the change.
    pub async fn after<T>(&self, change: Result<T, RegisterError>) -> Result<T, AdminError> {
        let changed = change?;
        if let Err(error) = self.gateway.keyring.refresh().await {
            // The keyring asks again in a moment, as it does for changes of other processes.
            tracing::warn!(%error, "a change takes effect with the next look at the store");
        }
        Ok(changed)
    }
}

impl Operator {
    /// What their token is called; empty without one.
    pub fn name(&self) -> &str {
        let author = self.actor.as_ref().map(|it| &it.author);
        author.map_or("", |it| &it.name)
    }

    /// How far they see: everywhere without a token.
    pub fn reach(&self) -> Reach {
        self.actor.as_ref().map_or(Reach::Gateway, Actor::reach)
    }

    /// # Errors
    /// Their token does not allow that at the gateway.
    pub fn check(&self, action: Action) -> Result<(), AdminError> {
        match &self.actor {
            Some(actor) => Ok(actor.check(action, Place::GATEWAY)?),
            None => Ok(()),
        }
    }
}

/// The holder of the token that a request has.
async fn actor(gateway: &Gateway, parts: &Parts, now_ms: i64) -> Result<Actor, GateError> {
    let presented = credential(&parts.headers)?;
    let peer = peer(&parts.extensions);
    if let Some(token) = gateway.keyring.admin(presented, now_ms).await {
        return Ok(Actor::with_token(&token, peer));
    }
    if gateway.bad_keys.is_exhausted(peer) {
        Err(GateError::TooManyFailures)
    } else if is_well_formed_key(presented) {
        Err(GateError::VirtualKey)
    } else {
        Err(GateError::Invalid)
    }
}

fn credential(headers: &HeaderMap) -> Result<&[u8], GateError> {
    presented(headers).map_err(|error| match error {
        AuthError::Missing => GateError::Missing,
        AuthError::Ambiguous => GateError::Ambiguous,
        AuthError::Invalid | AuthError::TooManyFailures => GateError::Invalid,
    })
}
