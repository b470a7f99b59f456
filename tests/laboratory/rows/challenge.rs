//! The 401 and its challenge, and what a browser may read.

use crate::broken_proxy::{Fault, What, always, at};
use crate::row::{At, Break, Row, WALK};

const fn row(fault: &'static str, breaks: &'static [Break], first: &'static str) -> Row {
    Row {
        fault,
        place: "proxy",
        at: At::DevIdp,
        breaks,
        ask: WALK,
        first,
    }
}

/// At the MCP endpoint.
const fn mcp(what: What) -> Break {
    Break::Front(Fault {
        path: "/mcp",
        ..at("POST", "", what)
    })
}

pub(crate) const ROWS: &[Row] = &[
    row(
        "401 is turned into 200",
        &[mcp(What::Turn(401, 200))],
        "challenge-status",
    ),
    row(
        "401 is turned into 403",
        &[mcp(What::Turn(401, 403))],
        "challenge-status",
    ),
    row(
        "401 is turned into 500",
        &[mcp(What::Turn(401, 500))],
        "challenge-status",
    ),
    row(
        "the challenge is stripped",
        &[mcp(What::Strip("www-authenticate"))],
        "challenge-header",
    ),
    row(
        "the challenge is the proxy's own (Basic)",
        &[mcp(What::Set(
            "www-authenticate",
            "Basic realm=\"staging\"",
        ))],
        "challenge-header",
    ),
    row(
        "the challenge names no metadata",
        &[mcp(What::Set(
            "www-authenticate",
            "Bearer realm=\"mcp\", scope=\"mcp:read\"",
        ))],
        "challenge-metadata-address",
    ),
    row(
        "the challenge names the metadata of another host",
        &[mcp(What::Replace(
            "{here}/.well-known",
            "https://mcp.example.com/.well-known",
        ))],
        "challenge-metadata-address",
    ),
    row(
        "a preflight is answered with 401",
        &[Break::Front(at(
            "OPTIONS",
            "/mcp",
            What::Answer(401, &[("www-authenticate", "Bearer")], ""),
        ))],
        "cors-preflight",
    ),
    row(
        "a preflight does not allow the header Authorization",
        &[Break::Front(at(
            "OPTIONS",
            "/mcp",
            What::Set("access-control-allow-headers", "content-type"),
        ))],
        "cors-preflight",
    ),
    row(
        "a browser may not read the challenge",
        &[Break::Front(always(What::Strip(
            "access-control-expose-headers",
        )))],
        "cors-headers-exposed",
    ),
    row(
        "a browser may not read the metadata",
        &[Break::Front(at(
            "GET",
            "/.well-known/oauth-protected-resource",
            What::Strip("access-control-allow-origin"),
        ))],
        "cors-metadata",
    ),
];
