//! Which client is calling the token or revocation endpoint (RFC 6749 §2.3), by exactly the method it registered.

use std::sync::Arc;

use axum::http::{HeaderMap, header};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use url::form_urlencoded;

use crate::clients::{AuthMethod, Client};
use crate::error::{ErrorCode, OAuthError};
use crate::parameters::Parameters;
use crate::provider::Provider;
use crate::secrets;

/// What a request shows.
struct Credentials {
    method: AuthMethod,
    client_id: String,
    secret: String,
}

/// The client that the request proves to come from.
pub(crate) fn authenticate(
    provider: &Provider,
    headers: &HeaderMap,
    form: &Parameters,
) -> Result<Arc<Client>, OAuthError> {
    let shown = match headers.get(header::AUTHORIZATION) {
        Some(value) => from_header(value.to_str().unwrap_or_default(), form)?,
        None => from_form(form)?,
    };
    let Some(client) = provider.client(&shown.client_id) else {
        return Err(invalid_client(
            "the client is unknown; register again, clients are forgotten at every start",
        ));
    };
    if client.auth_method != shown.method {
        return Err(invalid_client(
            "this is not the token_endpoint_auth_method that the client registered",
        ));
    }
    match &client.secret {
        Some(secret) if !secrets::equal(secret, &shown.secret) => {
            Err(invalid_client("the client secret is wrong"))
        }
        Some(_) | None => Ok(client),
    }
}

/// RFC 6749 §2.3.1: both halves are form-encoded before they are joined.
fn from_header(value: &str, form: &Parameters) -> Result<Credentials, OAuthError> {
    if form.one("client_secret")?.is_some() {
        let description = "use one way to authenticate, not two (RFC 6749 section 2.3)";
        return Err(OAuthError::new(ErrorCode::InvalidRequest, description));
    }
    let decoded = value
        .split_once(' ')
        .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("basic"))
        .and_then(|(_, encoded)| STANDARD.decode(encoded.trim()).ok())
        .and_then(|bytes| String::from_utf8(bytes).ok());
    let Some((client_id, secret)) = decoded.as_deref().and_then(|text| text.split_once(':')) else {
        return Err(invalid_client(
            "expected Authorization: Basic with client id and secret",
        ));
    };
    Ok(Credentials {
        method: AuthMethod::ClientSecretBasic,
        client_id: form_decoded(client_id),
        secret: form_decoded(secret),
    })
}

fn from_form(form: &Parameters) -> Result<Credentials, OAuthError> {
    let client_id = form.required("client_id")?.to_owned();
    Ok(match form.one("client_secret")? {
        Some(secret) => Credentials {
            method: AuthMethod::ClientSecretPost,
            client_id,
            secret: secret.to_owned(),
        },
        None => Credentials {
            method: AuthMethod::None,
            client_id,
            secret: String::new(),
        },
    })
}

fn form_decoded(text: &str) -> String {
    form_urlencoded::parse(text.as_bytes())
        .map(|(name, _)| name.into_owned())
        .next()
        .unwrap_or_default()
}

fn invalid_client(description: &str) -> OAuthError {
    OAuthError::new(ErrorCode::InvalidClient, description)
}
