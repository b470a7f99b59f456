//! The way to the server: its name, its certificate, and whatever stands in front of it.

use crate::doctor::check::{Check, Place};

/// In the order in which a client meets them.
pub(super) const ALL: &[&Check] = &[
    &ADDRESS_VALID,
    &ADDRESS_HTTPS,
    &ADDRESS_RESOLVES,
    &ADDRESS_PUBLIC,
    &ADDRESS_CONNECTS,
    &TLS_SPOKEN,
    &TLS_TRUSTED,
    &TLS_IN_DATE,
    &TLS_HOST_NAME,
    &ADDRESS_ANSWERS,
    &ADDRESS_NO_REDIRECT,
    &BOT_FILTER_ABSENT,
    &HOST_ACCEPTED,
    &ANSWER_IS_MCP,
    &REQUEST_SIZE_PASSES,
    &HEADER_SIZE_PASSES,
    &STREAM_UNBUFFERED,
    &STREAM_STAYS_OPEN,
    &CLOCK_AGREES,
];

/// What was typed is an address that a client takes.
pub const ADDRESS_VALID: Check = Check {
    id: "address-valid",
    title: "What was typed is an address that a client takes",
    place: Place::Client,
    follows: &[],
    ..Check::BLANK
};

/// The address is https, or on this machine.
pub const ADDRESS_HTTPS: Check = Check {
    id: "address-https",
    title: "The address is https, or on this machine",
    place: Place::Client,
    follows: &[],
    ..Check::BLANK
};

/// The name leads to an address.
pub const ADDRESS_RESOLVES: Check = Check {
    id: "address-resolves",
    title: "The name leads to an address",
    place: Place::Proxy,
    follows: &["address-valid"],
    ..Check::BLANK
};

/// The address can be reached from where the client calls.
pub const ADDRESS_PUBLIC: Check = Check {
    id: "address-public",
    title: "The address can be reached from where the client calls",
    place: Place::Proxy,
    follows: &[],
    ..Check::BLANK
};

/// Something listens there.
pub const ADDRESS_CONNECTS: Check = Check {
    id: "address-connects",
    title: "Something listens there",
    place: Place::Proxy,
    follows: &["address-resolves"],
    ..Check::BLANK
};

/// TLS is spoken there.
pub const TLS_SPOKEN: Check = Check {
    id: "tls-spoken",
    title: "TLS is spoken there",
    place: Place::Proxy,
    follows: &["address-connects"],
    ..Check::BLANK
};

/// The certificate comes from an authority that clients know, with the whole chain.
pub const TLS_TRUSTED: Check = Check {
    id: "tls-trusted",
    title: "The certificate comes from an authority that clients know, with the whole chain",
    place: Place::Proxy,
    follows: &["address-connects"],
    ..Check::BLANK
};

/// The certificate is valid today.
pub const TLS_IN_DATE: Check = Check {
    id: "tls-in-date",
    title: "The certificate is valid today",
    place: Place::Proxy,
    follows: &["address-connects"],
    ..Check::BLANK
};

/// The certificate is for this name.
pub const TLS_HOST_NAME: Check = Check {
    id: "tls-host-name",
    title: "The certificate is for this name",
    place: Place::Proxy,
    follows: &["address-connects"],
    ..Check::BLANK
};

/// It answers in time.
pub const ADDRESS_ANSWERS: Check = Check {
    id: "address-answers",
    title: "It answers in time",
    place: Place::Proxy,
    follows: &[
        "address-connects",
        "tls-spoken",
        "tls-trusted",
        "tls-in-date",
        "tls-host-name",
    ],
    ..Check::BLANK
};

/// It answers at this very address, without a redirect.
pub const ADDRESS_NO_REDIRECT: Check = Check {
    id: "address-no-redirect",
    title: "It answers at this very address, without a redirect",
    place: Place::Proxy,
    follows: &["address-answers"],
    ..Check::BLANK
};

/// No bot filter or login page stands in front of it.
pub const BOT_FILTER_ABSENT: Check = Check {
    id: "bot-filter-absent",
    title: "No bot filter or login page stands in front of it",
    place: Place::Proxy,
    follows: &["address-answers"],
    ..Check::BLANK
};

/// The server knows itself by this host name.
pub const HOST_ACCEPTED: Check = Check {
    id: "host-accepted",
    title: "The server knows itself by this host name",
    place: Place::Gateway,
    follows: &["address-answers"],
    ..Check::BLANK
};

/// What answers is an MCP server.
pub const ANSWER_IS_MCP: Check = Check {
    id: "answer-is-mcp",
    title: "What answers is an MCP server",
    place: Place::Client,
    follows: &[
        "address-answers",
        "address-no-redirect",
        "bot-filter-absent",
        "host-accepted",
    ],
    ..Check::BLANK
};

/// Requests as large as the server takes reach it.
pub const REQUEST_SIZE_PASSES: Check = Check {
    id: "request-size-passes",
    title: "Requests as large as the server takes reach it",
    place: Place::Proxy,
    follows: &["answer-is-mcp"],
    ..Check::BLANK
};

/// Headers as large as a token reach it.
pub const HEADER_SIZE_PASSES: Check = Check {
    id: "header-size-passes",
    title: "Headers as large as a token reach it",
    place: Place::Proxy,
    follows: &["answer-is-mcp"],
    ..Check::BLANK
};

/// Events arrive when they are sent.
pub const STREAM_UNBUFFERED: Check = Check {
    id: "stream-unbuffered",
    title: "Events arrive when they are sent",
    place: Place::Proxy,
    follows: &["answer-is-mcp"],
    ..Check::BLANK
};

/// A quiet stream stays open.
pub const STREAM_STAYS_OPEN: Check = Check {
    id: "stream-stays-open",
    title: "A quiet stream stays open",
    place: Place::Proxy,
    follows: &["stream-unbuffered"],
    ..Check::BLANK
};

/// The clocks agree.
pub const CLOCK_AGREES: Check = Check {
    id: "clock-agrees",
    title: "The clocks agree",
    place: Place::Gateway,
    follows: &["address-answers"],
    ..Check::BLANK
};
