//! What a status over HTTP means that is no result.

use serde::Deserialize;

use super::UpstreamError;
use super::message::Era;

/// True if an error that names the very request may come with this status. Modern servers answer some errors with one
/// (MCP 2026-07-28, transports); legacy ones have done so too, and there some say something of the connection alone.
pub(super) fn is_answer(status: u16, era: Era) -> bool {
    match era {
        Era::Modern => true,
        Era::Legacy => !matches!(status, 401 | 403 | 404 | 429),
    }
}

/// True if a body that came with 400 says that the session is not there any more. MCP 2025-11-25 has 404 for that, but the
/// first SDK for Python and servers made after the examples of the one for TypeScript say it so.
pub(super) fn says_session_is_gone(body: &[u8]) -> bool {
    /// Longer words are about something else.
    const MOST_BYTES: usize = 1024;
    if body.len() > MOST_BYTES {
        return false;
    }
    let is_about_it = match serde_json::from_slice::<Refused>(body) {
        Ok(refused) => matches!(refused.error.code, -32_001 | -32_000),
        Err(_words_for_people) => true,
    };
    let text = body.to_ascii_lowercase();
    is_about_it && memchr::memmem::find(&text, b"session").is_some()
}

/// An error that came in place of an answer.
#[derive(Deserialize)]
struct Refused {
    error: Code,
}

#[derive(Deserialize)]
struct Code {
    code: i64,
}

/// What a status means that is no result: 404 in a session, that the session is gone.
pub(super) fn refusal(status: u16, in_session: bool) -> UpstreamError {
    tracing::debug!(
        status,
        "upstream: it answered with a status that is no result"
    );
    match status {
        404 if in_session => UpstreamError::SessionGone,
        429 => UpstreamError::Busy,
        500..=599 => UpstreamError::Unavailable,
        400..=499 => UpstreamError::Refused,
        _ => UpstreamError::Invalid,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_session_is_gone_where_400_has_words_about_it() {
        let check = |body: &str, expected: bool| {
            assert_eq!(says_session_is_gone(body.as_bytes()), expected, "{body}");
        };
        check("Bad Request: No valid session ID provided", true);
        check(
            r#"{"jsonrpc":"2.0","id":null,"error":{"code":-32000,"message":"Session expired"}}"#,
            true,
        );
        check(
            r#"{"error":{"code":-32001,"message":"no such SESSION"}}"#,
            true,
        );
        check(
            r#"{"error":{"code":-32602,"message":"session is a string"}}"#,
            false,
        );
        check(
            r#"{"error":{"code":-32000,"message":"Unsupported protocol version"}}"#,
            false,
        );
        check("", false);
        check(&format!("session{}", " ".repeat(1024)), false);
    }
}
