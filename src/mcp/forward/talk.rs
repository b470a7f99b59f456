//! A call that runs, and how its client hears of it: as JSON, as a stream of events, or not any more.

use std::fmt;
use std::time::Duration;

use futures_util::StreamExt;
use http::StatusCode;

use super::{CANCELLED, Forward, Last, Step, Steps};
use crate::auth::Principal;
use crate::mcp::asked::Asked;
use crate::mcp::bridge::asking::CannotAsk;
use crate::mcp::error::Error;
use crate::mcp::running::Registration;
use crate::mcp::stream::{self, EventStream, Source};
use crate::mcp::{Answer, Era, Operation, Protocol, reply};

/// A call that runs.
///
/// Dropping it cancels it, but for legacy clients: of these a lost connection says nothing about the call (MCP 2025-11-25,
/// streamable HTTP), so it goes on, with nobody to answer, until it ends or its deadline does. A modern client that
/// closes its stream cancels (MCP 2026-07-28, cancellation).
pub(crate) struct Talk {
    /// Nothing once it is over.
    steps: Option<Steps>,
    /// By which a legacy client can cancel it.
    registration: Option<Registration>,
    /// It goes on when nobody listens any more.
    outlives_connection: bool,
    protocol: Protocol,
}

impl fmt::Debug for Talk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Talk(over: {})", self.steps.is_none())
    }
}

impl Talk {
    /// What comes next; nothing if the client has cancelled the call. Nothing is lost if the wait is given up.
    pub(in crate::mcp) async fn next(&mut self) -> Option<Step> {
        let steps = self.steps.as_mut()?;
        let step = match &self.registration {
            None => steps.next().await,
            Some(registration) => tokio::select! {
                biased;
                step = steps.next() => step,
                () = registration.cancelled() => None,
            },
        };
        if !matches!(step, Some(Step::Notification(_) | Step::Question(_))) {
            self.cancel();
        }
        step
    }

    /// Ends it, for whatever client.
    pub(in crate::mcp) fn cancel(&mut self) {
        self.steps = None;
        self.registration = None;
    }
}

impl Drop for Talk {
    fn drop(&mut self) {
        if !self.outlives_connection || self.steps.is_none() {
            return;
        }
        let lifecycle = self.protocol.0.parts.lifecycle.clone();
        let mut talk = Self {
            steps: self.steps.take(),
            registration: self.registration.take(),
            outlives_connection: false,
            protocol: self.protocol.clone(),
        };
        let stop = lifecycle.clone();
        lifecycle.spawn_at_drop(async move {
            tokio::select! {
                () = async { while talk.next().await.is_some() {} } => {}
                () = stop.soft_stop() => {}
            }
        });
    }
}

/// A call whose answer has to be waited for.
pub(in crate::mcp) struct Later {
    talk: Talk,
    /// Whose stream it may become; nothing where the client takes no stream.
    principal: Option<Principal>,
    operation: Option<Operation>,
    id: Box<str>,
    era: Era,
}

impl Later {
    pub(in crate::mcp) fn new(protocol: &Protocol, asked: &Asked<'_>, forward: Forward) -> Self {
        let registration = match asked.era {
            Era::Modern => None,
            Era::Legacy => Some(protocol.0.running.register(&forward.caller.key, asked)),
        };
        let id = forward.id.clone();
        Self {
            talk: Talk {
                steps: Some(forward.steps()),
                registration,
                outlives_connection: asked.era == Era::Legacy,
                protocol: protocol.clone(),
            },
            principal: asked.takes_events.then(|| asked.principal.clone()),
            operation: asked.operation(),
            id,
            era: asked.era,
        }
    }

    /// The answer to the POST that made the call.
    pub(in crate::mcp) async fn answer(mut self) -> Answer {
        let mut answer = self.answer_somehow().await;
        answer.operation = self.operation.take();
        answer
    }

    async fn answer_somehow(&mut self) -> Answer {
        if self.principal.is_some() {
            // The time that HTTP gives a request ends with the first byte of the answer.
            let patience = Duration::from_secs(self.talk.protocol.0.settings.stream_after_seconds);
            let first = match tokio::time::timeout(patience, self.talk.next()).await {
                Ok(Some(Step::Answer(last))) => return answered(last),
                Ok(Some(step @ (Step::Notification(_) | Step::Question(_)))) => Some(step),
                Ok(None) => return cancelled(),
                Err(_it_takes_its_time) => None,
            };
            if let Some(stream) = self.stream(first.as_ref()) {
                return Answer::events(stream);
            }
            if let Some(Step::Question(_)) = first {
                return self.nobody_to_ask();
            }
        }
        self.last(|_notification| {}).await
    }

    /// The rest of the call as a stream; nothing if the client has too many of them.
    fn stream(&mut self, first: Option<&Step>) -> Option<EventStream> {
        let principal = self.principal.as_ref()?;
        let protocol = self.talk.protocol.clone();
        let inner = &protocol.0;
        let open = inner.open_streams.open(principal).ok()?;
        let over = Talk {
            steps: None,
            registration: None,
            outlives_connection: false,
            protocol: protocol.clone(),
        };
        let mut cut_short = Vec::new();
        reply::error_to(&mut cut_short, Some(&self.id), &Error::CutShort, self.era);
        Some(EventStream::new(stream::Parts {
            first: first.and_then(Step::event),
            source: Source::Call(Box::new(std::mem::replace(&mut self.talk, over))),
            last: Some(stream::event(None, &cut_short)),
            changes: None,
            expires_at: principal.expires_at(),
            clock: inner.parts.clock.clone(),
            lifecycle: inner.parts.lifecycle.clone(),
            _open: open,
        }))
    }

    /// The end of a call whose upstream asks the client, to whom nothing leads.
    fn nobody_to_ask(&mut self) -> Answer {
        self.talk.cancel();
        let error = Error::Asking(CannotAsk::Busy);
        let mut json = Vec::new();
        reply::error_to(&mut json, Some(&self.id), &error, self.era);
        Answer {
            operation: self.operation.take(),
            ..Answer::refused_with(json, &error, self.era)
        }
    }

    /// The message that answers the call; empty if it was cancelled.
    pub(in crate::mcp) async fn message(&mut self) -> Vec<u8> {
        loop {
            match self.talk.next().await {
                Some(Step::Notification(_) | Step::Question(_)) => {}
                Some(Step::Answer(last)) => return last.whole(),
                None => return Vec::new(),
            }
        }
    }

    /// The answer of the call, and whatever comes before it for `hear`.
    pub(in crate::mcp) async fn last(&mut self, mut hear: impl FnMut(Vec<u8>)) -> Answer {
        loop {
            match self.talk.next().await {
                Some(Step::Notification(json)) => hear(json),
                Some(Step::Question(_)) => return self.nobody_to_ask(),
                Some(Step::Answer(last)) => {
                    let mut answer = answered(last);
                    answer.operation = self.operation.take();
                    return answer;
                }
                None => return cancelled(),
            }
        }
    }
}

fn answered(last: Last) -> Answer {
    let (reason, status) = (last.reason, last.status);
    Answer {
        reason,
        status,
        ..match last.passed_on {
            Some((result, end)) => Answer::spliced(last.json, result, end),
            None => Answer::json(last.json),
        }
    }
}

/// A cancelled request is not answered (MCP 2025-11-25, cancellation).
fn cancelled() -> Answer {
    Answer {
        reason: Some(CANCELLED),
        ..Answer::empty(StatusCode::ACCEPTED)
    }
}
