//! `POST`, `GET` and `DELETE` on `/mcp` and `/`: HTTP in and out of the protocol layer.
//!
//! Content type and `Accept` are checked here; what the headers and the body mean is `mcp`'s.

use std::convert::Infallible;

use axum::body::Body;
use axum::response::Response;
use bytes::Bytes;
use futures_util::StreamExt;
use http::header::{ACCEPT, ALLOW, CACHE_CONTROL, CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use http::request::Parts;
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};

use super::access_log::Notes;
use super::authenticate::Caller;
use super::error::Refusal;
use super::request_id::RequestId;
use super::spliced::Spliced;
use super::{State, body};
use crate::auth::Principal;
use crate::mcp::{self, Answer, BadHttp, Post};

const JSON: HeaderValue = HeaderValue::from_static("application/json");
const EVENTS: HeaderValue = HeaderValue::from_static("text/event-stream");

/// Answers `caller`.
pub async fn answer(
    state: &State,
    caller: &Caller,
    (head, body, request_id): (&Parts, Body, &RequestId),
    notes: &mut Notes,
) -> Result<Response, Refusal> {
    let protocol = &state.protocol;
    let principal = &caller.principal;
    if !protocol.serves(principal) {
        return Err(Refusal::NotFound);
    }
    let mut client_info = None;
    let headers = &head.headers;
    let answer = match head.method {
        Method::POST => match read(state, principal, (headers, body)).await? {
            Ok(body) => {
                let post = Post {
                    principal,
                    headers,
                    body: &body,
                    request_id: request_id.as_str(),
                    credential: caller.credential.as_ref(),
                    takes_events: accepts(headers, "text/event-stream"),
                };
                let answer = protocol.post(&post).await;
                client_info = refused_client(&answer, &body);
                let streams = matches!(answer.body, mcp::Body::Events(_));
                if streams && !post.takes_events {
                    Answer::bad_http(BadHttp::NotAcceptable)
                } else {
                    answer
                }
            }
            Err(bad) => Answer::bad_http(bad),
        },
        Method::DELETE => protocol.delete(principal, headers),
        _ if !accepts(headers, "text/event-stream") => Answer::bad_http(BadHttp::NotAcceptable),
        _ => protocol.get(principal, headers),
    };
    let response = respond(answer, notes);
    notes.client_info = client_info;
    Ok(response)
}

/// What the client calls itself, if a rule refuses what it asks for.
pub(super) fn refused_client(answer: &Answer, body: &[u8]) -> Option<String> {
    answer.rule.as_ref()?;
    mcp::Protocol::client_info(body)
}

/// The request's whole body, if it is JSON and its sender takes JSON back. Most answers are JSON; a client
/// that takes only streams would wait for one in vain.
pub(super) async fn read(
    state: &State,
    principal: &Principal,
    (headers, body): (&HeaderMap, Body),
) -> Result<Result<Bytes, BadHttp>, Refusal> {
    // Read before anything is refused: a connection whose body lies unread cannot be used again.
    let sender = (principal.issuer(), principal.subject());
    let waiting = || state.waiting_bodies().take(&sender);
    let body = body::read(body, &state.settings, waiting).await?;
    Ok(if !is_json(headers) {
        Err(BadHttp::UnsupportedMediaType)
    } else if !accepts(headers, "application/json") {
        Err(BadHttp::NotAcceptable)
    } else {
        Ok(body)
    })
}

/// The answer as an HTTP response.
pub(super) fn respond(answer: Answer, notes: &mut Notes) -> Response {
    let mut response = match answer.body {
        mcp::Body::Empty => Response::new(Body::empty()),
        mcp::Body::Json(json) => {
            let mut response = Response::new(Body::from(json));
            response.headers_mut().insert(CONTENT_TYPE, JSON);
            response
        }
        mcp::Body::Spliced(pieces) => {
            let mut response = Response::new(Body::new(Spliced::new(pieces)));
            response.headers_mut().insert(CONTENT_TYPE, JSON);
            response
        }
        mcp::Body::Events(stream) => {
            let events = stream.into_stream().map(Ok::<_, Infallible>);
            let mut response = Response::new(Body::from_stream(events));
            let headers = response.headers_mut();
            headers.insert(CONTENT_TYPE, EVENTS);
            headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
            // Tells nginx and its like to pass events on at once.
            headers.insert(
                HeaderName::from_static("x-accel-buffering"),
                HeaderValue::from_static("no"),
            );
            response
        }
    };
    *response.status_mut() = answer.status;
    let headers = response.headers_mut();
    if let Some(challenge) = answer.challenge {
        headers.insert(WWW_AUTHENTICATE, challenge);
    }
    if let Some(session_id) = answer.session_id {
        headers.insert(&mcp::SESSION_HEADER, session_id);
    }
    if let Some(seconds) = answer.retry_after_seconds {
        headers.insert(RETRY_AFTER, HeaderValue::from(seconds));
    }
    if answer.status == StatusCode::METHOD_NOT_ALLOWED {
        headers.insert(ALLOW, HeaderValue::from_static("POST"));
    }
    *notes = Notes {
        operation: answer.operation,
        reason: answer.reason,
        rule: answer.rule,
        client_info: None,
    };
    response
}

fn is_json(headers: &HeaderMap) -> bool {
    let Some(value) = headers.get(CONTENT_TYPE) else {
        return false;
    };
    let essence = value.as_bytes().split(|b| *b == b';').next();
    essence.is_some_and(|essence| {
        essence
            .trim_ascii()
            .eq_ignore_ascii_case(b"application/json")
    })
}

/// True if an answer of type `wanted` may be sent (RFC 9110 §12.5.1). No `Accept` accepts everything.
pub(super) fn accepts(headers: &HeaderMap, wanted: &str) -> bool {
    match headers.get(ACCEPT) {
        None => return true,
        // What the official clients send, for both types.
        Some(value) if value == "application/json, text/event-stream" => return true,
        Some(_) => {}
    }
    let family = wanted.split('/').next().unwrap_or_default();
    headers
        .get_all(ACCEPT)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .any(|range| {
            let mut parameters = range.split(';').map(str::trim);
            let range = parameters.next().unwrap_or_default();
            let matches = range.eq_ignore_ascii_case(wanted)
                || range == "*/*"
                || range
                    .strip_suffix("/*")
                    .is_some_and(|prefix| prefix.eq_ignore_ascii_case(family));
            matches && !parameters.any(is_quality_zero)
        })
}

fn is_quality_zero(parameter: &str) -> bool {
    parameter
        .strip_prefix("q=")
        .or_else(|| parameter.strip_prefix("Q="))
        .and_then(|quality| quality.trim().parse::<f32>().ok())
        .is_some_and(|quality| quality <= 0.0)
}

#[cfg(test)]
mod tests;
