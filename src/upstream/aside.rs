//! What an upstream says to one client besides its answers: log messages, updated resources, questions.
//!
//! A legacy server over HTTP says it on the stream of that client's session there (MCP 2025-11-25, streamable HTTP,
//! listening for messages from the server); others tell of the resources that the client subscribed to (`kept`). It is
//! heard for as long as the client's own stream is open here. Each message goes to that client alone; nobody else's
//! session hears of it. A client that reads slowly misses messages, and holds up nobody.

mod kept;
mod listener;

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use tokio::sync::oneshot;
use tokio::time::Instant;

pub use self::listener::{Aside, Asides, Listener, Overheard};
use super::backoff::Backoff;
use super::call::{Caller, ClientSession, Holder};
use super::conversation::questions::{MOST_OPEN, TOO_MANY};
use super::conversation::{Heard, Withdrawn};
use super::credential::Behalf;
use super::event_stream::Place;
use super::http::{EventsOf, HttpLink, OnBehalf};
use super::link::{Link, Wire};
use super::message::{
    self, CANCELLED, ELICITATION_COMPLETE, Era, Incoming, LOG_MESSAGE, Notification, Question,
    Reply, UPDATED,
};
use super::sessions::{Opening, Slot};
use super::{Upstream, UpstreamError};

/// How long a call waits for the stream to be open, so that nothing said meanwhile is missed. Some servers begin their
/// answer only when there is something to say.
const MOMENT: Duration = Duration::from_millis(250);
/// A stream is opened anew after this time, if it lasts so long.
const LONGEST_STREAM: Duration = Duration::from_secs(3600);
/// The longest wait before a stream that ended is opened again, and when one that held was a good one.
const LONGEST_PAUSE: Duration = Duration::from_secs(60);
const STEADY: Duration = Duration::from_secs(60);
/// How long an upstream may take to be told something that it does not answer.
const TELLING: Duration = Duration::from_secs(5);

/// The task that hears one session.
struct Task {
    upstream: Arc<Upstream>,
    slot: Arc<Slot>,
    holder: Holder,
    behalf: Behalf,
    session: ClientSession,
    /// What the upstream speaks, as far as it was reached.
    era: Era,
    was_open: bool,
    /// Up to where the last stream was read.
    place: Place,
    /// Something may have been said that nobody heard.
    had_gap: bool,
    /// Whoever waits for the stream to be open.
    waits: Option<oneshot::Sender<()>>,
}

impl Upstream {
    /// Hears what the server says in the session of `slot`, for as long as its client listens. Waits until the stream is
    /// open, or for a moment.
    pub(super) async fn overhear(
        self: &Arc<Self>,
        slot: &Arc<Slot>,
        of: (Holder, &Behalf, &ClientSession),
    ) {
        let opened = self.begin_to_hear(slot, of);
        let _open_or_not = tokio::time::timeout(MOMENT, opened).await;
    }

    fn begin_to_hear(
        self: &Arc<Self>,
        slot: &Arc<Slot>,
        (holder, behalf, session): (Holder, &Behalf, &ClientSession),
    ) -> oneshot::Receiver<()> {
        let (waits, opened) = oneshot::channel();
        let task = Task {
            upstream: Arc::clone(self),
            slot: Arc::clone(slot),
            holder,
            behalf: behalf.clone(),
            session: session.clone(),
            era: Era::Legacy,
            was_open: false,
            place: Place::default(),
            had_gap: slot
                .wanted()
                .is_some_and(|wants| !wants.last_settled().honoured.is_empty()),
            waits: Some(waits),
        };
        self.parts.lifecycle.spawn(task.run());
        opened
    }

    /// Hears the session that this caller's client has there already, if it does, now that it listens.
    pub fn join(self: &Arc<Self>, caller: &Caller) {
        let session = caller.session.as_ref();
        let listener = session.and_then(|session| session.listener.as_ref());
        let slot = self.sessions.known(&caller.holder());
        let (Some(session), Some(listener), Some(slot)) = (session, listener, slot) else {
            return;
        };
        let wants_something = slot.wanted().is_some_and(|wants| !wants.are_none());
        // Where callers show credentials of their own, the next call brings one.
        let is_for_it = |link: Arc<Link>| match (&link.wire, link.era) {
            (Wire::Http(http), _) if http.is_per_caller() => false,
            (Wire::Http(_), Era::Legacy) => slot.opened().is_some(),
            (Wire::Http(_), Era::Modern) | (Wire::Stdio(_), _) => wants_something,
        };
        let is_for_it = self.link.load_full().map_or(wants_something, is_for_it);
        if is_for_it && slot.is_to_be_heard_by(listener) {
            let of = (caller.holder(), &caller.behalf(), session);
            drop(self.begin_to_hear(&slot, of));
        }
    }
}

