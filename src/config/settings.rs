//! What an operator writes: the keys of the file, composed of the modules' own settings.

use std::collections::BTreeSet;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;

use schemars::JsonSchema;
use serde::Deserialize;

use crate::{audit, auth, http, knowledge, mcp, outbound, policy, rate_limit, telemetry, upstream};

/// The configuration of Usher. Every key, with its default, unit and effect, is in docs/configuration.md.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// The origin under which clients reach this server, such as `https://mcp.example.com`: scheme, host and, if it is
    /// not the scheme's own, port; no path, query, fragment, user info or trailing slash. `http` on loopback only.
    /// Required. The resource identifiers follow from it.
    #[schemars(example = "https://mcp.example.com")]
    pub public_url: String,
    /// The IP address and port for clients. Default `127.0.0.1:8080`; behind a proxy on another machine `0.0.0.0:8080`.
    pub listen: SocketAddr,
    /// The IP address and port for operations: metrics and the like. Default `127.0.0.1:8081`. Off loopback it demands
    /// `admin_secret_file`.
    pub admin_listen: SocketAddr,
    /// A file with the secret that callers of the admin listener must send as a Bearer token, at least 16 bytes.
    /// Default none: on loopback the admin listener answers without.
    #[schemars(example = "/run/secrets/usher-admin")]
    pub admin_secret_file: Option<PathBuf>,
    /// The directory where last-good keys and the index are kept. Owned by one process. Default: systemd's
    /// `STATE_DIRECTORY`, else `usher` in `XDG_STATE_HOME`, else `~/.local/state/usher`, else `/var/lib/usher`.
    #[schemars(example = "/var/lib/usher")]
    pub state_dir: Option<PathBuf>,
    /// Audiences that a token may carry besides the resource identifiers that follow from `public_url`; not at the endpoint
    /// of a single upstream, which has its own. Default none.
    /// `MCP_AUDIENCE` and `MCP_ALT_AUDIENCE` add to this list.
    #[schemars(example = ["api://usher"])]
    pub audiences: Vec<String>,
    /// The name for people that clients show, published as `resource_name` (RFC 9728 §2). Default: `Usher`.
    #[schemars(example = "Handbook of Example Inc.")]
    pub resource_name: Option<String>,
    /// The address of documentation for developers, published as `resource_documentation` (RFC 9728 §2). Default none.
    #[schemars(example = "https://example.com/mcp")]
    pub resource_documentation: Option<String>,
    /// Who may issue tickets: one table per issuer, at least one.
    pub issuer: Vec<auth::settings::IssuerSettings>,
    /// The names of the scopes, as the identity provider has them.
    pub scopes: auth::settings::ScopeSettings,
    /// Who may do what, beyond the two scopes: one table per rule. Without rules, what only reads takes `scopes.read` and
    /// everything else `scopes.write`.
    pub rule: Vec<policy::RuleSettings>,
    /// What `search` and `fetch` answer from: one table per collection.
    pub collection: Vec<knowledge::CollectionSettings>,
    /// How much `search` and `fetch` give.
    pub search: knowledge::SearchSettings,
    /// The MCP servers behind this one: one table per upstream. Their tools are listed besides the built-in ones.
    pub upstream: Vec<upstream::UpstreamSettings>,
    /// Which of their tools were approved, and what happens to others.
    pub catalogue_lock: upstream::LockSettings,
    /// The HTTP surface: allowed hosts and origins, proxies, limits and deadlines.
    pub http: http::Settings,
    /// The onboarding page: what `GET /` shows to people.
    pub landing: http::landing::Settings,
    /// The protocol layer: sessions of legacy clients, streams, refusals.
    pub mcp: mcp::Settings,
    /// How many requests are answered in how much time, in this process. 429 beyond that.
    pub rate_limit: rate_limit::Settings,
    /// The record of refusals, in memory and on the admin listener.
    pub audit: audit::Settings,
    /// The cache of tokens already verified: it saves the signature check, never another.
    pub token_cache: auth::settings::TokenCacheSettings,
    /// Requests to identity providers and upstreams.
    pub outbound: outbound::Settings,
    /// What is logged, and how. The log goes to standard error.
    pub log: telemetry::Settings,
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
            landing: http::landing::Settings::default(),
            mcp: mcp::Settings::default(),
            rate_limit: rate_limit::Settings::default(),
            audit: audit::Settings::default(),
            log: telemetry::Settings::default(),
            rule: Vec::new(),
            collection: Vec::new(),
            upstream: Vec::new(),
            catalogue_lock: upstream::LockSettings::default(),
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
            kept_claims: self.kept_claims(),
            exchanges: self.exchanges(),
            upstreams: self.upstream_resources(),
        }
    }

    /// Each upstream as a resource of its own.
    fn upstream_resources(&self) -> Vec<auth::UpstreamResource> {
        let resource = |upstream: &upstream::UpstreamSettings| auth::UpstreamResource {
            name: upstream.name.clone(),
            audiences: upstream.audiences.clone(),
        };
        self.upstream.iter().map(resource).collect()
    }

    /// The upstreams that take a token in exchange for the caller's.
    fn exchanges(&self) -> Vec<auth::ExchangeSettings> {
        let upstreams = self.upstream.iter();
        let exchanging = upstreams
            .filter(|upstream| upstream.credential.kind == upstream::CredentialKind::TokenExchange);
        let settings = |upstream: &upstream::UpstreamSettings| {
            let credential = upstream.credential.clone();
            auth::ExchangeSettings {
                upstream: upstream.name.clone(),
                issuer: credential.issuer.unwrap_or_default(),
                client_id: credential.client_id,
                secret_file: credential.secret_file.unwrap_or_default(),
                client_authentication: credential.client_authentication,
                audience: credential.audience,
                resource: credential.resource,
                scopes: credential.scopes,
                requested_token_type: credential.requested_token_type.as_urn().to_owned(),
            }
        };
        exchanging.map(settings).collect()
    }

    /// Writes the only issuer into the credentials that ask one and name none.
    pub(super) fn name_the_only_issuer(&mut self) {
        let [only] = self.issuer.as_slice() else {
            return;
        };
        for upstream in &mut self.upstream {
            let credential = &mut upstream.credential;
            if credential.asks_an_issuer() && credential.issuer.is_none() {
                credential.issuer = Some(only.issuer.clone());
            }
        }
    }

    /// The claims that rules ask for, each once.
    fn kept_claims(&self) -> Vec<String> {
        let names = self.rule.iter().flat_map(|rule| rule.claim_names());
        let names: BTreeSet<_> = names.map(str::to_owned).collect();
        names.into_iter().collect()
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
