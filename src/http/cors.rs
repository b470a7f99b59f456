//! What browsers are told (the Fetch standard's CORS protocol). The decision who may call is [`super::origin`]'s; this
//! file writes it down.
//!
//! Public endpoints are open to any origin. On guarded ones the allowed origin is echoed. Preflights are answered
//! before authentication: they carry no token.

use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, header};

use super::surface::{Access, Endpoint};

/// What pages may read of a response.
const EXPOSED: HeaderValue = HeaderValue::from_static(
    "WWW-Authenticate, Mcp-Session-Id, MCP-Protocol-Version, Retry-After, X-Request-Id",
);
/// What pages may send, besides `Mcp-Param-*`, whose names are only known from the preflight.
const SENDABLE: &str = "Authorization, Content-Type, Accept, MCP-Protocol-Version, Mcp-Method, Mcp-Name, \
                        Mcp-Session-Id, Last-Event-ID";
/// How long a browser may remember a preflight.
const MAX_AGE: HeaderValue = HeaderValue::from_static("7200");

/// Adds what a page of `origin`, already found allowed, may do with the response.
pub fn expose(headers: &mut HeaderMap, access: Access, origin: &HeaderValue) {
    headers.insert(
        header::ACCESS_CONTROL_ALLOW_ORIGIN,
        allowed_origin(access, origin),
    );
    headers.insert(header::ACCESS_CONTROL_EXPOSE_HEADERS, EXPOSED);
    if access == Access::Guarded {
        headers.append(header::VARY, HeaderValue::from_static("Origin"));
    }
}

/// The headers of the answer to a preflight, besides those of [`expose`].
pub fn preflight(request: &HeaderMap, endpoint: Endpoint, response: &mut HeaderMap) {
    let allow = HeaderValue::from_static(endpoint.methods().1);
    response.insert(header::ACCESS_CONTROL_ALLOW_METHODS, allow);
    response.insert(header::ACCESS_CONTROL_ALLOW_HEADERS, sendable(request));
    response.insert(header::ACCESS_CONTROL_MAX_AGE, MAX_AGE);
}

/// True if `request` is a preflight rather than a bare `OPTIONS`.
#[must_use]
pub fn is_preflight(method: &Method, request: &HeaderMap) -> bool {
    *method == Method::OPTIONS && request.contains_key(header::ACCESS_CONTROL_REQUEST_METHOD)
}

fn allowed_origin(access: Access, origin: &HeaderValue) -> HeaderValue {
    match access {
        Access::Public => HeaderValue::from_static("*"),
        Access::Guarded => origin.clone(),
    }
}

/// The fixed list, and those `Mcp-Param-*` that the page asks for (SEP-2243 mirrors tool arguments into them).
fn sendable(request: &HeaderMap) -> HeaderValue {
    let asked = request.get(header::ACCESS_CONTROL_REQUEST_HEADERS);
    let asked = asked
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default();
    let mut list = SENDABLE.to_owned();
    for name in asked.split(',').map(str::trim).take(64) {
        let lower = name.to_ascii_lowercase();
        if lower.starts_with("mcp-param-") && HeaderName::from_bytes(lower.as_bytes()).is_ok() {
            list.push_str(", ");
            list.push_str(&lower);
        }
    }
    HeaderValue::from_str(&list).unwrap_or(HeaderValue::from_static(SENDABLE))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sendable_for(asked: &str) -> String {
        let mut request = HeaderMap::new();
        request.insert(
            header::ACCESS_CONTROL_REQUEST_HEADERS,
            asked.parse().unwrap(),
        );
        sendable(&request).to_str().unwrap().to_owned()
    }

    #[test]
    fn a_page_may_send_what_mcp_needs_and_mirrored_arguments() {
        assert_eq!(sendable_for("authorization, content-type"), SENDABLE);
        assert_eq!(
            sendable_for("Mcp-Param-City"),
            format!("{SENDABLE}, mcp-param-city")
        );
        assert_eq!(sendable_for("x-other, cookie, mcp-param-(x)"), SENDABLE);
    }

    #[test]
    fn public_answers_are_for_any_page_and_guarded_ones_for_the_page_that_asked() {
        let origin = HeaderValue::from_static("https://app.test");
        let mut public = HeaderMap::new();
        expose(&mut public, Access::Public, &origin);
        assert_eq!(public[header::ACCESS_CONTROL_ALLOW_ORIGIN], "*");
        assert!(!public.contains_key(header::VARY));
        let mut guarded = HeaderMap::new();
        expose(&mut guarded, Access::Guarded, &origin);
        assert_eq!(
            guarded[header::ACCESS_CONTROL_ALLOW_ORIGIN],
            "https://app.test"
        );
        assert_eq!(guarded[header::VARY], "Origin");
        assert!(!guarded.contains_key(header::ACCESS_CONTROL_ALLOW_CREDENTIALS));
    }
}
