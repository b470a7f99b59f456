//! What the set at hand says, without a fetch.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::timeout;

use super::{Found, SigningKeys};
use crate::auth::TokenError;
use crate::auth::algorithm::Algorithm;

impl SigningKeys {
    /// The answer that needs no fetch, if there is one: there always is without a `kid`.
    pub(in crate::auth) fn at_hand(
        &self,
        kid: Option<&str>,
        algorithm: Algorithm,
    ) -> Option<Result<Found, TokenError>> {
        let Some(kid) = kid else {
            return Some(self.without_kid(algorithm));
        };
        let mut blocked = self.0.options.blocked_kids.iter();
        if blocked.any(|blocked| blocked == kid) {
            return Some(Err(TokenError::BlockedKey));
        }
        self.look_up(kid, algorithm)
    }

    /// The answer from the set at hand, if it has one.
    pub(in crate::auth) fn look_up(
        &self,
        kid: &str,
        algorithm: Algorithm,
    ) -> Option<Result<Found, TokenError>> {
        self.current().ok()?.named(kid, algorithm)
    }

    fn without_kid(&self, algorithm: Algorithm) -> Result<Found, TokenError> {
        if !self.0.options.accept_missing_kid {
            return Err(TokenError::MissingKid);
        }
        let set = self.current()?;
        let mut fitting = set.keys.iter().filter(|key| key.fits(algorithm));
        match (fitting.next(), fitting.next()) {
            (Some(only), None) => Ok(Found {
                keys: vec![Arc::clone(only)],
                generation: set.generation,
            }),
            _ => Err(TokenError::MissingKid),
        }
    }

    /// Waits until the first fetch has ended, well or not, but no longer than that.
    pub(in crate::auth) async fn first_fetch(&self, patience: Duration) {
        let mut attempts = self.0.attempts.subscribe();
        let done = attempts.wait_for(|attempts| attempts.completed > 0);
        drop(timeout(patience, done).await);
    }
}
