//! Streamable HTTP towards an upstream, in both eras.
//!
//! Every request is one POST; its answer is JSON, or a stream of events that ends with the answer. Redirects are not
//! followed, and no header of the caller's is sent but, to modern servers, `Mcp-Param-*`, which mirror the arguments of the
//! very call.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use http::header::{ACCEPT, CONTENT_TYPE};
use http::{HeaderMap, HeaderName, HeaderValue, Method};

use super::UpstreamError;
use super::conversation::Heard;
use super::credential::Behalf;
use super::endpoint::{Endpoint, failure};
use super::event_stream::{Events, Place};
use super::header_value::header_value;
use super::hello::Hello;
use super::message::{self, Era, Incoming, Reply, Request};
use super::refusal::{is_answer, refusal, says_session_is_gone};
use super::sessions::Session;
use crate::outbound::{Exchange, Exchanged};

const VERSION: HeaderName = HeaderName::from_static("mcp-protocol-version");
const SESSION: HeaderName = HeaderName::from_static("mcp-session-id");
const METHOD: HeaderName = HeaderName::from_static("mcp-method");
const NAME: HeaderName = HeaderName::from_static("mcp-name");
const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");

/// After so many bytes in which there was no event others have their turn: a flood of comments is not to hold a thread.
const AT_ONCE: usize = 64 * 1024;
/// A longer id of a session is none: it is kept for each caller, and goes with each request.
const LONGEST_SESSION_ID: usize = 4096;

/// An upstream's endpoint, and what its handshake left behind.
#[derive(Debug)]
pub(super) struct HttpLink {
    endpoint: Endpoint,
    max_bytes: usize,
    next_id: AtomicU64,
    /// Our own.
    session: Session,
}

/// What goes with a request besides its message.
pub(super) struct Sending<'a> {
    pub(super) era: Era,
    pub(super) extra: HeaderMap,
    /// For whom, and in whose session; nothing for whom the link is.
    pub(super) on_behalf: Option<OnBehalf<'a>>,
    /// How long all of it may take, the last piece of the answer included.
    pub(super) timeout: Duration,
}

/// Whose request it is.
#[derive(Clone, Copy, Debug)]
pub(super) struct OnBehalf<'a> {
    pub(super) behalf: &'a Behalf,
    /// Nothing where the link's own does for everybody.
    pub(super) session: Option<&'a Session>,
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
    /// How many bytes have come since the last event, or since others had their turn.
    since: usize,
}

impl EventsOf {
    /// The events of `answer`, none bigger than `max_bytes`.
    pub(super) fn new(answer: Exchanged, max_bytes: usize) -> Self {
        Self {
            answer,
            events: Events::new(max_bytes),
            since: 0,
        }
    }

    /// What the last event was called.
    pub(super) fn last_kind(&self) -> &[u8] {
        self.events.last_kind()
    }

    /// Up to where it was read.
    pub(super) fn place(&self) -> &Place {
        self.events.place()
    }

    /// Goes on with this answer, which has what follows.
    pub(super) fn go_on(&mut self, answer: Exchanged) {
        self.answer = answer;
        self.events.go_on();
    }

    /// The data of the next event; nothing at the end of the stream.
    pub(super) async fn next(&mut self) -> Result<Option<Bytes>, UpstreamError> {
        loop {
            if let Some(data) = self.events.next().map_err(|_long| UpstreamError::Invalid)? {
                self.since = 0;
                return Ok(Some(data));
            }
            if self.since > AT_ONCE {
                self.since = 0;
                tokio::task::yield_now().await;
            }
            let Some(piece) = piece(&mut self.answer).await? else {
                return Ok(None);
            };
            self.since += piece.len();
            self.events.push(&piece);
        }
    }
}

impl HttpLink {
    pub(super) fn new(endpoint: Endpoint, max_bytes: usize) -> Self {
        Self {
            endpoint,
            max_bytes,
            next_id: AtomicU64::new(1),
            session: Session::default(),
        }
    }

