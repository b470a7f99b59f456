//! What a running server saw lately.

use crate::doctor::check::{Check, Place};

/// In the order in which a client meets them.
pub(super) const ALL: &[&Check] = &[
    &RECENT_REFUSALS,
    &SILENCE_AFTER_CHALLENGE,
    &SILENCE_AFTER_TOKEN,
    &ADMIN_REACHABLE,
];

/// No connection was refused lately.
pub const RECENT_REFUSALS: Check = Check {
    id: "recent-refusals",
    title: "No connection was refused lately",
    place: Place::Provider,
    follows: &[],
    ..Check::BLANK
};

/// After a challenge somebody comes back with a token.
pub const SILENCE_AFTER_CHALLENGE: Check = Check {
    id: "silence-after-challenge",
    title: "After a challenge somebody comes back with a token",
    place: Place::Provider,
    follows: &[],
    ..Check::BLANK
};

/// After a token was accepted, calls follow.
pub const SILENCE_AFTER_TOKEN: Check = Check {
    id: "silence-after-token",
    title: "After a token was accepted, calls follow",
    place: Place::Client,
    follows: &[],
    ..Check::BLANK
};

/// The admin listener of a running server answers.
pub const ADMIN_REACHABLE: Check = Check {
    id: "admin-reachable",
    title: "The admin listener of a running server answers",
    place: Place::Gateway,
    follows: &[],
    ..Check::BLANK
};
