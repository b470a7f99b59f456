//! `POST`, `GET` and `DELETE` on `/mcp` and `/`: HTTP in and out of the protocol layer.

use super::State;

/// The routes of the MCP endpoint. `http::authenticate` has put a `Principal` into the request's extensions.
pub fn routes() -> axum::Router<State> {
    axum::Router::new()
}
