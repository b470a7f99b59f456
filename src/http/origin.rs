//! `Host` and `Origin` on MCP paths: what keeps a web page that rebinds its name to our address (DNS rebinding) from
//! speaking to us, as the transport page of MCP demands.
//!
//! 1. The host asked for must be the host of the public URL, a configured one, or, while the connection came in on a
//!    loopback address, a loopback name with the listener's port.
//! 2. A request without `Origin` does not come from a web page's script and passes.
//! 3. Any other origin must be that of the public URL, a configured one, or, while the public URL is on loopback, a
//!    loopback origin (so that tools like the MCP Inspector work in development).

use std::borrow::Cow;
use std::net::{IpAddr, SocketAddr};

use axum::http::uri::Authority;
use axum::http::{HeaderMap, Uri, Version, header};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};

use super::error::Refusal;

/// A web origin (RFC 6454 §6.2), as browsers write it: `https://host` or `https://host:port`, lower case.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq, Serialize)]
#[serde(try_from = "String")]
pub struct Origin(String);

/// What was written is no origin.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "expected a web origin such as `https://app.example.com` (no path, no `*`), found `{found}`"
)]
pub struct OriginError {
    found: String,
}

impl TryFrom<String> for Origin {
    type Error = OriginError;

    fn try_from(found: String) -> Result<Self, OriginError> {
        Self::parse(&found).ok_or(OriginError { found })
    }
}

impl JsonSchema for Origin {
    fn schema_name() -> Cow<'static, str> {
        "Origin".into()
    }

    fn json_schema(_generator: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "string",
            "description": "A web origin: scheme, host and port, no path.",
            "examples": ["https://app.example.com", "http://localhost:6274"]
        })
    }
}

impl Origin {
    /// Parses an origin; one trailing slash and the scheme's own port are forgiven.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let url = url::Url::parse(text).ok()?;
        let bare = matches!(url.scheme(), "http" | "https")
            && url.path() == "/"
            && url.query().is_none()
            && url.fragment().is_none()
            && url.username().is_empty()
            && url.password().is_none();
        bare.then(|| Self(url.origin().ascii_serialization()))
    }

    /// The origin as browsers write it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Host and port as in a `Host` header.
    fn authority(&self) -> &str {
        self.0
            .split_once("://")
            .map_or("", |(_, authority)| authority)
    }

    fn is_loopback(&self) -> bool {
        is_loopback_name(split_port(self.authority()).0)
    }
}

/// A `Host` that requests may ask for: `name`, with any port, or `name:port`.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq, Serialize)]
#[serde(try_from = "String")]
pub struct AllowedHost(String);

/// What was written is no host.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("expected a host such as `mcp.internal` or `mcp.internal:8080`, found `{found}`")]
pub struct AllowedHostError {
    found: String,
}

impl TryFrom<String> for AllowedHost {
    type Error = AllowedHostError;

    fn try_from(found: String) -> Result<Self, AllowedHostError> {
        let odd = |b: u8| !b.is_ascii_graphic() || matches!(b, b'/' | b'*' | b'@' | b'?' | b'#');
        if found.is_empty() || found.bytes().any(odd) {
            return Err(AllowedHostError { found });
        }
        Ok(Self(found))
    }
}

impl JsonSchema for AllowedHost {
    fn schema_name() -> Cow<'static, str> {
        "AllowedHost".into()
    }

    fn json_schema(_generator: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "string",
            "description": "A host name, with or without a port.",
            "examples": ["mcp.internal", "mcp.internal:8080"]
        })
    }
}

/// The hosts and origins of one server.
#[derive(Clone, Debug)]
pub struct Allowed {
    own: Option<Origin>,
    /// Its host and port.
    authority: String,
    hosts: Vec<AllowedHost>,
    origins: Vec<Origin>,
}

impl Allowed {
    /// `public_url` is the origin under which clients reach this server.
    #[must_use]
    pub fn new(public_url: &str, hosts: Vec<AllowedHost>, origins: Vec<Origin>) -> Self {
        let own = Origin::parse(public_url);
        Self {
            authority: own.as_ref().map_or("", Origin::authority).to_owned(),
            own,
            hosts,
            origins,
        }
    }

