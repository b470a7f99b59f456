//! From the `Authorization` header and the path asked for to a verified principal, or the refusal with its challenge.

use std::sync::Arc;

use axum::http::header;
use axum::http::request::Parts;

use super::State;
use super::error::Refusal;
use super::surface::Endpoint;
use crate::auth::{
    AccessToken, AccessTokenError, Challenge, Principal, RefusedToken, Resource, Scopes, Seen,
    TokenError,
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

/// A request without a ticket that counts: the answer, and what the record is told.
#[derive(Debug)]
pub struct Turned {
    /// The answer.
    pub refusal: Refusal,
    /// The resource asked for, if there is such a thing.
    pub resource: Option<Arc<Resource>>,
    /// Why the token was refused, if there was one.
    pub problem: Option<TokenError>,
    /// What was seen of it.
    pub seen: Option<Box<Seen>>,
}

impl From<Refusal> for Turned {
    fn from(refusal: Refusal) -> Self {
        Self {
            refusal,
            resource: None,
            problem: None,
            seen: None,
        }
    }
}

/// The verified caller of a request to `endpoint`. The header is gone afterwards, so that no handler can pass the
/// token on.
pub async fn authenticate(
    state: &State,
    endpoint: Endpoint,
    head: &mut Parts,
) -> Result<Caller, Box<Turned>> {
    let path = match endpoint {
        // Documents belong to the whole server.
        Endpoint::Document => "/",
        Endpoint::McpUpstream => head.uri.path(),
        other => other.label(),
    };
    let resource = state.resource_server.resources().claimed_at(path);
    let resource = resource.ok_or_else(|| Box::new(Turned::from(Refusal::NotFound)))?;
    let resource = &resource;
    let access_token = AccessToken::from_request(&head.headers, head.uri.query());
    head.headers.remove(header::AUTHORIZATION);
    let access_token = access_token.map_err(|error| without_token(state, resource, error))?;
    let admitted = state.resource_server.admit(access_token, resource).await;
    let (principal, token) = admitted.map_err(|token| refused(state, resource, token))?;
    Ok(Caller {
        principal,
        credential: token.map(Credential::from),
    })
}

fn without_token(state: &State, resource: &Arc<Resource>, error: AccessTokenError) -> Box<Turned> {
    let challenge = Challenge::for_request(error, resource, scopes(state, resource));
    let refusal = Refusal::Challenged {
        challenge: Box::new(challenge),
        reason: error.reason(),
    };
    Box::new(Turned {
        resource: Some(Arc::clone(resource)),
        ..refusal.into()
    })
}

fn refused(state: &State, resource: &Arc<Resource>, token: RefusedToken) -> Box<Turned> {
    let RefusedToken { error, seen } = token;
    Box::new(Turned {
        refusal: answer(state, resource, &error),
        resource: Some(Arc::clone(resource)),
        problem: Some(error),
        seen,
    })
}

fn answer(state: &State, resource: &Resource, error: &TokenError) -> Refusal {
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
