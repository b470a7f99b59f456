//! What an operator writes: the keys of the file, composed of the modules' own settings.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;

use schemars::JsonSchema;
use serde::Deserialize;

use crate::{auth, http, knowledge, mcp, outbound, rate_limit, telemetry};

/// The whole configuration, as written.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// The origin under which clients reach this server: scheme, host and port, nothing behind them.
    pub public_url: String,
    /// The address and port for clients.
    pub listen: SocketAddr,
    /// The address and port for operations: metrics and the like. Off loopback it demands `admin_secret_file`.
    pub admin_listen: SocketAddr,
    /// A file with the secret that callers of the admin listener must send as a Bearer token.
    pub admin_secret_file: Option<PathBuf>,
    /// Where last-good keys and the index live. Owned by one process.
    pub state_dir: Option<PathBuf>,
    /// Audiences accepted in addition to those that follow from `public_url`.
    pub audiences: Vec<String>,
    /// Who may issue tickets.
    pub issuer: Vec<auth::settings::IssuerSettings>,
    /// The names of the scopes.
    pub scopes: auth::settings::ScopeSettings,
    /// The cache of tokens already verified.
    pub token_cache: auth::settings::TokenCacheSettings,
    /// A name for people, published as `resource_name` (RFC 9728 §2). Default: `Usher`.
    pub resource_name: Option<String>,
    /// An address with documentation for developers, published as `resource_documentation`. Default: none.
    pub resource_documentation: Option<String>,
    /// Outgoing requests.
    pub outbound: outbound::Settings,
    /// The HTTP surface.
    pub http: http::Settings,
    /// The protocol layer.
    pub mcp: mcp::Settings,
    /// Rate limits.
    pub rate_limit: rate_limit::Settings,
    /// The log.
    pub log: telemetry::Settings,
    /// What `search` and `fetch` answer from.
    pub collection: Vec<knowledge::CollectionSettings>,
    /// How much `search` and `fetch` give.
    pub search: knowledge::SearchSettings,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            public_url: String::new(),
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 8080)),
            admin_listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 8081)),
            admin_secret_file: None,
            state_dir: None,
            audiences: Vec::new(),
            issuer: Vec::new(),
            scopes: auth::settings::ScopeSettings::default(),
            token_cache: auth::settings::TokenCacheSettings::default(),
            resource_name: None,
            resource_documentation: None,
            outbound: outbound::Settings::default(),
            http: http::Settings::default(),
            mcp: mcp::Settings::default(),
            rate_limit: rate_limit::Settings::default(),
            log: telemetry::Settings::default(),
            collection: Vec::new(),
            search: knowledge::SearchSettings::default(),
        }
    }
}

impl Settings {
    /// The part of the resource server.
    #[must_use]
    pub fn auth(&self) -> auth::Settings {
        auth::Settings {
            public_url: self.public_url.clone(),
            issuer: self.issuer.clone(),
            scopes: self.scopes.clone(),
            audiences: self.audiences.clone(),
            token_cache: self.token_cache.clone(),
            resource_name: self.resource_name.clone(),
            resource_documentation: self.resource_documentation.clone(),
        }
    }

    /// The part of the collections.
    #[must_use]
    pub fn knowledge(&self) -> knowledge::Settings {
        knowledge::Settings {
            collections: self.collection.clone(),
            search: self.search.clone(),
        }
    }
}
