//! `GET /documents/{id}`: one document as people read it, for those who may. Documents without an address of their own
//! carry this one in search results.

use axum::http::request::Parts;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::Response;
use serde::Serialize;
use serde_json::value::RawValue;

use super::access_log::Notes;
use super::answer::{json, text};
use super::error::Refusal;
use super::{State, accept};
use crate::auth::Principal;
use crate::knowledge::{Document, DocumentId, SearchError};
use crate::tools;

#[derive(Serialize)]
struct Whole<'a> {
    id: &'a DocumentId,
    title: &'a str,
    text: &'a str,
    url: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    metadata: Option<&'a RawValue>,
}

/// The document: plain text, or JSON for those who ask for it.
///
/// Reading it here takes what calling `fetch` takes: the same scope, and a call out of the same limit. That is decided
/// before the id is looked at.
pub fn document(
    state: &State,
    principal: &Principal,
    head: &Parts,
    notes: &mut Notes,
) -> Result<Response, Refusal> {
    permit(state, principal, notes)?;
    let id = head.uri.path().strip_prefix("/documents/");
    // What is no id is no document either: the answer tells nothing of the difference.
    let id: DocumentId = id.and_then(|id| id.parse().ok()).ok_or(Refusal::NotFound)?;
    let found = state.knowledge.document(id).map_err(|error| match error {
        SearchError::Failed => Refusal::Internal,
        SearchError::NotReady => Refusal::IndexNotReady,
    })?;
    let document = found.ok_or(Refusal::NotFound)?;
    let mut response = if accept::prefers_json(&head.headers) {
        json(StatusCode::OK, &whole(&document))
    } else {
        text(StatusCode::OK, "text/plain; charset=utf-8", document.text)
    };
    // Whatever a document holds, a browser shows it as text and runs nothing.
    let policy = HeaderValue::from_static("default-src 'none'; sandbox");
    response
        .headers_mut()
        .insert(header::CONTENT_SECURITY_POLICY, policy);
    Ok(response)
}

fn permit(state: &State, principal: &Principal, notes: &mut Notes) -> Result<(), Refusal> {
    if let Err(denied) = state.protocol.permit_fetch(principal) {
        notes.rule = Some(denied.rule);
        let reason = denied.reason;
        return Err(match denied.challenge {
            Some(challenge) => Refusal::Challenged {
                challenge: Box::new(challenge),
                reason,
            },
            None => Refusal::Forbidden { reason },
        });
    }
    let limited = state.rate_limits.check_call(principal, Some(tools::FETCH));
    limited.map_err(Refusal::RateLimited)
}

fn whole(document: &Document) -> Whole<'_> {
    Whole {
        id: &document.id,
        title: &document.title,
        text: &document.text,
        url: &document.url,
        metadata: serde_json::from_str(&document.metadata).ok(),
    }
}
