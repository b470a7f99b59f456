//! Protected resource metadata (RFC 9728 §2).

use schemars::JsonSchema;
use serde::Serialize;

/// The document at `/.well-known/oauth-protected-resource…`.
#[derive(Clone, Debug, JsonSchema, PartialEq, Eq, Serialize)]
pub struct ProtectedResourceMetadata {
    /// The very URL the client used.
    pub resource: String,
    /// Who may issue tickets for it.
    pub authorization_servers: Vec<String>,
    /// The scopes worth asking for.
    pub scopes_supported: Vec<String>,
    /// Always `header`: tokens travel nowhere else.
    pub bearer_methods_supported: Vec<String>,
}
