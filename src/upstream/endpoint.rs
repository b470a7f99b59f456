//! Where an upstream over HTTP is, and what requests there carry to be let in.

use std::sync::Arc;

use futures_util::TryFutureExt;
use futures_util::future::Either;
use http::HeaderValue;
use http::header::WWW_AUTHENTICATE;
use url::Url;

use super::UpstreamError;
use super::credential::{Behalf, Credential};
use crate::outbound::{Destination, Exchange, Exchanged, OutboundError, without_secrets};
use crate::token_endpoint::for_log;

/// An upstream's address.
#[derive(Debug)]
pub(super) struct Endpoint {
    pub(super) destination: Destination,
    pub(super) credential: Arc<Credential>,
    /// For whom requests are made that say nothing else.
    pub(super) behalf: Behalf,
}

impl Endpoint {
    /// The same at another address, which has to be on the same origin: credentials go there.
    pub(super) fn at(&self, url: Url) -> Self {
        Self {
            destination: self.destination.at(url),
            credential: Arc::clone(&self.credential),
            behalf: self.behalf.clone(),
        }
    }

    /// Sends a message, and returns when the head of the answer is there. A credential that is refused is replaced once;
    /// an upstream's challenge is for this server and goes no further.
    pub(super) fn send<'a>(
        &'a self,
        message: Exchange,
        behalf: &'a Behalf,
    ) -> impl Future<Output = Result<Exchanged, UpstreamError>> + Send + 'a {
        if self.credential.is_none() {
            Either::Left(self.exchange(message))
        } else {
            Either::Right(Box::pin(self.send_with_credential(message, behalf)))
        }
    }

    async fn send_with_credential(
        &self,
        message: Exchange,
        behalf: &Behalf,
    ) -> Result<Exchanged, UpstreamError> {
        let Some((name, value)) = self.credential.header(behalf, None).await? else {
            return self.exchange(message).await;
        };
        let first = self.exchange(with(&message, (&name, &value))).await?;
        if first.status() != 401 {
            return Ok(first);
        }
        drop(first);
        Box::pin(self.send_otherwise(message, behalf, value)).await
    }

    /// Sends a message once more after `value` was refused.
    async fn send_otherwise(
        &self,
        message: Exchange,
        behalf: &Behalf,
        value: HeaderValue,
    ) -> Result<Exchanged, UpstreamError> {
        let other = self.credential.header(behalf, Some(&value)).await?;
        let other = other.filter(|(_, other)| *other != value);
        let Some((name, value)) = other else {
            return Err(self.refused(None));
        };
        let second = self.exchange(with(&message, (&name, &value))).await?;
        if second.status() == 401 {
            return Err(self.refused(Some((&second, &value))));
        }
        Ok(second)
    }

    fn exchange(
        &self,
        message: Exchange,
    ) -> impl Future<Output = Result<Exchanged, UpstreamError>> + Send {
        let sent = self.destination.exchange(message);
        sent.map_err(|error| failure(&error))
    }

    fn refused(&self, answer: Option<(&Exchanged, &HeaderValue)>) -> UpstreamError {
        let challenge = answer.and_then(|(answer, shown)| {
            let challenge = answer.headers().get(WWW_AUTHENTICATE)?.to_str().ok()?;
            let shown = shown.to_str().unwrap_or_default();
            let secret = shown.strip_prefix("Bearer ").unwrap_or(shown);
            Some(for_log(challenge, &[secret]))
        });
        tracing::warn!(
            url = without_secrets(self.destination.url()),
            credential = ?self.credential,
            challenge,
            "upstream: it answers 401 to what it is shown; see which issuer, audience and scopes it expects"
        );
        UpstreamError::CredentialRefused
    }
}

/// The same with this header.
fn with(message: &Exchange, (name, value): (&http::HeaderName, &HeaderValue)) -> Exchange {
    let mut message = message.clone();
    message.headers.insert(name, value.clone());
    message
}

/// Says what a failure means.
pub(super) fn failure(error: &OutboundError) -> UpstreamError {
    tracing::debug!(%error, "upstream: no answer over HTTP");
    match error {
        OutboundError::Timeout(_) => UpstreamError::TimedOut,
        OutboundError::Broken(_) => UpstreamError::Interrupted,
        OutboundError::Redirect(_)
        | OutboundError::Encoded(_)
        | OutboundError::TooLarge(_)
        | OutboundError::Status(_) => UpstreamError::Invalid,
        OutboundError::Connection(_)
        | OutboundError::InsecureUrl(_)
        | OutboundError::ForbiddenAddress(_)
        | OutboundError::Client(_) => UpstreamError::Unavailable,
    }
}
