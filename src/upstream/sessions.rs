//! The sessions that callers have at a legacy server over HTTP: one each, so that what the server keeps for one caller is
//! never another one's; and one of its own for a client's session that the server may have something to say to.
//!
//! A session is opened at its holder's first call, kept while it is used, and ended with `DELETE` when it was idle for too
//! long, when it has to make way, and when this server stops (MCP 2025-11-25, session management). One costs some hundred
//! bytes and no task. Servers that give out no session id have no sessions, and get none.

use std::collections::HashMap;
use std::pin::pin;
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use futures_util::StreamExt;
use http::HeaderValue;
use tokio::sync::{Notify, OnceCell};
use tokio::time::Instant;

use super::UpstreamError;
use super::aside::Listener;
use super::call::Holder;
use super::credential::Behalf;
use super::http::{HttpLink, OnBehalf};
use super::log_level::LogLevel;
use super::message::{Reply, Request};
use super::wants::{Uris, Wants};

/// Sessions that made way and were not ended yet. Of more than these the server hears nothing.
const MOST_RETIRED: usize = 1_000;

/// What a handshake left behind: it goes with every request of the session.
#[derive(Clone, Debug, Default)]
pub(super) struct Session {
    pub(super) id: Option<HeaderValue>,
    pub(super) version: Option<HeaderValue>,
}

/// How a session is opened.
#[derive(Clone, Copy, Debug)]
pub(super) struct Opening<'a> {
    /// What its client can be asked.
    pub(super) capabilities: &'a str,
    pub(super) behalf: &'a Behalf,
    /// Of each request.
    pub(super) timeout: Duration,
}

/// A caller's session, once it is open.
#[derive(Debug)]
pub(super) struct Slot {
    session: OnceCell<Session>,
    /// From which level on the server was asked for log messages; [`NO_LEVEL`] if it was not.
    level: AtomicU8,
    /// For whom is what the server says in it besides its answers.
    audience: Mutex<Audience>,
    /// The resources that its client wants to be told of, once there are any.
    wants: OnceLock<Arc<Wants>>,
    /// Those of them that the server tells of, as it said when the session was opened.
    granted: OnceLock<Uris>,
    /// It stands in the place of one that is gone.
    is_another: bool,
}

/// Who hears what a server says in a session besides its answers.
#[derive(Debug, Default)]
enum Audience {
    #[default]
    Nobody,
    /// One task reads it for this listener, and for the next one once that is gone.
    Heard(Listener),
    /// The server has no stream for it.
    NothingToHear,
}

/// Resources that are subscribed to at once when a session is opened, and how long all of that may take: calls wait for it.
const SUBSCRIBING_AT_ONCE: usize = 16;
const SUBSCRIBING: Duration = Duration::from_secs(5);

const NO_LEVEL: u8 = u8::MAX;

impl Slot {
    fn new() -> Self {
        Self {
            session: OnceCell::new(),
            level: AtomicU8::new(NO_LEVEL),
            audience: Mutex::default(),
            wants: OnceLock::new(),
            granted: OnceLock::new(),
            is_another: false,
        }
    }

    /// In the place of one that is gone, for the same client.
    fn after(gone: &Self) -> Self {
        Self {
            wants: gone.wants.clone(),
            is_another: true,
            ..Self::new()
        }
    }

    fn audience(&self) -> MutexGuard<'_, Audience> {
        self.audience.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What the server says in it besides its answers is for `listener` from now on. True if nobody hears it yet, and there
    /// may be something to hear: then whoever asks is to.
    pub(super) fn is_to_be_heard_by(&self, listener: &Listener) -> bool {
        let mut audience = self.audience();
        match &*audience {
            Audience::NothingToHear => false,
            Audience::Nobody => {
                *audience = Audience::Heard(listener.clone());
                true
            }
            Audience::Heard(known) => {
                if !known.is(listener) {
                    *audience = Audience::Heard(listener.clone());
                }
                false
            }
        }
    }

    /// For whom it is.
    pub(super) fn listener(&self) -> Option<Listener> {
        match &*self.audience() {
            Audience::Heard(listener) => Some(listener.clone()),
            Audience::Nobody | Audience::NothingToHear => None,
        }
    }

    /// Returns once its listener is gone, and no other one has come.
    pub(super) async fn deserted(&self) {
        while let Some(listener) = self.listener() {
            listener.closed().await;
            let mut audience = self.audience();
            if matches!(&*audience, Audience::Heard(last) if last.is(&listener)) {
                *audience = Audience::Nobody;
            }
        }
    }

    /// The server says nothing in it besides its answers.
    pub(super) fn has_nothing_to_hear(&self) {
        *self.audience() = Audience::NothingToHear;
    }

    /// Nobody hears it any more, if its client wants nothing. True if so.
    pub(super) fn is_left(&self) -> bool {
        let mut audience = self.audience();
        let is_left = self.wanted().is_none_or(|wants| wants.are_none());
        if is_left {
            *audience = Audience::Nobody;
        }
        is_left
    }

