//! `GET /sse` and `POST /messages`: the HTTP+SSE transport of 2024-11-05.

use axum::body::Body;
use axum::extract::Query;
use axum::http::request::Parts;
use axum::response::Response;
use serde::Deserialize;

use super::State;
use super::access_log::Notes;
use super::authenticate::Caller;
use super::error::Refusal;
use super::mcp_endpoint::{accepts, read, respond};
use super::request_id::RequestId;
use crate::auth::Principal;
use crate::mcp::{Answer, BadHttp, Post};

/// Opens a session: its stream.
pub fn open(state: &State, principal: &Principal, head: &Parts, notes: &mut Notes) -> Response {
    let answer = if accepts(&head.headers, "text/event-stream") {
        state.protocol.open_old_transport(principal)
    } else {
        Answer::bad_http(BadHttp::NotAcceptable)
    };
    respond(answer, notes)
}

/// What the `endpoint` event put into the address.
#[derive(Default, Deserialize)]
struct Address {
    #[serde(rename = "sessionId", default)]
    session_id: String,
}

/// Answers a message on its session's stream. An address that names no session, or names it twice, is that of none.
pub async fn message(
    state: &State,
    caller: &Caller,
    (head, body, request_id): (&Parts, Body, &RequestId),
    notes: &mut Notes,
) -> Result<Response, Refusal> {
    let principal = &caller.principal;
    let address = Query::<Address>::try_from_uri(&head.uri);
    let Address { session_id } = address.map(|Query(address)| address).unwrap_or_default();
    let answer = match read(state, principal, (&head.headers, body)).await? {
        Ok(body) => {
            let post = Post {
                principal,
                headers: &head.headers,
                body: &body,
                request_id: request_id.as_str(),
                credential: caller.credential.as_ref(),
                // Everything that comes goes on the session's stream.
                takes_events: true,
            };
            let answered = state.protocol.post_old_transport(&session_id, &post);
            answered.await
        }
        Err(bad) => Answer::bad_http(bad),
    };
    Ok(respond(answer, notes))
}
