//! An answer on its way, and what was heard of it in the end.

use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use http::HeaderMap;
use tokio::time::Instant;

use super::ProbeError;
use crate::outbound::error::innermost;

/// The arrival of so many pieces is remembered.
const MOST_ARRIVALS: usize = 64;

/// An answer whose head is there and whose body is still on its way. Dropping it ends the exchange.
#[derive(Debug)]
pub struct Opened {
    response: reqwest::Response,
    asked_at: Instant,
    first_byte: Duration,
}

/// An answer, as far as it was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Heard {
    /// The status, whatever it is.
    pub status: u16,
    /// All headers.
    pub headers: HeaderMap,
    /// The body, or the beginning of it.
    pub body: Vec<u8>,
    /// How the body ended.
    pub end: End,
    /// From the question to the head of the answer.
    pub first_byte: Duration,
    /// From the question to each piece of the body, the first 64 of them.
    pub arrivals: Vec<Duration>,
    /// Who answered; unknown behind a proxy.
    pub address: Option<SocketAddr>,
}

/// How a body ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum End {
    /// With its last byte.
    Complete,
    /// There is more of it than was asked for.
    Cut,
    /// Not in time.
    Late,
    /// The connection broke.
    Broken(String),
}

impl Opened {
    pub(super) fn new(response: reqwest::Response, asked_at: Instant) -> Self {
        Self {
            response,
            asked_at,
            first_byte: asked_at.elapsed(),
        }
    }

    /// The status, whatever it is.
    #[must_use]
    pub fn status(&self) -> u16 {
        self.response.status().as_u16()
    }

    /// All headers.
    #[must_use]
    pub fn headers(&self) -> &HeaderMap {
        self.response.headers()
    }

    /// From the question to the head of the answer.
    #[must_use]
    pub fn first_byte(&self) -> Duration {
        self.first_byte
    }

    /// The next piece of the body, nothing at its end; waits no longer than until `deadline`.
    pub async fn chunk(&mut self, deadline: Instant) -> Result<Option<Bytes>, ProbeError> {
        let late = || ProbeError::Timeout(deadline - self.asked_at);
        match tokio::time::timeout_at(deadline, self.response.chunk()).await {
            Ok(Ok(chunk)) => Ok(chunk),
            Ok(Err(error)) => Err(ProbeError::Broken(innermost(&error))),
            Err(_elapsed) => Err(late()),
        }
    }

    /// Reads on to the end, or to `max_bytes`, or until `deadline`.
    pub(super) async fn heard(mut self, max_bytes: usize, deadline: Instant) -> Heard {
        let (mut body, mut arrivals) = (Vec::new(), Vec::new());
        let end = loop {
            match self.chunk(deadline).await {
                Ok(None) => break End::Complete,
                Ok(Some(chunk)) => {
                    if arrivals.len() < MOST_ARRIVALS {
                        arrivals.push(self.asked_at.elapsed());
                    }
                    let room = max_bytes - body.len();
                    body.extend(chunk.iter().take(room));
                    if chunk.len() > room {
                        break End::Cut;
                    }
                }
                Err(ProbeError::Timeout(_)) => break End::Late,
                Err(error) => break End::Broken(error.to_string()),
            }
        };
        Heard {
            status: self.status(),
            headers: self.response.headers().clone(),
            body,
            end,
            first_byte: self.first_byte,
            arrivals,
            address: self.response.remote_addr(),
        }
    }
}

#[cfg(test)]
impl Heard {
    /// A whole answer with this body.
    pub(crate) fn for_test(status: u16, body: &str) -> Self {
        Self {
            status,
            headers: HeaderMap::new(),
            body: body.as_bytes().to_vec(),
            end: End::Complete,
            first_byte: Duration::ZERO,
            arrivals: Vec::new(),
            address: None,
        }
    }
}

impl Heard {
    /// The first header of that name, as far as it is text.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    /// The body as text; what is none is replaced.
    #[must_use]
    pub fn text(&self) -> std::borrow::Cow<'_, str> {
        String::from_utf8_lossy(&self.body)
    }

    /// The media type without its parameters, in lower case.
    #[must_use]
    pub fn media_type(&self) -> String {
        let value = self.header("content-type").unwrap_or_default();
        let essence = value.split(';').next().unwrap_or_default();
        essence.trim().to_ascii_lowercase()
    }
}