/// What comes after a stream.
enum Then {
    /// Another one, in the same session.
    Again,
    /// Another session.
    Anew,
    /// Nothing: the server has none.
    Nothing,
    /// Nothing: the client wants none.
    Unwanted,
}

impl Task {
    /// Opens the stream again and again, until nobody listens any more.
    async fn run(mut self) {
        self.hear_all().await;
        if self.session.is_brief {
            let (upstream, holder) = (Arc::clone(&self.upstream), self.holder);
            // One that is in use is not ended.
            drop(self);
            upstream.sessions.retire(&holder);
        }
    }

    async fn hear_all(&mut self) {
        let lifecycle = self.upstream.parts.lifecycle.clone();
        let mut backoff = Backoff::up_to(LONGEST_PAUSE);
        let mut links = self.upstream.links.subscribe();
        loop {
            let started = Instant::now();
            let slot = Arc::clone(&self.slot);
            if self.session.is_brief && slot.is_left() {
                return;
            }
            links.mark_unchanged();
            let then = tokio::select! {
                then = self.once() => then,
                () = slot.deserted() => return,
                () = lifecycle.soft_stop() => return,
            };
            match then {
                Then::Again => {}
                Then::Anew if !self.begin_anew() => return,
                Then::Anew => {}
                Then::Nothing => return slot.has_nothing_to_hear(),
                Then::Unwanted => return,
            }
            if started.elapsed() >= STEADY {
                backoff.reset();
            }
            tokio::select! {
                () = tokio::time::sleep(self.place.pause_or(backoff.pause())) => {}
                Ok(()) = links.changed() => {}
                () = self.slot.deserted() => return,
                () = lifecycle.soft_stop() => return,
            }
        }
    }

    /// One stream, from its beginning to its end.
    async fn once(&mut self) -> Then {
        let link = match self.upstream.linked() {
            Some(link) => Ok(link),
            None => Box::pin(self.upstream.link_on_demand()).await,
        };
        let link = match link {
            Ok(link) => link,
            Err(error) => {
                self.failed(error);
                return Then::Again;
            }
        };
        self.era = link.era;
        match (&link.wire, link.era) {
            (Wire::Http(http), Era::Legacy) => self.once_in_session(http).await,
            (Wire::Http(_), Era::Modern) | (Wire::Stdio(_), _) => {
                Box::pin(self.once_kept(&link)).await
            }
        }
    }

    async fn once_in_session(&mut self, http: &HttpLink) -> Then {
        let ended = match self.open(http).await {
            Ok(mut events) => {
                if !std::mem::replace(&mut self.was_open, true) {
                    self.granted().await;
                    if self.session.is_brief && self.slot.wants().tell_of_none() {
                        return Then::Nothing;
                    }
                }
                self.waits = None;
                let ended = self.hear(http, &mut events).await;
                let Place { last_id, retry } = events.place().clone();
                self.place.retry = retry;
                self.place.last_id = last_id.or_else(|| self.place.last_id.take());
                ended
            }
            Err(error) => Err(error),
        };
        match ended {
            Err(UpstreamError::SessionGone) if self.was_open => Then::Anew,
            // What was said up to there is lost on it.
            Err(UpstreamError::Refused) if self.place.last_id.take().is_some() => Then::Again,
            // A server without such a stream may say so with 404.
            Err(UpstreamError::Refused | UpstreamError::SessionGone) => {
                self.failed(UpstreamError::Refused);
                Then::Nothing
            }
            Err(error) => {
                self.failed(error);
                Then::Again
            }
            Ok(()) => Then::Again,
        }
    }

    /// The server has forgotten the session: the client gets another one, with what it subscribed to.
    /// False if a call was faster, and another task hears that one.
    fn begin_anew(&mut self) -> bool {
        let sessions = &self.upstream.sessions;
        sessions.forget(&self.holder, &self.slot);
        let next = sessions.of(&self.holder);
        let listener = self.slot.listener();
        let is_ours = listener.is_some_and(|listener| next.is_to_be_heard_by(&listener));
        if is_ours {
            (self.slot, self.was_open) = (next, false);
            self.place = Place::default();
        }
        is_ours
    }

