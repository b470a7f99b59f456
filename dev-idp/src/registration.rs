//! Dynamic client registration (RFC 7591), open to everybody: the state is bounded and forgotten at the next start. Of its
//! management (RFC 7592) there is what takes a registration back.

use std::sync::Arc;

use axum::Json;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Serialize;

use crate::clients::{Client, ClientMetadata};
use crate::error::{ErrorCode, NO_STORE, OAuthError};
use crate::provider::Provider;
use crate::secrets;

/// `POST /register`
pub(crate) async fn register(State(provider): State<Arc<Provider>>, body: Bytes) -> Response {
    match registered(&provider, &body) {
        Ok(client) => {
            let registered = Registered {
                registration_client_uri: format!("{}/register/{}", provider.issuer, client.id),
                client: &client,
            };
            (StatusCode::CREATED, [NO_STORE], Json(registered)).into_response()
        }
        Err(refusal) => refusal.into_response(),
    }
}

/// The answer to a registration (RFC 7592 §3).
#[derive(Serialize)]
struct Registered<'c> {
    #[serde(flatten)]
    client: &'c Client,
    registration_client_uri: String,
}

/// `DELETE /register/{client_id}` (RFC 7592 §2.3)
pub(crate) async fn take_back(
    State(provider): State<Arc<Provider>>,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> StatusCode {
    let credentials = headers.get(header::AUTHORIZATION);
    let credentials = credentials.and_then(|value| value.to_str().ok());
    let token = credentials.and_then(|value| value.strip_prefix("Bearer "));
    match (provider.client(&id), token) {
        (Some(client), Some(token)) if secrets::equal(token, &client.registration_access_token) => {
            provider.remove_client(&id);
            StatusCode::NO_CONTENT
        }
        _ => StatusCode::UNAUTHORIZED,
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
