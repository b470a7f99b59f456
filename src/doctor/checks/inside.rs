//! This server from inside: its configuration, its files, its index, its upstreams.

use crate::doctor::check::{Check, Place};

/// In the order in which a client meets them.
pub(super) const ALL: &[&Check] = &[
    &CONFIGURATION_VALID,
    &CONFIGURATION_MATCHES_ADDRESS,
    &PUBLIC_URL_REACHABLE,
    &ENVIRONMENT_UNDERSTOOD,
    &FILES_PRIVATE,
    &STATE_WRITABLE,
    &PORT_FREE,
    &ISSUER_PROFILE,
    &COLLECTION_READABLE,
    &INDEX_FILLED,
    &UPSTREAM_ANSWERS,
    &CATALOGUE_APPROVED,
    &RULES_MATCH,
    &TOOLS_REACHABLE,
];

/// The configuration may run.
pub const CONFIGURATION_VALID: Check = Check {
    id: "configuration-valid",
    title: "The configuration may run",
    place: Place::Gateway,
    follows: &[],
    ..Check::BLANK
};

/// The listening address and the public URL fit each other.
pub const CONFIGURATION_MATCHES_ADDRESS: Check = Check {
    id: "configuration-matches-address",
    title: "The listening address and the public URL fit each other",
    place: Place::Gateway,
    follows: &["configuration-valid"],
    ..Check::BLANK
};

/// The public URL leads to this server.
pub const PUBLIC_URL_REACHABLE: Check = Check {
    id: "public-url-reachable",
    title: "The public URL leads to this server",
    place: Place::Proxy,
    follows: &["configuration-valid"],
    ..Check::BLANK
};

/// No variable of another tool's guide is left over.
pub const ENVIRONMENT_UNDERSTOOD: Check = Check {
    id: "environment-understood",
    title: "No variable of another tool's guide is left over",
    place: Place::Gateway,
    follows: &[],
    ..Check::BLANK
};

/// Nobody else may read the secrets or write the state.
pub const FILES_PRIVATE: Check = Check {
    id: "files-private",
    title: "Nobody else may read the secrets or write the state",
    place: Place::Gateway,
    follows: &["configuration-valid"],
    ..Check::BLANK
};

/// The state directory can be written.
pub const STATE_WRITABLE: Check = Check {
    id: "state-writable",
    title: "The state directory can be written",
    place: Place::Gateway,
    follows: &["configuration-valid"],
    ..Check::BLANK
};

/// The port is free, or this server has it.
pub const PORT_FREE: Check = Check {
    id: "port-free",
    title: "The port is free, or this server has it",
    place: Place::Gateway,
    follows: &["configuration-valid"],
    ..Check::BLANK
};

/// The issuer is what its profile says.
pub const ISSUER_PROFILE: Check = Check {
    id: "issuer-profile",
    title: "The issuer is what its profile says",
    place: Place::Gateway,
    follows: &["issuer-metadata-valid", "configuration-valid"],
    ..Check::BLANK
};

/// The documents can be read.
pub const COLLECTION_READABLE: Check = Check {
    id: "collection-readable",
    title: "The documents can be read",
    place: Place::Gateway,
    follows: &["configuration-valid"],
    ..Check::BLANK
};

/// There is something to search.
pub const INDEX_FILLED: Check = Check {
    id: "index-filled",
    title: "There is something to search",
    place: Place::Gateway,
    follows: &["collection-readable"],
    ..Check::BLANK
};

/// Each upstream answers.
pub const UPSTREAM_ANSWERS: Check = Check {
    id: "upstream-answers",
    title: "Each upstream answers",
    place: Place::Gateway,
    follows: &["configuration-valid"],
    ..Check::BLANK
};

/// What upstreams offer is what was approved.
pub const CATALOGUE_APPROVED: Check = Check {
    id: "catalogue-approved",
    title: "What upstreams offer is what was approved",
    place: Place::Gateway,
    follows: &["upstream-answers"],
    ..Check::BLANK
};

/// Each rule of the policy matches something.
pub const RULES_MATCH: Check = Check {
    id: "rules-match",
    title: "Each rule of the policy matches something",
    place: Place::Gateway,
    follows: &["configuration-valid"],
    ..Check::BLANK
};

/// `search` and `fetch` can be used with the scopes that clients ask for.
pub const TOOLS_REACHABLE: Check = Check {
    id: "tools-reachable",
    title: "`search` and `fetch` can be used with the scopes that clients ask for",
    place: Place::Gateway,
    follows: &["configuration-valid"],
    ..Check::BLANK
};
