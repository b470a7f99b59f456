//! One request to an upstream on its way to its answer, and what the upstream says of it meanwhile.
//!
//! Dropping a conversation before its answer has come cancels the request: over standard input and output and at legacy
//! servers with `notifications/cancelled`, at modern ones over HTTP by closing the stream (MCP 2026-07-28, cancellation).
//! What an upstream says before it answers is bounded: in number, in bytes and in time.

pub(super) mod questions;
mod resuming;
mod running;

use std::future::poll_fn;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use futures_util::future::BoxFuture;
use tokio::time::Instant;

pub use self::questions::Withdrawn;
use self::questions::{Questions, added_time};
use self::resuming::Resuming;
use self::running::Running;
use super::http::EventsOf;
use super::link::Wire;
use super::log_level::LogMessages;
use super::message::{
    self, CANCELLED, ELICITATION_COMPLETE, Era, Incoming, LOG_MESSAGE, Notification, PROGRESS,
    Question, Reply,
};
use super::{Call, Caller, Upstream, UpstreamError};

/// More notifications than this before one answer, or more bytes of them than one message may have, end the call.
pub(super) const MOST_NOTIFICATIONS: usize = 10_000;

/// What an upstream says about a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Said {
    /// Progress, with the caller's own token in it, or a log message that the caller gets.
    Notification(Notification),
    /// A request that the caller's client is to answer ([`Conversation::answer`]).
    Question(Question),
    /// One of these that is not to be answered any more.
    Withdrawn(Withdrawn),
    /// The answer. Nothing follows.
    Reply(Reply),
}

/// A request on its way to its answer.
pub struct Conversation {
    running: Running,
    answer: Answer,
    progress_token: Option<Box<str>>,
    log_messages: LogMessages,
    patience: Duration,
    deadline: Instant,
    last_deadline: Instant,
    heard: Heard,
    most_bytes: usize,
    /// What the client can be asked; nothing if it can be asked nothing.
    questions: Option<Box<Questions>>,
    /// The answer to a request of the upstream's, on its way. Nothing is read meanwhile.
    telling: Option<BoxFuture<'static, ()>>,
    /// The rest of the stream, on its way after the upstream has closed it.
    resuming: Option<Resuming>,
    /// How long one stream may last.
    longest: Duration,
}

impl std::fmt::Debug for Conversation {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "Conversation({} {})",
            self.running.upstream.name(),
            self.running.id
        )
    }
}

enum Answer {
    /// It is there, until somebody takes it.
    Whole(Option<Reply>),
    /// Events of an HTTP response.
    Events(Box<EventsOf>),
    /// Lines of a child's output.
    Lines,
}

/// What has come besides the answer.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Heard {
    messages: usize,
    bytes: usize,
    /// Some of it was no message. The answer may have been among that.
    was_odd: bool,
}

impl Heard {
    /// Counts one more message; fails beyond the limits.
    pub(super) fn add(&mut self, bytes: usize, most_bytes: usize) -> Result<(), UpstreamError> {
        self.messages += 1;
        self.bytes += bytes;
        if self.messages > MOST_NOTIFICATIONS || self.bytes > most_bytes {
            return Err(UpstreamError::Invalid);
        }
        Ok(())
    }

    /// Notes what came, which is nothing if it was no message. An event without data is none, and says nothing.
    pub(super) fn note(&mut self, data: &[u8], incoming: Option<&Incoming>) {
        self.was_odd |= incoming.is_none() && !data.is_empty();
    }

    /// What the end of all that came means, if the answer was not part of it.
    pub(super) fn ended(&self) -> UpstreamError {
        match self.was_odd {
            true => UpstreamError::Invalid,
            false => UpstreamError::Interrupted,
        }
    }
}

impl Upstream {
    /// Sends a request. What the upstream says of it is for the conversation's reader.
    pub async fn begin(
        self: &Arc<Self>,
        call: &Call,
        caller: &Caller,
    ) -> Result<Conversation, UpstreamError> {
        let Ok(permit) = Arc::clone(&self.calls).try_acquire_owned() else {
            return Err(UpstreamError::Busy);
        };
        let share = match caller.is_this_server() {
            true => None,
            false => Some(self.shares.take(&caller.key).ok_or(UpstreamError::Busy)?),
        };
        let pass = self.breaker.admit().map_err(still_open)?;
        self.used.fetch_add(1, Ordering::Relaxed);
        let settings = &self.definition.settings;
        let patience = Duration::from_secs(settings.call_timeout_seconds);
        let longest = Duration::from_secs(settings.max_call_seconds).max(patience);
        let now = Instant::now();
        let mut running = Running::new(Arc::clone(self), ((permit, share), pass), caller);
        let longest_stream = longest + added_time(caller);
        let sent = {
            // Where it is, it stays: a timeout that takes it would copy all of it.
            let sending = pin!(running.send(call, caller, longest_stream));
            tokio::time::timeout_at(now + patience, sending).await
        };
        match sent.unwrap_or(Err(UpstreamError::TimedOut)) {
            Ok(answer) => Ok(Conversation {
                questions: running.questions(caller),
                running,
                answer,
                progress_token: call.progress_token.clone(),
                log_messages: caller.log_messages,
                patience,
                deadline: now + patience,
                last_deadline: now + longest,
                heard: Heard::default(),
                most_bytes: settings.max_message_bytes,
                telling: None,
                resuming: None,
                longest: longest_stream,
            }),
            Err(error) => {
                if error != UpstreamError::TimedOut {
                    running.is_over();
                }
                running.failed(error);
                Err(error)
            }
        }
    }
}

