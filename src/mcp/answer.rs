//! What the protocol layer hands to HTTP.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use http::{HeaderValue, StatusCode};

use super::envelope::Id;
use super::era::Era;
use super::error::{BadHttp, Error};
use super::reply;
use super::stream::EventStream;
use crate::auth::Challenge;

/// The answer to one HTTP request.
#[derive(Debug)]
pub struct Answer {
    /// The status.
    pub status: StatusCode,
    /// The body.
    pub body: Body,
    /// The value of `WWW-Authenticate`.
    pub challenge: Option<HeaderValue>,
    /// The value of `Mcp-Session-Id`.
    pub session_id: Option<HeaderValue>,
    /// The value of `Retry-After`.
    pub retry_after_seconds: Option<u64>,
    /// What was asked for.
    pub operation: Option<Operation>,
    /// The stable reason code of a refusal or error.
    pub reason: Option<&'static str>,
    /// The rule behind a refusal.
    pub rule: Option<Arc<str>>,
}

/// What was asked for, in registered names only, so that logs and metrics cannot be filled with a stranger's words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Operation {
    /// The method, or `batch`.
    pub method: &'static str,
    /// The tool that it calls.
    pub tool: Option<Cow<'static, str>>,
}

impl fmt::Display for Operation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.method)?;
        match &self.tool {
            Some(tool) => write!(f, " {tool}"),
            None => Ok(()),
        }
    }
}

/// The body of an answer.
#[derive(Debug)]
pub enum Body {
    /// None.
    Empty,
    /// A JSON-RPC message or a batch of them.
    Json(Bytes),
    /// The same in pieces: its beginning, what was not written for this answer and is not copied for it, and its end.
    Spliced([Bytes; 3]),
    /// Server-sent events.
    Events(EventStream),
}

impl Body {
    /// The same with JSON in one piece.
    pub(crate) fn whole(self) -> Self {
        match self {
            Self::Spliced(pieces) => Self::Json(pieces.concat().into()),
            Self::Empty | Self::Events(_) | Self::Json(_) => self,
        }
    }
}

impl Answer {
    fn new(status: StatusCode, body: Body) -> Self {
        Self {
            status,
            body,
            challenge: None,
            session_id: None,
            retry_after_seconds: None,
            operation: None,
            reason: None,
            rule: None,
        }
    }

    /// 200 with JSON.
    pub(crate) fn json(json: Vec<u8>) -> Self {
        Self::new(StatusCode::OK, Body::Json(Bytes::from(json)))
    }

    /// 200 with JSON in pieces.
    pub(crate) fn spliced(beginning: Vec<u8>, shared: Bytes, end: &'static [u8]) -> Self {
        let pieces = [beginning.into(), shared, Bytes::from_static(end)];
        Self::new(StatusCode::OK, Body::Spliced(pieces))
    }

    /// 200 with a stream.
    pub(crate) fn events(stream: EventStream) -> Self {
        Self::new(StatusCode::OK, Body::Events(stream))
    }

    /// A status alone.
    pub(crate) fn empty(status: StatusCode) -> Self {
        Self::new(status, Body::Empty)
    }

    /// A refusal of HTTP's own, before any message was read.
    #[must_use]
    pub fn bad_http(bad: BadHttp) -> Self {
        Self::refusal(None, &Error::Http(bad), Era::Legacy)
    }

    /// A refusal as a JSON-RPC error.
    pub(crate) fn refusal(id: Option<Id<'_>>, error: &Error, era: Era) -> Self {
        let mut json = Vec::new();
        reply::error(&mut json, id, error, era);
        Self::refused_with(json, error, era)
    }

    /// A refusal whose body says it in its own way.
    pub(crate) fn refused_with(json: Vec<u8>, error: &Error, era: Era) -> Self {
        let denied = error.denied();
        let challenge = denied.and_then(|denied| denied.challenge.as_ref());
        Self {
            challenge: challenge.map(Challenge::header_value),
            retry_after_seconds: error.retry_after_seconds(),
            reason: Some(error.reason()),
            rule: denied.map(|denied| Arc::clone(&denied.rule)),
            ..Self::new(error.status(era), Body::Json(Bytes::from(json)))
        }
    }
}
