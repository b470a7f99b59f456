//! What an operator writes about the credential that an upstream is shown.

use std::path::PathBuf;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::outbound::ClientAuthentication;
use crate::token_endpoint;

/// What requests to an upstream carry to be let in there. Never the caller's own token. Over HTTP only: a process gets
/// its secrets from `stdio.secret_files`.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Eq)]
#[serde(default, deny_unknown_fields)]
pub struct CredentialSettings {
    /// What is shown. Default: `none`.
    pub kind: CredentialKind,
    /// For `header`: the name of the header. Default: `Authorization`.
    #[schemars(example = &"X-Api-Key")]
    pub header: String,
    /// For `header`: what stands before the secret, with the space after it, as `Bearer ` has one. Default: nothing.
    pub prefix: String,
    /// A file with the secret that is shown, or with the secret of the client. It is read again every ten seconds.
    /// Required but for `none`.
    #[schemars(example = "/run/secrets/billing")]
    pub secret_file: Option<PathBuf>,
    /// The issuer whose token endpoint is asked, one of `[[issuer]]`. Default: the only one.
    #[schemars(example = "https://id.example.com/realms/mcp")]
    pub issuer: Option<String>,
    /// For `client_credentials`: the token endpoint, if it is not that of an issuer here. Default: what the issuer's metadata says.
    pub token_endpoint: Option<String>,
    /// This server's client id at the issuer. Required for `client_credentials` and `token_exchange`.
    #[schemars(example = &"usher")]
    pub client_id: String,
    /// How that client says who it is. Default: `client_secret_basic`.
    pub client_authentication: ClientAuthentication,
    /// The audience that is asked for, as the issuer knows the upstream. Default: none.
    #[schemars(example = &"orders")]
    pub audience: Option<String>,
    /// The resource that is asked for (RFC 8707): the upstream's address, where the issuer takes one. Default: none.
    #[schemars(example = "https://orders.example.com/mcp")]
    pub resource: Option<String>,
    /// The scopes that are asked for. Default none. `token_exchange` takes at least one of `audience`, `resource` and these.
    #[schemars(example = ["orders:read"])]
    pub scopes: Vec<String>,
    /// For `token_exchange`: the type of token that is asked for. Default: `access_token`.
    pub requested_token_type: RequestedTokenType,
    /// For `token_exchange`: what this server shows when nobody calls, as when it lists the tools. Default:
    /// `client_credentials`, which asks for a token of its own client, with the same audience, resource and scopes.
    pub own_requests: OwnRequests,
}

impl Default for CredentialSettings {
    fn default() -> Self {
        Self {
            kind: CredentialKind::None,
            header: "Authorization".to_owned(),
            prefix: String::new(),
            secret_file: None,
            issuer: None,
            token_endpoint: None,
            client_id: String::new(),
            client_authentication: ClientAuthentication::default(),
            audience: None,
            resource: None,
            scopes: Vec::new(),
            requested_token_type: RequestedTokenType::default(),
            own_requests: OwnRequests::default(),
        }
    }
}

/// What an upstream is shown.
#[derive(Clone, Copy, Debug, Default, Deserialize, JsonSchema, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum CredentialKind {
    /// Nothing.
    #[default]
    None,
    /// A secret from a file, in a header.
    Header,
    /// A token of this server's own client (RFC 6749 §4.4): the upstream does not learn who calls.
    ClientCredentials,
    /// A token in exchange for the caller's (RFC 8693): the upstream learns who calls.
    TokenExchange,
}

/// What kind of token is asked for in an exchange (RFC 8693 §3).
#[derive(Clone, Copy, Debug, Default, Deserialize, JsonSchema, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum RequestedTokenType {
    /// `urn:ietf:params:oauth:token-type:access_token`.
    #[default]
    AccessToken,
    /// `urn:ietf:params:oauth:token-type:jwt`.
    Jwt,
}

impl RequestedTokenType {
    /// The specification's name for it.
    #[must_use]
    pub fn as_urn(self) -> &'static str {
        match self {
            Self::AccessToken => token_endpoint::ACCESS_TOKEN,
            Self::Jwt => token_endpoint::JWT,
        }
    }
}

/// What requests carry that nobody's call causes.
#[derive(Clone, Copy, Debug, Default, Deserialize, JsonSchema, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum OwnRequests {
    /// A token of this server's own client.
    #[default]
    ClientCredentials,
    /// Nothing: for an upstream that shows its lists to everybody.
    None,
}

/// A mistake in the settings of a credential.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct CredentialMistake {
    /// Which, below the upstream.
    pub key: &'static str,
    /// What was expected and found, and what to do.
    pub message: String,
}

impl CredentialSettings {
    /// True if a token endpoint is asked.
    #[must_use]
    pub fn asks_an_issuer(&self) -> bool {
        match self.kind {
            CredentialKind::None | CredentialKind::Header => false,
            CredentialKind::ClientCredentials => self.token_endpoint.is_none(),
            CredentialKind::TokenExchange => true,
        }
    }
}

impl CredentialKind {
    /// As it is written.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Header => "header",
            Self::ClientCredentials => "client_credentials",
            Self::TokenExchange => "token_exchange",
        }
    }
}
