//! HTTP+SSE, the transport of 2024-11-05, towards an upstream: one stream of events from it, one POST per message to it.
//!
//! The first event names where to POST; that has to be on the stream's own origin, else nothing is sent (it could be anybody's
//! address). The messages of all requests go side by side over the one stream, as over a child's output. When it ends,
//! every call that waits fails at once.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use http::header::{ACCEPT, CONTENT_TYPE};
use http::{HeaderMap, HeaderValue, Method};
use tokio::sync::{Notify, mpsc};
use url::Url;

use super::credential::Behalf;
use super::endpoint::Endpoint;
use super::http::{EventsOf, is_of_type};
use super::refusal::refusal;
use super::stdio::{StdioLink, Talk};
use super::{Definition, Parts, UpstreamError};
use crate::outbound::Exchange;

/// Messages that wait to be sent besides one for each call that may run. More are refused.
const WAITING_MESSAGES: usize = 16;
/// Messages that are sent at once.
const MOST_POSTS: usize = 32;
/// A stream that is older than this is ended, and another one opened.
const LONGEST: Duration = Duration::from_secs(24 * 60 * 60);

/// Opens the stream, and gives what messages are exchanged with meanwhile.
pub(super) fn start(
    definition: &Definition,
    endpoint: Endpoint,
    wake: &Arc<Notify>,
    parts: &Parts,
) -> StdioLink {
    let settings = &definition.settings;
    let (outbox, messages) = mpsc::channel(WAITING_MESSAGES + settings.max_concurrent_calls);
    let talk = Talk::new(settings, &outbox, wake);
    let link = StdioLink::over(outbox, &talk);
    let stream = Stream {
        talk,
        endpoint,
        max_bytes: settings.max_message_bytes,
        opening: Duration::from_secs(settings.start_timeout_seconds),
        sending: Duration::from_secs(settings.call_timeout_seconds),
    };
    parts.lifecycle.spawn(stream.run(messages));
    link
}

struct Stream {
    talk: Talk,
    endpoint: Endpoint,
    max_bytes: usize,
    /// How long the stream and the name of the endpoint may take.
    opening: Duration,
    /// And one message.
    sending: Duration,
}

impl Stream {
    async fn run(self, messages: mpsc::Receiver<Bytes>) {
        match self.talk(messages).await {
            Ok(()) => tracing::info!(
                upstream = self.talk.name(),
                "upstream: its stream has ended"
            ),
            Err(error) => {
                tracing::warn!(upstream = self.talk.name(), %error, "upstream: its stream is of no use");
            }
        }
    }

    async fn talk(&self, mut messages: mpsc::Receiver<Bytes>) -> Result<(), UpstreamError> {
        let opened = tokio::time::timeout(self.opening, self.open()).await;
        let (mut events, target) = opened.unwrap_or(Err(UpstreamError::TimedOut))?;
        let mut posts = FuturesUnordered::new();
        loop {
            tokio::select! {
                event = events.next() => match event? {
                    Some(data) => {
                        self.talk.received(&data);
                        // A flood of short events is not to hold a thread.
                        tokio::task::coop::consume_budget().await;
                    }
                    None => return Ok(()),
                },
                Some(sent) = posts.next() => sent?,
                message = messages.recv(), if posts.len() < MOST_POSTS => match message {
                    Some(message) => posts.push(self.post(&target, message)),
                    // Nobody needs the connection any more.
                    None => return Ok(()),
                },
            }
        }
    }

    /// The stream, and where messages go.
    async fn open(&self) -> Result<(EventsOf, Endpoint), UpstreamError> {
        let message = Exchange {
            method: Method::GET,
            headers: HeaderMap::from_iter([(
                ACCEPT,
                HeaderValue::from_static("text/event-stream"),
            )]),
            body: Bytes::new(),
            timeout: LONGEST,
        };
        let answer = self.endpoint.send(message, &Behalf::Ours).await?;
        match answer.status() {
            200 if is_of_type(&answer, b"text/event-stream") => {}
            200 => return Err(UpstreamError::Invalid),
            status => return Err(refusal(status, false)),
        }
        let mut events = EventsOf::new(answer, self.max_bytes);
        let named = events.next().await?.ok_or(UpstreamError::Interrupted)?;
        if events.last_kind() != b"endpoint" {
            tracing::warn!(
                upstream = self.talk.name(),
                "upstream: its stream begins without an `endpoint` event; is this an HTTP+SSE server, or one for `http`?"
            );
            return Err(UpstreamError::Invalid);
        }
        let target = target(self.endpoint.destination.url(), &named).ok_or_else(|| {
            tracing::warn!(
                upstream = self.talk.name(),
                "upstream: it wants its messages somewhere else than on its own origin; nothing is sent there"
            );
            UpstreamError::Invalid
        })?;
        Ok((events, self.endpoint.at(target)))
    }

