//! Authorization codes and refresh tokens: what was granted, to whom, how often it may be used.
//!
//! A code works once, for 60 s, for the client, the redirect URI and the verifier it was made for (RFC 6749 §4.1.3,
//! RFC 7636 §4.6); presented again, it takes back what came of it (RFC 6749 §4.1.2). A refresh token works once; the
//! next one comes with the answer, and a used one shown again revokes its whole family (RFC 9700 §4.14.2).

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use aws_lc_rs::digest;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use tokio::time::Instant;

use crate::bounded::BoundedMap;
use crate::config::User;
use crate::error::{ErrorCode, OAuthError};
use crate::secrets;

const CODE_LIFETIME: Duration = Duration::from_secs(60);
const MOST_CODES: usize = 1_000;
const MOST_REFRESH_TOKENS: usize = 10_000;

/// What a user allowed a client.
#[derive(Clone)]
pub(crate) struct Grant {
    pub(crate) client_id: String,
    pub(crate) user: Arc<User>,
    pub(crate) scope: Vec<String>,
    pub(crate) resources: Vec<String>,
    pub(crate) nonce: Option<String>,
    /// When the user logged in, in seconds since the epoch.
    pub(crate) authenticated_at: u64,
}

/// All codes and refresh tokens of this process.
pub(crate) struct Grants {
    refresh_token_lifetime: Duration,
    tables: Mutex<Tables>,
}

struct Tables {
    codes: BoundedMap<Code>,
    refresh_tokens: BoundedMap<RefreshToken>,
}

struct Code {
    grant: Grant,
    redirect_uri: String,
    code_challenge: String,
    family: String,
    expires_at: Instant,
    used: bool,
}

struct RefreshToken {
    grant: Grant,
    family: String,
    expires_at: Instant,
    used: bool,
}

/// What a client shows at the token endpoint for a code.
pub(crate) struct Redemption<'a> {
    pub(crate) code: &'a str,
    pub(crate) client_id: &'a str,
    pub(crate) redirect_uri: &'a str,
    pub(crate) code_verifier: &'a str,
}

/// A grant that may be turned into tokens, and the family its refresh tokens belong to.
pub(crate) struct Redeemed {
    pub(crate) grant: Grant,
    pub(crate) family: String,
}

impl Grants {
    pub(crate) fn new(refresh_token_lifetime: Duration) -> Self {
        Self {
            refresh_token_lifetime,
            tables: Mutex::new(Tables {
                codes: BoundedMap::new(MOST_CODES),
                refresh_tokens: BoundedMap::new(MOST_REFRESH_TOKENS),
            }),
        }
    }

    /// A new code for `grant`.
    pub(crate) fn issue_code(
        &self,
        grant: Grant,
        redirect_uri: &str,
        code_challenge: &str,
    ) -> String {
        let code = secrets::long();
        let entry = Code {
            grant,
            redirect_uri: redirect_uri.to_owned(),
            code_challenge: code_challenge.to_owned(),
            family: secrets::long(),
            expires_at: Instant::now() + CODE_LIFETIME,
            used: false,
        };
        self.tables().codes.insert(code.clone(), entry);
        code
    }

    /// Uses a code up, whether it fits or not: a client has no reason to try twice.
    pub(crate) fn redeem(&self, shown: &Redemption<'_>) -> Result<Redeemed, OAuthError> {
        let mut tables = self.tables();
        let Some(code) = tables.codes.get_mut(shown.code) else {
            return Err(invalid_grant("the code is unknown"));
        };
        let family = code.family.clone();
        if std::mem::replace(&mut code.used, true) {
            tables.revoke(&family);
            return Err(invalid_grant(
                "the code was used before; what came of it is revoked",
            ));
        }
        if Instant::now() >= code.expires_at {
            return Err(invalid_grant(
                "the code has expired; it is valid for 60 seconds",
            ));
        }
        if code.grant.client_id != shown.client_id {
            return Err(invalid_grant("the code was issued to another client"));
        }
        if code.redirect_uri != shown.redirect_uri {
            return Err(invalid_grant(
                "redirect_uri is not the one of the authorization request",
            ));
        }
        if !secrets::equal(&s256(shown.code_verifier), &code.code_challenge) {
            return Err(invalid_grant(
                "code_verifier does not match the code_challenge (RFC 7636 section 4.6)",
            ));
        }
        let grant = code.grant.clone();
        Ok(Redeemed { grant, family })
    }

    /// A new refresh token in `family`.
    pub(crate) fn issue_refresh_token(&self, redeemed: &Redeemed) -> String {
        let token = secrets::long();
        let entry = RefreshToken {
            grant: redeemed.grant.clone(),
            family: redeemed.family.clone(),
            expires_at: Instant::now() + self.refresh_token_lifetime,
            used: false,
        };
        self.tables().refresh_tokens.insert(token.clone(), entry);
        token
    }

