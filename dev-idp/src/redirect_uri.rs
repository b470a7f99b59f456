//! Which redirect URIs may be registered, and when the one in a request is a registered one.
//!
//! Registered: `https`, loopback `http` (RFC 8252 §7.3), and private-use schemes of native applications (RFC 8252 §7.1);
//! no fragment (RFC 6749 §3.1.2), no user info. Compared as text (RFC 9700 §2.1); for loopback the port is free,
//! because a native client takes whichever the system gives it.

use url::{Host, Url};

/// Private-use schemes without the period that RFC 8252 §7.1 asks for, which known clients register all the same.
const KNOWN_SCHEMES: [&str; 1] = ["cursor"];

/// What is wrong with a redirect URI, for `error_description`.
pub(crate) fn check(uri: &str) -> Result<(), &'static str> {
    if uri.len() > 2048 || !uri.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err("a redirect URI is at most 2048 visible ASCII characters");
    }
    if uri.contains('#') {
        return Err("a redirect URI has no fragment (RFC 6749 section 3.1.2)");
    }
    let Ok(url) = Url::parse(uri) else {
        return Err("a redirect URI is an absolute URI");
    };
    if !url.username().is_empty() || url.password().is_some() {
        return Err("a redirect URI has no user info");
    }
    match url.scheme() {
        "https" => Ok(()),
        "http" if is_loopback(&url) => Ok(()),
        "http" => Err(
            "http is allowed on 127.0.0.1, [::1] and localhost only (RFC 8252 section 7.3); use https",
        ),
        scheme if scheme.contains('.') || KNOWN_SCHEMES.contains(&scheme) => Ok(()),
        _ => Err(
            "expected https, http on loopback, or a private-use scheme such as com.example.app (RFC 8252 section 7.1)",
        ),
    }
}

/// True if `requested` is `registered`, but for the port of a loopback address.
pub(crate) fn matches(registered: &str, requested: &str) -> bool {
    if registered == requested {
        return true;
    }
    match (
        without_loopback_port(registered),
        without_loopback_port(requested),
    ) {
        (Some(registered), Some(requested)) => registered == requested,
        (None, _) | (_, None) => false,
    }
}

/// Where the browser goes next, for the consent page: host and port, or the scheme of a native application.
pub(crate) fn destination(uri: &str) -> String {
    let Ok(url) = Url::parse(uri) else {
        return uri.to_owned();
    };
    match (url.host_str(), url.port()) {
        (Some(host), Some(port)) if url.scheme().starts_with("http") => format!("{host}:{port}"),
        (Some(host), None) if url.scheme().starts_with("http") => host.to_owned(),
        (_, _) => format!("the application that opens {}: addresses", url.scheme()),
    }
}

fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

/// The host and what follows the port, of a loopback `http` URI. Works on the text, so that nothing is normalised.
fn without_loopback_port(uri: &str) -> Option<(&str, &str)> {
    let rest = uri.strip_prefix("http://")?;
    let host = ["127.0.0.1", "[::1]", "localhost"]
        .into_iter()
        .find(|host| rest.starts_with(host))?;
    let rest = rest.strip_prefix(host)?;
    let rest = match rest.strip_prefix(':') {
        Some(after) => {
            let path = after.trim_start_matches(|c: char| c.is_ascii_digit());
            let digits = after.len() - path.len();
            if !(1..=5).contains(&digits) {
                return None;
            }
            path
        }
        None => rest,
    };
    (rest.is_empty() || rest.starts_with(['/', '?'])).then_some((host, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accepts_what_clients_register() {
        for uri in [
            "https://chatgpt.com/connector_platform_oauth_redirect",
            "https://claude.ai/api/mcp/auth_callback",
            "http://127.0.0.1:33418/",
            "http://localhost:8787/callback",
            "http://[::1]:5000/callback?x=1",
            "cursor://anysphere.cursor-mcp/oauth/callback",
            "com.example.app:/callback",
        ] {
            assert_eq!(check(uri), Ok(()), "{uri}");
        }
    }

    #[test]
    fn refuses_what_leads_elsewhere() {
        for uri in [
            "http://example.com/callback",
            "http://127.0.0.1.example.com/callback",
            "https://example.com/callback#fragment",
            "https://example.com/callback#",
            "https://user@example.com/callback",
            "https://example.com/a b",
            "https://example.com/\r\nx",
            "javascript:alert(1)",
            "data:text/html,x",
            "file:///etc/passwd",
            "/callback",
            "",
        ] {
            assert!(check(uri).is_err(), "{uri}");
        }
    }

    #[test]
    fn only_the_port_of_a_loopback_address_is_free() {
        let check = |registered, requested, expected| {
            assert_eq!(
                matches(registered, requested),
                expected,
                "{registered} {requested}"
            );
        };
        check("http://127.0.0.1/cb", "http://127.0.0.1:5123/cb", true);
        check("http://127.0.0.1:1/cb", "http://127.0.0.1/cb", true);
        check(
            "http://localhost:1/cb?a=b",
            "http://localhost:2/cb?a=b",
            true,
        );
        check("http://[::1]:1/cb", "http://[::1]:65535/cb", true);
        check("https://example.com/cb", "https://example.com/cb", true);
        check("https://example.com/cb", "https://example.com/cb/", false);
        check(
            "https://example.com/cb",
            "https://example.com:8443/cb",
            false,
        );
        check("https://example.com/cb", "https://EXAMPLE.com/cb", false);
        check("http://127.0.0.1:1/cb", "http://127.0.0.1:1/other", false);
        check("http://127.0.0.1:1/cb", "http://localhost:1/cb", false);
        check("http://127.0.0.1:1/cb", "https://127.0.0.1:1/cb", false);
        check("http://127.0.0.1:1/cb", "http://127.0.0.1:x/cb", false);
        check("http://127.0.0.1:1/cb", "http://127.0.0.1:/cb", false);
        check(
            "http://127.0.0.1:1",
            "http://127.0.0.1:1@evil.example",
            false,
        );
        check("http://127.0.0.1:1", "http://127.0.0.1.evil.example", false);
        check("http://127.0.0.1:1", "http://127.0.0.1:99999999", false);
    }

    #[test]
    fn the_destination_is_what_the_user_should_recognise() {
        assert_eq!(
            destination("https://claude.ai/api/mcp/auth_callback"),
            "claude.ai"
        );
        assert_eq!(destination("http://127.0.0.1:33418/"), "127.0.0.1:33418");
        let native = destination("cursor://anysphere.cursor-mcp/oauth/callback");
        assert_eq!(native, "the application that opens cursor: addresses");
    }
}
