//! The one builder of refusals: 401, 403 and 400 with `WWW-Authenticate` (RFC 6750 §3, RFC 9728 §5.1).

use super::{Resource, Scopes};

/// The `error` code of a challenge (RFC 6750 §3.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ErrorCode {
    /// 400.
    InvalidRequest,
    /// 401.
    InvalidToken,
    /// 403.
    InsufficientScope,
}

/// A refusal that tells the client where to get a better ticket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Challenge {
    error: Option<ErrorCode>,
    description: Option<&'static str>,
    scopes: Scopes,
    resource_metadata: String,
}

impl Challenge {
    /// A challenge for `resource` that asks for `scopes`. Without `error` no token was sent.
    #[must_use]
    pub fn new(resource: &Resource, scopes: Scopes, error: Option<ErrorCode>) -> Self {
        Self {
            error,
            description: None,
            scopes,
            resource_metadata: resource.metadata_url().to_owned(),
        }
    }

    /// The HTTP status that goes with the error code.
    #[must_use]
    pub fn status(&self) -> http::StatusCode {
        match self.error {
            None | Some(ErrorCode::InvalidToken) => http::StatusCode::UNAUTHORIZED,
            Some(ErrorCode::InsufficientScope) => http::StatusCode::FORBIDDEN,
            Some(ErrorCode::InvalidRequest) => http::StatusCode::BAD_REQUEST,
        }
    }

    /// The value of `WWW-Authenticate`.
    #[must_use]
    pub fn header_value(&self) -> http::HeaderValue {
        let _ = (&self.description, &self.scopes);
        http::HeaderValue::from_str(&format!(
            "Bearer resource_metadata=\"{}\"",
            self.resource_metadata
        ))
        .expect("invariant: a metadata URL is visible ASCII")
    }
}
