//! The authorization server: its metadata, its keys, and what it offers to clients.

use crate::doctor::check::{Check, Place};

/// In the order in which a client meets them.
pub(super) const ALL: &[&Check] = &[
    &ISSUER_REACHABLE,
    &ISSUER_TLS,
    &ISSUER_METADATA_FOUND,
    &ISSUER_METADATA_VALID,
    &ISSUER_EQUAL,
    &ISSUER_HTTPS,
    &PKCE_OFFERED,
    &CODE_FLOW_OFFERED,
    &REGISTRATION_PATH,
    &REGISTRATION_CLIENT_DOCUMENT,
    &REGISTRATION_WORKS,
    &REDIRECT_ACCEPTED,
    &AUTHORIZATION_ANSWERS,
    &RESPONSE_ISSUER,
    &SCOPES_OFFERED,
    &OFFLINE_ACCESS,
    &KEYS_REACHABLE,
    &KEYS_IN_TIME,
    &KEYS_USABLE,
    &ALGORITHM_ALLOWED,
    &ISSUER_CLOCK,
    &ISSUER_CORS,
    &RESOURCE_PARAMETER,
];

/// The authorization server answers.
pub const ISSUER_REACHABLE: Check = Check {
    id: "issuer-reachable",
    title: "The authorization server answers",
    place: Place::Provider,
    follows: &["metadata-issuer"],
    ..Check::BLANK
};

/// Its certificate is trusted, valid and for its name.
pub const ISSUER_TLS: Check = Check {
    id: "issuer-tls",
    title: "Its certificate is trusted, valid and for its name",
    place: Place::Provider,
    follows: &[],
    ..Check::BLANK
};

/// Its metadata is found in one of the standard places.
pub const ISSUER_METADATA_FOUND: Check = Check {
    id: "issuer-metadata-found",
    title: "Its metadata is found in one of the standard places",
    place: Place::Provider,
    follows: &["issuer-reachable", "issuer-tls"],
    ..Check::BLANK
};

/// Its metadata is JSON with the endpoints that a login needs.
pub const ISSUER_METADATA_VALID: Check = Check {
    id: "issuer-metadata-valid",
    title: "Its metadata is JSON with the endpoints that a login needs",
    place: Place::Provider,
    follows: &["issuer-metadata-found"],
    ..Check::BLANK
};

/// It calls itself by the very name that the resource metadata gives.
pub const ISSUER_EQUAL: Check = Check {
    id: "issuer-equal",
    title: "It calls itself by the very name that the resource metadata gives",
    place: Place::Gateway,
    follows: &["issuer-metadata-valid"],
    ..Check::BLANK
};

/// Its endpoints are https.
pub const ISSUER_HTTPS: Check = Check {
    id: "issuer-https",
    title: "Its endpoints are https",
    place: Place::Provider,
    follows: &["issuer-metadata-valid"],
    ..Check::BLANK
};

/// It advertises PKCE with S256.
pub const PKCE_OFFERED: Check = Check {
    id: "pkce-offered",
    title: "It advertises PKCE with S256",
    place: Place::Provider,
    follows: &["issuer-metadata-valid"],
    ..Check::BLANK
};

/// It offers the authorization code grant.
pub const CODE_FLOW_OFFERED: Check = Check {
    id: "code-flow-offered",
    title: "It offers the authorization code grant",
    place: Place::Provider,
    follows: &["issuer-metadata-valid"],
    ..Check::BLANK
};

/// The client has a way to become known there.
pub const REGISTRATION_PATH: Check = Check {
    id: "registration-path",
    title: "The client has a way to become known there",
    place: Place::Provider,
    follows: &["issuer-metadata-valid"],
    ..Check::BLANK
};

/// The document that describes the client is taken.
pub const REGISTRATION_CLIENT_DOCUMENT: Check = Check {
    id: "registration-client-document",
    title: "The document that describes the client is taken",
    place: Place::Provider,
    follows: &["registration-path"],
    ..Check::BLANK
};

/// A registration succeeds.
pub const REGISTRATION_WORKS: Check = Check {
    id: "registration-works",
    title: "A registration succeeds",
    place: Place::Provider,
    follows: &["registration-path"],
    ..Check::BLANK
};

/// The authorization endpoint takes the redirect address of the client.
pub const REDIRECT_ACCEPTED: Check = Check {
    id: "redirect-accepted",
    title: "The authorization endpoint takes the redirect address of the client",
    place: Place::Provider,
    follows: &[
        "issuer-metadata-valid",
        "registration-path",
        "registration-works",
    ],
    ..Check::BLANK
};

/// The authorization endpoint answers with a login.
pub const AUTHORIZATION_ANSWERS: Check = Check {
    id: "authorization-answers",
    title: "The authorization endpoint answers with a login",
    place: Place::Provider,
    follows: &["issuer-metadata-valid"],
    ..Check::BLANK
};

/// It names itself in the answer to a login (`iss`).
pub const RESPONSE_ISSUER: Check = Check {
    id: "response-issuer",
    title: "It names itself in the answer to a login (`iss`)",
    place: Place::Provider,
    follows: &["issuer-metadata-valid"],
    ..Check::BLANK
};

/// It offers the scopes that are asked for.
pub const SCOPES_OFFERED: Check = Check {
    id: "scopes-offered",
    title: "It offers the scopes that are asked for",
    place: Place::Provider,
    follows: &["issuer-metadata-valid"],
    ..Check::BLANK
};

/// A connection survives the hour: refresh tokens are offered.
pub const OFFLINE_ACCESS: Check = Check {
    id: "offline-access",
    title: "A connection survives the hour: refresh tokens are offered",
    place: Place::Provider,
    follows: &["issuer-metadata-valid"],
    ..Check::BLANK
};

/// Its key set is there.
pub const KEYS_REACHABLE: Check = Check {
    id: "keys-reachable",
    title: "Its key set is there",
    place: Place::Provider,
    follows: &["issuer-metadata-valid"],
    ..Check::BLANK
};

/// Its key set arrives in time.
pub const KEYS_IN_TIME: Check = Check {
    id: "keys-in-time",
    title: "Its key set arrives in time",
    place: Place::Provider,
    follows: &["keys-reachable"],
    ..Check::BLANK
};

/// Its key set has a key that can be used.
pub const KEYS_USABLE: Check = Check {
    id: "keys-usable",
    title: "Its key set has a key that can be used",
    place: Place::Provider,
    follows: &["keys-reachable"],
    ..Check::BLANK
};

/// It signs with an algorithm that is accepted.
pub const ALGORITHM_ALLOWED: Check = Check {
    id: "algorithm-allowed",
    title: "It signs with an algorithm that is accepted",
    place: Place::Provider,
    follows: &["keys-usable"],
    ..Check::BLANK
};

/// Its clock agrees.
pub const ISSUER_CLOCK: Check = Check {
    id: "issuer-clock",
    title: "Its clock agrees",
    place: Place::Provider,
    follows: &["issuer-reachable"],
    ..Check::BLANK
};

/// A browser may read its metadata.
pub const ISSUER_CORS: Check = Check {
    id: "issuer-cors",
    title: "A browser may read its metadata",
    place: Place::Provider,
    follows: &["issuer-metadata-found"],
    ..Check::BLANK
};

/// It takes the `resource` parameter that clients send.
pub const RESOURCE_PARAMETER: Check = Check {
    id: "resource-parameter",
    title: "It takes the `resource` parameter that clients send",
    place: Place::Provider,
    follows: &["authorization-answers"],
    ..Check::BLANK
};