    /// Checks the [`requested_host`], on a connection that came in at `local`.
    pub fn check_host(&self, host: Option<&str>, local: SocketAddr) -> Result<(), Refusal> {
        let host = host.ok_or(Refusal::HostNotAllowed)?;
        let own = self.own.is_some() && same_host(host, &self.authority);
        let allowed = own || self.is_configured(host) || is_local(host, local);
        if allowed {
            Ok(())
        } else {
            Err(Refusal::HostNotAllowed)
        }
    }

    fn is_configured(&self, host: &str) -> bool {
        let name = split_port(host).0;
        self.hosts.iter().any(|AllowedHost(allowed)| {
            allowed.eq_ignore_ascii_case(host) || allowed.eq_ignore_ascii_case(name)
        })
    }

    /// Checks the origin of the page that sends the request, if there is one.
    pub fn check_origin(&self, headers: &HeaderMap) -> Result<(), Refusal> {
        let mut origins = headers.get_all(header::ORIGIN).iter();
        let Some(origin) = origins.next() else {
            return Ok(());
        };
        let single = origins.next().is_none();
        let allowed = origin.to_str().is_ok_and(|origin| self.allows(origin));
        if single && allowed {
            Ok(())
        } else {
            Err(Refusal::OriginNotAllowed)
        }
    }

    /// True if pages of this origin may call.
    #[must_use]
    pub fn allows(&self, origin: &str) -> bool {
        let own = self.own.as_ref();
        if own
            .into_iter()
            .chain(&self.origins)
            .any(|allowed| allowed.as_str() == origin)
        {
            return true;
        }
        own.is_some_and(Origin::is_loopback)
            && Origin::parse(origin).is_some_and(|origin| origin.is_loopback())
    }
}

/// Refuses a request that does not ask for a loopback name.
pub fn check_loopback_host(host: Option<&str>) -> Result<(), Refusal> {
    match host {
        Some(host) if is_loopback_name(split_port(host).0) => Ok(()),
        Some(_) | None => Err(Refusal::HostNotAllowed),
    }
}

/// The host that a request asks for: that of its target, or of the only `Host` header.
///
/// RFC 9112 §3.2: "A server MUST respond with a 400 (Bad Request) status code to any HTTP/1.1 request message that lacks a
/// Host header field and to any request message that contains more than one Host header field line or a Host header
/// field with an invalid field value." One that contradicts the target is refused the same way: a proxy may have gone by
/// the other (RFC 9113 §8.3.1 demands it for HTTP/2).
pub fn requested_host<'a>(
    version: Version,
    uri: &'a Uri,
    headers: &'a HeaderMap,
) -> Result<Option<&'a str>, Refusal> {
    let mut hosts = headers.get_all(header::HOST).iter();
    let in_header = match (hosts.next(), hosts.next()) {
        (None, _) => None,
        (Some(host), None) => Some(host.to_str().map_err(|_not_ascii| Refusal::HostHeader)?),
        (Some(_), Some(_)) => return Err(Refusal::HostHeader),
    };
    let in_target = uri.authority().map(Authority::as_str);
    if in_target.into_iter().chain(in_header).any(is_no_host) {
        return Err(Refusal::HostHeader);
    }
    match (in_target, in_header) {
        (Some(target), Some(host)) if !same_host(host, target) => Err(Refusal::HostHeader),
        (Some(target), _) => Ok(Some(target)),
        (None, Some(host)) => Ok(Some(host)),
        (None, None) if version == Version::HTTP_11 => Err(Refusal::HostHeader),
        (None, None) => Ok(None),
    }
}

/// True for what cannot be `uri-host [ ":" port ]` (RFC 9110 §7.2), a user's name before the host among it.
fn is_no_host(text: &str) -> bool {
    let in_hosts = |b: u8| {
        b.is_ascii_alphanumeric()
            || matches!(b, b'-' | b'.' | b'_' | b'~' | b'%' | b':' | b'[' | b']')
            || matches!(b, b'!' | b'$' | b'&'..=b',' | b';' | b'=')
    };
    !text.bytes().all(in_hosts)
}