/// An open breaker, for the caller: whole seconds, and at least one.
fn still_open(left: Duration) -> UpstreamError {
    let seconds = u32::try_from(left.as_millis().div_ceil(1000)).unwrap_or(u32::MAX);
    UpstreamError::BreakerOpen(seconds.max(1))
}

impl Conversation {
    /// Which MCP the upstream speaks.
    #[must_use]
    pub fn era(&self) -> Era {
        self.running.era
    }

    /// What the upstream says next. Nothing is lost if the wait for it is given up and begun again.
    ///
    /// Each word about progress begins `call_timeout_seconds` anew, up to `max_call_seconds` in all (MCP 2025-11-25,
    /// lifecycle, timeouts).
    pub async fn next(&mut self) -> Result<Said, UpstreamError> {
        if let Answer::Whole(reply) = &mut self.answer {
            let reply = reply.take();
            self.running.succeeded();
            return reply.map(Said::Reply).ok_or(UpstreamError::Interrupted);
        }
        let is_asked = self.questions.as_ref().is_some_and(|all| all.are_open());
        let deadline = self.deadline;
        let said = {
            let listening = pin!(self.listen());
            if is_asked {
                listening.await
            } else {
                let said = tokio::time::timeout_at(deadline, listening).await;
                said.unwrap_or(Err(UpstreamError::TimedOut))
            }
        };
        if let Err(error) = said {
            self.running.failed(error);
        }
        said
    }

    async fn listen(&mut self) -> Result<Said, UpstreamError> {
        loop {
            if let Some(telling) = &mut self.telling {
                telling.await;
                self.telling = None;
            }
            match self.hear().await? {
                Incoming::Reply(_, reply) => {
                    self.running.is_over();
                    self.running.succeeded();
                    return reply.map(Said::Reply);
                }
                Incoming::Notification(notification) => {
                    if let Some(wanted) = self.wanted(notification) {
                        return Ok(wanted);
                    }
                }
                Incoming::Request(question) => {
                    if let Some(question) = self.question(question) {
                        return Ok(Said::Question(question));
                    }
                }
            }
        }
    }

    /// The next message that has to do with this request.
    async fn hear(&mut self) -> Result<Incoming, UpstreamError> {
        let id = self.running.id;
        match &mut self.answer {
            Answer::Whole(_) => Err(UpstreamError::Interrupted),
            Answer::Events(_) => self.hear_events().await,
            Answer::Lines => match self.running.link.as_deref().map(|link| &link.wire) {
                Some(Wire::Stdio(stdio)) => poll_fn(|cx| stdio.poll(id, cx)).await,
                Some(Wire::Http(_)) | None => Err(UpstreamError::Interrupted),
            },
        }
    }

    /// The same where the answer comes as events.
    async fn hear_events(&mut self) -> Result<Incoming, UpstreamError> {
        loop {
            let Answer::Events(events) = &mut self.answer else {
                return Err(UpstreamError::Interrupted);
            };
            if let Some(resuming) = &mut self.resuming {
                let more = resuming.await;
                self.resuming = None;
                events.go_on(more?);
            }
            let data = match events.next().await {
                Ok(Some(data)) => data,
                Ok(None) => {
                    let ended = self.come_back(UpstreamError::Interrupted);
                    if ended == Err(UpstreamError::Interrupted) {
                        self.running.is_over();
                        return Err(self.heard.ended());
                    }
                    ended?;
                    continue;
                }
                Err(error) => {
                    self.come_back(error)?;
                    continue;
                }
            };
            let incoming = message::read(&data);
            self.heard.note(&data, incoming.as_ref());
            if let Some(reply @ Incoming::Reply(of, _)) = incoming {
                if of == self.running.id {
                    return Ok(reply);
                }
                // An answer to nothing.
                self.heard.add(data.len(), self.most_bytes)?;
                continue;
            }
            self.heard.add(data.len(), self.most_bytes)?;
            if let Some(incoming) = incoming {
                return Ok(incoming);
            }
        }
    }

    /// What of a notification is for the caller, as the caller has to get it.
    fn wanted(&mut self, notification: Notification) -> Option<Said> {
        match notification.method.as_ref() {
            PROGRESS => {
                let (of, place) = notification.progress_of()?;
                let token = self.progress_token.as_deref()?;
                if of != self.running.id {
                    return None;
                }
                self.deadline = (Instant::now() + self.patience).min(self.last_deadline);
                Some(Said::Notification(notification.with_value(place, token)))
            }
            LOG_MESSAGE => {
                let level = notification.log_level()?;
                let is_wanted = self.log_messages.include(level, self.running.era);
                is_wanted.then_some(Said::Notification(notification))
            }
            ELICITATION_COMPLETE if self.questions.is_some() => {
                Some(Said::Notification(notification))
            }
            CANCELLED => self.withdrawn(notification).map(Said::Withdrawn),
            method if message::is_list_changed(method) => {
                self.running.upstream.wake.notify_one();
                None
            }
            // What is about no request has no place in an answer.
            _ => None,
        }
    }
}
