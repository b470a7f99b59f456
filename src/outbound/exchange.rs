//! One exchange with an upstream MCP server: a JSON document out, its answer back in pieces as they come.

use std::fmt;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::CONTENT_ENCODING;
use http::{HeaderMap, Method, Request, response};
use http_body_util::Full;
use hyper::body::{Body as _, Incoming};
use tokio::time::{Instant, timeout_at};
use url::Url;

use super::client::Way;
use super::connection::Connection;
use super::error::innermost;
use super::pool::{Lane, Pool};
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
    body: Body,
    timeout: Duration,
    deadline: Instant,
}

enum Body {
    Client(reqwest::Response),
    Pool(Over),
}

/// An answer over a connection of our own.
struct Over {
    head: response::Parts,
    /// Nothing once it is not wanted any more.
    body: Option<Incoming>,
    /// Nothing once it was given back or has broken.
    open: Option<(Box<Connection>, Arc<Lane>)>,
}

impl fmt::Debug for Body {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Client(response) => write!(f, "Client({})", response.status()),
            Self::Pool(over) => write!(f, "Pool({})", over.head.status),
        }
    }
}

impl Outbound {
    /// Sends a document, and returns when the head of the answer is there.
    pub async fn exchange(&self, exchange: Exchange<'_>) -> Result<Exchanged, OutboundError> {
        self.prepare(exchange.url).await;
        let timeout = exchange.timeout;
        let deadline = Instant::now() + timeout;
        let body = match self.way(exchange.url, exchange.plain_http)? {
            // Its future is bigger than all the others together.
            Way::Client(client) => Box::pin(self.over_client(client, exchange)).await?,
            Way::Pool(pool) => {
                let sent = pin!(over_pool(pool, exchange));
                match timeout_at(deadline, sent).await {
                    Ok(sent) => Body::Pool(sent?),
                    Err(_late) => return Err(OutboundError::Timeout(milliseconds(timeout))),
                }
            }
        };
        let exchanged = Exchanged {
            body,
            timeout,
            deadline,
        };
        exchanged.check()?;
        Ok(exchanged)
    }

    async fn over_client(
        &self,
        client: &reqwest::Client,
        exchange: Exchange<'_>,
    ) -> Result<Body, OutboundError> {
        let timeout = exchange.timeout;
        // The builder would copy the headers one by one.
        let mut request = reqwest::Request::new(exchange.method, exchange.url.clone());
        *request.headers_mut() = exchange.headers;
        *request.body_mut() = Some(exchange.body.into());
        *request.timeout_mut() = Some(timeout);
        let sent = client.execute(request).await;
        sent.map(Body::Client)
            .map_err(|error| self.failure(&error, timeout))
    }
}

async fn over_pool(pool: &Pool, exchange: Exchange<'_>) -> Result<Over, OutboundError> {
    let mut request = Request::new(Full::new(exchange.body));
    *request.method_mut() = exchange.method;
    *request.headers_mut() = exchange.headers;
    let open = pool.send(exchange.url, request).await?;
    let (head, body) = open.answer.into_parts();
    Ok(Over {
        head,
        body: Some(body),
        open: Some((open.connection, open.lane)),
    })
}

impl Exchanged {
    /// No redirect is followed, and nothing is decoded.
    fn check(&self) -> Result<(), OutboundError> {
        let status = self.status();
        if (300..400).contains(&status) {
            return Err(OutboundError::Redirect(status));
        }
        // We ask for no compression, so the bytes counted are the bytes passed on.
        let encoding = self.headers().get(CONTENT_ENCODING);
        match encoding.filter(|encoding| *encoding != "identity") {
            Some(encoding) => {
                let encoding = encoding.to_str().unwrap_or("?").to_owned();
                Err(OutboundError::Encoded(encoding))
            }
            None => Ok(()),
        }
    }

    /// The status, never a redirect's.
    #[must_use]
    pub fn status(&self) -> u16 {
        match &self.body {
            Body::Client(response) => response.status().as_u16(),
            Body::Pool(over) => over.head.status.as_u16(),
        }
    }

    /// The headers.
    #[must_use]
    pub fn headers(&self) -> &HeaderMap {
        match &self.body {
            Body::Client(response) => response.headers(),
            Body::Pool(over) => &over.head.headers,
        }
    }

    /// How many bytes the body will have, if the head says so. Whoever sends it may say anything.
    #[must_use]
    pub fn announced_bytes(&self) -> Option<u64> {
        match &self.body {
            Body::Client(response) => response.content_length(),
            Body::Pool(over) => over.body.as_ref()?.size_hint().exact(),
        }
    }

    /// The next piece of the body; nothing at its end.
    pub async fn chunk(&mut self) -> Result<Option<Bytes>, OutboundError> {
        match &mut self.body {
            Body::Client(response) => response.chunk().await.map_err(|error| {
                if error.is_timeout() {
                    OutboundError::Timeout(milliseconds(self.timeout))
                } else {
                    OutboundError::Broken(innermost(&error))
                }
            }),
            Body::Pool(over) => match timeout_at(self.deadline, over.chunk()).await {
                Ok(chunk) => chunk,
                Err(_late) => Err(OutboundError::Timeout(milliseconds(self.timeout))),
            },
        }
    }
}

impl Over {
    async fn chunk(&mut self) -> Result<Option<Bytes>, OutboundError> {
        loop {
            let (Some((connection, _)), Some(body)) = (&mut self.open, &mut self.body) else {
                return Ok(None);
            };
            match connection.frame(body).await {
                Some(Ok(frame)) => {
                    if body.is_end_stream() {
                        self.give_back();
                    }
                    // What is no data is a trailer, and says nothing here.
                    if let Ok(data) = frame.into_data() {
                        return Ok(Some(data));
                    }
                }
                Some(Err(error)) => {
                    self.open = None;
                    return Err(OutboundError::Broken(innermost(&error)));
                }
                None => self.give_back(),
            }
        }
    }

    /// The connection is for others now, or closed, if something of the answer is still to come.
    fn give_back(&mut self) {
        if let Some((connection, lane)) = self.open.take() {
            lane.keep(connection);
        }
    }
}

impl Drop for Over {
    fn drop(&mut self) {
        // What has come of a body that nobody reads is thrown away; if that was all, the connection is as good as before.
        drop(self.body.take());
        self.give_back();
    }
}

pub(super) fn milliseconds(timeout: Duration) -> u64 {
    u64::try_from(timeout.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests;
