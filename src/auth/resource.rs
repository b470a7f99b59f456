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
    upstream: Option<Box<str>>,
}

/// The longest name of an upstream.
const LONGEST_NAME: usize = 32;

/// The name of an upstream in the path of its own endpoint, whether there is such an upstream or not.
#[must_use]
pub fn upstream_of(path: &str) -> Option<&str> {
    let name = path.strip_prefix("/mcp/")?;
    let is_good = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
    let is_name = (1..=LONGEST_NAME).contains(&name.len()) && name.bytes().all(is_good);
    is_name.then_some(name)
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

    /// The upstream that alone is served here; nothing for the whole server.
    #[must_use]
    pub fn upstream(&self) -> Option<&str> {
        self.upstream.as_deref()
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
    origin: String,
    scope_prefix: ScopePrefix,
    by_path: Vec<(String, Arc<Resource>)>,
    has_upstreams: bool,
}

impl Resources {
    /// The resources that follow from the public URL and the upstreams.
    #[must_use]
    pub fn new(settings: &Settings) -> Self {
        let mut resources = Self {
            origin: settings.public_url.clone(),
            scope_prefix: settings.scope_prefix(),
            by_path: Vec::new(),
            has_upstreams: !settings.upstreams.is_empty(),
        };
        let origin = settings.public_url.as_str();
        // These are one resource: users type any of them, some clients add the slash. The operator's own come on top.
        let own = ["", "/", "/mcp", "/sse"].map(|path| format!("{origin}{path}"));
        let accepted: Arc<[String]> = own.into_iter().chain(settings.audiences.clone()).collect();
        for (path, suffix) in [
            ("/mcp", "/mcp"),
            ("/", ""),
            ("/sse", "/sse"),
            ("/messages", "/sse"),
        ] {
            let resource = resources.resource(suffix, Arc::clone(&accepted), None);
            resources.by_path.push((path.to_owned(), resource));
        }
        for upstream in &settings.upstreams {
            let resource = resources.of_upstream(&upstream.name, &upstream.audiences);
            let path = format!("/mcp/{}", upstream.name);
            resources.by_path.push((path, resource));
        }
        resources
    }

    fn resource(
        &self,
        suffix: &str,
        accepted_audiences: Arc<[String]>,
        upstream: Option<&str>,
    ) -> Arc<Resource> {
        let metadata_path = format!("/.well-known/oauth-protected-resource{suffix}");
        Arc::new(Resource {
            identifier: ResourceIdentifier(format!("{}{suffix}", self.origin)),
            metadata_url: format!("{}{metadata_path}", self.origin),
            metadata_path,
            accepted_audiences,
            scope_prefix: self.scope_prefix.clone(),
            upstream: upstream.map(Into::into),
        })
    }

    /// A resource of its own: no audience of the whole server's counts, nor the other way round.
    fn of_upstream(&self, name: &str, audiences: &[String]) -> Arc<Resource> {
        let suffix = format!("/mcp/{name}");
        let own = format!("{}{suffix}", self.origin);
        let accepted = std::iter::once(own).chain(audiences.iter().cloned());
        self.resource(&suffix, accepted.collect(), Some(name))
    }

    /// The resource behind a request path.
    #[must_use]
    pub fn at(&self, path: &str) -> Option<&Arc<Resource>> {
        self.by_path
            .iter()
            .find(|(known, _)| known == path)
            .map(|(_, resource)| resource)
    }

    /// The same, and for the endpoint of an upstream that does not exist one that looks as if it did: who has no token
    /// for it learns nothing of which upstreams there are. Nothing if there is none at all.
    #[must_use]
    pub fn claimed_at(&self, path: &str) -> Option<Arc<Resource>> {
        let made = || {
            let name = upstream_of(path).filter(|_| self.has_upstreams)?;
            Some(self.of_upstream(name, &[]))
        };
        self.at(path).map(Arc::clone).or_else(made)
    }

    /// The resource whose metadata document is at this path, whether it exists or not.
    #[must_use]
    pub fn described_at(&self, metadata_path: &str) -> Option<Arc<Resource>> {
        let known = self
            .iter()
            .find(|resource| resource.metadata_path == metadata_path);
        let made = || {
            let path = metadata_path.strip_prefix("/.well-known/oauth-protected-resource")?;
            upstream_of(path)?;
            self.claimed_at(path)
        };
        known.map(Arc::clone).or_else(made)
    }

    /// All resources; one with two request paths comes twice.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<Resource>> {
        self.by_path.iter().map(|(_, resource)| resource)
    }
}
