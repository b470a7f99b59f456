//! Dynamic client registration (RFC 7591), open to everybody: the state is bounded and forgotten at the next start.

use std::sync::Arc;

use axum::Json;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};

use crate::clients::{Client, ClientMetadata};
use crate::error::{ErrorCode, NO_STORE, OAuthError};
use crate::provider::Provider;

/// `POST /register`
pub(crate) async fn register(State(provider): State<Arc<Provider>>, body: Bytes) -> Response {
    match registered(&provider, &body) {
        Ok(client) => (StatusCode::CREATED, [NO_STORE], Json(&*client)).into_response(),
        Err(refusal) => refusal.into_response(),
    }
}

fn registered(provider: &Provider, body: &[u8]) -> Result<Arc<Client>, OAuthError> {
    let metadata: ClientMetadata = serde_json::from_slice(body).map_err(|fault| {
        let description = format!("expected client metadata as a JSON object: {fault}");
        OAuthError::new(ErrorCode::InvalidClientMetadata, description)
    })?;
    let client = Client::register(metadata, &provider.config.scopes)?;
    provider.add_client(Arc::clone(&client));
    Ok(client)
}
