//! Resource identifiers (RFC 8707 §2) and which audiences each request path accepts.

use std::sync::Arc;

use super::{Scope, ScopePrefix, Scopes, Settings};

/// The canonical URI of a protected resource: what a client puts into `resource` and a token into `aud`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ResourceIdentifier(String);

impl ResourceIdentifier {
    /// The identifier as published.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// One protected resource as seen under one request path.
#[derive(Clone, Debug)]
pub struct Resource {
    identifier: ResourceIdentifier,
    metadata_url: String,
    metadata_path: String,
    accepted_audiences: Arc<[String]>,
    scope_prefix: ScopePrefix,
}

impl Resource {
    /// The identifier of the path asked for.
    #[must_use]
    pub fn identifier(&self) -> &ResourceIdentifier {
        &self.identifier
    }

    /// Where its metadata document is (RFC 9728 §3.1).
    #[must_use]
    pub fn metadata_url(&self) -> &str {
        &self.metadata_url
    }

    /// The path of [`Self::metadata_url`].
    #[must_use]
    pub fn metadata_path(&self) -> &str {
        &self.metadata_path
    }

    /// The audiences a token for this resource may carry, besides an issuer's own.
    #[must_use]
    pub fn accepted_audiences(&self) -> &[String] {
        &self.accepted_audiences
    }

    /// These scopes as a client has to ask an issuer for them.
    #[must_use]
    pub fn to_ask_for(&self, scopes: &Scopes) -> Scopes {
        let asked_for = |scope: &Scope| self.scope_prefix.to_ask_for(scope);
        scopes.iter().map(asked_for).collect()
    }
}

/// All protected resources of this server.
#[derive(Clone, Debug)]
pub struct Resources {
    by_path: Vec<(String, Arc<Resource>)>,
}

impl Resources {
    /// The resources that follow from the public URL.
    #[must_use]
    pub fn new(settings: &Settings) -> Self {
        let origin = settings.public_url.as_str();
        // These are one resource: users type any of them, some clients add the slash. The operator's own come on top.
        let own = ["", "/", "/mcp", "/sse"].map(|path| format!("{origin}{path}"));
        let accepted: Arc<[String]> = own.into_iter().chain(settings.audiences.clone()).collect();
        let scope_prefix = settings.scope_prefix();
        let at = |path: &str, suffix: &str| {
            let metadata_path = format!("/.well-known/oauth-protected-resource{suffix}");
            let resource = Resource {
                identifier: ResourceIdentifier(format!("{origin}{suffix}")),
                metadata_url: format!("{origin}{metadata_path}"),
                metadata_path,
                accepted_audiences: Arc::clone(&accepted),
                scope_prefix: scope_prefix.clone(),
            };
            (path.to_owned(), Arc::new(resource))
        };
        Self {
            by_path: vec![
                at("/mcp", "/mcp"),
                at("/", ""),
                at("/sse", "/sse"),
                at("/messages", "/sse"),
            ],
        }
    }

    /// The resource behind a request path.
    #[must_use]
    pub fn at(&self, path: &str) -> Option<&Arc<Resource>> {
        self.by_path
            .iter()
            .find(|(known, _)| known == path)
            .map(|(_, resource)| resource)
    }

    /// The resource whose metadata document is at this path.
    #[must_use]
    pub fn described_at(&self, metadata_path: &str) -> Option<&Arc<Resource>> {
        self.iter()
            .find(|resource| resource.metadata_path == metadata_path)
    }

    /// All resources; one with two request paths comes twice.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<Resource>> {
        self.by_path.iter().map(|(_, resource)| resource)
    }
}
