//! Response streams (server-sent events): what they begin with, what keeps them open, and when they end.
//!
//! A stream ends when its caller's token expires, when its session is over, when the server stops softly, and when the
//! client goes away (it is dropped then, with everything it holds). It owns no task and no buffer of its own.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use futures_util::Stream;
use tokio::sync::mpsc;

use super::Protocol;
use super::changes::Changes;
use super::error::Error;
use super::forward::{Step, Talk};
use super::old_transport::Registration;
use super::overheard::Hearing;
use super::session::{Session, Sessions};
use super::settings::Settings;
use super::subscriptions::{Update, Updates};
use crate::auth::Principal;
use crate::clock::Clock;
use crate::lifecycle::Lifecycle;
use crate::shares::{Share, Shares};
use crate::telemetry::Metrics;

/// Proxies and clients close streams that are silent for longer; most wait 30 or 60 seconds.
const KEEP_ALIVE_EVERY: Duration = Duration::from_secs(15);
const KEEP_ALIVE: Bytes = Bytes::from_static(b": keep-alive\n\n");
/// The first byte of a stream that has nothing to say yet, so that the client sees its headers at once.
const OPENED: Bytes = Bytes::from_static(b": open\n\n");
/// The last words of a stream whose protocol has none: when to come back.
const COME_BACK: Bytes = Bytes::from_static(b"retry: 1000\n: the stream ends\n\n");

/// The end of a call's stream that its client does not want any more.
const CANCELLED: Bytes = Bytes::from_static(b": cancelled\n\n");

/// One event. Raw line breaks would end its data early; JSON has them between tokens only, where a space will do.
pub(crate) fn event(name: Option<&str>, json: &[u8]) -> Bytes {
    let mut out = Vec::with_capacity(json.len() + 32);
    if let Some(name) = name {
        out.extend_from_slice(b"event: ");
        out.extend_from_slice(name.as_bytes());
        out.push(b'\n');
    }
    out.extend_from_slice(b"data: ");
    let data = out.len();
    out.extend_from_slice(json);
    if memchr::memchr2(b'\n', b'\r', json).is_some() {
        for byte in out.iter_mut().skip(data) {
            if matches!(byte, b'\n' | b'\r') {
                *byte = b' ';
            }
        }
    }
    out.extend_from_slice(b"\n\n");
    Bytes::from(out)
}

/// How many streams are open, and how many may be: in all, and of one subject.
#[derive(Clone, Debug)]
pub(crate) struct OpenStreams(Arc<Counts>);

#[derive(Debug)]
struct Counts {
    open: AtomicUsize,
    most: usize,
    of_subjects: Shares,
    metrics: Metrics,
}

impl OpenStreams {
    pub(crate) fn new(settings: &Settings, metrics: Metrics) -> Self {
        Self(Arc::new(Counts {
            open: AtomicUsize::new(0),
            most: settings.max_open_streams,
            of_subjects: Shares::new(settings.max_open_streams_per_subject),
            metrics,
        }))
    }

    /// How many are open now.
    pub(crate) fn count(&self) -> usize {
        self.0.open.load(Ordering::Relaxed)
    }

    /// Counts one more of `principal`'s for as long as the result lives.
    pub(crate) fn open(&self, principal: &Principal) -> Result<OpenStream, Error> {
        let caller = (principal.issuer(), principal.subject());
        let share = self.0.of_subjects.take(&caller);
        let share = share.ok_or(Error::TooManyStreams)?;
        let one_more = |open: usize| (open < self.0.most).then_some(open + 1);
        self.0
            .open
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, one_more)
            .map_err(|_full| Error::Busy)?;
        self.0.metrics.stream_opened();
        Ok(OpenStream {
            streams: self.clone(),
            _share: share,
        })
    }
}

/// An open stream, counted.
#[derive(Debug)]
pub(crate) struct OpenStream {
    streams: OpenStreams,
    _share: Share,
}

impl Drop for OpenStream {
    fn drop(&mut self) {
        let counts = &self.streams.0;
        counts.open.fetch_sub(1, Ordering::Relaxed);
        counts.metrics.stream_closed();
    }
}

/// What a stream carries between its first event and its last.
#[derive(Debug)]
pub(crate) enum Source {
    /// Nothing but changes.
    Quiet,
    /// Changes, and what upstreams say in this session, for as long as the legacy session lasts.
    Session(Arc<Sessions>, Session, Option<Box<Hearing>>),
    /// The answers of the HTTP+SSE transport.
    Answers(Answers),
    /// What an upstream says of a call, up to its answer.
    Call(Box<Talk>),
    /// Changes, and what upstreams say of the resources that a modern client subscribed to.
    Updates(Box<Updates>),
}

/// What a source gives.
struct Next {
    event: Bytes,
    is_last: bool,
}

/// What an HTTP+SSE session receives; dropping it ends the session.
#[derive(Debug)]
pub(crate) struct Answers {
    pub(crate) receiver: mpsc::Receiver<Bytes>,
    pub(crate) _registration: Registration,
}

