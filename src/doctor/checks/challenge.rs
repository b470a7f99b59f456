//! The 401, the metadata that it points to, and what a browser is allowed to read.

use crate::doctor::check::{Check, Place};

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
    place: Place::Gateway,
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
    place: Place::Proxy,
    follows: &["challenge-status"],
    ..Check::BLANK
};

/// The challenge names the metadata of this very resource.
pub const CHALLENGE_METADATA_ADDRESS: Check = Check {
    id: "challenge-metadata-address",
    title: "The challenge names the metadata of this very resource",
    place: Place::Gateway,
    follows: &["challenge-header"],
    ..Check::BLANK
};

/// The challenge names the scopes to ask for.
pub const CHALLENGE_SCOPE: Check = Check {
    id: "challenge-scope",
    title: "The challenge names the scopes to ask for",
    place: Place::Gateway,
    follows: &["challenge-header"],
    ..Check::BLANK
};

/// The protected resource metadata is there, at the root and at the path.
pub const METADATA_FOUND: Check = Check {
    id: "metadata-found",
    title: "The protected resource metadata is there, at the root and at the path",
    place: Place::Proxy,
    follows: &["answer-is-mcp", "address-answers", "bot-filter-absent"],
    ..Check::BLANK
};

/// The metadata is a JSON document with what clients need.
pub const METADATA_VALID: Check = Check {
    id: "metadata-valid",
    title: "The metadata is a JSON document with what clients need",
    place: Place::Proxy,
    follows: &["metadata-found"],
    ..Check::BLANK
};

/// The metadata is not an old copy.
pub const METADATA_FRESH: Check = Check {
    id: "metadata-fresh",
    title: "The metadata is not an old copy",
    place: Place::Proxy,
    follows: &["metadata-found"],
    ..Check::BLANK
};

/// `resource` is the address that was typed.
pub const METADATA_RESOURCE: Check = Check {
    id: "metadata-resource",
    title: "`resource` is the address that was typed",
    place: Place::Gateway,
    follows: &["metadata-found", "metadata-valid", "metadata-fresh"],
    ..Check::BLANK
};

/// The metadata names an authorization server that a client can reach.
pub const METADATA_ISSUER: Check = Check {
    id: "metadata-issuer",
    title: "The metadata names an authorization server that a client can reach",
    place: Place::Gateway,
    follows: &["metadata-valid", "metadata-fresh"],
    ..Check::BLANK
};

/// A browser may call it.
pub const CORS_PREFLIGHT: Check = Check {
    id: "cors-preflight",
    title: "A browser may call it",
    place: Place::Proxy,
    follows: &["answer-is-mcp"],
    ..Check::BLANK
};

/// A browser may read the challenge and the session.
pub const CORS_HEADERS_EXPOSED: Check = Check {
    id: "cors-headers-exposed",
    title: "A browser may read the challenge and the session",
    place: Place::Proxy,
    follows: &["cors-preflight", "challenge-header"],
    ..Check::BLANK
};

/// A browser may read the metadata.
pub const CORS_METADATA: Check = Check {
    id: "cors-metadata",
    title: "A browser may read the metadata",
    place: Place::Proxy,
    follows: &["metadata-found"],
    ..Check::BLANK
};
