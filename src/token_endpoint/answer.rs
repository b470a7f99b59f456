//! What a token endpoint answers: a token (RFC 6749 §5.1, RFC 8693 §2.2.1), or why there is none (RFC 6749 §5.2).

use std::borrow::Cow;
use std::fmt;
use std::time::Duration;

use http::HeaderValue;
use serde::Deserialize;
use serde_json::value::RawValue;

use super::{Issued, TokenEndpointError};
use crate::outbound::OutboundError;

/// How long a token is taken for good that does not say how long it is.
const SILENT: Duration = Duration::from_secs(60);
/// A token that says more is asked for anew after this time all the same.
const MOST_SECONDS: u64 = 86_400;
/// Of an error's description, so much is logged.
const MOST_WORDS: usize = 200;
/// A longer one is no header of anybody's.
const MOST_TOKEN_BYTES: usize = 16 * 1024;

#[derive(Deserialize)]
struct Success<'a> {
    #[serde(borrow)]
    access_token: Cow<'a, str>,
    #[serde(borrow)]
    token_type: Cow<'a, str>,
    #[serde(borrow, default)]
    expires_in: Option<&'a RawValue>,
    #[serde(borrow, default)]
    issued_token_type: Option<Cow<'a, str>>,
}

#[derive(Deserialize)]
struct Failure<'a> {
    #[serde(borrow)]
    error: Cow<'a, str>,
    #[serde(borrow, default)]
    error_description: Option<Cow<'a, str>>,
}

/// Why a token endpoint refuses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// Its word for it.
    pub code: Code,
    /// The status.
    pub status: u16,
    /// Its sentence, for the log: printable, short, and without our secrets.
    pub description: String,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} ({}) {:?}",
            self.code.as_str(),
            self.status,
            self.description
        )
    }
}

/// The error codes that are told apart (RFC 6749 §5.2, RFC 8693 §2.2.2, OpenID Connect Core §3.1.2.6).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names are the specifications' own")]
pub enum Code {
    AccessDenied,
    InteractionRequired,
    InvalidClient,
    InvalidGrant,
    InvalidRequest,
    InvalidScope,
    InvalidTarget,
    InvalidToken,
    UnauthorizedClient,
    UnsupportedGrantType,
    /// Any other.
    Other,
}

impl Code {
    const ALL: [Self; 10] = [
        Self::AccessDenied,
        Self::InteractionRequired,
        Self::InvalidClient,
        Self::InvalidGrant,
        Self::InvalidRequest,
        Self::InvalidScope,
        Self::InvalidTarget,
        Self::InvalidToken,
        Self::UnauthorizedClient,
        Self::UnsupportedGrantType,
    ];

    /// As it is written.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::AccessDenied => "access_denied",
            Self::InteractionRequired => "interaction_required",
            Self::InvalidClient => "invalid_client",
            Self::InvalidGrant => "invalid_grant",
            Self::InvalidRequest => "invalid_request",
            Self::InvalidScope => "invalid_scope",
            Self::InvalidTarget => "invalid_target",
            Self::InvalidToken => "invalid_token",
            Self::UnauthorizedClient => "unauthorized_client",
            Self::UnsupportedGrantType => "unsupported_grant_type",
            Self::Other => "another error",
        }
    }

    fn parse(written: &str) -> Self {
        let mut known = Self::ALL.into_iter();
        known
            .find(|code| code.as_str() == written)
            .unwrap_or(Self::Other)
    }
}

/// The token in the answer to a request that was granted.
pub(super) fn issued(body: &[u8], issued_token_type: Option<&str>) -> Result<Issued, &'static str> {
    let answer: Success<'_> = serde_json::from_slice(body)
        .map_err(|_other| "it is no JSON object with access_token and token_type")?;
    if !answer.token_type.eq_ignore_ascii_case("bearer") {
        // `N_A`, `DPoP` and the like: such a token does not go into a header by itself.
        return Err("its token_type is not Bearer");
    }
    if issued_token_type.is_some() && answer.issued_token_type.as_deref() != issued_token_type {
        return Err("its issued_token_type is missing, or not the one asked for");
    }
    let token = answer.access_token.as_bytes();
    if token.is_empty() || token.len() > MOST_TOKEN_BYTES || !token.iter().all(is_of_token) {
        return Err("its access_token is empty, too long, or has characters that no token has");
    }
    let lives = match answer.expires_in {
        None => SILENT,
        Some(raw) => Duration::from_secs(seconds(raw.get())?),
    };
    let header = [&b"Bearer "[..], token].concat();
    let mut header = HeaderValue::from_bytes(&header)
        .map_err(|_bad| "its access_token cannot stand in a header")?;
    header.set_sensitive(true);
    Ok(Issued { header, lives })
}

/// RFC 6750 §2.1: `b64token`.
fn is_of_token(byte: &u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-._~+/=".contains(byte)
}

/// A number, or one in quotation marks, as some providers write it.
fn seconds(raw: &str) -> Result<u64, &'static str> {
    let digits = raw
        .strip_prefix('"')
        .and_then(|raw| raw.strip_suffix('"'))
        .unwrap_or(raw);
    match digits.parse::<u64>() {
        Ok(0) | Err(_) => Err("its expires_in is not a number of seconds"),
        Ok(seconds) => Ok(seconds.min(MOST_SECONDS)),
    }
}

/// What an answer means that is not 200.
pub(super) fn refused(status: u16, body: &[u8], secrets: &[&str]) -> TokenEndpointError {
    let said = serde_json::from_slice::<Failure<'_>>(body);
    match (status, said) {
        (
            400..=403,
            Ok(Failure {
                error,
                error_description,
            }),
        ) => {
            let description = error_description.unwrap_or_default();
            TokenEndpointError::Refused(Refusal {
                code: Code::parse(&error),
                status,
                description: for_log(&description, secrets),
            })
        }
        (status, _) => TokenEndpointError::Outbound(OutboundError::Status(status)),
    }
}

/// A sentence of somebody else's for our log: nothing that breaks lines, not much, and no secret.
#[must_use]
pub fn for_log(text: &str, secrets: &[&str]) -> String {
    // `eyJ` begins every JWT.
    let repeats = |secret: &&str| !secret.is_empty() && text.contains(*secret);
    if text.contains("eyJ") || secrets.iter().any(repeats) {
        return "(left out: it repeats a secret)".to_owned();
    }
    let printable = |c: char| if c.is_control() { ' ' } else { c };
    text.chars().take(MOST_WORDS).map(printable).collect()
}
