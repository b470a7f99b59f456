//! The surface, once: every path, its methods and who may ask. Dispatch, `Allow`, the access log's route names, the
//! metrics' labels and the OpenAPI document all follow from it.

use axum::http::{HeaderMap, HeaderName, Method, header};

use crate::auth::upstream_of;

/// `Mcp-Session-Id`.
pub const SESSION_ID: HeaderName = HeaderName::from_static("mcp-session-id");

/// What a path leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Endpoint {
    /// The issuer's metadata, for clients that know no RFC 9728.
    AuthorizationServerMetadata,
    /// One document behind `search` and `fetch`.
    Document,
    /// Liveness.
    Health,
    /// What this server is, as JSON or as a page.
    Landing,
    /// The event stream of the old HTTP+SSE transport.
    LegacySse,
    /// Messages of the old HTTP+SSE transport.
    LegacyMessages,
    /// The MCP endpoint.
    Mcp,
    /// The MCP endpoint at the root.
    McpRoot,
    /// The MCP endpoint of one upstream.
    McpUpstream,
    /// The surface described, as JSON.
    OpenapiJson,
    /// The surface described, as YAML.
    OpenapiYaml,
    /// Protected resource metadata (RFC 9728 §3).
    ResourceMetadata,
    /// Readiness.
    Ready,
}

/// Who may ask.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Anybody, from pages of any origin.
    Public,
    /// The bearer of a token for the path's resource, from allowed hosts and origins.
    Guarded,
}

impl Endpoint {
    /// Every endpoint.
    pub const ALL: [Self; 13] = [
        Self::Mcp,
        Self::McpRoot,
        Self::McpUpstream,
        Self::LegacySse,
        Self::LegacyMessages,
        Self::Document,
        Self::ResourceMetadata,
        Self::AuthorizationServerMetadata,
        Self::Landing,
        Self::Health,
        Self::Ready,
        Self::OpenapiJson,
        Self::OpenapiYaml,
    ];

    /// What `path` leads to. `/` is the landing page or the MCP endpoint, as method and headers say.
    #[must_use]
    pub fn at(
        path: &str,
        method: &Method,
        headers: &HeaderMap,
        root_endpoint: bool,
    ) -> Option<Self> {
        let endpoint = match path {
            "/mcp" => Self::Mcp,
            "/" if root_endpoint && speaks_mcp(method, headers) => Self::McpRoot,
            "/" => Self::Landing,
            "/sse" => Self::LegacySse,
            "/messages" => Self::LegacyMessages,
            "/healthz" => Self::Health,
            "/readyz" => Self::Ready,
            "/openapi.json" => Self::OpenapiJson,
            "/openapi.yaml" => Self::OpenapiYaml,
            "/.well-known/oauth-authorization-server" => Self::AuthorizationServerMetadata,
            other if Self::ResourceMetadata.paths().contains(&other) => Self::ResourceMetadata,
            other if upstream_of(other).is_some() => Self::McpUpstream,
            other if is_metadata_of_upstream(other) => Self::ResourceMetadata,
            other => {
                let id = other.strip_prefix("/documents/")?;
                let single = !id.is_empty() && !id.contains('/');
                return single.then_some(Self::Document);
            }
        };
        Some(endpoint)
    }

    /// The paths, as templates.
    #[must_use]
    pub fn paths(self) -> &'static [&'static str] {
        match self {
            Self::AuthorizationServerMetadata => &["/.well-known/oauth-authorization-server"],
            Self::Document => &["/documents/{id}"],
            Self::Health => &["/healthz"],
            Self::Landing | Self::McpRoot => &["/"],
            Self::LegacyMessages => &["/messages"],
            Self::LegacySse => &["/sse"],
            Self::Mcp => &["/mcp"],
            Self::McpUpstream => &["/mcp/{upstream}"],
            Self::OpenapiJson => &["/openapi.json"],
            Self::OpenapiYaml => &["/openapi.yaml"],
            Self::Ready => &["/readyz"],
            Self::ResourceMetadata => &[
                "/.well-known/oauth-protected-resource",
                "/.well-known/oauth-protected-resource/mcp",
                "/.well-known/oauth-protected-resource/mcp/{upstream}",
                "/.well-known/oauth-protected-resource/sse",
            ],
        }
    }

    /// One name per endpoint, for metrics: its first path.
    #[must_use]
    pub fn label(self) -> &'static str {
        self.paths().first().copied().unwrap_or("other")
    }

    /// The methods, and the same as the value of `Allow`.
    #[must_use]
    pub fn methods(self) -> (&'static [Method], &'static str) {
        match self {
            Self::Mcp | Self::McpRoot | Self::McpUpstream => (
                &[Method::GET, Method::POST, Method::DELETE],
                "GET, POST, DELETE, OPTIONS",
            ),
            Self::LegacyMessages => (&[Method::POST], "POST, OPTIONS"),
            Self::LegacySse => (&[Method::GET], "GET, OPTIONS"),
            Self::AuthorizationServerMetadata
            | Self::Document
            | Self::Health
            | Self::Landing
            | Self::OpenapiJson
            | Self::OpenapiYaml
            | Self::Ready
            | Self::ResourceMetadata => (&[Method::GET, Method::HEAD], "GET, HEAD, OPTIONS"),
        }
    }

    /// Who may ask.
    #[must_use]
    pub fn access(self) -> Access {
        match self {
            Self::Document
            | Self::LegacyMessages
            | Self::LegacySse
            | Self::Mcp
            | Self::McpRoot
            | Self::McpUpstream => Access::Guarded,
            Self::AuthorizationServerMetadata
            | Self::Health
            | Self::Landing
            | Self::OpenapiJson
            | Self::OpenapiYaml
            | Self::Ready
            | Self::ResourceMetadata => Access::Public,
        }
    }
}

