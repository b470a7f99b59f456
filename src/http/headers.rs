//! Inbound headers that could be mistaken for somebody else's word.
//!
//! - A header whose name has an underscore where a sensitive one has a hyphen is refused: some servers read `x_user`
//!   and `x-user` as one header.
//! - A body in any coding but `chunked`, once, is refused: what hyper does not undo, another reader might.
//! - `Forwarded`, `X-Forwarded-*`, `X-Real-IP` and `X-User-*` are dropped once the client's address is known, so that
//!   nothing behind this point can believe them.
//! - All headers together have a size limit; HTTP/2 counts as RFC 9113 §10.5.1 does.

use axum::http::header::TRANSFER_ENCODING;
use axum::http::{HeaderMap, HeaderName};

use super::error::Refusal;

/// Checks `headers` and drops what nobody may believe.
pub fn check_and_strip(headers: &mut HeaderMap, max_bytes: usize) -> Result<(), Refusal> {
    let mut bytes = 0;
    let mut spoofable = false;
    let mut codings = 0;
    for (name, value) in &*headers {
        let name = name.as_str();
        bytes += name.len() + value.len() + 32;
        spoofable |= is_spoofable(name);
        if has_underscore(name) && is_sensitive(&name.replace('_', "-")) {
            return Err(Refusal::AmbiguousHeaders);
        }
        if name == TRANSFER_ENCODING.as_str() {
            codings += 1;
            if codings > 1 || !value.as_bytes().eq_ignore_ascii_case(b"chunked") {
                return Err(Refusal::AmbiguousHeaders);
            }
        }
    }
    if bytes > max_bytes {
        return Err(Refusal::HeadersTooLarge);
    }
    if spoofable {
        let names: Vec<HeaderName> = headers
            .keys()
            .filter(|name| is_spoofable(name.as_str()))
            .cloned()
            .collect();
        for name in names {
            headers.remove(name);
        }
    }
    Ok(())
}

/// Names are short: to look at every byte takes less than to begin a search.
fn has_underscore(name: &str) -> bool {
    name.bytes().fold(false, |found, b| found | (b == b'_'))
}

fn is_sensitive(name: &str) -> bool {
    is_spoofable(name)
        || name.starts_with("mcp-")
        || matches!(
            name,
            "authorization" | "proxy-authorization" | "content-length" | "transfer-encoding"
        )
        || name.starts_with("x-authorization")
}

fn is_spoofable(name: &str) -> bool {
    // Nearly every name is decided by its first byte.
    match name.as_bytes().first() {
        Some(b'x') => {
            name.starts_with("x-forwarded-") || name.starts_with("x-user-") || name == "x-real-ip"
        }
        Some(b'f') => name == "forwarded",
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(names: &[&'static str]) -> (Result<(), Refusal>, Vec<String>) {
        let mut headers = HeaderMap::new();
        for name in names {
            headers.append(*name, "value".parse().unwrap());
        }
        let result = check_and_strip(&mut headers, 1000);
        (
            result,
            headers.keys().map(|name| name.to_string()).collect(),
        )
    }

    #[test]
    fn headers_that_speak_for_a_proxy_are_dropped() {
        let spoofable = [
            "x-forwarded-for",
            "x-forwarded-host",
            "x-forwarded-user",
            "x-real-ip",
            "x-user-id",
            "forwarded",
        ];
        for name in spoofable {
            assert_eq!(
                check(&["accept", name]),
                (Ok(()), vec!["accept".to_owned()]),
                "{name}"
            );
        }
    }

    #[test]
    fn underscore_twins_of_sensitive_headers_are_refused() {
        for name in [
            "x_forwarded_for",
            "x_user_id",
            "mcp_session_id",
            "content_length",
            "x_authorization",
        ] {
            assert_eq!(check(&[name]).0, Err(Refusal::AmbiguousHeaders), "{name}");
        }
        assert_eq!(check(&["x_harmless"]).0, Ok(()));
    }

    #[test]
    fn headers_beyond_the_limit_are_refused() {
        let mut headers = HeaderMap::new();
        headers.insert("accept", "x".repeat(962).parse().unwrap());
        assert_eq!(check_and_strip(&mut headers, 1000), Ok(()));
        headers.insert("accept", "x".repeat(963).parse().unwrap());
        assert_eq!(
            check_and_strip(&mut headers, 1000),
            Err(Refusal::HeadersTooLarge)
        );
    }
}
