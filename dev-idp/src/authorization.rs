//! The authorization request (RFC 6749 §4.1.1) and every reason to refuse it.
//!
//! Client and redirect URI come first: until both are known to belong together, a refusal is a page and never a redirect
//! (RFC 6749 §4.1.2.1, RFC 9700 §4.11). From then on the client hears of it, with `iss` (RFC 9207 §2).

use std::sync::Arc;

use url::{Url, form_urlencoded};

use crate::clients::Client;
use crate::error::{ErrorCode, OAuthError};
use crate::parameters::Parameters;
use crate::provider::Provider;
use crate::scope;

const MOST_RESOURCES: usize = 8;

/// A request that may be put to the user.
pub(crate) struct AuthorizationRequest {
    pub(crate) client: Arc<Client>,
    pub(crate) redirect: Redirect,
    pub(crate) scope: Vec<String>,
    pub(crate) resources: Vec<String>,
    pub(crate) code_challenge: String,
    pub(crate) nonce: Option<String>,
    pub(crate) prompt: Prompt,
}

/// Where the answer goes.
#[derive(Clone)]
pub(crate) struct Redirect {
    pub(crate) uri: String,
    pub(crate) state: Option<String>,
    issuer: String,
}

/// Whether the user is asked anything (OpenID Connect Core §3.1.2.1). Consent is asked for every time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Prompt {
    Login,
    None,
    Usual,
}

/// How a request is refused.
pub(crate) enum Refusal {
    /// To the user: there is no redirect URI to trust.
    Page(OAuthError),
    /// To the client, with its address.
    Redirect(String),
}

impl AuthorizationRequest {
    /// Reads and checks the parameters of `GET /authorize`.
    pub(crate) fn parse(provider: &Provider, parameters: &Parameters) -> Result<Self, Refusal> {
        let client = client(provider, parameters).map_err(Refusal::Page)?;
        let uri = redirect_uri(&client, parameters).map_err(Refusal::Page)?;
        let (state, repeated) = match parameters.one("state") {
            Ok(state) => (state.map(str::to_owned), None),
            Err(refusal) => (None, Some(refusal)),
        };
        let issuer = provider.issuer.clone();
        let redirect = Redirect { uri, state, issuer };
        let checked = match repeated {
            Some(refusal) => Err(refusal),
            None => Self::checked(provider, parameters, client, redirect.clone()),
        };
        checked.map_err(|refusal| Refusal::Redirect(redirect.refused(&refusal)))
    }

    fn checked(
        provider: &Provider,
        parameters: &Parameters,
        client: Arc<Client>,
        redirect: Redirect,
    ) -> Result<Self, OAuthError> {
        if parameters.required("response_type")? != "code" {
            let description = "response_type is code";
            return Err(OAuthError::new(
                ErrorCode::UnsupportedResponseType,
                description,
            ));
        }
        if parameters
            .one("response_mode")?
            .is_some_and(|mode| mode != "query")
        {
            return Err(invalid_request("response_mode is query"));
        }
        for unsupported in ["request", "request_uri"] {
            if parameters.one(unsupported)?.is_some() {
                return Err(invalid_request(
                    "request objects (RFC 9101) are not supported",
                ));
            }
        }
        Ok(Self {
            code_challenge: code_challenge(parameters)?.to_owned(),
            scope: scope::requested(parameters.one("scope")?, &provider.config.scopes)?,
            resources: resources_or_default(provider, parameters)?,
            nonce: parameters.one("nonce")?.map(str::to_owned),
            prompt: prompt(parameters)?,
            client,
            redirect,
        })
    }

    /// The request as a query again, without `prompt`: what the forms carry to come back here.
    pub(crate) fn to_query(&self) -> String {
        let mut query = form_urlencoded::Serializer::new(String::new());
        query
            .append_pair("response_type", "code")
            .append_pair("client_id", &self.client.id)
            .append_pair("redirect_uri", &self.redirect.uri)
            .append_pair("scope", &self.scope.join(" "))
            .append_pair("code_challenge", &self.code_challenge)
            .append_pair("code_challenge_method", "S256");
        for resource in &self.resources {
            query.append_pair("resource", resource);
        }
        for (name, value) in [("state", &self.redirect.state), ("nonce", &self.nonce)] {
            if let Some(value) = value {
                query.append_pair(name, value);
            }
        }
        query.finish()
    }
}

