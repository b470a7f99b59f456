//! What a token must have. The server refuses with a reason; each reason belongs to one of these.

mod claims;
mod form;
mod proof;
mod reason;

use crate::clients::KnownClient;
use crate::doctor::check::{Check, Symptom};

pub use claims::{
    TOKEN_AUDIENCE, TOKEN_BEARER, TOKEN_CLAIMS, TOKEN_CLIENT, TOKEN_CLOCK, TOKEN_EXPIRY,
    TOKEN_GROUPS, TOKEN_LIFETIME,
};
pub use form::{TOKEN_ALGORITHM, TOKEN_IS_JWT, TOKEN_ISSUER, TOKEN_SENT, TOKEN_TYPE};
pub use proof::{TOKEN_ACTIVE, TOKEN_KEY, TOKEN_RULES, TOKEN_SCOPE, TOKEN_SIGNATURE};
pub use reason::for_reason;

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

/// What Claude says of every token that it got and that is refused.
const REVERTED: Symptom = Symptom::of(
    KnownClient::Claude,
    "Your account was authorized but the integration rejected the credentials, so the connection was reverted.",
);

/// Nothing else of a token can be judged before it can be read, and comes from an issuer that is known.
const READ_AND_OURS: &[&str] = &["token-is-jwt", "token-issuer"];

const REFUSED: &str = "reference/access-log.md#the-token-is-refused-401";
