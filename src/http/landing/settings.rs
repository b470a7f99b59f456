//! What an operator writes about the onboarding page.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::clients::KnownClient;

/// The onboarding page: what `GET /` shows to people.
#[derive(Clone, Debug, Deserialize, JsonSchema, PartialEq, Eq)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// Whether a browser at `GET /` gets the onboarding page. Default true. Without it everybody gets the JSON document, which
    /// has the same addresses.
    pub enabled: bool,
    /// The address under which the guides of this project's `docs/` can be read, without a trailing slash. Default none: the
    /// page names them, and links none.
    #[schemars(example = "https://git.example.com/usher/docs")]
    pub guides: Option<String>,
    /// Client ids that you registered at the identity provider, for the page to tell. They are public. Default none: the page
    /// says whether the client registers itself, as the provider's metadata has it.
    pub client_ids: ClientIds,
}

/// What is written about the page and cannot be shown.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SettingsError {
    /// No client id at all, or one with characters that RFC 6749 (appendix A.1) does not allow.
    #[error("{found:?} is no client id: expected visible ASCII characters, or leave the key out")]
    ClientId {
        /// The key, below `landing.client_ids`.
        key: &'static str,
        /// As written.
        found: String,
    },
    /// Not an address of pages.
    #[error(
        "{found:?} is no address of pages: expected one such as https://git.example.com/usher/docs"
    )]
    Guides {
        /// As written.
        found: String,
    },
}

impl SettingsError {
    /// The key that it is about.
    #[must_use]
    pub fn key(&self) -> String {
        match self {
            Self::ClientId { key, .. } => format!("landing.client_ids.{key}"),
            Self::Guides { .. } => "landing.guides".to_owned(),
        }
    }
}

impl Settings {
    /// Everything that cannot be shown. Empty if the settings may be used.
    #[must_use]
    pub fn mistakes(&self) -> Vec<SettingsError> {
        let mut mistakes = Vec::new();
        if let Some(found) = &self.guides {
            let url = url::Url::parse(found);
            let is_good = url.is_ok_and(|url| {
                let is_web = matches!(url.scheme(), "https" | "http");
                is_web
                    && url.query().is_none()
                    && url.fragment().is_none()
                    && url.password().is_none()
            });
            if !is_good {
                let found = found.clone();
                mistakes.push(SettingsError::Guides { found });
            }
        }
        for client in KnownClient::ALL {
            // RFC 6749, appendix A.1: `client-id = *VSCHAR`.
            let is_bad = |id: &str| id.is_empty() || id.bytes().any(|b| !matches!(b, 0x20..=0x7e));
            if let Some(found) = self.client_ids.of(client).filter(|id| is_bad(id)) {
                let (key, found) = (ClientIds::key(client), found.to_owned());
                mistakes.push(SettingsError::ClientId { key, found });
            }
        }
        mistakes
    }
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            enabled: true,
            guides: None,
            client_ids: ClientIds::default(),
        }
    }
}

/// A predefined client id for each client, where there is one.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema, PartialEq, Eq)]
#[serde(default, deny_unknown_fields)]
pub struct ClientIds {
    /// What people type into `ChatGPT`. Default none.
    pub chatgpt: Option<String>,
    /// What people type into Claude. Default none.
    pub claude: Option<String>,
    /// What people give to Claude Code. Default none.
    pub claude_code: Option<String>,
    /// What stands in Cursor's file. Default none.
    pub cursor: Option<String>,
    /// What people type into the MCP Inspector. Default none.
    pub inspector: Option<String>,
    /// What stands in the file of Visual Studio Code. Default none.
    pub vscode: Option<String>,
    /// What people type into any other client. Default none.
    pub generic: Option<String>,
}

impl ClientIds {
    /// What the key of `client` is called.
    fn key(client: KnownClient) -> &'static str {
        match client {
            KnownClient::ClaudeCode => "claude_code",
            other => other.name(),
        }
    }

    /// The client id that was registered for `client`.
    #[must_use]
    pub fn of(&self, client: KnownClient) -> Option<&str> {
        match client {
            KnownClient::ChatGpt => self.chatgpt.as_deref(),
            KnownClient::Claude => self.claude.as_deref(),
            KnownClient::ClaudeCode => self.claude_code.as_deref(),
            KnownClient::Cursor => self.cursor.as_deref(),
            KnownClient::Generic => self.generic.as_deref(),
            KnownClient::Inspector => self.inspector.as_deref(),
            KnownClient::VsCode => self.vscode.as_deref(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mistakes(guides: Option<&str>, claude_code: Option<&str>) -> Vec<String> {
        let settings = Settings {
            guides: guides.map(str::to_owned),
            client_ids: ClientIds {
                claude_code: claude_code.map(str::to_owned),
                ..ClientIds::default()
            },
            ..Settings::default()
        };
        settings.mistakes().iter().map(SettingsError::key).collect()
    }

    #[test]
    fn what_cannot_be_shown_is_named_by_its_key() {
        for (guides, id, expected) in [
            (None, None, &[][..]),
            (Some("https://git.test/docs"), Some("mcp-client"), &[]),
            (Some("javascript:alert(1)"), None, &["landing.guides"]),
            (Some("docs"), None, &["landing.guides"]),
            (
                Some("https://git.test/docs?page=1"),
                None,
                &["landing.guides"],
            ),
            (None, Some(""), &["landing.client_ids.claude_code"]),
            (
                None,
                Some("a\u{202e}b"),
                &["landing.client_ids.claude_code"],
            ),
        ] {
            assert_eq!(mistakes(guides, id), expected, "{guides:?} {id:?}");
        }
    }
}
