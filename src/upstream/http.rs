//! Streamable HTTP towards an upstream, in both eras.
//!
//! Every request is one POST; its answer is JSON, or a stream of events that ends with the answer. Redirects are not
//! followed, and no header of the caller's is sent but, to modern servers, `Mcp-Param-*`, which mirror the arguments of the
//! very call.

use std::sync::atomic::AtomicU64;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::header::{ACCEPT, CONTENT_TYPE};
use http::{HeaderMap, HeaderName, HeaderValue};

use super::UpstreamError;
use super::conversation::Heard;
use super::credential::Behalf;
use super::endpoint::{Endpoint, Message, failure};
use super::event_stream::Events;
use super::header_value::header_value;
use super::message::{self, Era, Incoming, Reply, Request};
use crate::outbound::Exchanged;

const VERSION: HeaderName = HeaderName::from_static("mcp-protocol-version");
const SESSION: HeaderName = HeaderName::from_static("mcp-session-id");
const METHOD: HeaderName = HeaderName::from_static("mcp-method");
const NAME: HeaderName = HeaderName::from_static("mcp-name");

/// An upstream's endpoint, and what its handshake left behind.
#[derive(Debug)]
pub(super) struct HttpLink {
    endpoint: Endpoint,
    max_bytes: usize,
    pub(super) next_id: AtomicU64,
    session: Option<HeaderValue>,
    version: Option<HeaderValue>,
}

/// What goes with a request besides its message.
pub(super) struct Sending {
    pub(super) era: Era,
    pub(super) extra: HeaderMap,
    /// For whom; nothing for whom the link is.
    pub(super) behalf: Option<Behalf>,
    /// How long all of it may take, the last piece of the answer included.
    pub(super) timeout: Duration,
}

/// An answer that has begun.
pub(super) enum Begun {
    /// It is there.
    Replied(Reply),
    /// It comes as a stream of events, with other messages before it.
    Streams(Box<EventsOf>),
}

/// The events of an answer, as they come. Dropping it closes the stream.
pub(super) struct EventsOf {
    answer: Exchanged,
    events: Events,
}

impl EventsOf {
    /// The data of the next event; nothing at the end of the stream.
    pub(super) async fn next(&mut self) -> Result<Option<Bytes>, UpstreamError> {
        loop {
            if let Some(data) = self.events.next().map_err(|_long| UpstreamError::Invalid)? {
                return Ok(Some(data));
            }
            match piece(&mut self.answer).await? {
                Some(piece) => self.events.push(&piece),
                None => return Ok(None),
            }
        }
    }
}

impl HttpLink {
    pub(super) fn new(endpoint: Endpoint, max_bytes: usize) -> Self {
        Self {
            endpoint,
            max_bytes,
            next_id: AtomicU64::new(1),
            session: None,
            version: None,
        }
    }

    /// The legacy handshake's revision, which goes with every request from now on.
    pub(super) fn negotiated(&mut self, revision: &'static str) {
        self.version = Some(HeaderValue::from_static(revision));
    }

    fn headers(&self, request: &Request<'_>, era: Era) -> Result<HeaderMap, UpstreamError> {
        let mut headers = self.headers_of_session();
        if era == Era::Modern {
            headers.insert(VERSION, HeaderValue::from_static(message::MODERN));
            headers.insert(METHOD, HeaderValue::from_static(request.method));
            if let Some(name) = request.name {
                let name = HeaderValue::from_str(&header_value(name));
                let name = name.map_err(|_bad| UpstreamError::Invalid)?;
                headers.insert(NAME, name);
            }
        }
        Ok(headers)
    }

    fn headers_of_session(&self) -> HeaderMap {
        let mut headers = HeaderMap::with_capacity(8);
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        let accept = HeaderValue::from_static("application/json, text/event-stream");
        headers.insert(ACCEPT, accept);
        for (name, value) in [(SESSION, &self.session), (VERSION, &self.version)] {
            if let Some(value) = value {
                headers.insert(name, value.clone());
            }
        }
        headers
    }

    /// Sends a message that has no answer.
    pub(super) async fn tell(
        &self,
        message: Bytes,
        timeout: Duration,
    ) -> Result<(), UpstreamError> {
        let message = Message {
            headers: self.headers_of_session(),
            body: message,
            timeout,
        };
        let sent = self.endpoint.send(message, &self.endpoint.behalf).await?;
        match sent.status() {
            200..=299 => Ok(()),
            status => Err(self.refusal(status)),
        }
    }

    /// Sends a request and waits for its answer. What else comes was not asked for.
    pub(super) async fn request(
        &self,
        id: u64,
        request: &Request<'_>,
        sending: Sending,
    ) -> Result<Reply, UpstreamError> {
        self.begin(id, request, sending).await?.last(id).await
    }

