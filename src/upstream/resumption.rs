//! Streams that a legacy server closes before it has answered, or that break: they are taken up again after the last event
//! that came (MCP 2025-11-25, streamable HTTP, resumability and redelivery; SEP-1699).
//!
//! Only a server that gives its events ids can be asked for what follows, always with `GET`, and not before the time that
//! it named. How long all of that may take is for whoever waits for the answer to say.

use std::time::Duration;

use super::UpstreamError;
use super::event_stream::Place;
use super::http::{EventsOf, HttpLink, OnBehalf};
use super::message::Reply;
use crate::outbound::Exchanged;

/// The pause before a stream is taken up again whose server named none, and the shortest one, whatever it named.
const USUAL_PAUSE: Duration = Duration::from_secs(1);
const SHORTEST_PAUSE: Duration = Duration::from_millis(100);
/// A server that cannot be reached so often in a row is given up.
const MOST_FAILURES: u32 = 5;

impl Place {
    /// How long to wait before the rest is asked for.
    pub(super) fn pause(&self) -> Duration {
        self.retry.unwrap_or(USUAL_PAUSE).max(SHORTEST_PAUSE)
    }
}

impl HttpLink {
    /// What follows `place`, after the pause that the server asked for. A server that has no more to say of it, or does
    /// not want to, has ended the request without an answer.
    pub(super) async fn take_up(
        &self,
        place: &Place,
        on_behalf: Option<OnBehalf<'_>>,
        timeout: Duration,
    ) -> Result<Exchanged, UpstreamError> {
        let last_id = place.last_id.as_ref().ok_or(UpstreamError::Interrupted)?;
        let mut failures = 0;
        loop {
            tokio::time::sleep(place.pause()).await;
            let error = match self.get(Some(last_id), on_behalf, timeout).await {
                Ok(answer) => return Ok(answer),
                Err(error) => error,
            };
            tracing::debug!(%error, "upstream: a stream could not be taken up again");
            match error {
                UpstreamError::Busy | UpstreamError::Interrupted | UpstreamError::Unavailable
                    if failures < MOST_FAILURES =>
                {
                    failures += 1;
                }
                UpstreamError::Invalid | UpstreamError::Refused | UpstreamError::SessionGone => {
                    return Err(UpstreamError::Interrupted);
                }
                UpstreamError::BreakerOpen(_)
                | UpstreamError::Busy
                | UpstreamError::Credential(_)
                | UpstreamError::CredentialRefused
                | UpstreamError::Interrupted
                | UpstreamError::TimedOut
                | UpstreamError::Unavailable => return Err(error),
            }
        }
    }

    /// The answer to request `id` of this server's own, whose stream has ended before it came.
    pub(super) async fn rest(
        &self,
        id: u64,
        mut events: Box<EventsOf>,
        on_behalf: Option<OnBehalf<'_>>,
        timeout: Duration,
    ) -> Result<Reply, UpstreamError> {
        loop {
            let more = self.take_up(events.place(), on_behalf, timeout).await?;
            events.go_on(more);
            match events.last(id).await {
                Err(UpstreamError::Interrupted) => {}
                answered => return answered,
            }
        }
    }
}
