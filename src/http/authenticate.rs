//! From the `Authorization` header and the path asked for to a verified principal, or the refusal with its challenge.

use axum::extract::Request;
use axum::http::header;

use super::State;
use super::error::Refusal;
use super::surface::Endpoint;
use crate::auth::{
    AccessToken, AccessTokenError, Challenge, Principal, Resource, Scopes, TokenError,
};
use crate::mcp::Credential;

/// Who asks, verified.
#[derive(Debug)]
pub struct Caller {
    /// The proof.
    pub principal: Principal,
    /// What yields credentials for upstreams; nothing where none takes an exchanged token.
    pub credential: Option<Credential>,
}

/// The verified caller of a request to `endpoint`. The header is gone afterwards, so that no handler can pass the
/// token on.
pub async fn authenticate(
    state: &State,
    endpoint: Endpoint,
    request: &mut Request,
) -> Result<Caller, Refusal> {
    let path = match endpoint {
        // Documents belong to the whole server.
        Endpoint::Document => "/",
        Endpoint::McpUpstream => request.uri().path(),
        other => other.label(),
    };
    let resource = state.resource_server.resources().claimed_at(path);
    let resource = &resource.ok_or(Refusal::NotFound)?;
    let access_token = AccessToken::from_request(request.headers(), request.uri().query());
    request.headers_mut().remove(header::AUTHORIZATION);
    let access_token = access_token.map_err(|error| without_token(state, resource, error))?;
    let admitted = state.resource_server.admit(access_token, resource).await;
    let (principal, token) = admitted.map_err(|error| refused(state, resource, &error))?;
    Ok(Caller {
        principal,
        credential: token.map(Credential::from),
    })
}

fn without_token(state: &State, resource: &Resource, error: AccessTokenError) -> Refusal {
    let challenge = Challenge::for_request(error, resource, scopes(state, resource));
    Refusal::Challenged {
        challenge: Box::new(challenge),
        reason: error.reason(),
    }
}

fn refused(state: &State, resource: &Resource, error: &TokenError) -> Refusal {
    let retry_after_seconds = error.retry_after_seconds().unwrap_or(1);
    match Challenge::for_token(error, resource, scopes(state, resource)) {
        Some(challenge) => Refusal::Challenged {
            challenge: Box::new(challenge),
            reason: error.reason(),
        },
        None if matches!(error, TokenError::IntrospectionUnavailable { .. }) => {
            Refusal::IntrospectionUnavailable {
                retry_after_seconds,
            }
        }
        None => Refusal::KeysUnavailable {
            retry_after_seconds,
        },
    }
}

/// What a client should ask for: the same as the metadata says, so that no client has to guess which of them counts.
fn scopes(state: &State, resource: &Resource) -> Scopes {
    let published = state.resource_server.metadata(resource).scopes_supported;
    Scopes::parse(&published.join(" ")).unwrap_or_default()
}
