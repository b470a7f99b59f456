//! The Bearer grammar (RFC 6750 §2.1): one `Authorization` header and nothing else.

/// A secret: no `Display`, no `Serialize`, redacted `Debug`.
pub struct AccessToken(String);

impl std::fmt::Debug for AccessToken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("AccessToken(…)")
    }
}

impl AccessToken {
    /// The token in a request's headers.
    pub fn from_headers(headers: &http::HeaderMap) -> Result<Self, super::AccessTokenError> {
        let _ = headers;
        Err(super::AccessTokenError::Missing)
    }

    /// The secret itself; only the verifier and the token exchange may ask.
    #[expect(dead_code, reason = "skeleton")]
    pub(in crate::auth) fn expose(&self) -> &str {
        &self.0
    }
}
