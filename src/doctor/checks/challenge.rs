//! The 401, the metadata that it points to, and what a browser is allowed to read.

use crate::clients::KnownClient;
use crate::doctor::check::{Check, Place, Symptom};

/// In the order in which a client meets them.
pub(super) const ALL: &[&Check] = &[
    &CHALLENGE_STATUS,
    &CHALLENGE_HEADER,
    &CHALLENGE_METADATA_ADDRESS,
    &CHALLENGE_SCOPE,
    &METADATA_FOUND,
    &METADATA_VALID,
    &METADATA_FRESH,
    &METADATA_RESOURCE,
    &METADATA_ISSUER,
    &CORS_PREFLIGHT,
    &CORS_HEADERS_EXPOSED,
    &CORS_METADATA,
];

/// A request without a token is answered with 401.
pub const CHALLENGE_STATUS: Check = Check {
    id: "challenge-status",
    title: "A request without a token is answered with 401",
    failing: "A request without a token is not answered with 401",
    place: Place::Gateway,
    symptoms: &[
        Symptom::of(KnownClient::ChatGpt, "MCP server does not implement OAuth"),
        Symptom::anywhere("Unsupported authorization header"),
        Symptom::anywhere("403 Forbidden"),
    ],
    cause: "Clients begin a login at a 401 and at nothing else. With 200 they take the server for an open one, with \
        403 or 500 for one that does not want them.",
    fix: "See who answers: Usher never lets anybody in without a token, so a 200 comes from something else; a 403 \
        often from a filter. Lead the path to the server",
    page: "validation.md#4-without-a-ticket-401-and-a-challenge",
    follows: &[
        "answer-is-mcp",
        "bot-filter-absent",
        "host-accepted",
        "address-no-redirect",
        "address-answers",
    ],
    ..Check::BLANK
};

/// The 401 carries a Bearer challenge.
pub const CHALLENGE_HEADER: Check = Check {
    id: "challenge-header",
    title: "The 401 carries a Bearer challenge",
    failing: "The 401 carries no Bearer challenge",
    place: Place::Proxy,
    symptoms: &[
        Symptom::of(KnownClient::ChatGpt, "MCP server does not implement OAuth"),
        Symptom::anywhere("Unsupported authorization header"),
        Symptom::anywhere("401 Unauthorized"),
    ],
    cause: "The 401 says nothing of a login: a proxy took the header WWW-Authenticate away, or answers itself with a \
        login of its own.",
    fix: "Let the proxy pass WWW-Authenticate on, and switch its own authentication off for these paths (nginx: no \
        proxy_hide_header, no auth_basic, no auth_request)",
    page: "doctor.md#behind-a-proxy",
    follows: &["challenge-status"],
    ..Check::BLANK
};

/// The challenge names the metadata of this very resource.
pub const CHALLENGE_METADATA_ADDRESS: Check = Check {
    id: "challenge-metadata-address",
    title: "The challenge names the metadata of this very resource",
    failing: "The challenge does not name the metadata of this resource",
    place: Place::Gateway,
    symptoms: &[
        Symptom::of(KnownClient::ChatGpt, "Error fetching OAuth configuration"),
        Symptom::of(
            KnownClient::Claude,
            "Authorization with the MCP server failed",
        ),
        Symptom::anywhere("Failed to fetch protected resource metadata"),
    ],
    cause: "The challenge sends clients to metadata that is elsewhere, inside a network, or not there: usually \
        public_url is not the address that people type.",
    fix: "Set public_url to the address as it is seen from outside, and lead \
        /.well-known/oauth-protected-resource* to the server",
    page: "validation.md#2-it-says-who-issues-tickets",
    follows: &["challenge-header"],
    ..Check::BLANK
};

/// The challenge names the scopes to ask for.
pub const CHALLENGE_SCOPE: Check = Check {
    id: "challenge-scope",
    title: "The challenge names the scopes to ask for",
    failing: "The challenge names no scopes to ask for",
    place: Place::Gateway,
    symptoms: &[
        Symptom::anywhere("insufficient_scope"),
        Symptom::anywhere("No tools available"),
    ],
    cause: "Nothing tells the client which scopes to ask for, so it asks for none, or for all that there are.",
    fix: "Name the scopes in the challenge and in scopes_supported; Usher does both by itself",
    page: "configuration.md",
    follows: &["challenge-header"],
    ..Check::BLANK
};

/// The protected resource metadata is there, at the root and at the path.
pub const METADATA_FOUND: Check = Check {
    id: "metadata-found",
    title: "The protected resource metadata is there, at the root and at the path",
    failing: "The protected resource metadata is not there",
    place: Place::Proxy,
    symptoms: &[
        Symptom::of(KnownClient::ChatGpt, "MCP server does not implement OAuth"),
        Symptom::of(KnownClient::ChatGpt, "Error fetching OAuth configuration"),
        Symptom::of(
            KnownClient::Claude,
            "Authorization with the MCP server failed",
        ),
        Symptom::anywhere("404 Not Found"),
    ],
    cause: "Clients look for the metadata of the server below /.well-known/. A proxy that leads only /mcp to the \
        server answers these paths itself.",
    fix: "Lead /.well-known/oauth-protected-resource and everything below it to the server, with the path \
        unchanged and without a login",
    page: "doctor.md#behind-a-proxy",
    follows: &["answer-is-mcp", "address-answers", "bot-filter-absent"],
    ..Check::BLANK
};

