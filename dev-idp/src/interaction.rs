//! The part of the flow that happens in the browser: authorize, log in, consent.
//!
//! The forms carry the whole authorization request, and every step checks it from the beginning; nothing is remembered
//! between them but who logged in. The form token belongs to the session, so that only our own pages can send a form.

use std::sync::Arc;

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Redirect as SeeOther, Response};

use crate::authorization::{AuthorizationRequest, Prompt, Refusal};
use crate::error::{ErrorCode, OAuthError};
use crate::grants::Grant;
use crate::pages;
use crate::parameters::Parameters;
use crate::provider::Provider;
use crate::secrets;
use crate::sessions::{Login, Session};

/// `GET /authorize`
pub(crate) async fn authorize(
    State(provider): State<Arc<Provider>>,
    headers: HeaderMap,
    query: Parameters,
) -> Response {
    let request = match AuthorizationRequest::parse(&provider, &query) {
        Ok(request) => request,
        Err(refusal) => return refused(refusal),
    };
    let found = provider.sessions.find(&headers, provider.port);
    let login = found.as_ref().and_then(|session| session.login.as_ref());
    match (request.prompt, found.as_ref().zip(login)) {
        (Prompt::None, login) => redirect(&request.redirect.refused(&silent(login.is_some()))),
        (Prompt::Usual, Some((session, login))) => pages::consent(session, login, &request),
        (Prompt::Usual | Prompt::Login, _) => {
            let session = found.unwrap_or_else(|| provider.sessions.anonymous());
            let page = pages::login(&provider.config.users, &session, &request, false);
            with_cookie(&session, provider.port, page)
        }
    }
}

/// `POST /login`
pub(crate) async fn log_in(
    State(provider): State<Arc<Provider>>,
    headers: HeaderMap,
    form: Parameters,
) -> Response {
    let (session, request) = match form_of_ours(&provider, &headers, &form) {
        Ok(form) => form,
        Err(page) => return *page,
    };
    let name = form.one("username").ok().flatten().unwrap_or_default();
    let password = form.one("password").ok().flatten().unwrap_or_default();
    match provider.log_in(name.trim(), password.trim()) {
        Some(user) => {
            let session = provider.sessions.log_in(&session, user);
            let next = format!("/authorize?{}", request.to_query());
            with_cookie(&session, provider.port, redirect(&next))
        }
        None => pages::login(&provider.config.users, &session, &request, true),
    }
}

/// `POST /consent`
pub(crate) async fn consent(
    State(provider): State<Arc<Provider>>,
    headers: HeaderMap,
    form: Parameters,
) -> Response {
    let (session, request) = match form_of_ours(&provider, &headers, &form) {
        Ok(form) => form,
        Err(page) => return *page,
    };
    let Some(login) = session.login else {
        return expired();
    };
    match form.one("decision") {
        Ok(Some("allow")) => {
            let code = provider.grants.issue_code(
                grant(&request, login),
                &request.redirect.uri,
                &request.code_challenge,
            );
            redirect(&request.redirect.granted(&code))
        }
        Ok(Some("deny")) => {
            let refusal = OAuthError::new(ErrorCode::AccessDenied, "the user denied the request");
            redirect(&request.redirect.refused(&refusal))
        }
        Ok(_) | Err(_) => pages::refusal(
            StatusCode::BAD_REQUEST,
            "No decision",
            "The form said neither allow nor deny.",
        ),
    }
}

/// The session and the request of a form that one of our own pages sent.
fn form_of_ours(
    provider: &Provider,
    headers: &HeaderMap,
    form: &Parameters,
) -> Result<(Session, AuthorizationRequest), Box<Response>> {
    let session = provider
        .sessions
        .find(headers, provider.port)
        .ok_or_else(|| Box::new(expired()))?;
    let form_token = form.one("form_token").ok().flatten().unwrap_or_default();
    if !secrets::equal(form_token, &session.form_token) {
        return Err(Box::new(expired()));
    }
    let query = form.one("request").ok().flatten().unwrap_or_default();
    let request = AuthorizationRequest::parse(provider, &Parameters::parse(query.as_bytes()))
        .map_err(|refusal| Box::new(refused(refusal)))?;
    Ok((session, request))
}

fn grant(request: &AuthorizationRequest, login: Login) -> Grant {
    Grant {
        client_id: request.client.id.clone(),
        user: login.user,
        scope: request.scope.clone(),
        resources: request.resources.clone(),
        nonce: request.nonce.clone(),
        authenticated_at: login.at,
    }
}

/// What `prompt=none` gets (OpenID Connect Core §3.1.2.6): consent is never remembered.
fn silent(logged_in: bool) -> OAuthError {
    if logged_in {
        OAuthError::new(
            ErrorCode::ConsentRequired,
            "consent is asked for every time",
        )
    } else {
        OAuthError::new(ErrorCode::LoginRequired, "nobody is logged in")
    }
}

fn refused(refusal: Refusal) -> Response {
    match refusal {
        Refusal::Page(refusal) => pages::refusal(
            StatusCode::BAD_REQUEST,
            "This request cannot be answered",
            &refusal.description,
        ),
        Refusal::Redirect(address) => redirect(&address),
    }
}

fn expired() -> Response {
    pages::refusal(
        StatusCode::FORBIDDEN,
        "This form has expired",
        "It does not belong to this browser's session: the session is over, cookies are off, or another site sent it.",
    )
}

/// 303, so that a form is never sent on to the client (RFC 9700 §4.12).
fn redirect(address: &str) -> Response {
    let mut response = SeeOther::to(address).into_response();
    response.headers_mut().insert(
        header::CACHE_CONTROL,
        header::HeaderValue::from_static("no-store"),
    );
    response
}

fn with_cookie(session: &Session, port: u16, mut response: Response) -> Response {
    let cookie = header::HeaderValue::from_str(&session.cookie(port))
        .expect("invariant: a session id is base64url");
    response.headers_mut().insert(header::SET_COOKIE, cookie);
    response
}