fn is_metadata_of_upstream(path: &str) -> bool {
    path.strip_prefix("/.well-known/oauth-protected-resource")
        .and_then(upstream_of)
        .is_some()
}

/// At `/`: everything but reading the landing page is MCP. A read is MCP if it asks for a stream or names a session.
fn speaks_mcp(method: &Method, headers: &HeaderMap) -> bool {
    if *method != Method::GET && *method != Method::HEAD {
        return true;
    }
    let streams = |accept: &str| {
        let accept = accept.to_ascii_lowercase();
        accept.contains("text/event-stream") && !accept.contains("text/html")
    };
    headers.contains_key(SESSION_ID)
        || headers
            .get_all(header::ACCEPT)
            .iter()
            .any(|accept| accept.to_str().is_ok_and(streams))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(method: Method, path: &str, header: Option<(HeaderName, &str)>) -> Option<Endpoint> {
        let mut headers = HeaderMap::new();
        if let Some((name, value)) = header {
            headers.insert(name, value.parse().unwrap());
        }
        Endpoint::at(path, &method, &headers, true)
    }

    #[test]
    fn every_path_leads_to_its_endpoint() {
        for endpoint in Endpoint::ALL {
            let method = endpoint
                .methods()
                .0
                .iter()
                .find(|method| **method != Method::GET)
                .unwrap_or(&Method::GET);
            for path in endpoint.paths() {
                let path = path.replace("{id}", "a1b2").replace("{upstream}", "a-1");
                let found = at(method.clone(), &path, None);
                assert_eq!(found, Some(endpoint), "{method} {path}");
            }
        }
    }

    #[test]
    fn other_paths_lead_nowhere() {
        for path in [
            "/mcp/",
            "/mcp/A",
            "/mcp/a/b",
            "/mcp/a__b",
            "/.well-known/oauth-protected-resource/a",
            "/.well-known/oauth-protected-resource/mcp/",
            "/MCP",
            "/documents/",
            "/documents/a/b",
            "/metrics",
            "/.well-known/",
            "/healthz/",
        ] {
            assert_eq!(at(Method::GET, path, None), None, "{path}");
        }
    }

    #[test]
    fn the_root_is_the_landing_page_until_method_stream_or_session_say_mcp() {
        let accept = |value| Some((header::ACCEPT, value));
        for (method, header, expected) in [
            (Method::GET, None, Endpoint::Landing),
            (Method::HEAD, None, Endpoint::Landing),
            (Method::GET, accept("text/html,*/*"), Endpoint::Landing),
            (Method::GET, accept("application/json"), Endpoint::Landing),
            (Method::GET, accept("text/event-stream"), Endpoint::McpRoot),
            (
                Method::GET,
                accept("application/json, text/event-stream"),
                Endpoint::McpRoot,
            ),
            (Method::GET, Some((SESSION_ID, "s")), Endpoint::McpRoot),
            (Method::POST, None, Endpoint::McpRoot),
            (Method::DELETE, None, Endpoint::McpRoot),
            (Method::OPTIONS, None, Endpoint::McpRoot),
        ] {
            assert_eq!(at(method.clone(), "/", header), Some(expected), "{method}");
        }
        let found = Endpoint::at("/", &Method::POST, &HeaderMap::new(), false);
        assert_eq!(found, Some(Endpoint::Landing));
    }

    #[test]
    fn allow_lists_the_methods() {
        for endpoint in Endpoint::ALL {
            let (methods, allow) = endpoint.methods();
            let mut listed: Vec<_> = allow.split(", ").collect();
            assert_eq!(listed.pop(), Some("OPTIONS"));
            assert_eq!(
                listed,
                methods.iter().map(Method::as_str).collect::<Vec<_>>()
            );
        }
    }
}
