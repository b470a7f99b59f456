//! What an operator writes about the credential that an upstream is shown.

use std::path::PathBuf;

use http::{HeaderName, HeaderValue};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::outbound::{ClientAuthentication, PlainHttp};
use crate::upstream::settings::endpoint;
use crate::{secret_file, token_endpoint};

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

/// Headers that are the transport's own (RFC 9110, MCP transports).
const RESERVED: [&str; 11] = [
    "accept",
    "connection",
    "content-length",
    "content-type",
    "expect",
    "host",
    "last-event-id",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];

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

    pub(in crate::upstream) fn mistakes(&self) -> Vec<CredentialMistake> {
        let mut mistakes = self.misplaced();
        let mut wrong = |key, message: &str| {
            let message = message.to_owned();
            mistakes.push(CredentialMistake { key, message });
        };
        if self.kind == CredentialKind::None {
            return mistakes;
        }
        match self.secret_file.as_deref().map(secret_file::check) {
            None => wrong(
                "credential.secret_file",
                "it is missing: expected the path of a file with the secret",
            ),
            Some(Err(problem)) => wrong("credential.secret_file", &problem),
            Some(Ok(secret)) if self.kind == CredentialKind::Header => {
                let value = format!("{}{}", self.prefix, secret.expose());
                if HeaderValue::try_from(value).is_err() {
                    wrong(
                        "credential.secret_file",
                        "prefix and secret cannot stand in a header: expected printable ASCII",
                    );
                }
            }
            Some(Ok(_)) => {}
        }
        if self.kind == CredentialKind::Header {
            if !is_free(&self.header) {
                wrong(
                    "credential.header",
                    "it is no name of a header, or one that the transport uses itself: expected one such as \"X-Api-Key\"",
                );
            }
            return mistakes;
        }
        if self.client_id.is_empty() {
            wrong(
                "credential.client_id",
                "it is missing: expected this server's client id at the issuer",
            );
        }
        let is_scope = |b: u8| (0x21..0x7f).contains(&b) && b != b'"' && b != b'\\';
        if !self
            .scopes
            .iter()
            .all(|scope| !scope.is_empty() && scope.bytes().all(is_scope))
        {
            wrong(
                "credential.scopes",
                "one is no scope (RFC 6749 §3.3): expected printable ASCII without spaces, each by itself",
            );
        }
        if self.kind == CredentialKind::TokenExchange
            && self.audience.is_none()
            && self.resource.is_none()
            && self.scopes.is_empty()
        {
            wrong(
                "credential.audience",
                "a token in exchange would be for nobody in particular: expected `audience`, `resource` or `scopes` that \
                 name this upstream",
            );
        }
        if let Some(address) = &self.token_endpoint
            && endpoint(address, PlainHttp::OnLoopback).is_none()
        {
            wrong(
                "credential.token_endpoint",
                "expected an https address, or http on loopback, without user info",
            );
        }
        mistakes
    }

    /// What is written for another kind: it would be believed to do something.
    fn misplaced(&self) -> Vec<CredentialMistake> {
        use CredentialKind::{ClientCredentials, Header, TokenExchange};
        let default = Self::default();
        let asked: &[_] = &[ClientCredentials, TokenExchange];
        let keys: [(_, _, &[CredentialKind]); 12] = [
            (
                "credential.header",
                self.header != default.header,
                &[Header],
            ),
            (
                "credential.prefix",
                self.prefix != default.prefix,
                &[Header],
            ),
            (
                "credential.secret_file",
                self.secret_file.is_some(),
                &[Header, ClientCredentials, TokenExchange],
            ),
            ("credential.issuer", self.issuer.is_some(), asked),
            (
                "credential.token_endpoint",
                self.token_endpoint.is_some(),
                &[ClientCredentials],
            ),
            ("credential.client_id", !self.client_id.is_empty(), asked),
            (
                "credential.client_authentication",
                self.client_authentication != default.client_authentication,
                asked,
            ),
            ("credential.audience", self.audience.is_some(), asked),
            ("credential.resource", self.resource.is_some(), asked),
            ("credential.scopes", !self.scopes.is_empty(), asked),
            (
                "credential.requested_token_type",
                self.requested_token_type != default.requested_token_type,
                &[TokenExchange],
            ),
            (
                "credential.own_requests",
                self.own_requests != default.own_requests,
                &[TokenExchange],
            ),
        ];
        let misplaced = keys
            .into_iter()
            .filter(|(_, is_set, kinds)| *is_set && !kinds.contains(&self.kind))
            .map(|(key, ..)| CredentialMistake {
                key,
                message: format!(
                    "it means nothing for the kind {:?}: remove it, or write another `kind`",
                    self.kind.as_str()
                ),
            });
        let mut mistakes: Vec<_> = misplaced.collect();
        if self.issuer.is_some() && self.token_endpoint.is_some() {
            mistakes.push(CredentialMistake {
                key: "credential.token_endpoint",
                message: "`issuer` names a token endpoint too: remove one of the two".to_owned(),
            });
        }
        mistakes
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

/// True if a header of that name may be set by an operator.
fn is_free(name: &str) -> bool {
    HeaderName::try_from(name)
        .is_ok_and(|name| !RESERVED.contains(&name.as_str()) && !name.as_str().starts_with("mcp-"))
}