    /// True if the server keeps something per session, and so has to know callers apart.
    pub(super) fn has_sessions(&self) -> bool {
        self.session.id.is_some()
    }

    /// Our own credential and session, where nothing else is said.
    fn ours(&self) -> OnBehalf<'_> {
        OnBehalf {
            behalf: &self.endpoint.behalf,
            session: None,
        }
    }

    fn headers(
        &self,
        request: &Request<'_>,
        era: Era,
        session: &Session,
    ) -> Result<HeaderMap, UpstreamError> {
        let mut headers = headers_of(session);
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

    /// Sends a message that has no answer.
    pub(super) async fn tell(
        &self,
        message: Bytes,
        on_behalf: Option<OnBehalf<'_>>,
        timeout: Duration,
    ) -> Result<(), UpstreamError> {
        let OnBehalf { behalf, session } = on_behalf.unwrap_or_else(|| self.ours());
        let session = session.unwrap_or(&self.session);
        let message = Exchange {
            method: Method::POST,
            headers: headers_of(session),
            body: message,
            timeout,
        };
        let sent = self.endpoint.send(message, behalf).await?;
        match sent.status() {
            200..=299 => Ok(()),
            status => Err(refusal(status, session.id.is_some())),
        }
    }

    /// Ends a session, as far as the server lets its clients do that.
    pub(super) async fn end(&self, session: &Session, timeout: Duration) {
        // A caller's credential is gone with the caller, and ours is not good for its session.
        if session.id.is_none() || self.endpoint.credential.is_per_caller() {
            return;
        }
        let message = Exchange {
            method: Method::DELETE,
            headers: headers_of(session),
            body: Bytes::new(),
            timeout,
        };
        if let Err(error) = self.endpoint.send(message, &self.endpoint.behalf).await {
            tracing::debug!(%error, "upstream: a session could not be ended");
        }
    }

    /// Ends our own session.
    pub(super) async fn end_ours(&self, timeout: Duration) {
        self.end(&self.session, timeout).await;
    }

    /// Opens the stream of a legacy session, on which the server says what belongs to no request; or what follows an event
    /// on it.
    pub(super) async fn listen(
        &self,
        last_id: Option<&HeaderValue>,
        on_behalf: Option<OnBehalf<'_>>,
        timeout: Duration,
    ) -> Result<EventsOf, UpstreamError> {
        let answer = self.get(last_id, on_behalf, timeout).await?;
        Ok(EventsOf::new(answer, self.max_bytes))
    }

    /// Opens a stream with `GET`: that of the session, or what follows an event on any other one.
    pub(super) async fn get(
        &self,
        last_id: Option<&HeaderValue>,
        on_behalf: Option<OnBehalf<'_>>,
        timeout: Duration,
    ) -> Result<Exchanged, UpstreamError> {
        let OnBehalf { behalf, session } = on_behalf.unwrap_or_else(|| self.ours());
        let session = session.unwrap_or(&self.session);
        let mut headers = headers_of(session);
        headers.remove(CONTENT_TYPE);
        headers.insert(ACCEPT, HeaderValue::from_static("text/event-stream"));
        if let Some(last_id) = last_id {
            headers.insert(LAST_EVENT_ID, last_id.clone());
        }
        let message = Exchange {
            method: Method::GET,
            headers,
            body: Bytes::new(),
            timeout,
        };
        let answer = self.endpoint.send(message, behalf).await?;
        match answer.status() {
            200 if is_of_type(&answer, b"text/event-stream") => Ok(answer),
            200 => Err(UpstreamError::Refused),
            400 if session.id.is_some() => Err(UpstreamError::SessionGone),
            status => Err(refusal(status, session.id.is_some())),
        }
    }

    /// True if each caller shows a credential of its own.
    pub(super) fn is_per_caller(&self) -> bool {
        self.endpoint.credential.is_per_caller()
    }

    /// Sends a request and waits for its answer. What else comes was not asked for.
    pub(super) async fn request(
        &self,
        id: u64,
        request: &Request<'_>,
        sending: Sending<'_>,
    ) -> Result<Reply, UpstreamError> {
        let (era, on_behalf, timeout) = (sending.era, sending.on_behalf, sending.timeout);
        let mut begun = self.begin(id, request, sending).await?;
        match (begun.last(id).await, begun) {
            (Err(UpstreamError::Interrupted), Begun::Streams(events)) if era == Era::Legacy => {
                let rest = Box::pin(self.rest(id, events, on_behalf, timeout));
                let rest = tokio::time::timeout(timeout, rest).await;
                rest.unwrap_or(Err(UpstreamError::TimedOut))
            }
            (reply, _) => reply,
        }
    }

    /// The same in somebody's legacy session, for this server's own purposes there.
    pub(super) async fn ask(
        &self,
        request: &Request<'_>,
        on_behalf: OnBehalf<'_>,
        timeout: Duration,
    ) -> Result<Reply, UpstreamError> {
        let sending = Sending {
            era: Era::Legacy,
            extra: HeaderMap::new(),
            on_behalf: Some(on_behalf),
            timeout,
        };
        self.request(self.new_id(), request, sending).await
    }

    /// Opens a session as the legacy handshake has it (MCP 2025-11-25, lifecycle), for a client that can be asked for
    /// `capabilities`.
    pub(super) async fn open_session(
        &self,
        behalf: Option<&Behalf>,
        capabilities: &str,
        timeout: Duration,
    ) -> Result<(Hello, Session), UpstreamError> {
        let params = message::initialize(capabilities);
        let request = Request {
            method: message::INITIALIZE,
            members: params.as_bytes(),
            ..Request::default()
        };
        let (id, none) = (self.new_id(), Session::default());
        let behalf = behalf.unwrap_or(&self.endpoint.behalf);
        let sending = Sending {
            era: Era::Legacy,
            extra: HeaderMap::new(),
            on_behalf: Some(OnBehalf {
                behalf,
                session: Some(&none),
            }),
            timeout,
        };
        let (mut begun, session_id) = self.exchange(id, &request, sending).await?;
        let hello = Hello::initialized(&begun.last(id).await?)?;
        let session = Session {
            id: session_id,
            version: Some(HeaderValue::from_static(hello.revision)),
        };
        let on_behalf = OnBehalf {
            behalf,
            session: Some(&session),
        };
        let initialized = Bytes::from_static(message::INITIALIZED);
        self.tell(initialized, Some(on_behalf), timeout).await?;
        Ok((hello, session))
    }

    /// Goes on in this session.
    pub(super) fn resume(&mut self, session: Session) {
        self.session = session;
    }

    /// An id for one more request.
    pub(super) fn new_id(&self) -> u64 {
        self.next_id.fetch_add(1, Ordering::Relaxed)
    }

    /// Sends a request, and returns when its answer has begun.
    pub(super) async fn begin(
        &self,
        id: u64,
        request: &Request<'_>,
        sending: Sending<'_>,
    ) -> Result<Begun, UpstreamError> {
        let (begun, _session) = self.exchange(id, request, sending).await?;
        Ok(begun)
    }

    async fn exchange(
        &self,
        id: u64,
        request: &Request<'_>,
        sending: Sending<'_>,
    ) -> Result<(Begun, Option<HeaderValue>), UpstreamError> {
        let Sending {
            era,
            extra,
            on_behalf,
            timeout,
        } = sending;
        let OnBehalf { behalf, session } = on_behalf.unwrap_or_else(|| self.ours());
        let session = session.unwrap_or(&self.session);
        let mut headers = self.headers(request, era, session)?;
        if era == Era::Modern {
            headers.extend(extra);
        }
        let message = Exchange {
            method: Method::POST,
            headers,
            body: request.write(id, era),
            timeout,
        };
        let answer = self.endpoint.send(message, behalf).await?;
        let status = answer.status();
        let begun = answer
            .headers()
            .get(SESSION)
            .filter(|_| request.begins_session());
        if begun.is_some_and(|id| id.len() > LONGEST_SESSION_ID) {
            return Err(UpstreamError::Invalid);
        }
        // A copy, because a header is a piece of the buffer that the whole answer is read into.
        let session_id = begun.and_then(|id| HeaderValue::from_bytes(id.as_bytes()).ok());
        let is_events = is_of_type(&answer, b"text/event-stream");
        if status == 200 && is_events {
            let events = Box::new(EventsOf::new(answer, self.max_bytes));
            return Ok((Begun::Streams(events), session_id));
        }
        let is_json = is_of_type(&answer, b"application/json");
        let body = match status {
            200 | 400..=499 if is_json => self.whole(answer).await?,
            // Words for people.
            400 => self.whole(answer).await.unwrap_or_default(),
            _ => Bytes::new(),
        };
        let in_session = session.id.is_some();
        if status == 400 && in_session && says_session_is_gone(&body) {
            return Err(UpstreamError::SessionGone);
        }
        let reply = match is_json {
            true => reply_to(id, &body).unwrap_or(Err(UpstreamError::Invalid)),
            false => Err(UpstreamError::Invalid),
        };
        let reply = match (status, reply) {
            (200, reply) => reply?,
            (400..=499, Ok(reply @ Reply::Error(_))) if is_answer(status, era) => reply,
            (status, _) => return Err(refusal(status, in_session)),
        };
        Ok((Begun::Replied(reply), session_id))
    }

    async fn whole(&self, answer: Exchanged) -> Result<Bytes, UpstreamError> {
        let body = answer.whole(self.max_bytes).await;
        body.map_err(|error| failure(&error))
    }
}