    /// Uses a refresh token up, if `check` agrees with what was granted. A request that asks for too much costs nothing.
    pub(crate) fn refresh<T>(
        &self,
        token: &str,
        client_id: &str,
        check: impl FnOnce(&Grant) -> Result<T, OAuthError>,
    ) -> Result<(Redeemed, T), OAuthError> {
        let mut tables = self.tables();
        let Some(entry) = tables.refresh_tokens.get_mut(token) else {
            return Err(invalid_grant("the refresh token is unknown or revoked"));
        };
        if entry.grant.client_id != client_id {
            return Err(invalid_grant(
                "the refresh token was issued to another client",
            ));
        }
        let family = entry.family.clone();
        if entry.used {
            tables.revoke(&family);
            return Err(invalid_grant(
                "the refresh token was used before; its whole family is revoked",
            ));
        }
        if Instant::now() >= entry.expires_at {
            return Err(invalid_grant("the refresh token has expired"));
        }
        let checked = check(&entry.grant)?;
        entry.used = true;
        let grant = entry.grant.clone();
        Ok((Redeemed { grant, family }, checked))
    }

    /// Revokes a refresh token's family, if it is this client's (RFC 7009 §2.1).
    pub(crate) fn revoke_refresh_token(&self, token: &str, client_id: &str) {
        let mut tables = self.tables();
        let entry = tables
            .refresh_tokens
            .get(token)
            .filter(|entry| entry.grant.client_id == client_id);
        if let Some(family) = entry.map(|entry| entry.family.clone()) {
            tables.revoke(&family);
        }
    }

    fn tables(&self) -> MutexGuard<'_, Tables> {
        self.tables.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Tables {
    fn revoke(&mut self, family: &str) {
        self.refresh_tokens.retain(|entry| entry.family != family);
    }
}

/// RFC 7636 §4.6.
pub(crate) fn s256(code_verifier: &str) -> String {
    URL_SAFE_NO_PAD.encode(digest::digest(&digest::SHA256, code_verifier.as_bytes()))
}

fn invalid_grant(description: &str) -> OAuthError {
    OAuthError::new(ErrorCode::InvalidGrant, description)
}

#[cfg(test)]
mod tests {
    use super::*;

    const REDIRECT_URI: &str = "http://127.0.0.1:1/callback";
    const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";

    fn grant() -> Grant {
        Grant {
            client_id: "client".to_owned(),
            user: Arc::new(User::new("alice", "finance")),
            scope: vec!["mcp:read".to_owned()],
            resources: vec!["http://127.0.0.1:8080".to_owned()],
            nonce: None,
            authenticated_at: 0,
        }
    }

    fn redemption(code: &str) -> Redemption<'_> {
        Redemption {
            code,
            client_id: "client",
            redirect_uri: REDIRECT_URI,
            code_verifier: VERIFIER,
        }
    }

    #[test]
    fn the_challenge_is_the_one_of_rfc_7636_appendix_b() {
        assert_eq!(
            s256(VERIFIER),
            "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"
        );
    }

    #[tokio::test(start_paused = true)]
    async fn a_code_is_valid_for_sixty_seconds() {
        let grants = Grants::new(Duration::from_secs(600));
        let (early, late) = (
            grants.issue_code(grant(), REDIRECT_URI, &s256(VERIFIER)),
            grants.issue_code(grant(), REDIRECT_URI, &s256(VERIFIER)),
        );
        tokio::time::advance(Duration::from_secs(59)).await;
        assert!(grants.redeem(&redemption(&early)).is_ok());
        tokio::time::advance(Duration::from_secs(1)).await;
        assert!(grants.redeem(&redemption(&late)).is_err());
    }

    #[tokio::test(start_paused = true)]
    async fn a_refresh_token_expires() {
        let grants = Grants::new(Duration::from_secs(600));
        let code = grants.issue_code(grant(), REDIRECT_URI, &s256(VERIFIER));
        let redeemed = grants.redeem(&redemption(&code)).unwrap();
        let (early, late) = (
            grants.issue_refresh_token(&redeemed),
            grants.issue_refresh_token(&redeemed),
        );
        tokio::time::advance(Duration::from_secs(599)).await;
        assert!(grants.refresh(&early, "client", |_| Ok(())).is_ok());
        tokio::time::advance(Duration::from_secs(1)).await;
        assert!(grants.refresh(&late, "client", |_| Ok(())).is_err());
    }

    #[tokio::test]
    async fn a_code_shown_twice_takes_back_what_came_of_it() {
        let grants = Grants::new(Duration::from_secs(600));
        let code = grants.issue_code(grant(), REDIRECT_URI, &s256(VERIFIER));
        let redeemed = grants.redeem(&redemption(&code)).unwrap();
        let refresh_token = grants.issue_refresh_token(&redeemed);
        assert!(grants.redeem(&redemption(&code)).is_err());
        assert!(
            grants
                .refresh(&refresh_token, "client", |_| Ok(()))
                .is_err()
        );
    }
}