impl Redirect {
    /// The address with a code (RFC 6749 §4.1.2).
    pub(crate) fn granted(&self, code: &str) -> String {
        self.with(&[("code", code)])
    }

    /// The address with an error (RFC 6749 §4.1.2.1).
    pub(crate) fn refused(&self, refusal: &OAuthError) -> String {
        self.with(&[
            ("error", refusal.code.as_str()),
            ("error_description", &refusal.description),
        ])
    }

    /// Adds to the URI as text: what was registered stays as it was written.
    fn with(&self, answer: &[(&str, &str)]) -> String {
        let mut query = form_urlencoded::Serializer::new(String::new());
        query.extend_pairs(answer);
        if let Some(state) = &self.state {
            query.append_pair("state", state);
        }
        query.append_pair("iss", &self.issuer);
        let separator = if self.uri.contains('?') { '&' } else { '?' };
        format!("{}{separator}{}", self.uri, query.finish())
    }
}

fn client(provider: &Provider, parameters: &Parameters) -> Result<Arc<Client>, OAuthError> {
    let id = parameters.required("client_id")?;
    provider.client(id).ok_or_else(|| {
        let description = "This client is not registered here. Registrations are forgotten whenever the development \
                           identity provider starts: let the client register again.";
        OAuthError::new(ErrorCode::InvalidRequest, description)
    })
}

fn redirect_uri(client: &Client, parameters: &Parameters) -> Result<String, OAuthError> {
    let uri = parameters.required("redirect_uri")?;
    if client.may_redirect_to(uri) {
        return Ok(uri.to_owned());
    }
    Err(invalid_request(
        "redirect_uri is not one that this client registered.",
    ))
}

/// RFC 7636 §4.3, S256 only: 43 characters, the base64url form of a SHA-256.
fn code_challenge(parameters: &Parameters) -> Result<&str, OAuthError> {
    let challenge = parameters.required("code_challenge")?;
    // RFC 7636 §4.3: a missing method means plain.
    if parameters.one("code_challenge_method")?.unwrap_or("plain") != "S256" {
        return Err(invalid_request(
            "code_challenge_method is S256; plain is refused",
        ));
    }
    let is_base64url = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
    if challenge.len() != 43 || !challenge.bytes().all(is_base64url) {
        return Err(invalid_request(
            "code_challenge is the base64url form of a SHA-256, 43 characters",
        ));
    }
    Ok(challenge)
}

fn prompt(parameters: &Parameters) -> Result<Prompt, OAuthError> {
    let asked: Vec<_> = parameters
        .one("prompt")?
        .unwrap_or_default()
        .split(' ')
        .collect();
    match asked.as_slice() {
        ["none"] => Ok(Prompt::None),
        several if several.contains(&"none") => {
            Err(invalid_request("prompt=none goes with no other value"))
        }
        several if several.contains(&"login") || several.contains(&"select_account") => {
            Ok(Prompt::Login)
        }
        _ => Ok(Prompt::Usual),
    }
}

/// The resource indicators of a request (RFC 8707 §2): absolute URIs without fragment.
pub(crate) fn resources(parameters: &Parameters) -> Result<Vec<String>, OAuthError> {
    let mut resources: Vec<String> = Vec::new();
    for resource in parameters.all("resource") {
        let is_resource = Url::parse(resource)
            .is_ok_and(|url| matches!(url.scheme(), "http" | "https") && url.fragment().is_none());
        if !is_resource || resources.len() >= MOST_RESOURCES {
            let description = "resource is an absolute http or https URI without fragment (RFC 8707 section 2), at most 8 of them";
            return Err(OAuthError::new(ErrorCode::InvalidTarget, description));
        }
        if !resources.iter().any(|known| known == resource) {
            resources.push(resource.to_owned());
        }
    }
    Ok(resources)
}

/// A token for no resource in particular would be a token for all of them: there is none (RFC 8707 §2).
fn resources_or_default(
    provider: &Provider,
    parameters: &Parameters,
) -> Result<Vec<String>, OAuthError> {
    let mut resources = resources(parameters)?;
    if resources.is_empty() {
        resources.extend(provider.config.default_resource.clone());
    }
    if resources.is_empty() {
        let description = "name the resource that the token is for (RFC 8707): resource=...";
        return Err(OAuthError::new(ErrorCode::InvalidTarget, description));
    }
    Ok(resources)
}

fn invalid_request(description: &str) -> OAuthError {
    OAuthError::new(ErrorCode::InvalidRequest, description)
}
