//! Resource identifiers (RFC 8707 §2) and which audiences each request path accepts.

use std::sync::Arc;

use super::Settings;

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
    accepted_audiences: Vec<String>,
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

    /// The audiences a token for this resource may carry, besides an issuer's own.
    #[must_use]
    pub fn accepted_audiences(&self) -> &[String] {
        &self.accepted_audiences
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
        let accepted: Vec<String> = ["", "/", "/mcp", "/sse"]
            .map(|path| format!("{origin}{path}"))
            .into();
        let by_path = ["/", "/mcp", "/sse", "/messages"]
            .map(|path| {
                let suffix = match path {
                    "/" => "",
                    "/messages" => "/sse",
                    other => other,
                };
                let resource = Resource {
                    identifier: ResourceIdentifier(format!("{origin}{suffix}")),
                    metadata_url: format!("{origin}/.well-known/oauth-protected-resource{suffix}"),
                    accepted_audiences: accepted.clone(),
                };
                (path.to_owned(), Arc::new(resource))
            })
            .into();
        Self { by_path }
    }

    /// The resource behind a request path.
    #[must_use]
    pub fn at(&self, path: &str) -> Option<&Arc<Resource>> {
        self.by_path
            .iter()
            .find(|(known, _)| known == path)
            .map(|(_, resource)| resource)
    }
}
