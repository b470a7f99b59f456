//! Why nothing was fetched, or nothing was answered.

use std::net::IpAddr;

/// Why a document was not fetched.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum OutboundError {
    /// Plain http, or another scheme, towards a host that is not loopback.
    #[error(
        "{0:?} is no address to fetch from: expected https, or http on loopback, without user info"
    )]
    InsecureUrl(String),
    /// The name leads to an address that is never contacted.
    #[error(
        "refused to contact {0}: a link-local, metadata or loopback address, or plain http off loopback"
    )]
    ForbiddenAddress(IpAddr),
    /// Nothing answered in time.
    #[error("no complete answer within {0} ms")]
    Timeout(u64),
    /// No connection, or it broke; of an exchange, that there was none: nothing was sent.
    #[error("no connection: {0}")]
    Connection(String),
    /// The connection of an exchange broke before all of its answer was there. What was sent may have been done.
    #[error("the connection broke before a whole answer was there: {0}")]
    Broken(String),
    /// A status other than 200 and 304.
    #[error("answered with status {0}, expected 200")]
    Status(u16),
    /// A redirect, which is never followed.
    #[error(
        "answered with a redirect ({0}), which is never followed: expected 200 at this very address"
    )]
    Redirect(u16),
    /// The body is bigger than the caller allows.
    #[error("the body has more than {0} bytes")]
    TooLarge(usize),
    /// The body is compressed although that was not asked for.
    #[error("the body is encoded as {0:?}, which was not asked for")]
    Encoded(String),
    /// The client could not be built.
    #[error("the HTTP client cannot be built: {0}")]
    Client(String),
}

/// The innermost cause, without the address (which may carry a query).
pub(super) fn innermost(error: &(dyn std::error::Error + 'static)) -> String {
    let mut cause = error;
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    cause.to_string()
}
