//! What is in the tokens: JWT access tokens (RFC 9068) and, for `openid`, ID tokens (OpenID Connect Core §2).

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use aws_lc_rs::digest;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

use crate::grants::Grant;
use crate::secrets;

/// The claims of an access token (RFC 9068 §2.2, `groups` as in its §2.2.3.1).
pub(crate) fn access_token(issuer: &str, grant: &Grant, lifetime: Duration) -> Value {
    let now = seconds_since_epoch();
    // RFC 7519 §4.1.3: a single audience may be written as a string, and most issuers do.
    let audience = match grant.resources.as_slice() {
        [only] => json!(only),
        several => json!(several),
    };
    json!({
        "iss": issuer,
        "sub": grant.user.name,
        "aud": audience,
        "exp": now + lifetime.as_secs(),
        "iat": now,
        "jti": secrets::long(),
        "client_id": grant.client_id,
        "scope": grant.scope.join(" "),
        "groups": grant.user.groups,
        "auth_time": grant.authenticated_at,
    })
}

/// The claims of an ID token that goes with `access_token`. Its audience is the client: no resource server accepts it.
pub(crate) fn id_token(
    issuer: &str,
    grant: &Grant,
    lifetime: Duration,
    access_token: &str,
) -> Value {
    let now = seconds_since_epoch();
    let mut claims = json!({
        "iss": issuer,
        "sub": grant.user.name,
        "aud": grant.client_id,
        "exp": now + lifetime.as_secs(),
        "iat": now,
        "auth_time": grant.authenticated_at,
        "at_hash": left_half_of_hash(access_token),
        "preferred_username": grant.user.name,
    });
    if let (Some(nonce), Some(members)) = (&grant.nonce, claims.as_object_mut()) {
        members.insert("nonce".to_owned(), json!(nonce));
    }
    claims
}

/// The wall clock in the unit of JWT (RFC 7519 §2, `NumericDate`).
pub(crate) fn seconds_since_epoch() -> u64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |elapsed| elapsed.as_secs())
}

/// OpenID Connect Core §3.1.3.6: the left half of the SHA-256 of the access token.
fn left_half_of_hash(access_token: &str) -> String {
    let hash = digest::digest(&digest::SHA256, access_token.as_bytes());
    let (left, _) = hash.as_ref().split_at(digest::SHA256_OUTPUT_LEN / 2);
    URL_SAFE_NO_PAD.encode(left)
}
