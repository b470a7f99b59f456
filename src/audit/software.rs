//! Which program asks, by its `User-Agent`: a closed list, so that a stranger cannot invent kinds. Never for decisions.
//!
//! Read in November 2026: `openai-mcp/1.0.0`, with `(Codex)` from Codex; `claude-code/2.1.204 (cli)`, with `claude-desktop`
//! in the brackets from the desktop; `Claude-User`; `Visual Studio Code/…`. Claude's own servers may send none at all
//! (anthropics/claude-ai-mcp#923), and what is built on an SDK says which HTTP library that uses.

use crate::clients::KnownClient;

/// A kind of client software.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Software {
    /// A web browser.
    Browser,
    /// `ChatGPT`.
    ChatGpt,
    /// Claude, on the web, the desktop or the phone.
    Claude,
    /// Claude Code.
    ClaudeCode,
    /// Codex.
    Codex,
    /// curl and its like.
    CommandLine,
    /// Cursor.
    Cursor,
    /// What is built on a library for Node.js, as the MCP Inspector is.
    Node,
    /// Anything else.
    Other,
    /// What is built on a library for Python.
    Python,
    /// No `User-Agent`.
    Unnamed,
    /// Visual Studio Code.
    VsCode,
}

/// How a `User-Agent` begins, in lower case.
const BEGINNINGS: [(&[u8], Software); 16] = [
    (b"openai-mcp", Software::ChatGpt),
    (b"chatgpt", Software::ChatGpt),
    (b"claude-code", Software::ClaudeCode),
    (b"claude", Software::Claude),
    (b"codex", Software::Codex),
    (b"cursor", Software::Cursor),
    (b"visual studio code", Software::VsCode),
    (b"vscode", Software::VsCode),
    (b"mozilla/", Software::Browser),
    (b"node", Software::Node),
    (b"undici", Software::Node),
    (b"python", Software::Python),
    (b"curl/", Software::CommandLine),
    (b"wget/", Software::CommandLine),
    (b"httpie/", Software::CommandLine),
    (b"aiohttp", Software::Python),
];

impl Software {
    /// All of them.
    pub const ALL: [Self; 12] = [
        Self::Browser,
        Self::ChatGpt,
        Self::Claude,
        Self::ClaudeCode,
        Self::Codex,
        Self::CommandLine,
        Self::Cursor,
        Self::Node,
        Self::Other,
        Self::Python,
        Self::Unnamed,
        Self::VsCode,
    ];

    /// The kind that a `User-Agent` names.
    #[must_use]
    pub fn of(user_agent: Option<&[u8]>) -> Self {
        let Some(user_agent) = user_agent.filter(|text| !text.is_empty()) else {
            return Self::Unnamed;
        };
        let begins = |beginning: &[u8]| {
            let start = user_agent.get(..beginning.len());
            start.is_some_and(|start| start.eq_ignore_ascii_case(beginning))
        };
        let first = user_agent.first().map(u8::to_ascii_lowercase);
        let mut known = BEGINNINGS.iter();
        // Nearly every one is told by its first letter.
        let found = known.find(|(word, _)| word.first() == first.as_ref() && begins(word));
        let names = |word: &[u8]| {
            let mut windows = user_agent.windows(word.len());
            windows.any(|window| window.eq_ignore_ascii_case(word))
        };
        match found.map(|(_, software)| *software) {
            Some(Self::ChatGpt) if names(b"codex") => Self::Codex,
            Some(Self::ClaudeCode) if names(b"claude-desktop") => Self::Claude,
            Some(software) => software,
            None => Self::Other,
        }
    }

    /// The stable name, for labels.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Browser => "browser",
            Self::ChatGpt => "chatgpt",
            Self::Claude => "claude",
            Self::ClaudeCode => "claude-code",
            Self::Codex => "codex",
            Self::CommandLine => "command-line",
            Self::Cursor => "cursor",
            Self::Node => "node",
            Self::Other => "other",
            Self::Python => "python",
            Self::Unnamed => "unnamed",
            Self::VsCode => "vscode",
        }
    }

    /// What people call it.
    #[must_use]
    pub fn title(self) -> &'static str {
        match self {
            Self::Browser => "a web browser",
            Self::Codex => "Codex",
            Self::CommandLine => "a command line",
            Self::Node => "a Node.js client",
            Self::Other => "another client",
            Self::Python => "a Python client",
            Self::Unnamed => "a client without a User-Agent",
            Self::ChatGpt | Self::Claude | Self::ClaudeCode | Self::Cursor | Self::VsCode => {
                self.client().map_or("", KnownClient::title)
            }
        }
    }

    /// The kind of this name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|known| known.name() == name)
    }

    /// The client that it is, if that is a known one. What a library sends may be any client's.
    #[must_use]
    pub fn client(self) -> Option<KnownClient> {
        match self {
            Self::ChatGpt => Some(KnownClient::ChatGpt),
            Self::Claude => Some(KnownClient::Claude),
            Self::ClaudeCode => Some(KnownClient::ClaudeCode),
            Self::Cursor => Some(KnownClient::Cursor),
            Self::VsCode => Some(KnownClient::VsCode),
            Self::Browser
            | Self::Codex
            | Self::CommandLine
            | Self::Node
            | Self::Other
            | Self::Python
            | Self::Unnamed => None,
        }
    }

    /// True if whoever sends it is a client that comes to stay: its silence means something by itself. A browser, a scanner
    /// or a library may have looked in and gone again.
    #[must_use]
    pub fn is_client(self) -> bool {
        self.client().is_some() || self == Self::Codex
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_user_agent_names_its_software() {
        for (user_agent, expected) in [
            ("openai-mcp/1.0.0", Software::ChatGpt),
            ("openai-mcp/1.0.0 (Codex)", Software::Codex),
            (
                "openai-mcp/1.0.0 (+https://openai.com/bot)",
                Software::ChatGpt,
            ),
            ("Claude-User", Software::Claude),
            ("claude-code/2.1.204 (cli)", Software::ClaudeCode),
            (
                "claude-code/2.1.0 (claude-desktop, agent-sdk/0.3)",
                Software::Claude,
            ),
            ("Cursor/1.7.0 (darwin arm64)", Software::Cursor),
            ("Visual Studio Code/1.118.0", Software::VsCode),
            ("node", Software::Node),
            ("python-httpx/0.28.1", Software::Python),
            ("curl/8.14.1", Software::CommandLine),
            ("Mozilla/5.0 (X11; Linux x86_64)", Software::Browser),
            ("", Software::Unnamed),
            ("x", Software::Other),
            ("Slack-MCP-Client/1", Software::Other),
            ("not openai-mcp", Software::Other),
        ] {
            assert_eq!(
                Software::of(Some(user_agent.as_bytes())),
                expected,
                "{user_agent}"
            );
        }
        assert_eq!(Software::of(None), Software::Unnamed);
        assert_eq!(Software::of(Some(b"\xff\xfe")), Software::Other);
    }

    #[test]
    fn each_kind_has_its_place_its_name_and_a_title() {
        for (place, software) in Software::ALL.into_iter().enumerate() {
            assert_eq!(software as usize, place);
            assert_eq!(Software::parse(software.name()), Some(software));
            assert!(!software.title().is_empty());
        }
    }
}