    async fn open(&self, http: &HttpLink) -> Result<EventsOf, UpstreamError> {
        let settings = &self.upstream.definition.settings;
        let opening = Opening {
            capabilities: &self.session.capabilities,
            behalf: &self.behalf,
            timeout: Duration::from_secs(settings.start_timeout_seconds),
        };
        let session = self.slot.open(http, opening).await?;
        let on_behalf = OnBehalf {
            behalf: &self.behalf,
            session: Some(session),
        };
        let last_id = self.place.last_id.as_ref();
        http.listen(last_id, Some(on_behalf), LONGEST_STREAM).await
    }

    /// Reads one stream to its end.
    async fn hear(&self, http: &HttpLink, events: &mut EventsOf) -> Result<(), UpstreamError> {
        let mut heard = Heard::default();
        let most_bytes = self.upstream.definition.settings.max_message_bytes;
        let mut open: Vec<Box<str>> = Vec::new();
        let mut answers = FuturesUnordered::new();
        loop {
            let data = tokio::select! {
                data = events.next() => data?,
                Some((id, reply)) = answers.next() => {
                    // One that was withdrawn is not answered.
                    if let Some(place) = open.iter().position(|known| *known == id) {
                        open.swap_remove(place);
                        self.tell(http, message::answered(&id, &reply)).await;
                    }
                    continue;
                }
            };
            let Some(data) = data else { return Ok(()) };
            // Nothing is wrong with a stream that says so much, but it is asked for anew after a pause, which slows a flood.
            let is_more = heard.add(data.len(), most_bytes).is_err();
            if is_more {
                return Err(UpstreamError::Interrupted);
            }
            match message::read(&data) {
                Some(Incoming::Notification(said)) => self.heard(said, &mut open),
                Some(Incoming::Request(question)) => {
                    let id = question.id.clone();
                    match self.ask(question, &open) {
                        Ok(answer) => {
                            open.push(id.clone());
                            answers.push(async move {
                                let reply = answer.await;
                                (id, reply.unwrap_or(Reply::Error(GONE)))
                            });
                        }
                        Err(refused) => self.tell(http, refused).await,
                    }
                }
                Some(Incoming::Reply(..)) | None => {}
            }
        }
    }

    fn heard(&self, said: Notification, open: &mut Vec<Box<str>>) {
        let said = match said.method.as_ref() {
            method if message::is_list_changed(method) => {
                self.upstream.wake.notify_one();
                return;
            }
            LOG_MESSAGE | UPDATED | ELICITATION_COMPLETE => Overheard::Notification(said.copied()),
            CANCELLED => match Withdrawn::of(said.copied()) {
                Some(withdrawn) if open.contains(&withdrawn.id) => {
                    open.retain(|id| *id != withdrawn.id);
                    Overheard::Withdrawn(withdrawn)
                }
                Some(_) | None => return,
            },
            _ => return,
        };
        self.tell_client(said);
    }

    /// Puts a question to the client, or says what the server is answered at once.
    fn ask(
        &self,
        question: Question,
        open: &[Box<str>],
    ) -> Result<oneshot::Receiver<Reply>, Bytes> {
        let (method, id) = (question.method.clone(), question.id.clone());
        if &*method == "ping" || self.session.capabilities.is_empty() {
            return Err(message::answer(&method, &id));
        }
        let (sender, answer) = oneshot::channel();
        let has_room = open.len() < MOST_OPEN && !open.contains(&id);
        if has_room && self.tell_client(Overheard::Question(question.copied(), sender)) {
            Ok(answer)
        } else {
            Err(message::answered(&id, &Reply::Error(TOO_MANY)))
        }
    }

    /// True if there is a client, and room for it.
    fn tell_client(&self, said: Overheard) -> bool {
        let listener = self.slot.listener();
        listener.is_some_and(|listener| listener.tell(self.aside(said)))
    }

    fn aside(&self, said: Overheard) -> Aside {
        Aside {
            from: Arc::clone(&self.upstream),
            era: self.era,
            said,
        }
    }

    async fn tell(&self, http: &HttpLink, message: Bytes) {
        let on_behalf = OnBehalf {
            behalf: &self.behalf,
            session: self.slot.opened(),
        };
        if let Err(error) = http.tell(message, Some(on_behalf), TELLING).await {
            tracing::debug!(%error, "upstream: it could not be told an answer");
        }
    }
}

/// The answer of a client that does not listen any more.
const GONE: Bytes = Bytes::from_static(br#"{"code":-32603,"message":"the client is gone"}"#);
