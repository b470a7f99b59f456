//! Registered clients and the rules of their metadata (RFC 7591 §2).

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::error::{ErrorCode, OAuthError};
use crate::redirect_uri;
use crate::secrets;
use crate::token_claims::seconds_since_epoch;

const MOST_REDIRECT_URIS: usize = 32;
const LONGEST_NAME: usize = 100;

/// What a client sends to register. Members this server has no use for are ignored, as RFC 7591 §2 demands.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct ClientMetadata {
    #[serde(default)]
    redirect_uris: Vec<String>,
    client_name: Option<String>,
    token_endpoint_auth_method: Option<String>,
    grant_types: Option<Vec<String>>,
    response_types: Option<Vec<String>>,
}

/// How a client proves itself at the token endpoint (RFC 7591 §2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum AuthMethod {
    ClientSecretBasic,
    ClientSecretPost,
    None,
}

impl AuthMethod {
    pub(crate) const ALL: [Self; 3] = [Self::None, Self::ClientSecretBasic, Self::ClientSecretPost];

    fn parse(text: &str) -> Option<Self> {
        match text {
            "client_secret_basic" => Some(Self::ClientSecretBasic),
            "client_secret_post" => Some(Self::ClientSecretPost),
            "none" => Some(Self::None),
            _ => None,
        }
    }
}

/// The grants this server knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum GrantType {
    AuthorizationCode,
    RefreshToken,
}

impl GrantType {
    pub(crate) const ALL: [Self; 2] = [Self::AuthorizationCode, Self::RefreshToken];

    pub(crate) fn parse(text: &str) -> Option<Self> {
        match text {
            "authorization_code" => Some(Self::AuthorizationCode),
            "refresh_token" => Some(Self::RefreshToken),
            _ => None,
        }
    }
}

/// A registered client, and the body of the answer to its registration (RFC 7591 §3.2.1).
#[derive(Serialize)]
pub(crate) struct Client {
    #[serde(rename = "client_id")]
    pub(crate) id: String,
    #[serde(rename = "client_id_issued_at")]
    issued_at: u64,
    /// Who has it may take the registration back (RFC 7592 §2.3).
    pub(crate) registration_access_token: String,
    #[serde(rename = "client_secret", skip_serializing_if = "Option::is_none")]
    pub(crate) secret: Option<String>,
    /// Never; required wherever a secret is issued.
    #[serde(
        rename = "client_secret_expires_at",
        skip_serializing_if = "Option::is_none"
    )]
    secret_expires_at: Option<u64>,
    #[serde(rename = "client_name", skip_serializing_if = "Option::is_none")]
    pub(crate) name: Option<String>,
    redirect_uris: Vec<String>,
    pub(crate) grant_types: Vec<GrantType>,
    response_types: [&'static str; 1],
    #[serde(rename = "token_endpoint_auth_method")]
    pub(crate) auth_method: AuthMethod,
    /// All this server knows, whatever was asked for: a client that registers with the scope of its first challenge
    /// could never ask for more later (RFC 7591 §3.2.1 lets the server replace metadata).
    scope: String,
}

impl Client {
    /// Checks `metadata` and makes a client of it, with the defaults of RFC 7591 §2.
    pub(crate) fn register(
        metadata: ClientMetadata,
        scopes: &[String],
    ) -> Result<Arc<Self>, OAuthError> {
        let auth_method = match metadata.token_endpoint_auth_method.as_deref() {
            None => AuthMethod::ClientSecretBasic,
            Some(text) => AuthMethod::parse(text).ok_or_else(|| {
                invalid(
                    "token_endpoint_auth_method is none, client_secret_basic or client_secret_post",
                )
            })?,
        };
        let secret = (auth_method != AuthMethod::None).then(secrets::long);
        Ok(Arc::new(Self {
            id: format!("client-{}", secrets::long()),
            issued_at: seconds_since_epoch(),
            registration_access_token: secrets::long(),
            secret_expires_at: secret.is_some().then_some(0),
            secret,
            name: checked_name(metadata.client_name)?,
            grant_types: known_grant_types(metadata.grant_types)?,
            redirect_uris: checked_redirect_uris(metadata.redirect_uris)?,
            response_types: checked_response_types(metadata.response_types.as_deref())?,
            auth_method,
            scope: crate::scope::supported(scopes).join(" "),
        }))
    }

    /// True if `requested` is one of the registered redirect URIs.
    pub(crate) fn may_redirect_to(&self, requested: &str) -> bool {
        redirect_uri::check(requested).is_ok()
            && self
                .redirect_uris
                .iter()
                .any(|registered| redirect_uri::matches(registered, requested))
    }

    pub(crate) fn may_use(&self, grant_type: GrantType) -> bool {
        self.grant_types.contains(&grant_type)
    }
}

fn checked_name(name: Option<String>) -> Result<Option<String>, OAuthError> {
    match name {
        Some(name) if name.chars().count() > LONGEST_NAME || name.chars().any(char::is_control) => {
            Err(invalid(
                "client_name has at most 100 characters and no control characters",
            ))
        }
        name => Ok(name.filter(|name| !name.trim().is_empty())),
    }
}

/// Grant types that this server does not have are left out (RFC 7591 §3.2.1); the code grant must be among the rest.
fn known_grant_types(asked: Option<Vec<String>>) -> Result<Vec<GrantType>, OAuthError> {
    let Some(asked) = asked else {
        return Ok(vec![GrantType::AuthorizationCode]);
    };
    let known: Vec<_> = GrantType::ALL
        .into_iter()
        .filter(|known| {
            asked
                .iter()
                .any(|text| GrantType::parse(text) == Some(*known))
        })
        .collect();
    if known.contains(&GrantType::AuthorizationCode) {
        return Ok(known);
    }
    Err(invalid(
        "grant_types has authorization_code, and may have refresh_token",
    ))
}

fn checked_response_types(asked: Option<&[String]>) -> Result<[&'static str; 1], OAuthError> {
    match asked {
        Some(asked) if asked.iter().any(|text| text != "code") => {
            Err(invalid("response_types is [\"code\"]"))
        }
        _ => Ok(["code"]),
    }
}

fn checked_redirect_uris(uris: Vec<String>) -> Result<Vec<String>, OAuthError> {
    if uris.is_empty() || uris.len() > MOST_REDIRECT_URIS {
        let description = format!("redirect_uris has 1 to {MOST_REDIRECT_URIS} entries");
        return Err(OAuthError::new(ErrorCode::InvalidRedirectUri, description));
    }
    for uri in &uris {
        redirect_uri::check(uri)
            .map_err(|reason| OAuthError::new(ErrorCode::InvalidRedirectUri, reason))?;
    }
    Ok(uris)
}

fn invalid(description: &str) -> OAuthError {
    OAuthError::new(ErrorCode::InvalidClientMetadata, description)
}
