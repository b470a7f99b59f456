//! What an operator writes: the keys of the file, composed of the modules' own settings.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;

use schemars::JsonSchema;
use serde::Deserialize;

use crate::{auth, http, mcp};

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
    pub issuer: Vec<Issuer>,
    /// The HTTP surface.
    pub http: http::Settings,
    /// The protocol layer.
    pub mcp: mcp::Settings,
    /// What `search` and `fetch` answer from.
    pub collection: Vec<Collection>,
}

/// One issuer.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Issuer {
    /// The issuer identifier.
    pub issuer: String,
}

/// One collection.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Collection {
    /// Where it is.
    pub path: PathBuf,
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
            http: http::Settings::default(),
            mcp: mcp::Settings::default(),
            collection: Vec::new(),
        }
    }
}

impl Settings {
    /// The part of the resource server.
    #[must_use]
    pub fn auth(&self) -> auth::Settings {
        auth::Settings {
            public_url: self.public_url.clone(),
        }
    }
}
