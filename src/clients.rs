//! What MCP clients need of an identity provider and of a server: redirect addresses, ways to register, what their
//! published documents ask, what tools must look like. Data and no more.
//!
//! Vendors change them without notice; a client's own set-up page has the last word. Read in November 2026, where each
//! says. `docs/identity-providers.md` lists the same addresses, held to it by a test.

mod documents;
mod needs;

pub use documents::ClientDocument;
pub use needs::{Needs, Registration, Search};

/// Where the Inspector's page comes from: the one client here that calls from a browser.
pub const INSPECTOR_ORIGIN: &str = "http://localhost:6274";

/// A client that people connect by hand.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum KnownClient {
    /// `ChatGPT`, on the web and everywhere else it runs.
    ChatGpt,
    /// Claude, on the web, the desktop and the phone.
    Claude,
    /// Claude Code, on the machine of whoever uses it.
    ClaudeCode,
    /// Cursor.
    Cursor,
    /// Any client that follows the specification and nothing else.
    Generic,
    /// The MCP Inspector, its page and its command line.
    Inspector,
    /// Visual Studio Code.
    VsCode,
}

impl KnownClient {
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::ChatGpt,
        Self::Claude,
        Self::ClaudeCode,
        Self::Cursor,
        Self::Generic,
        Self::Inspector,
        Self::VsCode,
    ];

    /// What it is called on a command line.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::ChatGpt => "chatgpt",
            Self::Claude => "claude",
            Self::ClaudeCode => "claude-code",
            Self::Cursor => "cursor",
            Self::Generic => "generic",
            Self::Inspector => "inspector",
            Self::VsCode => "vscode",
        }
    }

    /// What it is called by people, who read this name on the consent page.
    #[must_use]
    pub fn title(self) -> &'static str {
        match self {
            Self::ChatGpt => "ChatGPT",
            Self::Claude => "Claude",
            Self::ClaudeCode => "Claude Code",
            Self::Cursor => "Cursor",
            Self::Generic => "Any MCP client",
            Self::Inspector => "MCP Inspector",
            Self::VsCode => "Visual Studio Code",
        }
    }

    /// The client of this name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|known| known.name() == name)
    }

    /// Where the identity provider sends its users back to. None where every user has another.
    #[must_use]
    pub fn redirect_uris(self) -> &'static [&'static str] {
        match self {
            // Apps published before 2026, and connectors at a provider that returns `iss` (RFC 9207). Every other connector
            // has an address of its own below https://chatgpt.com/connector/oauth/.
            // https://developers.openai.com/plugins/build/auth
            Self::ChatGpt => &["https://chatgpt.com/connector_platform_oauth_redirect"],
            // https://support.claude.com/en/articles/11503834, which asks for both.
            Self::Claude => &[
                "https://claude.ai/api/mcp/auth_callback",
                "https://claude.com/api/mcp/auth_callback",
            ],
            // Its published document (see `documents`); it listens on a port of its own, which RFC 8252 §7.3 lets it.
            Self::ClaudeCode => &["http://localhost/callback", "http://127.0.0.1/callback"],
            // https://cursor.com/docs/mcp; the last one is of old versions.
            Self::Cursor => &[
                "http://localhost:8787/callback",
                "https://www.cursor.com/agents/mcp/oauth/callback",
                "cursor://anysphere.cursor-mcp/oauth/callback",
            ],
            Self::Generic => &[],
            // Read in @modelcontextprotocol/inspector 2.12.0.
            Self::Inspector => &[
                "http://localhost:6274/oauth/callback",
                "http://127.0.0.1:6276/oauth/callback",
            ],
            // https://github.com/microsoft/vscode/issues/278512, which is also why another port is used if 33418 is taken.
            Self::VsCode => &["http://127.0.0.1:33418/", "https://vscode.dev/redirect"],
        }
    }

    /// True if it calls from its vendor's own servers, which reach neither this machine nor a private network.
    #[must_use]
    pub fn calls_from_the_internet(self) -> bool {
        match self {
            Self::ChatGpt | Self::Claude => true,
            Self::ClaudeCode | Self::Cursor | Self::Generic | Self::Inspector | Self::VsCode => {
                false
            }
        }
    }

    /// True if it picks a port of its own for a redirect address on loopback (RFC 8252 §7.3).
    #[must_use]
    pub fn picks_its_port(self) -> bool {
        match self {
            // VS Code does if 33418 is taken.
            Self::ClaudeCode | Self::Generic | Self::VsCode => true,
            Self::ChatGpt | Self::Claude | Self::Cursor | Self::Inspector => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_of_identity_providers_lists_the_same_redirect_addresses() {
        let page = include_str!("../docs/identity-providers.md");
        for client in KnownClient::ALL {
            for address in client.redirect_uris() {
                assert!(page.contains(&format!("`{address}`")), "{address}");
            }
        }
    }

    #[test]
    fn no_two_clients_share_a_name_or_an_address() {
        let all = KnownClient::ALL;
        for (at, client) in all.into_iter().enumerate() {
            for other in all.into_iter().skip(at + 1) {
                assert_ne!(client.name(), other.name());
                assert_eq!(KnownClient::parse(client.name()), Some(client));
                let shared = |address| other.redirect_uris().contains(address);
                assert!(!client.redirect_uris().iter().any(shared));
            }
        }
    }
}
