//! What a token must have. The server refuses with a reason; each reason belongs to one of these.

use crate::doctor::check::{Check, Place};

/// In the order in which a client meets them.
pub(super) const ALL: &[&Check] = &[
    &TOKEN_SENT,
    &TOKEN_IS_JWT,
    &TOKEN_TYPE,
    &TOKEN_ALGORITHM,
    &TOKEN_ISSUER,
    &TOKEN_AUDIENCE,
    &TOKEN_EXPIRY,
    &TOKEN_CLOCK,
    &TOKEN_LIFETIME,
    &TOKEN_CLAIMS,
    &TOKEN_CLIENT,
    &TOKEN_BEARER,
    &TOKEN_GROUPS,
    &TOKEN_KEY,
    &TOKEN_SIGNATURE,
    &TOKEN_ACTIVE,
    &TOKEN_SCOPE,
    &TOKEN_RULES,
];

/// A token is sent, in the Authorization header and nowhere else.
pub const TOKEN_SENT: Check = Check {
    id: "token-sent",
    title: "A token is sent, in the Authorization header and nowhere else",
    place: Place::Client,
    follows: &[],
    ..Check::BLANK
};

/// The token is a signed JWT that is well formed.
pub const TOKEN_IS_JWT: Check = Check {
    id: "token-is-jwt",
    title: "The token is a signed JWT that is well formed",
    place: Place::Provider,
    follows: &[],
    ..Check::BLANK
};

/// It is an access token.
pub const TOKEN_TYPE: Check = Check {
    id: "token-type",
    title: "It is an access token",
    place: Place::Client,
    follows: &["token-is-jwt"],
    ..Check::BLANK
};

/// It is signed with an algorithm that is accepted.
pub const TOKEN_ALGORITHM: Check = Check {
    id: "token-algorithm",
    title: "It is signed with an algorithm that is accepted",
    place: Place::Provider,
    follows: &["token-is-jwt"],
    ..Check::BLANK
};

/// It comes from an issuer that is configured, by its exact name.
pub const TOKEN_ISSUER: Check = Check {
    id: "token-issuer",
    title: "It comes from an issuer that is configured, by its exact name",
    place: Place::Gateway,
    follows: &["token-is-jwt"],
    ..Check::BLANK
};

/// It is for this server.
pub const TOKEN_AUDIENCE: Check = Check {
    id: "token-audience",
    title: "It is for this server",
    place: Place::Provider,
    follows: &["token-is-jwt", "token-issuer"],
    ..Check::BLANK
};

/// It has not expired.
pub const TOKEN_EXPIRY: Check = Check {
    id: "token-expiry",
    title: "It has not expired",
    place: Place::Client,
    follows: &["token-is-jwt", "token-issuer"],
    ..Check::BLANK
};

/// It is valid already.
pub const TOKEN_CLOCK: Check = Check {
    id: "token-clock",
    title: "It is valid already",
    place: Place::Gateway,
    follows: &["token-is-jwt", "token-issuer"],
    ..Check::BLANK
};

/// It does not live longer than is accepted.
pub const TOKEN_LIFETIME: Check = Check {
    id: "token-lifetime",
    title: "It does not live longer than is accepted",
    place: Place::Provider,
    follows: &["token-is-jwt", "token-issuer"],
    ..Check::BLANK
};

/// It has the claims that are needed.
pub const TOKEN_CLAIMS: Check = Check {
    id: "token-claims",
    title: "It has the claims that are needed",
    place: Place::Provider,
    follows: &["token-is-jwt", "token-issuer"],
    ..Check::BLANK
};

/// Its client is one that is accepted.
pub const TOKEN_CLIENT: Check = Check {
    id: "token-client",
    title: "Its client is one that is accepted",
    place: Place::Gateway,
    follows: &["token-is-jwt", "token-issuer"],
    ..Check::BLANK
};

/// It is a plain bearer token.
pub const TOKEN_BEARER: Check = Check {
    id: "token-bearer",
    title: "It is a plain bearer token",
    place: Place::Provider,
    follows: &["token-is-jwt", "token-issuer"],
    ..Check::BLANK
};

/// It lists the groups of its user.
pub const TOKEN_GROUPS: Check = Check {
    id: "token-groups",
    title: "It lists the groups of its user",
    place: Place::Provider,
    follows: &["token-is-jwt", "token-issuer"],
    ..Check::BLANK
};

/// It is signed by a key that the issuer publishes.
pub const TOKEN_KEY: Check = Check {
    id: "token-key",
    title: "It is signed by a key that the issuer publishes",
    place: Place::Provider,
    follows: &[
        "token-is-jwt",
        "token-issuer",
        "keys-reachable",
        "keys-usable",
    ],
    ..Check::BLANK
};

/// Its signature is right.
pub const TOKEN_SIGNATURE: Check = Check {
    id: "token-signature",
    title: "Its signature is right",
    place: Place::Provider,
    follows: &["token-is-jwt", "token-key"],
    ..Check::BLANK
};

/// The issuer says that it is active.
pub const TOKEN_ACTIVE: Check = Check {
    id: "token-active",
    title: "The issuer says that it is active",
    place: Place::Provider,
    follows: &["token-is-jwt", "token-issuer"],
    ..Check::BLANK
};

/// It has a scope that allows something here.
pub const TOKEN_SCOPE: Check = Check {
    id: "token-scope",
    title: "It has a scope that allows something here",
    place: Place::Provider,
    follows: &["token-is-jwt", "token-issuer"],
    ..Check::BLANK
};

/// The rules let its bearer do what the client came for.
pub const TOKEN_RULES: Check = Check {
    id: "token-rules",
    title: "The rules let its bearer do what the client came for",
    place: Place::Gateway,
    follows: &["token-scope"],
    ..Check::BLANK
};
