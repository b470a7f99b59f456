//! Which settings of a credential go together.

use http::{HeaderName, HeaderValue};

use super::{CredentialKind, CredentialMistake, CredentialSettings};
use crate::outbound::PlainHttp;
use crate::secret_file;
use crate::upstream::settings::endpoint;

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

fn wrong(key: &'static str, message: impl Into<String>) -> CredentialMistake {
    let message = message.into();
    CredentialMistake { key, message }
}

impl CredentialSettings {
    pub(in crate::upstream) fn mistakes(&self) -> Vec<CredentialMistake> {
        let mut mistakes = self.misplaced();
        match self.kind {
            CredentialKind::None => {}
            CredentialKind::Header => {
                mistakes.extend(self.secret());
                if !is_free(&self.header) {
                    mistakes.push(wrong(
                        "credential.header",
                        "it is no name of a header, or one that the transport uses itself: expected one such as \"X-Api-Key\"",
                    ));
                }
            }
            CredentialKind::ClientCredentials | CredentialKind::TokenExchange => {
                mistakes.extend(self.secret());
                mistakes.extend(self.request());
            }
        }
        mistakes
    }

    fn secret(&self) -> Option<CredentialMistake> {
        let key = "credential.secret_file";
        match self.secret_file.as_deref().map(secret_file::check) {
            None => Some(wrong(
                key,
                "it is missing: expected the path of a file with the secret",
            )),
            Some(Err(problem)) => Some(wrong(key, problem)),
            Some(Ok(secret)) => {
                let value = HeaderValue::try_from([&self.prefix, secret.expose()].concat());
                let is_header = self.kind == CredentialKind::Header;
                (is_header && value.is_err()).then(|| {
                    let problem =
                        "prefix and secret cannot stand in a header: expected printable ASCII";
                    wrong(key, problem)
                })
            }
        }
    }

    /// What is asked of a token endpoint.
    fn request(&self) -> Vec<CredentialMistake> {
        let is_scope = |b: u8| (0x21..0x7f).contains(&b) && b != b'"' && b != b'\\';
        let are_scopes = |scope: &String| !scope.is_empty() && scope.bytes().all(is_scope);
        let is_for_somebody =
            self.audience.is_some() || self.resource.is_some() || !self.scopes.is_empty();
        let is_safe = |address: &String| endpoint(address, PlainHttp::OnLoopback).is_some();
        let table = [
            (
                self.client_id.is_empty(),
                "credential.client_id",
                "it is missing: expected this server's client id at the issuer",
            ),
            (
                !self.scopes.iter().all(are_scopes),
                "credential.scopes",
                "one is no scope (RFC 6749 §3.3): expected printable ASCII without spaces, each by itself",
            ),
            (
                self.kind == CredentialKind::TokenExchange && !is_for_somebody,
                "credential.audience",
                "a token in exchange would be for nobody in particular: expected `audience`, `resource` or `scopes` that \
                 name this upstream",
            ),
            (
                !self.token_endpoint.iter().all(is_safe),
                "credential.token_endpoint",
                "expected an https address, or http on loopback, without user info",
            ),
        ];
        let found = table.into_iter().filter(|(is_wrong, ..)| *is_wrong);
        found.map(|(_, key, message)| wrong(key, message)).collect()
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

/// True if a header of that name may be set by an operator.
fn is_free(name: &str) -> bool {
    HeaderName::try_from(name)
        .is_ok_and(|name| !RESERVED.contains(&name.as_str()) && !name.as_str().starts_with("mcp-"))
}
