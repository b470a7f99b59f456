//! What only an issuer knows of a token: whether it still counts (RFC 7662), and what one that is no JWT stands for.

use std::sync::Arc;

use super::claims::Claims;
use super::verified_tokens::Digest;
use super::{AccessToken, Inner, Principal, RefusedToken, Resource, Seen, TokenError};

impl Inner {
    /// A token that is no JWT: the issuer that may be asked is asked, else the log says what to change.
    pub(super) async fn ask_or_explain(
        &self,
        error: TokenError,
        access_token: &AccessToken,
        digest: &Digest,
        resource: &Arc<Resource>,
    ) -> Result<Principal, RefusedToken> {
        let asked = self.issuers.iter().find(|issuer| issuer.is_asked());
        match (&error, asked) {
            (TokenError::NotAJws | TokenError::Encrypted, Some(issuer)) => {
                let answer = issuer.ask(access_token, digest).await;
                let claims =
                    answer.map_err(|error| RefusedToken::new(error, Seen::issuer(issuer)))?;
                let audiences = &claims.audiences;
                issuer
                    .check_audience(audiences, resource)
                    .map_err(|error| {
                        let now = self.clock.unix_seconds();
                        let advice = &issuer.advice;
                        advice.explain_audience(issuer, audiences, resource, now);
                        RefusedToken::new(error, Seen::verified(&claims, issuer))
                    })?;
                Ok(Principal::new(claims, Arc::clone(resource)))
            }
            (_, _) => {
                let now = self.clock.unix_seconds();
                self.opaque
                    .explain(&error, access_token, &self.issuers, now);
                Err(error.into())
            }
        }
    }

    /// The verified bearer of a JWT, if the issuer says that the token still counts and is the same subject's.
    pub(super) async fn is_still_active(
        &self,
        principal: Principal,
        access_token: &AccessToken,
        digest: &Digest,
    ) -> Result<Principal, RefusedToken> {
        let (_, issuer) = self.issuer(principal.issuer())?;
        if issuer.is_asked_about_jwts() {
            let asked = issuer.ask(access_token, digest).await;
            let is_same = |claims: Arc<Claims>| claims.subject == principal.subject();
            let error = match asked.map(is_same) {
                Ok(true) => return Ok(principal),
                Ok(false) => TokenError::Inactive,
                Err(error) => error,
            };
            let seen = Seen::principal(&principal, Some(issuer.profile().name));
            return Err(RefusedToken::new(error, seen));
        }
        Ok(principal)
    }
}
