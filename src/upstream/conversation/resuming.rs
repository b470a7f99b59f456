//! A call whose stream a legacy server has closed before it answered: the rest of the stream is asked for, if there is time.

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use tokio::time::Instant;

use super::{Answer, Conversation};
use crate::outbound::Exchanged;
use crate::upstream::UpstreamError;
use crate::upstream::event_stream::Place;
use crate::upstream::link::Wire;
use crate::upstream::message::Era;

/// What follows on a stream, on its way.
pub(super) type Resuming = BoxFuture<'static, Result<Exchanged, UpstreamError>>;

impl Conversation {
    /// Takes the stream up again after it has `ended`, or says what that means. A call whose time is over before the server
    /// wants to be asked again ends at once, and is cancelled there.
    pub(super) fn come_back(&mut self, ended: UpstreamError) -> Result<(), UpstreamError> {
        let Answer::Events(events) = &self.answer else {
            return Err(ended);
        };
        let place = events.place();
        if ended != UpstreamError::Interrupted
            || self.running.era != Era::Legacy
            || place.last_id.is_none()
        {
            return Err(ended);
        }
        let is_asked = self.questions.as_ref().is_some_and(|all| all.are_open());
        let left = self.deadline.saturating_duration_since(Instant::now());
        if place.pause() >= left && !is_asked {
            tracing::debug!(
                pause = ?place.pause(),
                "upstream: it closed the stream of a call, and wants to be asked again when that is over"
            );
            return Err(UpstreamError::TimedOut);
        }
        self.resuming = Some(self.rest(place.clone()).ok_or(ended)?);
        Ok(())
    }

    fn rest(&self, place: Place) -> Option<Resuming> {
        let (link, whose) = (self.running.link.clone()?, self.running.whose.clone());
        let timeout = self.longest;
        let resuming = async move {
            match &link.wire {
                Wire::Http(http) => {
                    let on_behalf = Some(whose.on_behalf());
                    http.take_up(&place, on_behalf, timeout).await
                }
                Wire::Stdio(_) => Err(UpstreamError::Interrupted),
            }
        };
        Some(resuming.boxed())
    }
}
