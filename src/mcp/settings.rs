//! What an operator writes about the protocol layer.

use schemars::JsonSchema;
use serde::Deserialize;

/// The settings of the protocol layer.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {}

/// A mistake in these settings: the program must not start.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SettingsError {
    /// The session key is not 32 bytes of base64.
    #[error("the session key must be 32 bytes in base64")]
    SessionKey,
}
