//! A connection to an upstream that has shaken hands: which era it speaks, and what it has.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use bytes::Bytes;
use http::HeaderMap;
use tokio::sync::Notify;

use super::credential::Behalf;
use super::endpoint::Endpoint;
use super::hello::Hello;
use super::http::{HttpLink, Sending};
use super::message::{self, Era, Reply, Request};
use super::settings::endpoint;
use super::stdio::StdioLink;
use super::{Definition, Parts, UpstreamError};

/// How the other side is reached.
#[derive(Debug)]
pub(super) enum Wire {
    Http(HttpLink),
    Stdio(StdioLink),
}

/// A connection that has shaken hands.
#[derive(Debug)]
pub(super) struct Link {
    pub(super) era: Era,
    /// What the other side said of itself.
    pub(super) hello: Hello,
    pub(super) wire: Wire,
}

impl Wire {
    /// An id for one more request.
    pub(super) fn next_id(&self) -> u64 {
        let next_id = match self {
            Self::Http(http) => &http.next_id,
            Self::Stdio(stdio) => &stdio.next_id,
        };
        next_id.fetch_add(1, Ordering::Relaxed)
    }

    async fn discover(&self, timeout: Duration) -> Result<Hello, UpstreamError> {
        let request = Request {
            method: "server/discover",
            ..Request::default()
        };
        let extra = (Era::Modern, HeaderMap::new());
        Hello::discovered(&self.request(&request, extra, timeout).await?)
    }

    async fn initialize(&mut self, timeout: Duration) -> Result<Hello, UpstreamError> {
        let params = message::initialize();
        let request = Request {
            method: "initialize",
            members: params.as_bytes(),
            ..Request::default()
        };
        let id = self.next_id();
        let reply = match self {
            Self::Http(http) => http.open(id, &request, timeout).await?,
            Self::Stdio(stdio) => stdio.request(id, request.write(id, Era::Legacy)).await?,
        };
        let hello = Hello::initialized(&reply)?;
        let initialized = Bytes::from_static(message::INITIALIZED);
        match self {
            Self::Http(http) => {
                http.negotiated(hello.revision);
                http.tell(initialized, timeout).await?;
            }
            Self::Stdio(stdio) => stdio.send(initialized)?,
        }
        Ok(hello)
    }

    async fn request(
        &self,
        request: &Request<'_>,
        (era, extra): (Era, HeaderMap),
        timeout: Duration,
    ) -> Result<Reply, UpstreamError> {
        let id = self.next_id();
        match self {
            Self::Http(http) => {
                let sending = Sending {
                    era,
                    extra,
                    behalf: None,
                    timeout,
                };
                http.request(id, request, sending).await
            }
            Self::Stdio(stdio) => stdio.request(id, request.write(id, era)).await,
        }
    }
}

impl Link {
    /// Connects and shakes hands as `era` has it.
    pub(super) async fn open(
        era: Era,
        definition: &Definition,
        wake: &Arc<Notify>,
        parts: &Parts,
    ) -> Result<Self, UpstreamError> {
        let settings = &definition.settings;
        let wire = match settings
            .http
            .as_deref()
            .and_then(|address| endpoint(address, settings.plain_http()))
        {
            Some(url) => {
                let endpoint = Endpoint {
                    outbound: parts.outbound.clone(),
                    url,
                    plain_http: settings.plain_http(),
                    credential: parts.credentials.of(settings),
                    behalf: Behalf::Ours,
                };
                Wire::Http(HttpLink::new(endpoint, settings.max_message_bytes))
            }
            None => Wire::Stdio(StdioLink::start(definition, wake, &parts.lifecycle)?),
        };
        let timeout = Duration::from_secs(settings.start_timeout_seconds);
        Self::shake_hands(era, wire, timeout).await
    }

    /// Shakes hands over `wire`, in at most `timeout`.
    async fn shake_hands(
        era: Era,
        mut wire: Wire,
        timeout: Duration,
    ) -> Result<Self, UpstreamError> {
        let shake_hands = async {
            match era {
                Era::Modern => wire.discover(timeout).await,
                Era::Legacy => wire.initialize(timeout).await,
            }
        };
        let shaken = tokio::time::timeout(timeout, shake_hands).await;
        let hello = shaken.unwrap_or(Err(UpstreamError::TimedOut))?;
        Ok(Self { era, hello, wire })
    }

    /// True once it is of no use any more.
    pub(super) fn has_ended(&self) -> bool {
        match &self.wire {
            Wire::Http(_) => false,
            Wire::Stdio(stdio) => stdio.has_ended(),
        }
    }

    /// Sends a request and waits for its answer, at most as long as `timeout`.
    pub(super) async fn request(
        &self,
        request: &Request<'_>,
        headers: HeaderMap,
        timeout: Duration,
    ) -> Result<Reply, UpstreamError> {
        let answer = self.wire.request(request, (self.era, headers), timeout);
        tokio::time::timeout(timeout, answer)
            .await
            .unwrap_or(Err(UpstreamError::TimedOut))
    }
}
