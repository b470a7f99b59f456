//! What an operator writes about outgoing requests.

use std::path::PathBuf;

use schemars::JsonSchema;
use serde::Deserialize;

/// The settings of outgoing HTTP requests, as written.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// Files with further CA certificates in PEM form, trusted besides the system's. Default: none.
    pub ca_files: Vec<PathBuf>,
    /// How long connecting may take, in milliseconds, 1 to 60000. Default: 1000.
    pub connect_timeout_ms: u64,
    /// How long a whole exchange may take, in milliseconds, 1 to 60000. Default: 3000.
    pub total_timeout_ms: u64,
    /// The HTTP proxy for outgoing requests off loopback, as `http://proxy.example.com:3128`. The address rules then
    /// apply to what the proxy resolves, not to us. Proxy variables of the environment are ignored. Default: none.
    pub proxy: Option<String>,
    /// Allows private addresses (RFC 1918, RFC 4193, RFC 6598), where most identity providers inside a company are. Default: true.
    pub allow_private_addresses: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            ca_files: Vec::new(),
            connect_timeout_ms: 1000,
            total_timeout_ms: 3000,
            proxy: None,
            allow_private_addresses: true,
        }
    }
}

/// Settings of outgoing requests that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SettingsError {
    /// A CA file cannot be read or holds no certificate.
    #[error("outbound.ca_files: {path}: {problem}: expected a readable file with PEM certificates")]
    CaFile {
        /// As written.
        path: String,
        /// What went wrong.
        problem: String,
    },
    /// The proxy's address is unusable.
    #[error(
        "outbound.proxy is {found:?}: expected an address such as http://proxy.example.com:3128 ({problem})"
    )]
    Proxy {
        /// As written.
        found: String,
        /// What went wrong.
        problem: String,
    },
    /// A time outside of its range.
    #[error("outbound.{key} is {found}: expected 1 to {most} milliseconds")]
    OutOfRange {
        /// The setting.
        key: &'static str,
        /// As written.
        found: u64,
        /// The most that works.
        most: u64,
    },
    /// The TLS client cannot be built.
    #[error("the outgoing HTTP client cannot be built: {0}")]
    Client(String),
}