    /// The same for the first request of a session: its answer names the session.
    pub(super) async fn open(
        &mut self,
        id: u64,
        request: &Request<'_>,
        timeout: Duration,
    ) -> Result<Reply, UpstreamError> {
        let sending = Sending {
            era: Era::Legacy,
            extra: HeaderMap::new(),
            behalf: None,
            timeout,
        };
        let (begun, session) = self.exchange(id, request, sending).await?;
        let reply = begun.last(id).await?;
        self.session = session;
        Ok(reply)
    }

    /// Sends a request, and returns when its answer has begun.
    pub(super) async fn begin(
        &self,
        id: u64,
        request: &Request<'_>,
        sending: Sending,
    ) -> Result<Begun, UpstreamError> {
        let (begun, _session) = self.exchange(id, request, sending).await?;
        Ok(begun)
    }

    async fn exchange(
        &self,
        id: u64,
        request: &Request<'_>,
        sending: Sending,
    ) -> Result<(Begun, Option<HeaderValue>), UpstreamError> {
        let Sending {
            era,
            extra,
            behalf,
            timeout,
        } = sending;
        let behalf = behalf.as_ref().unwrap_or(&self.endpoint.behalf);
        let mut headers = self.headers(request, era)?;
        if era == Era::Modern {
            headers.extend(extra);
        }
        let message = Message {
            headers,
            body: request.write(id, era),
            timeout,
        };
        let mut answer = self.endpoint.send(message, behalf).await?;
        let status = answer.status();
        let session = answer.headers().get(SESSION).cloned();
        let is_events = is_of_type(&answer, b"text/event-stream");
        if status == 200 && is_events {
            let events = Events::new(self.max_bytes);
            let events = Box::new(EventsOf { answer, events });
            return Ok((Begun::Streams(events), session));
        }
        let reply = if is_of_type(&answer, b"application/json") {
            let body = self.body(&mut answer).await?;
            reply_to(id, &body).unwrap_or(Err(UpstreamError::Invalid))
        } else {
            Err(UpstreamError::Invalid)
        };
        let reply = match (status, reply) {
            (200, reply) => reply?,
            // Modern servers answer some errors with a status besides the message (MCP 2026-07-28, transports).
            (400..=499, Ok(reply @ Reply::Error(_))) if era == Era::Modern => reply,
            (status, _) => return Err(self.refusal(status)),
        };
        Ok((Begun::Replied(reply), session))
    }

    fn refusal(&self, status: u16) -> UpstreamError {
        tracing::debug!(
            status,
            "upstream: it answered with a status that is no result"
        );
        match status {
            404 if self.session.is_some() => UpstreamError::SessionGone,
            429 => UpstreamError::Busy,
            500..=599 => UpstreamError::Unavailable,
            400..=499 => UpstreamError::Refused,
            _ => UpstreamError::Invalid,
        }
    }

    async fn body(&self, answer: &mut Exchanged) -> Result<Bytes, UpstreamError> {
        let mut body = BytesMut::new();
        while let Some(piece) = piece(answer).await? {
            if body.len() + piece.len() > self.max_bytes {
                return Err(UpstreamError::Invalid);
            }
            if body.is_empty() {
                // One piece is the rule, and needs no copy.
                body = BytesMut::from(piece);
            } else {
                body.extend_from_slice(&piece);
            }
        }
        Ok(body.freeze())
    }
}

impl Begun {
    /// The answer to request `id`. What else is in the stream was not asked for.
    async fn last(self, id: u64) -> Result<Reply, UpstreamError> {
        let mut events = match self {
            Self::Replied(reply) => return Ok(reply),
            Self::Streams(events) => events,
        };
        let (mut heard, most_bytes) = (Heard::default(), events.events.max_bytes());
        while let Some(data) = events.next().await? {
            if let Some(reply) = reply_to(id, &data) {
                return reply;
            }
            heard.add(data.len(), most_bytes)?;
        }
        Err(UpstreamError::Interrupted)
    }
}

fn is_of_type(answer: &Exchanged, wanted: &[u8]) -> bool {
    let kind = answer.headers().get(CONTENT_TYPE);
    let kind = kind.map_or(&b""[..], HeaderValue::as_bytes);
    let kind = kind.split(|b| *b == b';').next().unwrap_or_default();
    kind.trim_ascii().eq_ignore_ascii_case(wanted)
}

/// The answer to request `id`, if that is what `json` is. Answers to other requests are nobody's.
fn reply_to(id: u64, json: &Bytes) -> Option<Result<Reply, UpstreamError>> {
    match message::read(json)? {
        Incoming::Reply(of, reply) if of == id => Some(reply),
        Incoming::Reply(..) | Incoming::Notification(_) | Incoming::Request { .. } => None,
    }
}

async fn piece(answer: &mut Exchanged) -> Result<Option<Bytes>, UpstreamError> {
    let piece = answer.chunk().await;
    piece.map_err(|error| failure(&error, UpstreamError::Interrupted))
}
