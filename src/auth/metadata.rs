//! Protected resource metadata (RFC 9728 §2).

use schemars::JsonSchema;
use serde::Serialize;

use super::{Resource, Settings};

/// The document at `/.well-known/oauth-protected-resource…`.
#[derive(Clone, Debug, JsonSchema, PartialEq, Eq, Serialize)]
pub struct ProtectedResourceMetadata {
    /// The very URL the client used; it must equal what the client asked for (RFC 9728 §3.3).
    pub resource: String,
    /// Who may issue tickets for it.
    pub authorization_servers: Vec<String>,
    /// The scopes worth asking for, as the issuer wants to be asked.
    pub scopes_supported: Vec<String>,
    /// Always `header`: tokens travel nowhere else.
    pub bearer_methods_supported: Vec<String>,
    /// A name for people.
    pub resource_name: String,
    /// Documentation for developers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub resource_documentation: Option<String>,
}

impl ProtectedResourceMetadata {
    /// The document of one resource.
    #[must_use]
    pub fn new(resource: &Resource, settings: &Settings) -> Self {
        let issuers = settings.issuer.iter();
        let name = settings.resource_name.as_deref().unwrap_or("Usher");
        Self {
            resource: resource.identifier().as_str().to_owned(),
            authorization_servers: issuers.map(|issuer| issuer.issuer.clone()).collect(),
            scopes_supported: settings.asked_for(),
            bearer_methods_supported: vec!["header".into()],
            resource_name: match resource.upstream() {
                None => name.to_owned(),
                Some(upstream) => format!("{name}: {upstream}"),
            },
            resource_documentation: settings.resource_documentation.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::auth::{IssuerSettings, Resources};

    // row 41
    #[test]
    fn the_document_of_each_path_names_the_very_resource_of_that_path() {
        let settings = Settings {
            public_url: "https://mcp.test".into(),
            issuer: vec![IssuerSettings::named("https://id.test/realms/mcp")],
            ..Settings::default()
        };
        let resources = Resources::new(&settings);
        for (path, resource, document) in [
            (
                "/",
                "https://mcp.test",
                "https://mcp.test/.well-known/oauth-protected-resource",
            ),
            (
                "/mcp",
                "https://mcp.test/mcp",
                "https://mcp.test/.well-known/oauth-protected-resource/mcp",
            ),
            (
                "/sse",
                "https://mcp.test/sse",
                "https://mcp.test/.well-known/oauth-protected-resource/sse",
            ),
            (
                "/messages",
                "https://mcp.test/sse",
                "https://mcp.test/.well-known/oauth-protected-resource/sse",
            ),
        ] {
            let found = resources.at(path).expect(path);
            assert_eq!(found.metadata_url(), document);
            let metadata = ProtectedResourceMetadata::new(found, &settings);
            assert_eq!(metadata.resource, resource);
            assert_eq!(
                metadata.authorization_servers,
                ["https://id.test/realms/mcp"]
            );
            assert_eq!(metadata.scopes_supported, ["mcp:read"]);
            assert_eq!(metadata.bearer_methods_supported, ["header"]);
            let described = resources.described_at(document.trim_start_matches("https://mcp.test"));
            let described = described.map(|resource| resource.identifier().clone());
            assert_eq!(described.as_ref(), Some(found.identifier()));
        }
        assert!(resources.at("/mcp/other").is_none());
        assert!(
            resources
                .described_at("/.well-known/oauth-protected-resource/other")
                .is_none()
        );
    }
}
