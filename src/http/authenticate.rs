//! From the `Authorization` header and the path asked for to a verified principal, or the refusal with its challenge.

use axum::http::{HeaderMap, header};

use super::State;
use super::error::Refusal;
use super::surface::Endpoint;
use crate::auth::challenge::ErrorCode;
use crate::auth::{
    AccessToken, AccessTokenError, Challenge, Principal, Resource, Scopes, TokenError,
};

/// The verified principal of a request to `endpoint`. The header is gone afterwards, so that no handler can pass the
/// token on.
pub async fn authenticate(
    state: &State,
    endpoint: Endpoint,
    headers: &mut HeaderMap,
) -> Result<Principal, Refusal> {
    let resources = state.resource_server.resources();
    let path = match endpoint {
        // Documents belong to the whole server.
        Endpoint::Document => "/",
        other => other.label(),
    };
    let resource = resources.at(path).ok_or(Refusal::NotFound)?;
    let access_token = AccessToken::from_headers(headers);
    headers.remove(header::AUTHORIZATION);
    let access_token = access_token.map_err(|error| refuse_header(resource, error))?;
    let verified = state
        .resource_server
        .authenticate(&access_token, resource)
        .await;
    verified.map_err(|error| refuse_token(resource, &error))
}

fn refuse_header(resource: &Resource, error: AccessTokenError) -> Refusal {
    let (code, reason) = match error {
        AccessTokenError::Missing => (None, "no_token"),
        #[expect(unreachable_patterns, reason = "the other variants are on their way")]
        _ => (Some(ErrorCode::InvalidRequest), "malformed_authorization"),
    };
    challenged(resource, code, reason)
}

fn refuse_token(resource: &Resource, error: &TokenError) -> Refusal {
    match error {
        TokenError::KeysUnavailable {
            retry_after_seconds,
        } => Refusal::KeysUnavailable {
            retry_after_seconds: *retry_after_seconds,
        },
        #[expect(unreachable_patterns, reason = "the other variants are on their way")]
        _ => challenged(resource, Some(ErrorCode::InvalidToken), error.reason()),
    }
}

fn challenged(resource: &Resource, code: Option<ErrorCode>, reason: &'static str) -> Refusal {
    let challenge = Box::new(Challenge::new(resource, Scopes::default(), code));
    Refusal::Challenged { challenge, reason }
}
