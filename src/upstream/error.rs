//! Why an upstream gave no answer that can be passed on.

use super::CredentialError;

/// What went wrong with an upstream. The words are for the client; the cause is in the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UpstreamError {
    /// Too many calls in a row failed: the breaker is open, and this one was not tried.
    #[error("the tool's server failed several times in a row; try again in {0} s")]
    BreakerOpen(u32),
    /// As many calls run as may.
    #[error("the tool's server is busy; try again later")]
    Busy,
    /// There is nothing to show to it.
    #[error(transparent)]
    Credential(#[from] CredentialError),
    /// It does not take what is shown to it, not even a new one.
    #[error(
        "the tool's server does not accept this server's credential; ask whoever runs this server"
    )]
    CredentialRefused,
    /// It answered with something that is no answer.
    #[error("the tool's server gave an answer that is not MCP")]
    Invalid,
    /// The connection ended before the answer came.
    #[error("the tool's server ended before it answered; try again later")]
    Interrupted,
    /// It refuses this server's requests.
    #[error("the tool's server refuses requests of this server")]
    Refused,
    /// The session that it knew us by is gone. Nothing was done.
    #[error("the tool's server has forgotten the session; try again")]
    SessionGone,
    /// It did not answer in time.
    #[error("the tool's server did not answer in time")]
    TimedOut,
    /// There is no connection.
    #[error("the tool's server cannot be reached now; try again later")]
    Unavailable,
}

impl UpstreamError {
    /// The stable reason code for logs and metrics.
    #[must_use]
    pub fn reason(self) -> &'static str {
        match self {
            Self::BreakerOpen(_) => "upstream_breaker_open",
            Self::Busy => "upstream_busy",
            Self::Credential(CredentialError::Denied) => "upstream_credential_denied",
            Self::Credential(CredentialError::Misconfigured) => "upstream_credential_misconfigured",
            Self::Credential(CredentialError::Unavailable) => "upstream_credential_unavailable",
            Self::CredentialRefused => "upstream_credential_refused",
            Self::Invalid => "upstream_invalid",
            Self::Interrupted => "upstream_interrupted",
            Self::Refused => "upstream_refused",
            Self::SessionGone => "upstream_session_gone",
            Self::TimedOut => "upstream_timed_out",
            Self::Unavailable => "upstream_unavailable",
        }
    }

    /// The code of the JSON-RPC error: the HTTP status that says the same.
    #[must_use]
    pub fn code(self) -> i32 {
        match self {
            Self::Credential(CredentialError::Denied) => 403,
            Self::Credential(CredentialError::Misconfigured)
            | Self::CredentialRefused
            | Self::Invalid
            | Self::Interrupted
            | Self::Refused => 502,
            Self::BreakerOpen(_)
            | Self::Credential(CredentialError::Unavailable)
            | Self::Busy
            | Self::SessionGone
            | Self::Unavailable => 503,
            Self::TimedOut => 504,
        }
    }

    /// True if the same call may work a little later.
    #[must_use]
    pub fn is_retriable(self) -> bool {
        match self {
            Self::BreakerOpen(_)
            | Self::Busy
            | Self::Credential(CredentialError::Unavailable)
            | Self::Interrupted
            | Self::SessionGone
            | Self::TimedOut
            | Self::Unavailable => true,
            Self::Credential(CredentialError::Denied | CredentialError::Misconfigured)
            | Self::CredentialRefused
            | Self::Invalid
            | Self::Refused => false,
        }
    }

    /// How long to wait before the same call may work, where that is known.
    #[must_use]
    pub fn retry_after_seconds(self) -> Option<u32> {
        match self {
            Self::BreakerOpen(seconds) => Some(seconds),
            Self::Busy
            | Self::Credential(_)
            | Self::CredentialRefused
            | Self::Invalid
            | Self::Interrupted
            | Self::Refused
            | Self::SessionGone
            | Self::TimedOut
            | Self::Unavailable => None,
        }
    }

    /// True if it speaks of the server, or the way to it, not being there: what a circuit breaker counts.
    pub(super) fn is_outage(self) -> bool {
        match self {
            Self::Interrupted | Self::TimedOut | Self::Unavailable => true,
            Self::BreakerOpen(_)
            | Self::Busy
            | Self::Credential(_)
            | Self::CredentialRefused
            | Self::Invalid
            | Self::Refused
            | Self::SessionGone => false,
        }
    }
}
