//! Between a caller's token and an upstream: `auth` holds the one and `upstream` reaches the other, and neither knows of
//! the other. Only exchanged tokens pass here.

use std::fmt;
use std::sync::Arc;

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use http::HeaderValue;

use crate::auth::{CallerToken, ExchangeError};
use crate::upstream::{CallerCredential, CredentialError};

/// What yields a caller's credentials for upstreams. It cannot give the caller's own token. Cheap to clone.
#[derive(Clone)]
pub struct Credential(Arc<dyn CallerCredential>);

impl Credential {
    pub(super) fn shared(&self) -> Arc<dyn CallerCredential> {
        Arc::clone(&self.0)
    }
}

impl From<CallerToken> for Credential {
    fn from(token: CallerToken) -> Self {
        Self(Arc::new(Exchanging(token)))
    }
}

impl fmt::Debug for Credential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Credential(…)")
    }
}

struct Exchanging(CallerToken);

impl CallerCredential for Exchanging {
    fn for_upstream<'a>(
        &'a self,
        upstream: &'a str,
        refused: Option<&'a HeaderValue>,
    ) -> BoxFuture<'a, Result<HeaderValue, CredentialError>> {
        let exchanged = self.0.exchanged_for(upstream, refused);
        exchanged
            .map(|exchanged| {
                exchanged.map_err(|error| match error {
                    ExchangeError::Denied => CredentialError::Denied,
                    ExchangeError::Misconfigured => CredentialError::Misconfigured,
                    ExchangeError::Unavailable => CredentialError::Unavailable,
                })
            })
            .boxed()
    }
}
