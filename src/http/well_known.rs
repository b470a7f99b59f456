//! Who may issue tickets for this server: RFC 9728 metadata, one document per resource.

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::Response;

use super::State;
use super::answer::json;
use super::error::Refusal;

/// Where the documents are.
pub const RESOURCE_METADATA: &str = "/.well-known/oauth-protected-resource";

/// How long a client may keep a document: long enough for one connection attempt, short enough for a change of issuer.
const MAX_AGE: HeaderValue = HeaderValue::from_static("public, max-age=300");

/// The document at `path`: its `resource` is the very URL the client used (RFC 9728 §3.3).
pub fn resource_metadata(state: &State, path: &str) -> Result<Response, Refusal> {
    let suffix = path.strip_prefix(RESOURCE_METADATA).unwrap_or_default();
    let path = if suffix.is_empty() { "/" } else { suffix };
    let resource = state
        .resource_server
        .resources()
        .at(path)
        .ok_or(Refusal::NotFound)?;
    let mut response = json(StatusCode::OK, &state.resource_server.metadata(resource));
    response
        .headers_mut()
        .insert(header::CACHE_CONTROL, MAX_AGE);
    Ok(response)
}
