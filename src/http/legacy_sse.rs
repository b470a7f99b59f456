//! `GET /sse` and `POST /messages`: the HTTP+SSE transport of 2024-11-05.

use axum::extract::{Query, Request, State as FromState};
use axum::response::Response;
use axum::routing;
use serde::Deserialize;

use super::State;
use super::mcp_endpoint::{accepts, read, respond, unauthenticated};
use crate::auth::Principal;
use crate::mcp::{Answer, BadHttp, Post};

/// The routes of the old transport.
pub fn routes() -> axum::Router<State> {
    axum::Router::new()
        .route("/sse", routing::get(sse))
        .route("/messages", routing::post(messages))
}

async fn sse(FromState(state): FromState<State>, request: Request) -> Response {
    let Some(principal) = request.extensions().get::<Principal>() else {
        return unauthenticated();
    };
    if !accepts(request.headers(), "text/event-stream") {
        return respond(Answer::bad_http(BadHttp::NotAcceptable));
    }
    respond(state.protocol.open_old_transport(principal))
}

/// What the `endpoint` event put into the address.
#[derive(Deserialize)]
struct Address {
    #[serde(rename = "sessionId", default)]
    session_id: String,
}

async fn messages(
    FromState(state): FromState<State>,
    Query(address): Query<Address>,
    request: Request,
) -> Response {
    let (parts, body) = match read(&state, request).await {
        Ok(read) => read,
        Err(answer) => return answer,
    };
    let Some(principal) = parts.extensions.get::<Principal>() else {
        return unauthenticated();
    };
    let post = Post {
        principal,
        headers: &parts.headers,
        body: &body,
    };
    respond(
        state
            .protocol
            .post_old_transport(&address.session_id, &post),
    )
}
