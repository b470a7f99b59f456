//! The resource server: from an access token and the resource asked for to a verified principal, or a named refusal.
//!
//! This module knows nothing of axum; `http::authenticate` carries its decisions.

pub mod access_token;
pub mod challenge;
pub mod error;
pub mod metadata;
pub mod principal;
pub mod profiles;
pub mod resource;
pub mod scope;
pub mod settings;

use std::path::PathBuf;
use std::sync::Arc;

pub use access_token::AccessToken;
pub use challenge::Challenge;
pub use error::{AccessTokenError, TokenError};
pub use principal::Principal;
pub use profiles::ProfileName;
pub use resource::{Resource, ResourceIdentifier, Resources};
pub use scope::{Scope, Scopes};
pub use settings::{IssuerSettings, ScopeSettings, Settings, SettingsError, TokenCacheSettings};

use crate::clock::Clock;
use crate::lifecycle::Lifecycle;
use crate::outbound::Outbound;
use crate::telemetry::Metrics;

/// Our OAuth role (RFC 6749 §1.1): resource identifiers, issuers, key sets, verification. Cheap to clone.
#[derive(Clone)]
pub struct ResourceServer(Arc<Inner>);

struct Inner {
    resources: Resources,
}

/// What a resource server is built from, besides its settings.
#[derive(Clone, Debug)]
pub struct Parts {
    /// Where discovery documents and key sets are fetched.
    pub outbound: Outbound,
    /// The wall clock.
    pub clock: Clock,
    /// Where the background refresh runs.
    pub lifecycle: Lifecycle,
    /// Where outcomes are counted.
    pub metrics: Metrics,
    /// Where the last-good key sets live.
    pub state_dir: PathBuf,
}

impl ResourceServer {
    /// Checks the settings, loads last-good keys and starts the background refresh. Does not wait for any issuer.
    pub fn start(settings: Settings, parts: Parts) -> Result<Self, SettingsError> {
        let _ = parts;
        Ok(Self(Arc::new(Inner {
            resources: Resources::new(&settings),
        })))
    }

    /// The verified principal behind `access_token`, for exactly this resource.
    pub async fn authenticate(
        &self,
        access_token: &AccessToken,
        resource: &Arc<Resource>,
    ) -> Result<Principal, TokenError> {
        let _ = (access_token, resource);
        Err(TokenError::KeysUnavailable {
            retry_after_seconds: 1,
        })
    }

    /// The protected resources of this server, by request path.
    #[must_use]
    pub fn resources(&self) -> &Resources {
        &self.0.resources
    }

    /// True once every issuer that is required has usable keys.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        false
    }
}