/// What a stream is made of.
#[derive(Debug)]
pub(crate) struct Parts {
    pub(crate) first: Option<Bytes>,
    pub(crate) source: Source,
    pub(crate) last: Option<Bytes>,
    /// What it tells besides.
    pub(crate) changes: Option<Box<Changes>>,
    /// `exp` of the caller's token, Unix seconds.
    pub(crate) expires_at: i64,
    pub(crate) clock: Clock,
    pub(crate) lifecycle: Lifecycle,
    pub(crate) _open: OpenStream,
}

impl Protocol {
    /// A stream for `principal`, counted and bound to its token's life.
    pub(super) fn stream(
        &self,
        principal: &Principal,
        first: Option<Bytes>,
        source: Source,
        last: Option<Bytes>,
    ) -> Result<EventStream, Error> {
        let place = self.0.open_streams.open(principal)?;
        Ok(self.stream_in(place, principal, (first, source, last)))
    }

    /// The same in a place that was taken before.
    pub(super) fn stream_in(
        &self,
        place: OpenStream,
        principal: &Principal,
        (first, source, last): (Option<Bytes>, Source, Option<Bytes>),
    ) -> EventStream {
        EventStream::new(Parts {
            first,
            source,
            last,
            changes: None,
            expires_at: principal.expires_at(),
            clock: self.0.parts.clock.clone(),
            lifecycle: self.0.parts.lifecycle.clone(),
            _open: place,
        })
    }
}

/// A response stream that has not been sent yet.
#[derive(Debug)]
pub struct EventStream {
    parts: Parts,
    is_over: bool,
}

impl EventStream {
    pub(crate) fn new(mut parts: Parts) -> Self {
        parts.first.get_or_insert(OPENED);
        Self {
            parts,
            is_over: false,
        }
    }

    /// The same stream, which also tells of changes.
    pub(super) fn telling(mut self, changes: Option<Box<Changes>>) -> Self {
        self.parts.changes = changes;
        self
    }

    /// The events as bytes, each a whole event or comment. Dropping it cancels whatever it stands for.
    pub fn into_stream(self) -> impl Stream<Item = Bytes> + Send + 'static {
        futures_util::stream::unfold(self, |mut stream| async move {
            let event = stream.next().await?;
            Some((event, stream))
        })
    }

    async fn next(&mut self) -> Option<Bytes> {
        if let Some(first) = self.parts.first.take() {
            return Some(first);
        }
        if self.is_over {
            return None;
        }
        let wait = self.until_next_look();
        tokio::select! {
            biased;
            next = self.parts.source.next() => {
                let Next { event, is_last } = next;
                self.is_over = is_last;
                Some(event)
            }
            events = changed(self.parts.changes.as_deref_mut()) => Some(events),
            () = self.parts.lifecycle.soft_stop() => Some(self.end()),
            () = tokio::time::sleep(wait) => {
                if self.must_end() {
                    Some(self.end())
                } else {
                    Some(KEEP_ALIVE)
                }
            }
        }
    }

    fn end(&mut self) -> Bytes {
        self.is_over = true;
        if let Source::Call(talk) = &mut self.parts.source {
            talk.cancel();
        }
        self.parts.last.take().unwrap_or(COME_BACK)
    }

    /// Until the next keep-alive, or until the token expires if that is sooner.
    fn until_next_look(&self) -> Duration {
        let expires_at_ms = self.parts.expires_at.saturating_mul(1000);
        let left_ms = expires_at_ms.saturating_sub(self.parts.clock.unix_millis());
        let left = Duration::from_millis(u64::try_from(left_ms).unwrap_or(0));
        left.min(KEEP_ALIVE_EVERY)
    }

    fn must_end(&self) -> bool {
        self.parts.expires_at <= self.parts.clock.unix_seconds() || self.parts.source.is_over()
    }
}

/// What a stream tells of changes; waits for ever if it tells nothing.
async fn changed(changes: Option<&mut Changes>) -> Bytes {
    match changes {
        Some(changes) => changes.next().await,
        None => std::future::pending().await,
    }
}

impl Source {
    /// The next event to pass on; waits for ever if there is none.
    async fn next(&mut self) -> Next {
        let (event, is_last) = match self {
            Self::Answers(answers) => (answers.receiver.recv().await, false),
            Self::Call(talk) => match talk.next().await {
                Some(Step::Notification(json) | Step::Question(json)) => {
                    (Some(event(None, &json)), false)
                }
                Some(Step::Answer(last)) => (Some(event(None, &last.whole())), true),
                // A cancelled request is not answered.
                None => (Some(CANCELLED), true),
            },
            Self::Session(_, _, Some(hearing)) => (Some(hearing.next().await), false),
            Self::Updates(updates) => match updates.next().await {
                Update::Told(event) => (Some(event), false),
                Update::Over(last) => (Some(last), true),
            },
            Self::Quiet | Self::Session(_, _, None) => (None, false),
        };
        match event {
            Some(event) => Next { event, is_last },
            None => std::future::pending().await,
        }
    }

    fn is_over(&self) -> bool {
        match self {
            Self::Session(sessions, session, _) => sessions.is_over(session),
            Self::Answers(_) | Self::Call(_) | Self::Quiet | Self::Updates(_) => false,
        }
    }
}
