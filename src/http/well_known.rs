//! Who may issue tickets for this server: RFC 9728 metadata, one document per resource, and the mirror of the issuer's
//! own for clients that know no RFC 9728.

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::Response;

use super::State;
use super::answer::{json, text};
use super::error::Refusal;

/// How long a client may keep a document: long enough for one connection attempt, short enough for a change of issuer.
const MAX_AGE: HeaderValue = HeaderValue::from_static("public, max-age=300");

/// The document at `path`: its `resource` is the very URL the client used (RFC 9728 §3.3).
pub fn resource_metadata(state: &State, path: &str) -> Result<Response, Refusal> {
    let described = state.resource_server.resources().described_at(path);
    let resource = described.ok_or(Refusal::NotFound)?;
    Ok(for_a_while(json(
        StatusCode::OK,
        &state.resource_server.metadata(&resource),
    )))
}

/// The only issuer's last validated document, from memory; 404 with several issuers, or before one was validated.
pub fn authorization_server_metadata(state: &State) -> Result<Response, Refusal> {
    let document = state.resource_server.authorization_server_metadata();
    let document = document.ok_or(Refusal::NotFound)?;
    Ok(for_a_while(text(
        StatusCode::OK,
        "application/json",
        document,
    )))
}

fn for_a_while(mut response: Response) -> Response {
    response
        .headers_mut()
        .insert(header::CACHE_CONTROL, MAX_AGE);
    response
}
