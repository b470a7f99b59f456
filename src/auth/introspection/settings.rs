//! What an operator writes about introspection.

use std::path::PathBuf;

use schemars::JsonSchema;
use serde::Deserialize;

/// Asking an issuer about tokens (RFC 7662).
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct IntrospectionSettings {
    /// Asks the issuer about opaque tokens, instead of refusing them. One issuer at most. Default: false.
    pub enabled: bool,
    /// The client id with which Usher asks. Required if enabled.
    pub client_id: String,
    /// A file with that client's secret. Required if enabled.
    pub client_secret_file: PathBuf,
    /// The introspection endpoint. Default: the `introspection_endpoint` of the discovery document.
    pub url: Option<String>,
    /// How long an answer counts, in seconds, at most 30. A token that was revoked is accepted for so long. Default: 30.
    pub cache_seconds: u32,
    /// Asks about JWTs as well, after their signature was right, so that a logout counts within `cache_seconds`. The issuer
    /// is then needed for every call. Default: false.
    pub jwts: bool,
}

impl Default for IntrospectionSettings {
    fn default() -> Self {
        Self {
            enabled: false,
            client_id: String::new(),
            client_secret_file: PathBuf::new(),
            url: None,
            cache_seconds: 30,
            jwts: false,
        }
    }
}

impl IntrospectionSettings {
    /// The secret, without the line break at its end. The error says what is wrong with the file.
    pub(in crate::auth) fn read_secret(&self) -> Result<String, String> {
        let text = std::fs::read_to_string(&self.client_secret_file).map_err(|cause| {
            format!("the file with the client's secret cannot be read: {cause}")
        })?;
        let secret = text.trim_end_matches(['\r', '\n']);
        if secret.is_empty() {
            return Err("the file with the client's secret is empty".into());
        }
        Ok(secret.to_owned())
    }
}
