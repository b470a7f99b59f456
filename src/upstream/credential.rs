//! What requests to an upstream carry to be let in there. The caller's own token is not here, and cannot be: this module
//! does not know `auth`, only a trait that yields another token in its place.

use futures_util::future::BoxFuture;
use http::HeaderValue;

/// Yields what a caller's requests to upstreams carry in place of the caller's own token.
pub trait CallerCredential: Send + Sync {
    /// The value of `Authorization` for the upstream of that name. `refused` is the value that this upstream has just
    /// refused, if it did: then another one is asked for.
    fn for_upstream<'a>(
        &'a self,
        upstream: &'a str,
        refused: Option<&'a HeaderValue>,
    ) -> BoxFuture<'a, Result<HeaderValue, CredentialError>>;
}

/// Why there is no credential. The cause is in the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CredentialError {
    /// The issuer gives this caller nothing for that upstream.
    #[error(
        "the identity provider gives you no access to the tool's server; ask whoever runs this server"
    )]
    Denied,
    /// Settings, here or at the issuer, are wrong.
    #[error("this server has no access to the tool's server; ask whoever runs this server")]
    Misconfigured,
    /// The issuer cannot be asked now.
    #[error(
        "the identity provider that opens the tool's server cannot be reached now; try again later"
    )]
    Unavailable,
}
