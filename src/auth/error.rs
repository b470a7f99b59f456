//! Why a request or its token is refused. Each variant has a stable reason code for logs and metrics.

/// Why no access token could be read from a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AccessTokenError {
    /// No `Authorization` header: 401 without `error` (RFC 6750 §3.1).
    #[error("no access token was sent")]
    Missing,
}

/// Why a token is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TokenError {
    /// No usable keys are at hand: 503 with Retry-After, never 401.
    #[error("the issuer's keys are unavailable")]
    KeysUnavailable {
        /// When it is worth asking again.
        retry_after_seconds: u32,
    },
}

impl TokenError {
    /// The stable reason code for logs, metrics and the ledger.
    #[must_use]
    pub fn reason(&self) -> &'static str {
        match self {
            Self::KeysUnavailable { .. } => "keys_unavailable",
        }
    }
}
