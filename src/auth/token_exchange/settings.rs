//! One upstream's exchange. It is written under that upstream; here is what of it concerns the issuer.

use std::path::PathBuf;

use crate::outbound::ClientAuthentication;

/// How callers' tokens are exchanged for one upstream.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ExchangeSettings {
    /// The upstream's name.
    pub upstream: String,
    /// The issuer whose callers' tokens are exchanged, as configured.
    pub issuer: String,
    /// This server's client there.
    pub client_id: String,
    /// The file with its secret.
    pub secret_file: PathBuf,
    /// How it says who it is.
    pub client_authentication: ClientAuthentication,
    /// The audience asked for.
    pub audience: Option<String>,
    /// The resource asked for.
    pub resource: Option<String>,
    /// The scopes asked for.
    pub scopes: Vec<String>,
    /// The URN of the token type asked for.
    pub requested_token_type: String,
}

impl ExchangeSettings {
    /// The scopes as they are sent.
    pub(super) fn scope(&self) -> Option<String> {
        (!self.scopes.is_empty()).then(|| self.scopes.join(" "))
    }
}
