//! What requests to an upstream carry to be let in there. The caller's own token is not here, and cannot be: this module
//! does not know `auth`, only a trait that yields another token in its place.

mod check;
mod client_credentials;
mod settings;
#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use futures_util::future::BoxFuture;
use http::header::AUTHORIZATION;
use http::{HeaderName, HeaderValue};
use url::Url;

pub use settings::{
    CredentialKind, CredentialMistake, CredentialSettings, OwnRequests, RequestedTokenType,
};

use self::client_credentials::ClientCredentials;
use super::UpstreamSettings;
use crate::outbound::Outbound;
use crate::secret_file::SecretFile;

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

/// Finds the token endpoint in the validated metadata of a configured issuer.
#[derive(Clone)]
pub struct TokenEndpoints(Arc<Find>);

type Find = dyn Fn(&str) -> BoxFuture<'static, Option<Url>> + Send + Sync;

impl TokenEndpoints {
    /// They are found so.
    pub fn new(
        find: impl Fn(&str) -> BoxFuture<'static, Option<Url>> + Send + Sync + 'static,
    ) -> Self {
        Self(Arc::new(find))
    }

    async fn of(&self, issuer: &str) -> Option<Url> {
        (self.0)(issuer).await
    }
}

impl Default for TokenEndpoints {
    fn default() -> Self {
        Self::new(|_issuer| Box::pin(std::future::ready(None)))
    }
}

impl fmt::Debug for TokenEndpoints {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TokenEndpoints")
    }
}

/// On whose behalf a request is made.
#[derive(Clone, Default)]
pub(super) enum Behalf {
    /// Nobody's: this server looks what there is.
    #[default]
    Ours,
    /// A caller's, with what yields the credential, where there is such a thing.
    Caller(Option<Arc<dyn CallerCredential>>),
}

impl fmt::Debug for Behalf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Ours => "Ours",
            Self::Caller(_) => "Caller",
        })
    }
}

/// What each upstream is shown: made once, and kept with its tokens for as long as the server lives. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Credentials {
    outbound: Outbound,
    endpoints: TokenEndpoints,
    made: Arc<Mutex<HashMap<String, Arc<Credential>>>>,
}

impl Credentials {
    /// None is made yet. `outbound` asks the token endpoints.
    #[must_use]
    pub fn new(outbound: Outbound, endpoints: TokenEndpoints) -> Self {
        let made = Arc::default();
        Self {
            outbound,
            endpoints,
            made,
        }
    }

    /// What that upstream is shown.
    pub(super) fn of(&self, settings: &UpstreamSettings) -> Arc<Credential> {
        let mut made = self.made.lock().unwrap_or_else(PoisonError::into_inner);
        let name = &settings.name;
        let credential = made.entry(name.clone()).or_insert_with(|| {
            let around = (&self.outbound, &self.endpoints);
            Arc::new(Credential::of(name, &settings.credential, around))
        });
        Arc::clone(credential)
    }
}

/// What an upstream is shown.
pub(super) struct Credential {
    upstream: Box<str>,
    kind: Kind,
}

enum Kind {
    None,
    Header {
        name: HeaderName,
        prefix: Box<str>,
        file: SecretFile,
    },
    Client(ClientCredentials),
    /// In exchange for the caller's token; with this server's own for what nobody calls.
    Caller(Option<ClientCredentials>),
}

impl fmt::Debug for Credential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = match &self.kind {
            Kind::None => CredentialKind::None,
            Kind::Header { .. } => CredentialKind::Header,
            Kind::Client(_) => CredentialKind::ClientCredentials,
            Kind::Caller(_) => CredentialKind::TokenExchange,
        };
        write!(f, "Credential({})", kind.as_str())
    }
}

impl Credential {
    /// What `upstream` is shown. Reads and asks nothing yet.
    pub(super) fn of(
        upstream: &str,
        settings: &CredentialSettings,
        (outbound, endpoints): (&Outbound, &TokenEndpoints),
    ) -> Self {
        let own = || ClientCredentials::new(upstream, settings, outbound, endpoints);
        let kind = match (settings.kind, &settings.secret_file) {
            (CredentialKind::Header, Some(path)) => {
                HeaderName::try_from(&settings.header).map_or(Kind::None, |name| Kind::Header {
                    name,
                    prefix: settings.prefix.as_str().into(),
                    file: SecretFile::at(path),
                })
            }
            (CredentialKind::ClientCredentials, _) => Kind::Client(own()),
            (CredentialKind::TokenExchange, _) => Kind::Caller(match settings.own_requests {
                OwnRequests::ClientCredentials => Some(own()),
                OwnRequests::None => None,
            }),
            (CredentialKind::None | CredentialKind::Header, _) => Kind::None,
        };
        Self {
            upstream: upstream.into(),
            kind,
        }
    }

    /// The header for one request. `refused` is the value that the upstream has just answered 401 to: then another one is
    /// looked for, and if that comes back there is no other.
    pub(super) async fn header(
        &self,
        behalf: &Behalf,
        refused: Option<&HeaderValue>,
    ) -> Result<Option<(HeaderName, HeaderValue)>, CredentialError> {
        let authorization = |value| Some((AUTHORIZATION, value));
        match (&self.kind, behalf) {
            (Kind::None, _) | (Kind::Caller(None), Behalf::Ours) => Ok(None),
            (Kind::Header { name, prefix, file }, _) => {
                let value = Box::pin(self.read(prefix, file, refused.is_some())).await?;
                Ok(Some((name.clone(), value)))
            }
            (Kind::Client(own), _) | (Kind::Caller(Some(own)), Behalf::Ours) => {
                let value = Box::pin(own.get(refused)).await?;
                Ok(authorization(value))
            }
            (Kind::Caller(_), Behalf::Caller(Some(caller))) => {
                let value = caller.for_upstream(&self.upstream, refused).await?;
                Ok(authorization(value))
            }
            // Never this server's own instead: it may be allowed more.
            (Kind::Caller(_), Behalf::Caller(None)) => Err(CredentialError::Misconfigured),
        }
    }

    /// True if nothing is shown.
    pub(super) fn is_none(&self) -> bool {
        matches!(self.kind, Kind::None)
    }

    /// True if each caller has another one.
    pub(super) fn is_per_caller(&self) -> bool {
        matches!(self.kind, Kind::Caller(_))
    }

    async fn read(
        &self,
        prefix: &str,
        file: &SecretFile,
        now: bool,
    ) -> Result<HeaderValue, CredentialError> {
        let secret = if now {
            file.read_again().await
        } else {
            file.secret().await
        };
        let value = secret.and_then(|secret| {
            HeaderValue::try_from([prefix, secret.expose()].concat())
                .map_err(|_bad| "prefix and secret cannot stand in a header".to_owned())
        });
        let mut value = value.map_err(|problem| {
            tracing::warn!(upstream = %self.upstream, problem, "upstream: there is no credential");
            CredentialError::Misconfigured
        })?;
        value.set_sensitive(true);
        Ok(value)
    }
}
