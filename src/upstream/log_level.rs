//! How grave log messages are, and which of them a caller gets.

use super::message::Era;

/// How grave a log message is (RFC 5424), least first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[expect(missing_docs, reason = "the levels of RFC 5424")]
pub enum LogLevel {
    Debug,
    Info,
    Notice,
    Warning,
    Error,
    Critical,
    Alert,
    Emergency,
}

impl LogLevel {
    const ALL: [Self; 8] = [
        Self::Debug,
        Self::Info,
        Self::Notice,
        Self::Warning,
        Self::Error,
        Self::Critical,
        Self::Alert,
        Self::Emergency,
    ];

    /// The name on the wire.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Debug => "debug",
            Self::Info => "info",
            Self::Notice => "notice",
            Self::Warning => "warning",
            Self::Error => "error",
            Self::Critical => "critical",
            Self::Alert => "alert",
            Self::Emergency => "emergency",
        }
    }

    /// The level of that name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|level| level.as_str() == name)
    }
}

/// Which log messages a caller gets.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LogMessages {
    /// None.
    #[default]
    None,
    /// From this level on.
    From(LogLevel),
    /// Those that a legacy upstream sends unasked: a client that never named a level leaves that to the server (MCP
    /// 2025-11-25, logging).
    Unasked,
}

impl LogMessages {
    /// The level that the upstream is asked for.
    #[must_use]
    pub fn asked(self) -> Option<LogLevel> {
        match self {
            Self::None | Self::Unasked => None,
            Self::From(level) => Some(level),
        }
    }

    /// True if messages of this level from an upstream of this era are among them.
    #[must_use]
    pub fn include(self, level: LogLevel, era: Era) -> bool {
        match self {
            Self::None => false,
            Self::From(least) => level >= least,
            Self::Unasked => era == Era::Legacy,
        }
    }
}
