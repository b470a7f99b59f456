//! One exchange with an upstream MCP server: a JSON document out, its answer back in pieces as they come.

use std::fmt;
use std::pin::pin;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use futures_util::future::Either;
use http::header::CONTENT_ENCODING;
use http::{HeaderMap, Method, Request, response};
use http_body_util::Full;
use hyper::body::{Body as _, Incoming};
use tokio::time::{Instant, timeout_at};
use url::Url;

use super::address::Names;
use super::connection::{Connection, Outgoing};
use super::error::innermost;
use super::pool::{Lane, Open, Track};
use super::{Outbound, OutboundError, PlainHttp};

/// Room is made at once for so many bytes of a body, however many its head says it will have.
const MOST_RESERVED: usize = 1024 * 1024;

/// Where documents go: an address, and how it is reached.
#[derive(Debug)]
pub struct Destination {
    outbound: Outbound,
    url: Url,
    plain_http: PlainHttp,
    /// How it is reached over plain http. Found out once: neither the address nor the rules change.
    track: OnceLock<(Names, Track)>,
}

/// A document to send.
#[derive(Clone, Debug)]
pub struct Exchange {
    /// How: `POST`, or `GET` and `DELETE` without a document.
    pub method: Method,
    /// All headers but those of HTTP itself.
    pub headers: HeaderMap,
    /// The document.
    pub body: Bytes,
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
    /// The way to `url`.
    #[must_use]
    pub fn destination(&self, url: Url, plain_http: PlainHttp) -> Destination {
        Destination {
            outbound: self.clone(),
            url,
            plain_http,
            track: OnceLock::new(),
        }
    }
}

impl Destination {
    /// Its address.
    #[must_use]
    pub fn url(&self) -> &Url {
        &self.url
    }

    /// Another address, reached in the same way.
    #[must_use]
    pub fn at(&self, url: Url) -> Self {
        self.outbound.destination(url, self.plain_http)
    }

    /// Sends a document, and returns when the head of the answer is there.
    pub fn exchange(
        &self,
        exchange: Exchange,
    ) -> impl Future<Output = Result<Exchanged, OutboundError>> + Send {
        if self.url.scheme() == "https" {
            // Its future is bigger than all the others together.
            Either::Left(Box::pin(self.over_client(exchange)))
        } else {
            Either::Right(self.over_pool(exchange))
        }
    }

    async fn over_client(&self, exchange: Exchange) -> Result<Exchanged, OutboundError> {
        let (outbound, url) = (&self.outbound, &self.url);
        let timeout = exchange.timeout;
        let deadline = Instant::now() + timeout;
        outbound.prepare(url).await;
        let client = outbound.encrypted(url)?;
        // The builder would copy the headers one by one.
        let mut request = reqwest::Request::new(exchange.method, url.clone());
        *request.headers_mut() = exchange.headers;
        *request.body_mut() = Some(exchange.body.into());
        *request.timeout_mut() = Some(timeout);
        let sent = client.execute(request).await;
        let sent = sent.map_err(|error| outbound.failure(&error, timeout))?;
        Exchanged {
            body: Body::Client(sent),
            timeout,
            deadline,
        }
        .checked()
    }

    /// What is sent has a box from the start: it would be copied from each future to the next one, and make all of them big.
    fn over_pool(
        &self,
        exchange: Exchange,
    ) -> impl Future<Output = Result<Exchanged, OutboundError>> + Send {
        let timeout = exchange.timeout;
        let deadline = Instant::now() + timeout;
        let mut request = Box::new(Request::new(Full::new(exchange.body)));
        *request.method_mut() = exchange.method;
        *request.headers_mut() = exchange.headers;
        async move {
            let sent = pin!(self.send(request));
            let Ok(sent) = timeout_at(deadline, sent).await else {
                return Err(OutboundError::Timeout(milliseconds(timeout)));
            };
            let open = sent?;
            let (head, body) = open.answer.into_parts();
            let over = Over {
                head,
                body: Some(body),
                open: Some((open.connection, open.lane)),
            };
            Exchanged {
                body: Body::Pool(over),
                timeout,
                deadline,
            }
            .checked()
        }
    }

    async fn send(&self, request: Box<Outgoing>) -> Result<Open, OutboundError> {
        let (names, track) = match self.track.get() {
            Some(found) => found,
            None => {
                let names = self.outbound.plain_names(&self.url, self.plain_http)?;
                let track = self.outbound.pool(names).track(&self.url)?;
                self.track.get_or_init(|| (names, track))
            }
        };
        let pool = self.outbound.pool(*names);
        pool.send((&self.url, track), request).await
    }
}

impl Exchanged {
    /// No redirect is followed, and nothing is decoded.
    fn checked(self) -> Result<Self, OutboundError> {
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
            None => Ok(self),
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

    /// The whole body, of at most so many bytes.
    pub async fn whole(mut self, most: usize) -> Result<Bytes, OutboundError> {
        let announced = self.announced_bytes().map(usize::try_from);
        let announced = announced.and_then(Result::ok).unwrap_or_default();
        let (mut first, mut body) = (Bytes::new(), BytesMut::new());
        while let Some(piece) = self.chunk().await? {
            if first.len() + body.len() + piece.len() > most {
                return Err(OutboundError::TooLarge(most));
            }
            if first.is_empty() && body.is_empty() {
                // One piece is the rule, and needs no copy.
                first = piece;
                continue;
            }
            if body.is_empty() {
                body.reserve(announced.min(MOST_RESERVED).min(most));
                body.extend_from_slice(&std::mem::take(&mut first));
            }
            body.extend_from_slice(&piece);
        }
        Ok(if body.is_empty() {
            first
        } else {
            body.freeze()
        })
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