    /// True if there is nothing to hear.
    pub(super) fn is_silent(&self) -> bool {
        matches!(&*self.audience(), Audience::NothingToHear)
    }

    /// The resources that its client wants to be told of.
    pub(super) fn wants(&self) -> &Arc<Wants> {
        self.wants.get_or_init(Arc::default)
    }

    /// The same, if there ever were any.
    pub(super) fn wanted(&self) -> Option<&Arc<Wants>> {
        self.wants.get()
    }

    /// What the server tells of since the session was opened.
    pub(super) fn granted(&self) -> Uris {
        self.granted.get().cloned().unwrap_or_default()
    }

    /// True if it stands in the place of another one, which may have been told something in between.
    pub(super) fn is_another(&self) -> bool {
        self.is_another
    }

    /// The session, opened if nobody has done so.
    pub(super) async fn open(
        &self,
        http: &HttpLink,
        opening: Opening<'_>,
    ) -> Result<&Session, UpstreamError> {
        let open = || async {
            let Opening {
                capabilities,
                behalf,
                timeout,
            } = opening;
            let opened = http.open_session(Some(behalf), capabilities, timeout).await;
            let (_hello, session) = opened?;
            let wanted = self.wanted().map(|wants| wants.now().uris);
            if let Some(wanted) = wanted.filter(|wanted| !wanted.is_empty()) {
                let on_behalf = OnBehalf {
                    behalf,
                    session: Some(&session),
                };
                let granted = subscribe(http, on_behalf, wanted).await?;
                self.granted.get_or_init(|| granted);
            }
            Ok(session)
        };
        self.session.get_or_try_init(open).await
    }

    /// The session, if it is open.
    pub(super) fn opened(&self) -> Option<&Session> {
        self.session.get()
    }

    /// True if the server has to be asked for messages from `level` on. It is asked for more and never for less: each
    /// caller gets from what comes what its call asked for.
    pub(super) fn is_to_ask_from(&self, level: LogLevel) -> bool {
        let wanted = level as u8;
        self.level.fetch_min(wanted, Ordering::Relaxed) > wanted
    }
}