/// Compares hosts without regard to case; an absent port equals the ports of http and https.
fn same_host(one: &str, other: &str) -> bool {
    if one == other || one.eq_ignore_ascii_case(other) {
        return true;
    }
    let ((one, one_port), (other, other_port)) = (split_port(one), split_port(other));
    let default = |port: Option<&str>| matches!(port, None | Some("80" | "443"));
    one.eq_ignore_ascii_case(other) && default(one_port) && default(other_port)
}

fn is_local(host: &str, local: SocketAddr) -> bool {
    let (name, port) = split_port(host);
    let port = port.unwrap_or("80");
    local.ip().to_canonical().is_loopback()
        && is_loopback_name(name)
        && port.parse() == Ok(local.port())
}

fn is_loopback_name(name: &str) -> bool {
    let bare = name
        .strip_prefix('[')
        .and_then(|rest| rest.strip_suffix(']'))
        .unwrap_or(name);
    name.eq_ignore_ascii_case("localhost")
        || bare
            .parse::<IpAddr>()
            .is_ok_and(|address| address.is_loopback())
}

/// Name and port of `name`, `name:port`, `[v6]` or `[v6]:port`. What is no number is no port: `name:x@evil` is a strange
/// name, not `name`.
fn split_port(host: &str) -> (&str, Option<&str>) {
    match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|b| b.is_ascii_digit()) => (name, Some(port)),
        Some(_) | None => (host, None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn allowed(public_url: &str) -> Allowed {
        let host = |text: &str| AllowedHost::try_from(text.to_owned()).unwrap();
        let hosts = vec![host("mcp.internal"), host("other.internal:8443")];
        Allowed::new(
            public_url,
            hosts,
            vec![Origin::parse("https://app.test").unwrap()],
        )
    }

    fn host_passes(public_url: &str, host: &str, local: &str) -> bool {
        allowed(public_url)
            .check_host(Some(host), local.parse().unwrap())
            .is_ok()
    }

    fn origin_passes(public_url: &str, origin: &str) -> bool {
        let mut headers = HeaderMap::new();
        headers.insert(header::ORIGIN, origin.parse().unwrap());
        allowed(public_url).check_origin(&headers).is_ok()
    }

    #[test]
    fn the_host_must_be_the_public_one_a_configured_one_or_a_loopback_name_on_loopback() {
        let public = "https://mcp.example.com";
        for (host, local, expected) in [
            ("mcp.example.com", "10.0.0.1:80", true),
            ("MCP.example.com:443", "10.0.0.1:80", true),
            ("mcp.example.com:8443", "10.0.0.1:80", false),
            ("mcp.internal", "10.0.0.1:80", true),
            ("mcp.internal:9999", "10.0.0.1:80", true),
            ("other.internal:8443", "10.0.0.1:80", true),
            ("other.internal", "10.0.0.1:80", false),
            ("localhost:8080", "127.0.0.1:8080", true),
            ("127.0.0.1:8080", "127.0.0.1:8080", true),
            ("[::1]:8080", "[::1]:8080", true),
            ("localhost:8080", "10.0.0.1:8080", false),
            ("localhost:9999", "127.0.0.1:8080", false),
            ("localhost.evil.test:8080", "127.0.0.1:8080", false),
            ("evil.test", "127.0.0.1:8080", false),
            ("mcp.example.com.evil.test", "10.0.0.1:80", false),
            ("mcp.example.com@evil.test", "10.0.0.1:80", false),
            ("mcp.internal:80@evil.test", "10.0.0.1:80", false),
            ("mcp.internal:evil.test", "10.0.0.1:80", false),
            ("localhost:8080@evil.test", "127.0.0.1:8080", false),
            ("mcp.example.com.", "10.0.0.1:80", false),
            ("mcp.example.com:0443", "10.0.0.1:80", false),
            ("", "10.0.0.1:80", false),
        ] {
            assert_eq!(
                host_passes(public, host, local),
                expected,
                "{host} at {local}"
            );
        }
    }

    fn requested(
        version: Version,
        target: &str,
        hosts: &[&str],
    ) -> Result<Option<String>, Refusal> {
        let uri: Uri = target.parse().expect("a target");
        let pair = |host: &&str| (header::HOST, host.parse().expect("a value"));
        let headers: HeaderMap =
            hosts
                .iter()
                .map(pair)
                .fold(HeaderMap::new(), |mut all, (name, value)| {
                    all.append(name, value);
                    all
                });
        requested_host(version, &uri, &headers).map(|host| host.map(str::to_owned))
    }

    #[test]
    fn a_request_asks_for_one_host_and_says_so_once() {
        let bad = Err(Refusal::HostHeader);
        let asks_for = |host: &str| Ok(Some(host.to_owned()));
        let absolute = "http://mcp.test/mcp";
        for (target, hosts, expected) in [
            ("/mcp", &["mcp.test"][..], asks_for("mcp.test")),
            ("/mcp", &["mcp.test:8080"], asks_for("mcp.test:8080")),
            ("/mcp", &["[::1]:80"], asks_for("[::1]:80")),
            ("/mcp", &[""], asks_for("")),
            (absolute, &["mcp.test"], asks_for("mcp.test")),
            (absolute, &["MCP.test:80"], asks_for("mcp.test")),
            (absolute, &[], asks_for("mcp.test")),
            ("/mcp", &[], bad.clone()),
            ("/mcp", &["mcp.test", "mcp.test"], bad.clone()),
            ("/mcp", &["mcp.test", "evil.test"], bad.clone()),
            ("/mcp", &["user@mcp.test"], bad.clone()),
            ("/mcp", &["mcp.test/x"], bad.clone()),
            ("/mcp", &["mcp test"], bad.clone()),
            ("/mcp", &["mcp.test\u{e9}"], bad.clone()),
            (absolute, &["evil.test"], bad.clone()),
            (absolute, &["mcp.test", "mcp.test"], bad.clone()),
            ("http://user@mcp.test/mcp", &["mcp.test"], bad.clone()),
        ] {
            assert_eq!(
                requested(Version::HTTP_11, target, hosts),
                expected,
                "{target} {hosts:?}"
            );
        }
        assert_eq!(requested(Version::HTTP_10, "/mcp", &[]), Ok(None));
        assert_eq!(
            requested(Version::HTTP_2, absolute, &[]),
            asks_for("mcp.test")
        );
        assert_eq!(requested(Version::HTTP_2, absolute, &["evil.test"]), bad);
        let local = "127.0.0.1:8080".parse().unwrap();
        let refused = Err(Refusal::HostNotAllowed);
        assert_eq!(allowed("https://mcp.test").check_host(None, local), refused);
    }

    #[test]
    fn an_origin_must_be_our_own_or_configured() {
        let public = "https://mcp.example.com";
        for (origin, expected) in [
            ("https://mcp.example.com", true),
            ("https://app.test", true),
            ("http://mcp.example.com", false),
            ("https://mcp.example.com.evil.test", false),
            ("https://mcp.example.com:8443", false),
            ("http://localhost:6274", false),
            ("https://evil.test", false),
            ("null", false),
            ("*", false),
        ] {
            assert_eq!(origin_passes(public, origin), expected, "{origin}");
        }
        assert_eq!(allowed(public).check_origin(&HeaderMap::new()), Ok(()));
    }

    #[test]
    fn while_the_public_url_is_on_loopback_every_loopback_origin_passes() {
        for (origin, expected) in [
            ("http://localhost:6274", true),
            ("http://127.0.0.1:8080", true),
            ("http://[::1]:3000", true),
            ("http://localhost.evil.test", false),
            ("http://127.0.0.1.evil.test", false),
            ("http://evil.test", false),
            ("null", false),
        ] {
            assert_eq!(
                origin_passes("http://127.0.0.1:8080", origin),
                expected,
                "{origin}"
            );
        }
    }

    #[test]
    fn settings_accept_origins_and_hosts_but_no_wildcards() {
        assert_eq!(
            Origin::parse("https://App.test:443/").unwrap().as_str(),
            "https://app.test"
        );
        for wrong in [
            "*",
            "app.test",
            "https://app.test/path",
            "https://u@app.test",
            "file:///x",
        ] {
            assert_eq!(Origin::parse(wrong), None, "{wrong}");
        }
        for wrong in ["", "*", "*.app.test", "https://app.test", "a b"] {
            assert!(AllowedHost::try_from(wrong.to_owned()).is_err(), "{wrong}");
        }
    }
}
