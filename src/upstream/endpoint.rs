//! Where an upstream over HTTP is, and what requests there carry to be let in.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::WWW_AUTHENTICATE;
use http::{HeaderMap, HeaderValue, Method};
use url::Url;

use super::UpstreamError;
use super::credential::{Behalf, Credential};
use crate::outbound::{Exchange, Exchanged, Outbound, OutboundError, PlainHttp, without_secrets};
use crate::token_endpoint::for_log;

/// An upstream's address.
#[derive(Debug)]
pub(super) struct Endpoint {
    pub(super) outbound: Outbound,
    pub(super) url: Url,
    pub(super) plain_http: PlainHttp,
    pub(super) credential: Arc<Credential>,
    /// For whom requests are made that say nothing else.
    pub(super) behalf: Behalf,
}

/// What goes there.
#[derive(Clone)]
pub(super) struct Message {
    pub(super) method: Method,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
    /// How long all of it may take, the last piece of the answer included.
    pub(super) timeout: Duration,
}

impl Endpoint {
    /// The same at another address, which has to be on the same origin: credentials go there.
    pub(super) fn at(&self, url: Url) -> Self {
        Self {
            outbound: self.outbound.clone(),
            url,
            plain_http: self.plain_http,
            credential: Arc::clone(&self.credential),
            behalf: self.behalf.clone(),
        }
    }

    /// Sends a message, and returns when the head of the answer is there. A credential that is refused is replaced once;
    /// an upstream's challenge is for this server and goes no further.
    pub(super) async fn send(
        &self,
        message: Message,
        behalf: &Behalf,
    ) -> Result<Exchanged, UpstreamError> {
        if self.credential.is_none() {
            return self.exchange(message).await;
        }
        let Some((name, value)) = self.credential.header(behalf, None).await? else {
            return self.exchange(message).await;
        };
        let first = self.exchange(message.with((&name, &value))).await?;
        if first.status() != 401 {
            return Ok(first);
        }
        drop(first);
        Box::pin(self.send_otherwise(message, behalf, value)).await
    }

    /// Sends a message once more after `value` was refused.
    async fn send_otherwise(
        &self,
        message: Message,
        behalf: &Behalf,
        value: HeaderValue,
    ) -> Result<Exchanged, UpstreamError> {
        let other = self.credential.header(behalf, Some(&value)).await?;
        let other = other.filter(|(_, other)| *other != value);
        let Some((name, value)) = other else {
            return Err(self.refused(None));
        };
        let second = self.exchange(message.with((&name, &value))).await?;
        if second.status() == 401 {
            return Err(self.refused(Some((&second, &value))));
        }
        Ok(second)
    }

    async fn exchange(&self, message: Message) -> Result<Exchanged, UpstreamError> {
        let exchange = Exchange {
            method: message.method,
            url: &self.url,
            headers: message.headers,
            body: message.body,
            plain_http: self.plain_http,
            timeout: message.timeout,
        };
        let sent = self.outbound.exchange(exchange).await;
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
            url = without_secrets(&self.url),
            credential = ?self.credential,
            challenge,
            "upstream: it answers 401 to what it is shown; see which issuer, audience and scopes it expects"
        );
        UpstreamError::CredentialRefused
    }
}

impl Message {
    fn with(&self, (name, value): (&http::HeaderName, &HeaderValue)) -> Self {
        let mut message = self.clone();
        message.headers.insert(name, value.clone());
        message
    }
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