    /// Sends one message. A failure is that of its request alone, unless the server says that the session is gone.
    async fn post(&self, target: &Endpoint, body: Bytes) -> Result<(), UpstreamError> {
        let id = request_id(&body);
        let json = HeaderValue::from_static("application/json");
        let message = Exchange {
            method: Method::POST,
            headers: HeaderMap::from_iter([(CONTENT_TYPE, json)]),
            body,
            timeout: self.sending,
        };
        let sent = target.send(message, &Behalf::Ours).await;
        let error = match sent.map(|answer| answer.status()) {
            // The answer comes on the stream; what comes here says nothing.
            Ok(200..=299) => return Ok(()),
            Ok(404 | 410) => return Err(UpstreamError::Interrupted),
            Ok(status) => refusal(status, false),
            Err(error) => error,
        };
        if let Some(id) = id {
            self.talk.fail(id, error);
        }
        Ok(())
    }
}

/// The address that an `endpoint` event names, if it is on the origin of `stream`.
fn target(stream: &Url, named: &[u8]) -> Option<Url> {
    let named = std::str::from_utf8(named).ok()?;
    let mut url = stream.join(named.trim()).ok()?;
    url.set_fragment(None);
    let is_ours = url.origin() == stream.origin() && url.origin().is_tuple();
    (is_ours && url.username().is_empty() && url.password().is_none()).then_some(url)
}

/// The id of a request that was written here; nothing if the message is none.
fn request_id(message: &[u8]) -> Option<u64> {
    let rest = message.strip_prefix(br#"{"jsonrpc":"2.0","id":"#)?;
    let end = rest.iter().position(|b| !b.is_ascii_digit())?;
    let (digits, after) = rest.split_at_checked(end)?;
    // An answer to a request of the upstream's begins the same way, and goes on with a result.
    after.strip_prefix(br#","method":"#)?;
    std::str::from_utf8(digits).ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::super::message::{self, Era, Request};
    use super::*;

    #[test]
    fn messages_go_to_the_streams_own_origin_only() {
        let stream = Url::parse("https://up.test:8443/a/sse?key=1").expect("an address");
        let check = |named: &str, expected: Option<&str>| {
            let found = target(&stream, named.as_bytes());
            assert_eq!(found.as_ref().map(Url::as_str), expected, "{named}");
        };
        check(
            "/messages?session=1",
            Some("https://up.test:8443/messages?session=1"),
        );
        check("messages", Some("https://up.test:8443/a/messages"));
        check(" /m#x\n", Some("https://up.test:8443/m"));
        check("https://up.test:8443/m", Some("https://up.test:8443/m"));
        for foreign in [
            "https://up.test/m",
            "http://up.test:8443/m",
            "https://evil.test:8443/m",
            "//evil.test:8443/m",
            "\\\\evil.test\\m",
            "https://user:secret@up.test:8443/m",
            "file:///etc/passwd",
            "javascript:alert(1)",
        ] {
            check(foreign, None);
        }
        assert_eq!(target(&stream, b"\xff"), None);
    }

    #[test]
    fn only_requests_of_ours_have_an_id_that_can_fail() {
        let request = Request {
            method: "tools/call",
            ..Request::default()
        };
        assert_eq!(request_id(&request.write(17, Era::Legacy)), Some(17));
        assert_eq!(request_id(&message::answer("ping", "17")), None);
        assert_eq!(request_id(&message::cancelled(17)), None);
        assert_eq!(request_id(message::INITIALIZED), None);
    }
}