/// The metadata is a JSON document with what clients need.
pub const METADATA_VALID: Check = Check {
    id: "metadata-valid",
    title: "The metadata is a JSON document with what clients need",
    failing: "The metadata is not what clients can read",
    place: Place::Proxy,
    symptoms: &[
        Symptom::of(KnownClient::ChatGpt, "Error fetching OAuth configuration"),
        Symptom::anywhere("Unexpected token '<'"),
        Symptom::anywhere("is not valid JSON"),
    ],
    cause: "What is there is no JSON document with `resource` and `authorization_servers` (RFC 9728): a page of the \
        proxy, or a document cut short.",
    fix: "See with curl what answers at that address, and lead it to the server",
    page: "validation.md#2-it-says-who-issues-tickets",
    follows: &["metadata-found"],
    ..Check::BLANK
};

/// The metadata is not an old copy.
pub const METADATA_FRESH: Check = Check {
    id: "metadata-fresh",
    title: "The metadata is not an old copy",
    failing: "The metadata is an old copy",
    place: Place::Proxy,
    symptoms: &[
        Symptom::anywhere("Protected resource does not match expected"),
        Symptom::of(KnownClient::ChatGpt, "Something went wrong"),
    ],
    cause: "A cache between here and the server answers with what was true before the last change.",
    fix: "Empty the cache for /.well-known/*, and let it keep these documents no longer than they say (Usher: five \
        minutes)",
    page: "doctor.md#behind-a-proxy",
    follows: &["metadata-found"],
    ..Check::BLANK
};

/// `resource` is the address that was typed.
pub const METADATA_RESOURCE: Check = Check {
    id: "metadata-resource",
    title: "`resource` is the address that was typed",
    failing: "`resource` is not the address that was typed",
    place: Place::Gateway,
    symptoms: &[
        Symptom::anywhere("Protected resource does not match expected"),
        Symptom::of(
            KnownClient::Claude,
            "Authorization with the MCP server failed",
        ),
        Symptom::anywhere("invalid_target"),
        Symptom::of(KnownClient::ChatGpt, "Something went wrong"),
    ],
    cause: "Clients ask for tokens for the address that was typed, and believe only metadata that says the same, to \
        the letter: host, path, slash at the end.",
    fix: "Type the address that `resource` has; or set public_url to the origin of the one that people type. Each \
        path has a document of its own: /mcp is not /",
    page: "validation.md#2-it-says-who-issues-tickets",
    follows: &["metadata-found", "metadata-valid", "metadata-fresh"],
    ..Check::BLANK
};

/// The metadata names an authorization server that a client can reach.
pub const METADATA_ISSUER: Check = Check {
    id: "metadata-issuer",
    title: "The metadata names an authorization server that a client can reach",
    failing: "The metadata names no authorization server that a client can reach",
    place: Place::Gateway,
    symptoms: &[
        Symptom::of(KnownClient::ChatGpt, "Error fetching OAuth configuration"),
        Symptom::anywhere("No authorization server"),
        Symptom::anywhere("Failed to discover OAuth metadata"),
    ],
    cause: "The metadata does not say who issues tokens, or names an address that cannot be one.",
    fix: "Set `issuer` of the table [[issuer]] to the public address of the identity provider, exactly as its own \
        metadata writes it",
    page: "identity-providers.md",
    follows: &["metadata-valid", "metadata-fresh"],
    ..Check::BLANK
};

/// A browser may call it.
pub const CORS_PREFLIGHT: Check = Check {
    id: "cors-preflight",
    title: "A browser may call it",
    failing: "A browser may not call it",
    place: Place::Proxy,
    symptoms: &[
        Symptom::of(KnownClient::Inspector, "Failed to fetch"),
        Symptom::anywhere(
            "has been blocked by CORS policy: Response to preflight request doesn't pass access control check",
        ),
    ],
    cause: "A browser asks first (OPTIONS), without a token, whether a page may call. Something answers no, or asks \
        for a login.",
    fix: "Add the page's origin to http.allowed_origins (CORS_ORIGINS), and let the proxy pass OPTIONS on to the \
        server",
    page: "clients/inspector.md#let-its-page-in",
    follows: &["answer-is-mcp"],
    ..Check::BLANK
};

/// A browser may read the challenge and the session.
pub const CORS_HEADERS_EXPOSED: Check = Check {
    id: "cors-headers-exposed",
    title: "A browser may read the challenge and the session",
    failing: "A browser may not read the challenge or the session",
    place: Place::Proxy,
    symptoms: &[
        Symptom::of(KnownClient::Inspector, "Failed to fetch"),
        Symptom::anywhere(
            "has been blocked by CORS policy: No 'Access-Control-Allow-Origin' header is present",
        ),
    ],
    cause: "A page reads only the headers that the answer names for it. Without WWW-Authenticate it finds no login, \
        without Mcp-Session-Id no session.",
    fix: "Let the proxy leave Access-Control-* alone: Usher writes them. A proxy that adds its own has to expose \
        WWW-Authenticate, Mcp-Session-Id and MCP-Protocol-Version",
    page: "clients/inspector.md#let-its-page-in",
    follows: &["cors-preflight", "challenge-header"],
    ..Check::BLANK
};

/// A browser may read the metadata.
pub const CORS_METADATA: Check = Check {
    id: "cors-metadata",
    title: "A browser may read the metadata",
    failing: "A browser may not read the metadata",
    place: Place::Proxy,
    symptoms: &[
        Symptom::of(KnownClient::Inspector, "Failed to fetch"),
        Symptom::anywhere(
            "has been blocked by CORS policy: No 'Access-Control-Allow-Origin' header is present",
        ),
    ],
    cause: "A page reads the metadata only if the answer allows it.",
    fix: "Let the proxy leave Access-Control-Allow-Origin: * on /.well-known/* alone",
    page: "clients/inspector.md#let-its-page-in",
    follows: &["metadata-found"],
    ..Check::BLANK
};
