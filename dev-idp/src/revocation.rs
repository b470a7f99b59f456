//! Token revocation (RFC 7009), of refresh tokens. Access tokens live for minutes and are verified without asking here.

use std::sync::Arc;

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};

use crate::client_authentication::authenticate;
use crate::error::NO_STORE;
use crate::parameters::Parameters;
use crate::provider::Provider;

/// `POST /revoke`: 200 for a known, an unknown and another client's token alike (RFC 7009 §2.2).
pub(crate) async fn revoke(
    State(provider): State<Arc<Provider>>,
    headers: HeaderMap,
    form: Parameters,
) -> Response {
    let client = match authenticate(&provider, &headers, &form) {
        Ok(client) => client,
        Err(refusal) => return refusal.into_response(),
    };
    match form.required("token") {
        Ok(token) => {
            provider.grants.revoke_refresh_token(token, &client.id);
            (StatusCode::OK, [NO_STORE]).into_response()
        }
        Err(refusal) => refusal.into_response(),
    }
}
