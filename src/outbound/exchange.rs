//! One exchange with an upstream MCP server: a JSON document out, its answer back in pieces as they come.

use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, Method};
use reqwest::header::CONTENT_ENCODING;
use url::Url;

use super::client::chain;
use super::{Outbound, OutboundError, PlainHttp};

/// A document to send.
#[derive(Clone, Debug)]
pub struct Exchange<'a> {
    /// How: `POST`, or `GET` and `DELETE` without a document.
    pub method: Method,
    /// Where to.
    pub url: &'a Url,
    /// All headers but those of HTTP itself.
    pub headers: HeaderMap,
    /// The document.
    pub body: Bytes,
    /// Where it may go without TLS.
    pub plain_http: PlainHttp,
    /// How long all of it may take, the last piece of the answer included.
    pub timeout: Duration,
}

/// An answer whose body is still on its way. Dropping it ends the exchange.
#[derive(Debug)]
pub struct Exchanged {
    response: reqwest::Response,
    timeout: Duration,
}

impl Outbound {
    /// Sends a document, and returns when the head of the answer is there.
    pub async fn exchange(&self, exchange: Exchange<'_>) -> Result<Exchanged, OutboundError> {
        let Exchange {
            method,
            url,
            headers,
            body,
            plain_http,
            timeout,
        } = exchange;
        self.prepare(url).await;
        let client = self.client_for(url, plain_http)?;
        // The builder would copy the headers one by one.
        let mut request = reqwest::Request::new(method, url.clone());
        *request.headers_mut() = headers;
        *request.body_mut() = Some(body.into());
        *request.timeout_mut() = Some(timeout);
        let response = client
            .execute(request)
            .await
            .map_err(|error| self.failure(&error, timeout))?;
        if response.status().is_redirection() {
            return Err(OutboundError::Redirect(response.status().as_u16()));
        }
        // We ask for no compression, so the bytes counted are the bytes passed on.
        let encoding = response.headers().get(CONTENT_ENCODING);
        if let Some(encoding) = encoding.filter(|encoding| *encoding != "identity") {
            let encoding = encoding.to_str().unwrap_or("?").to_owned();
            return Err(OutboundError::Encoded(encoding));
        }
        Ok(Exchanged { response, timeout })
    }
}

impl Exchanged {
    /// The status, never a redirect's.
    #[must_use]
    pub fn status(&self) -> u16 {
        self.response.status().as_u16()
    }

    /// The headers.
    #[must_use]
    pub fn headers(&self) -> &HeaderMap {
        self.response.headers()
    }

    /// How many bytes the body will have, if the head says so. Whoever sends it may say anything.
    #[must_use]
    pub fn announced_bytes(&self) -> Option<u64> {
        self.response.content_length()
    }

    /// The next piece of the body; nothing at its end.
    pub async fn chunk(&mut self) -> Result<Option<Bytes>, OutboundError> {
        self.response.chunk().await.map_err(|error| {
            if error.is_timeout() {
                OutboundError::Timeout(milliseconds(self.timeout))
            } else {
                OutboundError::Connection(chain(&error))
            }
        })
    }
}

pub(super) fn milliseconds(timeout: Duration) -> u64 {
    u64::try_from(timeout.as_millis()).unwrap_or(u64::MAX)
}
