//! What an operator writes about issuers, resources and scopes.

use schemars::JsonSchema;
use serde::Deserialize;

/// The settings of the resource server, as written.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// The origin under which clients reach this server.
    pub public_url: String,
}

/// A security-relevant mistake in the settings: the program must not start.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SettingsError {
    /// No issuer is configured.
    #[error("no issuer is configured")]
    NoIssuer,
}
