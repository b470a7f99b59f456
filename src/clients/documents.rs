//! The client ID metadata documents that vendors publish: what each says of its client, as far as it was read.
//!
//! The address is the client id. An authorization server that takes such documents fetches them itself; the doctor does not,
//! because vendors answer strangers with a bot filter. So what matters of them is written down here.

use super::KnownClient;

/// A published document, whose address is the client id (draft-ietf-oauth-client-id-metadata-document).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ClientDocument {
    /// Its address. `{id}` where every connector has another.
    pub address: &'static str,
    /// How the client proves itself: the methods of which the authorization server must know one.
    pub authentication: &'static [&'static str],
    /// The grants that it lists.
    pub grant_types: &'static [&'static str],
    /// True if it is the one for issuers that return `iss` (RFC 9207), and only for those.
    pub with_issuer_in_answer: Option<bool>,
    /// Where all of this was read.
    pub source: &'static str,
}

const CODE_AND_REFRESH: &[&str] = &["authorization_code", "refresh_token"];

/// The stable document, for issuers that return `iss`; the other has an address per connector.
const CHATGPT: [ClientDocument; 2] = [
    ClientDocument {
        address: "https://chatgpt.com/oauth/client.json",
        authentication: &["private_key_jwt", "none"],
        grant_types: CODE_AND_REFRESH,
        with_issuer_in_answer: Some(true),
        source: "https://developers.openai.com/plugins/build/auth; captures in stacklok/toolhive#6278, 2026-11",
    },
    ClientDocument {
        address: "https://chatgpt.com/oauth/{id}/client.json",
        authentication: &["private_key_jwt", "none"],
        grant_types: CODE_AND_REFRESH,
        with_issuer_in_answer: Some(false),
        source: "captures in stacklok/toolhive#6278 and django-oauth/django-oauth-toolkit#1857, 2026-11",
    },
];

const CLAUDE: [ClientDocument; 1] = [ClientDocument {
    address: "https://claude.ai/oauth/mcp-oauth-client-metadata",
    authentication: &["none"],
    // The last one makes servers refuse it that want a secret with that grant (keycloak/keycloak#49730).
    grant_types: &[
        "authorization_code",
        "refresh_token",
        "urn:ietf:params:oauth:grant-type:jwt-bearer",
    ],
    with_issuer_in_answer: None,
    source: "https://claude.com/docs/connectors/building/authentication; Keycloak's guide for MCP, 2026-11",
}];

const CLAUDE_CODE: [ClientDocument; 1] = [ClientDocument {
    address: "https://claude.ai/oauth/claude-code-client-metadata",
    authentication: &["none"],
    grant_types: CODE_AND_REFRESH,
    with_issuer_in_answer: None,
    source: "Keycloak's guide for MCP, 2026-11",
}];

const VS_CODE: [ClientDocument; 1] = [ClientDocument {
    address: "https://vscode.dev/oauth/client-metadata.json",
    authentication: &["none"],
    grant_types: CODE_AND_REFRESH,
    with_issuer_in_answer: None,
    source: "Keycloak's guide for MCP, 2026-11",
}];

pub(super) fn of(client: KnownClient) -> &'static [ClientDocument] {
    match client {
        KnownClient::ChatGpt => &CHATGPT,
        KnownClient::Claude => &CLAUDE,
        KnownClient::ClaudeCode => &CLAUDE_CODE,
        KnownClient::VsCode => &VS_CODE,
        KnownClient::Cursor | KnownClient::Generic | KnownClient::Inspector => &[],
    }
}
