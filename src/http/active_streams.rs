//! Which response streams are open now: whose they are, how old, and which program reads them. For the admin page
//! `/streams`. A stream is touched when it opens and when it ends, never in between.

use std::collections::HashMap;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};

use axum::body::Body;
use bytes::Bytes;
use hyper::body::{Frame, SizeHint};
use serde::Serialize;

use crate::auth::{Excerpt, Principal};

/// The most bytes of what a client calls itself.
const LONGEST: usize = 96;

/// The streams of one server. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct ActiveStreams(Arc<Mutex<Open>>);

#[derive(Debug, Default)]
struct Open {
    next: u64,
    streams: HashMap<u64, Opened>,
}

/// What is kept of a stream: names are shared with the verified token.
#[derive(Debug)]
struct Opened {
    principal: Principal,
    software: Option<Excerpt>,
    path: &'static str,
    since: i64,
}

/// One open stream.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Stream {
    /// Who issued the ticket.
    pub issuer: String,
    /// The OAuth client id, where the token names one.
    pub client_id: Option<String>,
    /// What the client calls itself (`User-Agent`), which nobody has verified.
    pub software: Option<Excerpt>,
    /// The endpoint.
    pub path: &'static str,
    /// Since when, milliseconds since the Unix epoch.
    pub since_unix_millis: i64,
}

impl ActiveStreams {
    /// `body` as one more open stream of `principal`'s, until it ends or is dropped.
    pub fn hold(
        &self,
        body: Body,
        principal: &Principal,
        (path, user_agent): (&'static str, Option<&[u8]>),
        now: i64,
    ) -> Body {
        let opened = Opened {
            principal: principal.clone(),
            software: user_agent.map(|bytes| Excerpt::of_bytes(bytes, LONGEST)),
            path,
            since: now,
        };
        let mut open = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let id = open.next;
        open.next += 1;
        open.streams.insert(id, opened);
        let held = Held {
            id,
            streams: self.clone(),
        };
        Body::new(HeldBody { body, _held: held })
    }

    /// Those that are open now, oldest first.
    #[must_use]
    pub fn list(&self) -> Vec<Stream> {
        let open = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let stream = |opened: &Opened| Stream {
            issuer: opened.principal.issuer().to_owned(),
            client_id: opened.principal.client_id().map(str::to_owned),
            software: opened.software.clone(),
            path: opened.path,
            since_unix_millis: opened.since,
        };
        let mut all: Vec<_> = open.streams.values().map(stream).collect();
        drop(open);
        all.sort_by_key(|stream| stream.since_unix_millis);
        all
    }
}

/// The place of an open stream.
#[derive(Debug)]
struct Held {
    id: u64,
    streams: ActiveStreams,
}

impl Drop for Held {
    fn drop(&mut self) {
        let mut open = self
            .streams
            .0
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        open.streams.remove(&self.id);
    }
}

/// A body, and its place for as long as it lives.
#[derive(Debug)]
struct HeldBody {
    body: Body,
    _held: Held,
}

impl hyper::body::Body for HeldBody {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut self.body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use http_body_util::BodyExt;

    use super::*;
    use crate::auth::{Resources, Settings};

    #[tokio::test]
    async fn a_stream_is_listed_until_its_body_is_gone() {
        let resources = Resources::new(&Settings::default());
        let resource = resources.at("/mcp").cloned().expect("a resource");
        let principal = Principal::for_test("alice", &[], resource);
        let streams = ActiveStreams::default();
        let long = [b'a'; 4_096];
        let later = streams.hold(Body::from("b"), &principal, ("/sse", Some(&long)), 20);
        let body = streams.hold(Body::from("a"), &principal, ("/mcp", None), 10);
        let found = streams.list();
        let paths: Vec<_> = found.iter().map(|stream| stream.path).collect();
        assert_eq!(paths, ["/mcp", "/sse"]);
        let software = found[1].software.as_ref().map(Excerpt::as_str);
        assert_eq!(software.map(|text| text.chars().count()), Some(LONGEST + 1));
        assert!(found[0].software.is_none());

        let sent = body.collect().await.expect("a body").to_bytes();
        assert_eq!(sent, "a");
        assert_eq!(streams.list().len(), 1);
        drop(later);
        assert_eq!(streams.list(), []);
    }
}
