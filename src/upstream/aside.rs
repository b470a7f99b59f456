//! What a legacy server over HTTP says in the session of one client's, but in no answer: log messages, updated resources,
//! questions (MCP 2025-11-25, streamable HTTP, listening for messages from the server).
//!
//! Its stream is open for as long as the client's own one is here. Each message goes to that client alone; nobody else's
//! session hears of it. A client that reads slowly misses messages, and holds up nobody.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use tokio::sync::{mpsc, oneshot};
use tokio::time::Instant;

use super::backoff::Backoff;
use super::call::{Caller, ClientSession, Holder};
use super::conversation::questions::{MOST_OPEN, TOO_MANY};
use super::conversation::{Heard, Withdrawn};
use super::credential::Behalf;
use super::http::{EventsOf, HttpLink, OnBehalf};
use super::link::{Link, Wire};
use super::message::{
    self, CANCELLED, ELICITATION_COMPLETE, Incoming, LOG_MESSAGE, Notification, Question, Reply,
    UPDATED,
};
use super::sessions::{Opening, Slot};
use super::{Upstream, UpstreamError};

/// Messages that wait for a client to read. One more is lost.
const MOST_WAITING: usize = 64;
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

/// Something that an upstream says besides its answers.
#[derive(Debug)]
pub struct Aside {
    /// Who says it.
    pub from: Arc<Upstream>,
    /// What.
    pub said: Overheard,
}

/// What is said.
#[derive(Debug)]
pub enum Overheard {
    /// A log message, or that a resource was updated, or that an address was visited.
    Notification(Notification),
    /// A request that the client is to answer.
    Question(Question, oneshot::Sender<Reply>),
    /// One of these that is not to be answered any more.
    Withdrawn(Withdrawn),
}

/// The stream of a client's session, for what upstreams say in it.
#[derive(Clone, Debug)]
pub struct Listener(mpsc::Sender<Box<Aside>>);

impl Listener {
    /// A listener, and what it hears.
    #[must_use]
    pub fn new() -> (Self, mpsc::Receiver<Box<Aside>>) {
        let (sender, heard) = mpsc::channel(MOST_WAITING);
        (Self(sender), heard)
    }

    /// True if both are of one stream.
    pub(super) fn is(&self, other: &Self) -> bool {
        self.0.same_channel(&other.0)
    }

    /// Returns once the stream is closed.
    pub(super) async fn closed(&self) {
        self.0.closed().await;
    }

    /// True if the client has room for it.
    fn tell(&self, from: &Arc<Upstream>, said: Overheard) -> bool {
        let from = Arc::clone(from);
        let told = self.0.try_send(Box::new(Aside { from, said })).is_ok();
        if !told {
            tracing::debug!("upstream: a client reads too slowly for what is said besides answers");
        }
        told
    }
}

/// The task that hears one session.
struct Task {
    upstream: Arc<Upstream>,
    slot: Arc<Slot>,
    holder: Holder,
    behalf: Behalf,
    session: ClientSession,
    was_open: bool,
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
            was_open: false,
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
        // Where callers show credentials of their own, the next call brings one.
        let is_reachable = |link: Arc<Link>| match &link.wire {
            Wire::Http(http) => !http.is_per_caller(),
            Wire::Stdio(_) => false,
        };
        let is_reachable = self.link.load_full().is_some_and(is_reachable);
        if is_reachable && slot.opened().is_some() && slot.is_to_be_heard_by(listener) {
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
}

impl Task {
    /// Opens the stream again and again, until nobody listens any more.
    async fn run(mut self) {
        let lifecycle = self.upstream.parts.lifecycle.clone();
        let mut backoff = Backoff::up_to(LONGEST_PAUSE);
        loop {
            let started = Instant::now();
            let slot = Arc::clone(&self.slot);
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
            }
            if started.elapsed() >= STEADY {
                backoff.reset();
            }
            tokio::select! {
                () = tokio::time::sleep(backoff.pause()) => {}
                () = self.slot.deserted() => return,
                () = lifecycle.soft_stop() => return,
            }
        }
    }

    /// One stream, from its beginning to its end.
    async fn once(&mut self) -> Then {
        let link = self.upstream.link.load_full();
        let Some(Wire::Http(http)) = link.as_deref().map(|link| &link.wire) else {
            return Then::Again;
        };
        let ended = match self.open(http).await {
            Ok(events) => {
                self.was_open = true;
                self.waits = None;
                self.hear(http, events).await
            }
            Err(error) => Err(error),
        };
        match ended {
            Err(UpstreamError::SessionGone) if self.was_open => Then::Anew,
            // A server without such a stream may say so with 404.
            Err(UpstreamError::Refused | UpstreamError::SessionGone) => Then::Nothing,
            _ => Then::Again,
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
        http.listen(Some(on_behalf), LONGEST_STREAM).await
    }

    /// Reads one stream to its end.
    async fn hear(&self, http: &HttpLink, mut events: EventsOf) -> Result<(), UpstreamError> {
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
            heard.add(data.len(), most_bytes)?;
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
            LOG_MESSAGE | UPDATED | ELICITATION_COMPLETE => Overheard::Notification(said),
            CANCELLED => match Withdrawn::of(said) {
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
        if has_room && self.tell_client(Overheard::Question(question, sender)) {
            Ok(answer)
        } else {
            Err(message::answered(&id, &Reply::Error(TOO_MANY)))
        }
    }

    /// True if there is a client, and room for it.
    fn tell_client(&self, said: Overheard) -> bool {
        let listener = self.slot.listener();
        listener.is_some_and(|listener| listener.tell(&self.upstream, said))
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