/// Subscribes to these resources in this session; to which of them the server agrees, in time. What goes wrong with one of
/// them is not to keep the client's calls out of the session.
async fn subscribe(
    http: &HttpLink,
    on_behalf: OnBehalf<'_>,
    uris: Uris,
) -> Result<Uris, UpstreamError> {
    let one = async |uri: Box<str>| {
        let members = format!(r#""uri":{}"#, serde_json::Value::from(&*uri));
        let request = Request {
            method: "resources/subscribe",
            members: members.as_bytes(),
            ..Request::default()
        };
        match http.ask(&request, on_behalf, SUBSCRIBING).await {
            Ok(Reply::Result(_)) => Ok(Some(uri)),
            Ok(Reply::Error(_)) => Ok(None),
            Err(UpstreamError::SessionGone) => Err(UpstreamError::SessionGone),
            Err(error) => {
                tracing::debug!(%error, "upstream: a resource could not be subscribed to again");
                Ok(None)
            }
        }
    };
    let until = Instant::now() + SUBSCRIBING;
    let all = futures_util::stream::iter(uris).map(one);
    let mut all = pin!(all.buffer_unordered(SUBSCRIBING_AT_ONCE));
    let mut granted = Uris::new();
    while let Ok(Some(uri)) = tokio::time::timeout_at(until, all.next()).await {
        granted.extend(uri?);
    }
    Ok(granted)
}

/// The sessions of all callers at one server.
#[derive(Debug)]
pub(super) struct Sessions {
    kept: Mutex<Kept>,
    most: usize,
    idle: Duration,
    /// Tells that some made way.
    retired: Notify,
}

#[derive(Debug, Default)]
struct Kept {
    slots: HashMap<Holder, (Arc<Slot>, Instant)>,
    retired: Vec<Arc<Slot>>,
}

impl Sessions {
    /// Keeps at most so many, each for so long after its last use.
    pub(super) fn new(most: usize, idle: Duration) -> Self {
        Self {
            kept: Mutex::default(),
            most,
            idle,
            retired: Notify::new(),
        }
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The place of this holder's session.
    pub(super) fn of(&self, holder: &Holder) -> Arc<Slot> {
        let mut kept = self.kept();
        let now = Instant::now();
        if let Some((slot, last_used)) = kept.slots.get_mut(holder) {
            *last_used = now;
            return Arc::clone(slot);
        }
        if kept.slots.len() >= self.most {
            self.make_way(&mut kept);
        }
        let slot = Arc::new(Slot::new());
        kept.slots.insert(*holder, (Arc::clone(&slot), now));
        slot
    }

    /// The one that was idle for longest goes.
    fn make_way(&self, kept: &mut Kept) {
        let oldest = kept.slots.iter().min_by_key(|(_, (_, used))| *used);
        let oldest = oldest.map(|(holder, _)| *holder);
        if let Some((slot, _)) = oldest.and_then(|holder| kept.slots.remove(&holder))
            && kept.retired.len() < MOST_RETIRED
        {
            kept.retired.push(slot);
            self.retired.notify_one();
        }
    }

    /// The server does not know this session any more. What its client subscribed to, it does in the next one.
    pub(super) fn forget(&self, holder: &Holder, gone: &Arc<Slot>) {
        let mut kept = self.kept();
        let Some((slot, _used)) = kept.slots.get_mut(holder) else {
            return;
        };
        if Arc::ptr_eq(slot, gone) {
            *slot = Arc::new(Slot::after(gone));
        }
    }

    /// This holder needs its session no more: it is ended soon.
    pub(super) fn retire(&self, holder: &Holder) {
        let mut kept = self.kept();
        if let Some((slot, _used)) = kept.slots.remove(holder)
            && kept.retired.len() < MOST_RETIRED
        {
            kept.retired.push(slot);
            self.retired.notify_one();
        }
    }

    /// The place of this holder's session, if there is one.
    pub(super) fn known(&self, holder: &Holder) -> Option<Arc<Slot>> {
        let kept = self.kept();
        let (slot, _used) = kept.slots.get(holder)?;
        Some(Arc::clone(slot))
    }

    /// Waits until some are to be ended, and takes them out. A session that a call uses is not among them.
    pub(super) async fn to_end(&self) -> Vec<Arc<Slot>> {
        // Half of the time, so that none lasts much longer than it may.
        let look = (self.idle / 2).clamp(Duration::from_secs(1), Duration::from_secs(60));
        drop(tokio::time::timeout(look, self.retired.notified()).await);
        let mut kept = self.kept();
        let mut ended = std::mem::take(&mut kept.retired);
        // One that is still in use waits for the next look.
        kept.retired = ended.extract_if(.., |slot| is_in_use(slot)).collect();
        let now = Instant::now();
        let idle = kept
            .slots
            .extract_if(|_, (slot, used)| now - *used >= self.idle && !is_in_use(slot));
        ended.extend(idle.map(|(_, (slot, _))| slot));
        ended
    }

    /// Takes out all of them.
    pub(super) fn take_all(&self) -> Vec<Arc<Slot>> {
        let mut kept = self.kept();
        let mut all = std::mem::take(&mut kept.retired);
        all.extend(kept.slots.drain().map(|(_, (slot, _))| slot));
        all
    }
}

fn is_in_use(slot: &Arc<Slot>) -> bool {
    Arc::strong_count(slot) > 1
}

#[cfg(test)]
mod tests {
    use super::*;

    const IDLE: Duration = Duration::from_secs(60);

    fn holder(caller: u8) -> Holder {
        Holder {
            caller: [caller; 32],
            session: None,
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_session_lasts_while_it_is_used_and_ends_when_it_is_idle() {
        let sessions = Sessions::new(10, IDLE);
        let (busy, idle) = (sessions.of(&holder(1)), sessions.of(&holder(2)));
        assert!(Arc::ptr_eq(&busy, &sessions.of(&holder(1))));
        drop(idle);
        tokio::time::sleep(IDLE).await;
        assert_eq!(sessions.to_end().await.len(), 1);
        drop(busy);
        assert_eq!(sessions.to_end().await.len(), 1);
        assert_eq!(sessions.to_end().await.len(), 0);
    }

    #[tokio::test(start_paused = true)]
    async fn the_one_that_was_idle_for_longest_makes_way_and_is_ended_at_once() {
        let sessions = Sessions::new(2, IDLE);
        for caller in 1..=2 {
            sessions.of(&holder(caller));
            tokio::time::sleep(Duration::from_secs(1)).await;
        }
        let first = sessions.of(&holder(1));
        sessions.of(&holder(3));
        let began = Instant::now();
        assert_eq!(sessions.to_end().await.len(), 1);
        assert_eq!(began.elapsed(), Duration::ZERO);
        assert!(Arc::ptr_eq(&first, &sessions.of(&holder(1))));
        assert_eq!(sessions.take_all().len(), 2);
    }

    #[test]
    fn one_that_is_gone_makes_room_for_another_once() {
        let sessions = Sessions::new(2, IDLE);
        let gone = sessions.of(&holder(1));
        sessions.forget(&holder(1), &gone);
        let next = sessions.of(&holder(1));
        assert!(!Arc::ptr_eq(&gone, &next));
        sessions.forget(&holder(1), &gone);
        assert!(Arc::ptr_eq(&next, &sessions.of(&holder(1))));
    }

    #[test]
    fn a_server_is_asked_for_more_messages_and_never_for_less() {
        let slot = Slot::new();
        assert!(slot.is_to_ask_from(LogLevel::Warning));
        assert!(!slot.is_to_ask_from(LogLevel::Warning));
        assert!(!slot.is_to_ask_from(LogLevel::Error));
        assert!(slot.is_to_ask_from(LogLevel::Debug));
    }
}
