//! `GET /sse` and `POST /messages`: the HTTP+SSE transport of 2024-11-05.

use super::State;

/// The routes of the old transport.
pub fn routes() -> axum::Router<State> {
    axum::Router::new()
}
