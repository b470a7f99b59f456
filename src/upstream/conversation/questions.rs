//! The requests that an upstream makes while it works on a call, and that the call's own client can answer.
//!
//! Only a session that was opened for one client's session is told what that client can be asked, and only a call in that
//! session passes questions on; every other request is answered here. While a client is asked, the deadlines of the call
//! stand still: whoever asks bounds that time.

use std::ops::Range;
use std::time::Duration;

use bytes::Bytes;
use tokio::time::Instant;

use super::Conversation;
use super::running::tell;
use crate::upstream::Caller;
use crate::upstream::message::{self, Era, Notification, Question, Reply};

/// Questions of one call that wait for their answer at once, and all that one call may put.
pub(in crate::upstream) const MOST_OPEN: usize = 16;
pub(super) const MOST_PUT: u32 = 100;

/// The answer to what is more, or has an id that another one has.
pub(in crate::upstream) const TOO_MANY: Bytes = Bytes::from_static(
    br#"{"code":-32603,"message":"too many requests to the client in one call, or two of one id"}"#,
);

/// A question that the upstream does not want answered any more.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Withdrawn {
    /// The id of its request, as JSON.
    pub id: Box<str>,
    notification: Notification,
    place: Range<usize>,
}

impl Withdrawn {
    /// What this notification takes back, if that is what it is about.
    pub(in crate::upstream) fn of(notification: Notification) -> Option<Self> {
        let place = notification.cancels()?;
        let id = std::str::from_utf8(notification.at(&place)).ok()?.into();
        Some(Self {
            id,
            notification,
            place,
        })
    }

    /// About how much memory it takes.
    pub(in crate::upstream) fn bytes(&self) -> usize {
        self.id.len() + self.notification.params.len()
    }

    /// What the client is told, who knows the request by this id (as JSON). Every other byte is the upstream's.
    #[must_use]
    pub fn told(self, id: &str) -> Notification {
        self.notification.with_value(self.place, id)
    }
}

/// The questions of one call.
#[derive(Debug, Default)]
pub(super) struct Questions {
    open: Vec<Box<str>>,
    /// Since when at least one of them has waited.
    since: Option<Instant>,
    put: u32,
}

impl Questions {
    /// Those of a call for `caller`; nothing if its client can be asked nothing.
    pub(super) fn of(caller: &Caller, era: Era, has_session: bool) -> Option<Box<Self>> {
        let session = caller.session.as_ref().filter(|_| has_session)?;
        let can_be_asked = era == Era::Legacy && !session.capabilities.is_empty();
        can_be_asked.then(Box::default)
    }

    /// True while the client is asked.
    pub(super) fn are_open(&self) -> bool {
        !self.open.is_empty()
    }

    fn add(&mut self, id: &str) -> bool {
        let is_one = self.open.len() < MOST_OPEN && !self.open.iter().any(|open| **open == *id);
        if !is_one || self.put == MOST_PUT {
            return false;
        }
        self.put += 1;
        self.open.push(id.into());
        self.since.get_or_insert_with(Instant::now);
        true
    }

    /// It is not open any more. How long the client was asked, once nothing is.
    fn remove(&mut self, id: &str) -> Option<Duration> {
        self.open.retain(|open| **open != *id);
        let since = self.since.take_if(|_| self.open.is_empty())?;
        Some(since.elapsed())
    }
}

/// How much longer a call may take whose client can be asked, so that HTTP does not end it while a person answers.
pub(super) fn added_time(caller: &Caller) -> Duration {
    let session = caller.session.as_ref();
    let session = session.filter(|session| !session.capabilities.is_empty());
    session.map_or(Duration::ZERO, |session| session.patience * MOST_PUT)
}

impl Conversation {
    /// The question, if it can be put to the client; else it is answered.
    pub(super) fn question(&mut self, question: Question) -> Option<Question> {
        let answer = match &mut self.questions {
            Some(questions) if &*question.method != "ping" => {
                if questions.add(&question.id) {
                    return Some(question);
                }
                message::answered(&question.id, &Reply::Error(TOO_MANY))
            }
            Some(_) | None => message::answer(&question.method, &question.id),
        };
        self.tell(answer);
        None
    }

    /// The question that this notification withdraws, if it is open.
    pub(super) fn withdrawn(&mut self, notification: Notification) -> Option<Withdrawn> {
        let withdrawn = Withdrawn::of(notification)?;
        let questions = self.questions.as_ref()?;
        if !questions.open.contains(&withdrawn.id) {
            return None;
        }
        self.is_closed(&withdrawn.id);
        Some(withdrawn)
    }

    /// Answers a question that the upstream put.
    pub fn answer(&mut self, id: &str, reply: &Reply) {
        self.is_closed(id);
        self.tell(message::answered(id, reply));
    }

    fn is_closed(&mut self, id: &str) {
        if let Some(asked_for) = self.questions.as_mut().and_then(|all| all.remove(id)) {
            self.last_deadline += asked_for;
            self.deadline = (Instant::now() + self.patience).min(self.last_deadline);
        }
    }

    /// Tells the upstream something, before anything more is read.
    fn tell(&mut self, message: Bytes) {
        if let Some(link) = self.running.link.clone() {
            let whose = self.running.whose.clone();
            let before = self.telling.take();
            self.telling = Some(Box::pin(async move {
                if let Some(before) = before {
                    before.await;
                }
                tell(&link, &whose, message).await;
            }));
        }
    }
}
