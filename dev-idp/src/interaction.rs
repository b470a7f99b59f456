//! The part of the flow that happens in the browser: authorize, log in, consent.
//!
//! The forms carry the whole authorization request, and every step checks it from the beginning; nothing is remembered
//! between them but who logged in. The form token belongs to the session, so that only our own pages can send a form.

use std::sync::Arc;

use axum::extract::{FromRequest, Request, State};
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
pub(crate) async fn log_in(State(provider): State<Arc<Provider>>, form: FormOfOurs) -> Response {
    let FormOfOurs {
        session,
        request,
        form,
    } = form;
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
pub(crate) async fn consent(State(provider): State<Arc<Provider>>, form: FormOfOurs) -> Response {
    let FormOfOurs {
        session,
        request,
        form,
    } = form;
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

/// A form that one of our own pages sent, with the session that the page was for and the request that it carries. The
/// only way for a handler to get a form, so that none forgets to look.
pub(crate) struct FormOfOurs {
    session: Session,
    request: AuthorizationRequest,
    form: Parameters,
}

impl FromRequest<Arc<Provider>> for FormOfOurs {
    type Rejection = Response;

    async fn from_request(http: Request, provider: &Arc<Provider>) -> Result<Self, Response> {
        let session = provider.sessions.find(http.headers(), provider.port);
        let form = Parameters::from_request(http, provider).await?;
        let session = session.ok_or_else(expired)?;
        let form_token = form.one("form_token").ok().flatten().unwrap_or_default();
        if !secrets::equal(form_token, &session.form_token) {
            return Err(expired());
        }
        let query = form.one("request").ok().flatten().unwrap_or_default();
        let request = AuthorizationRequest::parse(provider, &Parameters::parse(query.as_bytes()));
        let request = request.map_err(refused)?;
        Ok(Self {
            session,
            request,
            form,
        })
    }
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
