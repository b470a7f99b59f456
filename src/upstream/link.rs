//! A connection to an upstream that has shaken hands: which era it speaks, and what it has.

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::HeaderMap;
use tokio::sync::Notify;

use super::credential::Behalf;
use super::endpoint::Endpoint;
use super::hello::Hello;
use super::http::{HttpLink, Sending};
use super::lists;
use super::message::{self, Era, Reply, Request};
use super::settings::endpoint;
use super::sse;
use super::stdio::StdioLink;
use super::{Definition, EraSetting, Parts, UpstreamError, UpstreamSettings};

/// How the other side is reached.
#[derive(Debug)]
pub(super) enum Wire {
    Http(Box<HttpLink>),
    Stdio(StdioLink),
}

/// A connection that has shaken hands.
#[derive(Debug)]
pub(super) struct Link {
    pub(super) era: Era,
    /// What the other side said of itself.
    pub(super) hello: Hello,
    /// It says when its lists change.
    pub(super) announces: bool,
    pub(super) wire: Wire,
}

impl Wire {
    /// An id for one more request.
    pub(super) fn next_id(&self) -> u64 {
        match self {
            Self::Http(http) => http.new_id(),
            Self::Stdio(stdio) => stdio.new_id(),
        }
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
        match self {
            Self::Http(http) => {
                let (hello, session) = http.open_session(None, "", timeout).await?;
                http.resume(session);
                Ok(hello)
            }
            Self::Stdio(stdio) => initialize_child(stdio, stdio.new_id()).await,
        }
    }

    /// Asks a child in the modern way; if that is refused, or not answered within `probe`, it shakes hands the old way as
    /// well. Some old servers never answer what they do not know, and some new ones only start slowly.
    async fn shake_either(
        &self,
        timeout: Duration,
        probe: Duration,
    ) -> Result<(Era, Hello), UpstreamError> {
        let Self::Stdio(stdio) = self else {
            // Over HTTP nothing is silent: one handshake comes after the other.
            return Ok((Era::Modern, self.discover(timeout).await?));
        };
        let as_modern = |hello| (Era::Modern, hello);
        let as_legacy = |hello| (Era::Legacy, hello);
        let mut modern = pin!(self.discover(timeout));
        let probed = tokio::time::timeout(probe, &mut modern).await;
        if let Ok(Ok(hello)) = probed {
            return Ok(as_modern(hello));
        }
        let mut legacy = pin!(initialize_child(stdio, self.next_id()));
        if probed.is_ok() {
            return legacy.await.map(as_legacy);
        }
        tokio::select! {
            hello = &mut modern => match hello {
                Ok(hello) => Ok(as_modern(hello)),
                Err(_not_modern) => legacy.await.map(as_legacy),
            },
            hello = &mut legacy => match hello {
                Ok(hello) => Ok(as_legacy(hello)),
                Err(_not_legacy) => modern.await.map(as_modern),
            },
        }
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
                    on_behalf: None,
                    timeout,
                };
                http.request(id, request, sending).await
            }
            Self::Stdio(stdio) => stdio.request(id, request.write(id, era)).await,
        }
    }
}

/// The request that opens the old handshake, around its parameters.
fn initialize(params: &str) -> Request<'_> {
    Request {
        method: message::INITIALIZE,
        members: params.as_bytes(),
        ..Request::default()
    }
}

/// The old handshake with a child.
async fn initialize_child(stdio: &StdioLink, id: u64) -> Result<Hello, UpstreamError> {
    // It is one for all callers, and cannot be told what one of them can be asked.
    let params = message::initialize("");
    let request = initialize(&params).write(id, Era::Legacy);
    let hello = Hello::initialized(&stdio.request(id, request).await?)?;
    stdio.send(Bytes::from_static(message::INITIALIZED))?;
    Ok(hello)
}

/// How to shake hands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Handshake {
    /// The modern way with a child, and the old way where that does not work.
    Either,
    /// With `initialize`.
    Legacy,
    /// With `server/discover`.
    Modern,
}

impl Handshake {
    /// Which to try, in order. Legacy servers answer the modern question in many ways, and some not at all, so any failure
    /// leads on to the old handshake (MCP 2026-07-28, versioning), with another child where it is one: it may have ended.
    pub(super) fn to_try(settings: &UpstreamSettings, known: Option<Era>) -> &'static [Self] {
        let is_child = settings.stdio.command.is_some();
        if settings.sse.is_some() {
            // The transport is older than the other handshake.
            return &[Self::Legacy];
        }
        match (settings.era, known) {
            (EraSetting::Legacy, _) | (EraSetting::Auto, Some(Era::Legacy)) => &[Self::Legacy],
            (EraSetting::Modern, _) | (EraSetting::Auto, Some(Era::Modern)) => &[Self::Modern],
            (EraSetting::Auto, None) if is_child => &[Self::Either, Self::Legacy],
            (EraSetting::Auto, None) => &[Self::Modern, Self::Legacy],
        }
    }
}

impl Link {
    /// Connects and shakes hands.
    pub(super) async fn open(
        handshake: Handshake,
        definition: &Definition,
        wake: &Arc<Notify>,
        parts: &Parts,
    ) -> Result<Self, UpstreamError> {
        let settings = &definition.settings;
        let address = settings.http.as_deref().or(settings.sse.as_deref());
        let wire = match address.and_then(|address| endpoint(address, settings.plain_http())) {
            Some(url) => {
                let endpoint = Endpoint {
                    destination: parts.outbound.destination(url, settings.plain_http()),
                    credential: parts.credentials.of(settings),
                    behalf: Behalf::Ours,
                };
                if settings.sse.is_some() {
                    Wire::Stdio(sse::start(definition, endpoint, wake, parts))
                } else {
                    let link = HttpLink::new(endpoint, settings.max_message_bytes);
                    Wire::Http(Box::new(link))
                }
            }
            None => Wire::Stdio(StdioLink::start(definition, wake, &parts.lifecycle)?),
        };
        // Seldom, and bigger than whatever waits for it.
        Box::pin(Self::shake_hands(handshake, wire, settings)).await
    }

    /// Shakes hands over `wire`, in at most `start_timeout_seconds`.
    async fn shake_hands(
        handshake: Handshake,
        mut wire: Wire,
        settings: &UpstreamSettings,
    ) -> Result<Self, UpstreamError> {
        let timeout = Duration::from_secs(settings.start_timeout_seconds);
        let probe = Duration::from_secs(settings.probe_timeout_seconds);
        let shake_hands = async {
            Ok(match handshake {
                Handshake::Either => wire.shake_either(timeout, probe).await?,
                Handshake::Legacy => (Era::Legacy, wire.initialize(timeout).await?),
                Handshake::Modern => (Era::Modern, wire.discover(timeout).await?),
            })
        };
        let shaken = tokio::time::timeout(timeout, shake_hands).await;
        let (era, hello) = shaken.unwrap_or(Err(UpstreamError::TimedOut))?;
        Ok(Self {
            era,
            announces: lists::announces(&hello.capabilities),
            hello,
            wire,
        })
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
        let answer = Box::pin(self.wire.request(request, (self.era, headers), timeout));
        tokio::time::timeout(timeout, answer)
            .await
            .unwrap_or(Err(UpstreamError::TimedOut))
    }
}
