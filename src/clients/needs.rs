//! What each client asks for before it connects and before it works.

use std::time::Duration;

use super::{ClientDocument, KnownClient, documents};

/// A way in which a client becomes known to an authorization server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Registration {
    /// Somebody registered it there and typed its client id into the client.
    Predefined,
    /// Its client id is the address of a document about it.
    ClientDocument,
    /// It registers itself (RFC 7591).
    Dynamic,
}

impl Registration {
    /// What people call it.
    #[must_use]
    pub fn title(self) -> &'static str {
        match self {
            Self::Predefined => "predefined client",
            Self::ClientDocument => "client ID metadata document",
            Self::Dynamic => "dynamic registration",
        }
    }
}

/// What a client wants of the tools `search` and `fetch`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Search {
    /// Nothing: it shows whatever tools there are.
    AnyTools,
    /// The two tools, with output schemas, structured content, three annotations and the security schemes of each.
    /// <https://developers.openai.com/api/docs/mcp>, <https://developers.openai.com/plugins/build/auth>
    Connector,
}

/// What a client needs, as its vendor says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Needs {
    /// The ways in which it registers, in the order in which it takes them, if nobody typed in a client id.
    pub registrations: &'static [Registration],
    /// Its published documents.
    pub documents: &'static [ClientDocument],
    /// True if it takes its document's way only where the issuer lists `none` among its client authentication methods.
    pub wants_none_listed: bool,
    /// True if the first of several authorization servers is the only one that it looks at.
    pub takes_first_issuer_only: bool,
    /// True if a browser of its own reads the metadata, so that CORS matters.
    pub reads_in_a_browser: bool,
    /// How long discovery and tokens may take, if that is known.
    pub patience: Option<Duration>,
    /// What it wants of tools.
    pub tools: Search,
    /// The revisions that it speaks, newest first. Servers that speak one of them will do.
    pub revisions: &'static [&'static str],
    /// Where this was read.
    pub source: &'static str,
}

use Registration::{ClientDocument as Document, Dynamic};

/// The specification's own order, after a client id that somebody typed in: MCP 2025-11-25, authorization, client
/// registration approaches.
const IN_ORDER: &[Registration] = &[Document, Dynamic];

/// What clients built on today's SDKs speak.
const SINCE_2025_03_26: &[&str] = &["2026-07-28", "2025-11-25", "2025-06-18", "2025-03-26"];
/// What is known of those that were seen with a handshake only.
const WITH_HANDSHAKE: &[&str] = &["2025-11-25", "2025-06-18", "2025-03-26"];

const ANY: Needs = Needs {
    registrations: IN_ORDER,
    documents: &[],
    wants_none_listed: false,
    takes_first_issuer_only: false,
    reads_in_a_browser: false,
    patience: None,
    tools: Search::AnyTools,
    revisions: SINCE_2025_03_26,
    source: "MCP 2025-11-25 and 2026-07-28, authorization",
};

impl KnownClient {
    /// What it needs.
    #[must_use]
    pub fn needs(self) -> Needs {
        let documents = documents::of(self);
        match self {
            // "ChatGPT prioritizes CIMD when it is available, but the app creator can choose DCR".
            Self::ChatGpt => Needs {
                documents,
                tools: Search::Connector,
                source: "https://developers.openai.com/plugins/build/auth, read 2026-11",
                ..ANY
            },
            Self::Claude => Needs {
                documents,
                wants_none_listed: true,
                takes_first_issuer_only: true,
                patience: Some(Duration::from_secs(10)),
                revisions: WITH_HANDSHAKE,
                source: "https://claude.com/docs/connectors/building/authentication, \
                         https://support.claude.com/en/articles/11503834, read 2026-11",
                ..ANY
            },
            Self::ClaudeCode => Needs {
                documents,
                wants_none_listed: true,
                takes_first_issuer_only: true,
                revisions: WITH_HANDSHAKE,
                source: "https://claude.com/docs/connectors/building/authentication, read 2026-11",
                ..ANY
            },
            Self::Cursor => Needs {
                registrations: &[Dynamic],
                revisions: WITH_HANDSHAKE,
                source: "https://cursor.com/docs/mcp, read 2026-11",
                ..ANY
            },
            Self::Generic => ANY,
            // It has a field for the address of a document of one's own, and publishes none.
            Self::Inspector => Needs {
                registrations: &[Dynamic],
                reads_in_a_browser: true,
                revisions: WITH_HANDSHAKE,
                source: "@modelcontextprotocol/inspector 2.12.0",
                ..ANY
            },
            Self::VsCode => Needs {
                documents,
                revisions: WITH_HANDSHAKE,
                source: "https://github.com/microsoft/vscode/issues/278512, Keycloak's guide for MCP, read 2026-11",
                ..ANY
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_registers_by_a_document_publishes_one_and_the_others_none() {
        for client in KnownClient::ALL {
            let needs = client.needs();
            assert!(!needs.source.is_empty() && !needs.revisions.is_empty());
            if client == KnownClient::Generic {
                continue;
            }
            let by_document = needs.registrations.contains(&Document);
            assert_eq!(by_document, !needs.documents.is_empty(), "{client:?}");
            for document in needs.documents {
                assert!(document.address.starts_with("https://"));
                assert!(!document.authentication.is_empty());
                assert!(document.grant_types.contains(&"authorization_code"));
                assert!(document.source.contains("2026-11"));
            }
        }
    }

    #[test]
    fn chatgpt_alone_wants_search_and_fetch_and_prefers_its_document() {
        for client in KnownClient::ALL {
            let wants = client.needs().tools == Search::Connector;
            assert_eq!(wants, client == KnownClient::ChatGpt);
        }
        let first = KnownClient::ChatGpt.needs().registrations.first();
        assert_eq!(first, Some(&Document));
    }
}