fn headers_of(session: &Session) -> HeaderMap {
    let mut headers = HeaderMap::with_capacity(8);
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    let accept = HeaderValue::from_static("application/json, text/event-stream");
    headers.insert(ACCEPT, accept);
    for (name, value) in [(SESSION, &session.id), (VERSION, &session.version)] {
        if let Some(value) = value {
            headers.insert(name, value.clone());
        }
    }
    headers
}

impl Begun {
    /// The answer to request `id`. What else is in the stream was not asked for.
    async fn last(&mut self, id: u64) -> Result<Reply, UpstreamError> {
        match self {
            Self::Replied(reply) => Ok(reply.clone()),
            Self::Streams(events) => events.last(id).await,
        }
    }
}

impl EventsOf {
    /// The answer to request `id`, if it comes.
    pub(super) async fn last(&mut self, id: u64) -> Result<Reply, UpstreamError> {
        let (mut heard, most_bytes) = (Heard::default(), self.events.max_bytes());
        while let Some(data) = self.next().await? {
            if let Some(reply) = reply_to(id, &data) {
                return reply;
            }
            heard.add(data.len(), most_bytes)?;
        }
        Err(UpstreamError::Interrupted)
    }
}

pub(super) fn is_of_type(answer: &Exchanged, wanted: &[u8]) -> bool {
    let kind = answer.headers().get(CONTENT_TYPE);
    let kind = kind.map_or(&b""[..], HeaderValue::as_bytes);
    let kind = kind.split(|b| *b == b';').next().unwrap_or_default();
    kind.trim_ascii().eq_ignore_ascii_case(wanted)
}

/// The answer to request `id`, if that is what `json` is. Answers to other requests are nobody's.
fn reply_to(id: u64, json: &Bytes) -> Option<Result<Reply, UpstreamError>> {
    match message::read(json)? {
        Incoming::Reply(of, reply) if of == id => Some(reply),
        Incoming::Reply(..) | Incoming::Notification(_) | Incoming::Request(_) => None,
    }
}

async fn piece(answer: &mut Exchanged) -> Result<Option<Bytes>, UpstreamError> {
    let piece = answer.chunk().await;
    piece.map_err(|error| failure(&error))
}
