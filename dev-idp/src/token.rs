//! The token endpoint (RFC 6749 §3.2): a code or a refresh token in, an access token for named resources out.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::{IntoResponse, Response};
use serde::Serialize;

use crate::authorization;
use crate::client_authentication::authenticate;
use crate::clients::{Client, GrantType};
use crate::error::{ErrorCode, NO_STORE, OAuthError};
use crate::grants::{Grant, Redeemed, Redemption};
use crate::parameters::Parameters;
use crate::provider::Provider;
use crate::scope;
use crate::token_claims;

/// RFC 6749 §5.1. `scope` is always there, so that a client sees what it got.
#[derive(Serialize)]
struct TokenResponse {
    access_token: String,
    token_type: &'static str,
    expires_in: u64,
    scope: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    refresh_token: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    id_token: Option<String>,
}

/// `POST /token`
pub(crate) async fn token(
    State(provider): State<Arc<Provider>>,
    headers: HeaderMap,
    form: Parameters,
) -> Response {
    match exchanged(&provider, &headers, &form) {
        Ok(tokens) => ([NO_STORE], Json(tokens)).into_response(),
        Err(refusal) => refusal.into_response(),
    }
}

fn exchanged(
    provider: &Provider,
    headers: &HeaderMap,
    form: &Parameters,
) -> Result<TokenResponse, OAuthError> {
    let client = authenticate(provider, headers, form)?;
    let grant_type = GrantType::parse(form.required("grant_type")?).ok_or_else(|| {
        let description = "grant_type is authorization_code or refresh_token";
        OAuthError::new(ErrorCode::UnsupportedGrantType, description)
    })?;
    if !client.may_use(grant_type) {
        let description = "the client did not register this grant type";
        return Err(OAuthError::new(ErrorCode::UnauthorizedClient, description));
    }
    match grant_type {
        GrantType::AuthorizationCode => from_code(provider, &client, form),
        GrantType::RefreshToken => from_refresh_token(provider, &client, form),
    }
}

fn from_code(
    provider: &Provider,
    client: &Client,
    form: &Parameters,
) -> Result<TokenResponse, OAuthError> {
    let redeemed = provider.grants.redeem(&Redemption {
        code: form.required("code")?,
        client_id: &client.id,
        redirect_uri: form.required("redirect_uri")?,
        code_verifier: form.required("code_verifier")?,
    })?;
    let resources = narrowed_resources(form, &redeemed.grant)?;
    let grant = Grant {
        resources,
        ..redeemed.grant.clone()
    };
    Ok(issue(provider, client, &redeemed, &grant))
}

fn from_refresh_token(
    provider: &Provider,
    client: &Client,
    form: &Parameters,
) -> Result<TokenResponse, OAuthError> {
    let token = form.required("refresh_token")?;
    let (redeemed, (scope, resources)) = provider.grants.refresh(token, &client.id, |granted| {
        Ok((
            scope::narrowed(form.one("scope")?, &granted.scope)?,
            narrowed_resources(form, granted)?,
        ))
    })?;
    let grant = Grant {
        scope,
        resources,
        nonce: None,
        ..redeemed.grant.clone()
    };
    Ok(issue(provider, client, &redeemed, &grant))
}

/// Tokens for `grant`; the refresh token keeps all of what was granted at first (RFC 6749 §6).
fn issue(
    provider: &Provider,
    client: &Client,
    redeemed: &Redeemed,
    grant: &Grant,
) -> TokenResponse {
    let lifetime = provider.config.access_token_lifetime;
    let issuer = &provider.issuer;
    let access_token = provider.keys.sign(
        "at+jwt",
        &token_claims::access_token(issuer, grant, lifetime),
    );
    let wants_id_token = grant.scope.iter().any(|scope| scope == scope::OPENID);
    TokenResponse {
        id_token: wants_id_token.then(|| {
            provider.keys.sign(
                "JWT",
                &token_claims::id_token(issuer, grant, lifetime, &access_token),
            )
        }),
        refresh_token: client
            .may_use(GrantType::RefreshToken)
            .then(|| provider.grants.issue_refresh_token(redeemed)),
        access_token,
        token_type: "Bearer",
        expires_in: lifetime.as_secs(),
        scope: grant.scope.join(" "),
    }
}

/// RFC 8707 §2.2: the resources named here must be among those of the authorization request; all of those if none is.
fn narrowed_resources(form: &Parameters, granted: &Grant) -> Result<Vec<String>, OAuthError> {
    let asked = authorization::resources(form)?;
    if asked.is_empty() {
        return Ok(granted.resources.clone());
    }
    if asked
        .iter()
        .all(|resource| granted.resources.contains(resource))
    {
        return Ok(asked);
    }
    let description =
        "resource is not among those of the authorization request (RFC 8707 section 2.2)";
    Err(OAuthError::new(ErrorCode::InvalidTarget, description))
}
