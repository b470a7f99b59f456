//! After the login: the token, and what a client then does with it.

use crate::doctor::check::{Check, Place};

/// In the order in which a client meets them.
pub(super) const ALL: &[&Check] = &[
    &LOGIN_COMPLETES,
    &CONSENT_GRANTED,
    &TOKEN_ISSUED,
    &TOKEN_ACCEPTED,
    &REVISIONS_SPOKEN,
    &TOOLS_LISTED,
    &SEARCH_AND_FETCH_LISTED,
    &TOOL_SCHEMAS,
    &SEARCH_WORKS,
    &FETCH_WORKS,
    &REFRESH_WORKS,
];

/// The login ends with a code.
pub const LOGIN_COMPLETES: Check = Check {
    id: "login-completes",
    title: "The login ends with a code",
    place: Place::Provider,
    follows: &["redirect-accepted", "authorization-answers"],
    ..Check::BLANK
};

/// The person agreed.
pub const CONSENT_GRANTED: Check = Check {
    id: "consent-granted",
    title: "The person agreed",
    place: Place::Client,
    follows: &[],
    ..Check::BLANK
};

/// The code buys an access token.
pub const TOKEN_ISSUED: Check = Check {
    id: "token-issued",
    title: "The code buys an access token",
    place: Place::Provider,
    follows: &["login-completes", "consent-granted"],
    ..Check::BLANK
};

/// The server accepts the token.
pub const TOKEN_ACCEPTED: Check = Check {
    id: "token-accepted",
    title: "The server accepts the token",
    place: Place::Provider,
    // What is wrong with the token itself explains why it is refused.
    follows: &[
        "token-issued",
        "token-sent",
        "token-is-jwt",
        "token-type",
        "token-algorithm",
        "token-issuer",
        "token-audience",
        "token-expiry",
        "token-clock",
        "token-lifetime",
        "token-claims",
        "token-client",
        "token-bearer",
        "token-groups",
        "token-key",
        "token-signature",
        "token-active",
        "token-scope",
    ],
    ..Check::BLANK
};

/// The server speaks a revision that the client speaks.
pub const REVISIONS_SPOKEN: Check = Check {
    id: "revisions-spoken",
    title: "The server speaks a revision that the client speaks",
    place: Place::Gateway,
    follows: &["token-accepted"],
    ..Check::BLANK
};

/// The client sees tools.
pub const TOOLS_LISTED: Check = Check {
    id: "tools-listed",
    title: "The client sees tools",
    place: Place::Gateway,
    follows: &["token-accepted", "revisions-spoken"],
    ..Check::BLANK
};

/// `search` and `fetch` are there.
pub const SEARCH_AND_FETCH_LISTED: Check = Check {
    id: "search-and-fetch-listed",
    title: "`search` and `fetch` are there",
    place: Place::Gateway,
    follows: &["tools-listed"],
    ..Check::BLANK
};

/// Their schemas, annotations and security schemes are what the client wants.
pub const TOOL_SCHEMAS: Check = Check {
    id: "tool-schemas",
    title: "Their schemas, annotations and security schemes are what the client wants",
    place: Place::Gateway,
    follows: &["search-and-fetch-listed"],
    ..Check::BLANK
};

/// A search finds something.
pub const SEARCH_WORKS: Check = Check {
    id: "search-works",
    title: "A search finds something",
    place: Place::Gateway,
    follows: &["search-and-fetch-listed", "index-filled"],
    ..Check::BLANK
};

/// What was found can be fetched.
pub const FETCH_WORKS: Check = Check {
    id: "fetch-works",
    title: "What was found can be fetched",
    place: Place::Gateway,
    follows: &["search-works"],
    ..Check::BLANK
};

/// The token can be refreshed.
pub const REFRESH_WORKS: Check = Check {
    id: "refresh-works",
    title: "The token can be refreshed",
    place: Place::Provider,
    follows: &[
        "token-issued",
        "token-sent",
        "token-accepted",
        "offline-access",
    ],
    ..Check::BLANK
};
