//! Hears from an upstream that what it has is another one, and has it asked again.
//!
//! A child says so unasked (legacy), or once it was asked to (modern, `subscriptions/listen`). A legacy server over HTTP
//! says so on the stream of its session (`GET`), a modern one on that of the one subscription that all callers share.

use std::sync::Arc;
use std::time::Duration;

use http::HeaderMap;
use tokio::time::Instant;

use super::backoff::Backoff;
use super::conversation::Heard;
use super::event_stream::Place;
use super::http::{Begun, EventsOf, HttpLink, Sending};
use super::link::{Link, Wire};
use super::message::{self, Era, Incoming, Request};
use super::{Upstream, UpstreamError};

/// A stream is opened anew after this time, if it lasts so long.
const LONGEST_STREAM: Duration = Duration::from_secs(3600);
/// The longest wait before a stream that ended is opened again.
const LONGEST_PAUSE: Duration = Duration::from_secs(60);
/// A stream that held for so long was a good one.
const STEADY: Duration = Duration::from_secs(60);
/// How long an upstream may take to be told something that it does not answer.
const TELLING: Duration = Duration::from_secs(5);

/// Asks a modern upstream to tell of its lists.
fn subscription() -> Request<'static> {
    Request {
        method: "subscriptions/listen",
        members: br#""notifications":{"toolsListChanged":true,"promptsListChanged":true,"resourcesListChanged":true}"#,
        ..Request::default()
    }
}

impl Upstream {
    /// Listens for as long as the server lives, over whichever connection there is.
    pub(super) async fn listen(&self) {
        let mut backoff = Backoff::up_to(LONGEST_PAUSE);
        loop {
            let mut place = Place::default();
            let link = self.link.load_full().filter(|link| link.announces);
            let Some(link) = link else {
                self.connected.notified().await;
                continue;
            };
            let started = Instant::now();
            let ended = match &link.wire {
                Wire::Stdio(stdio) => {
                    if link.era == Era::Modern {
                        // Its answer is the end of the subscription, of which the end of the child tells as well.
                        let request = subscription().write(link.wire.next_id(), Era::Modern);
                        let _unread = stdio.send(request);
                    }
                    // Not to keep the child alive: it ends when the link is gone.
                    drop(link);
                    self.connected.notified().await;
                    continue;
                }
                Wire::Http(http) => tokio::select! {
                    ended = self.hear((&link, http), &mut place) => ended,
                    () = self.connected.notified() => continue,
                },
            };
            drop(link);
            match ended {
                Err(error @ (UpstreamError::Refused | UpstreamError::SessionGone)) => {
                    tracing::debug!(upstream = self.name(), %error, "upstream: it has no stream for changes");
                    self.connected.notified().await;
                }
                ended => {
                    tracing::debug!(
                        upstream = self.name(),
                        ?ended,
                        "upstream: its stream for changes has ended"
                    );
                    if started.elapsed() >= STEADY {
                        backoff.reset();
                    }
                    tokio::time::sleep(place.pause_or(backoff.pause())).await;
                }
            }
        }
    }

    /// Reads one stream to its end, and says up to where.
    async fn hear(
        &self,
        (link, http): (&Arc<Link>, &HttpLink),
        place: &mut Place,
    ) -> Result<(), UpstreamError> {
        let mut events = open(link, http).await?;
        let ended = self.hear_all((link, http), &mut events).await;
        place.clone_from(events.place());
        ended
    }

    async fn hear_all(
        &self,
        (link, http): (&Arc<Link>, &HttpLink),
        events: &mut EventsOf,
    ) -> Result<(), UpstreamError> {
        // What changed before the stream was there was not heard.
        self.wake.notify_one();
        let mut heard = Heard::default();
        while let Some(data) = events.next().await? {
            heard.add(data.len(), self.definition.settings.max_message_bytes)?;
            match message::read(&data) {
                Some(Incoming::Notification(said)) if message::is_list_changed(&said.method) => {
                    self.wake.notify_one();
                }
                Some(Incoming::Request(asked)) if link.era == Era::Legacy => {
                    let answer = message::answer(&asked.method, &asked.id);
                    http.tell(answer, None, TELLING).await?;
                }
                // The end of the subscription.
                Some(Incoming::Reply(..)) => return Ok(()),
                Some(Incoming::Notification(_) | Incoming::Request(_)) | None => {}
            }
        }
        Ok(())
    }
}

async fn open(link: &Link, http: &HttpLink) -> Result<EventsOf, UpstreamError> {
    if link.era == Era::Legacy {
        return http.listen(None, None, LONGEST_STREAM).await;
    }
    let sending = Sending {
        era: Era::Modern,
        extra: HeaderMap::new(),
        on_behalf: None,
        timeout: LONGEST_STREAM,
    };
    let id = link.wire.next_id();
    match http.begin(id, &subscription(), sending).await? {
        Begun::Streams(events) => Ok(*events),
        Begun::Replied(_) => Err(UpstreamError::Refused),
    }
}
