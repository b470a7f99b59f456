//! MCP servers behind this one: how they are reached, kept alive, and called.
//!
//! Each upstream has one task that connects to it, lists its tools, and does both again when something changes; calls
//! go straight over its connection. One that is slow, down or hostile costs the others nothing: it has its own
//! connection, its own deadline and its own limit of calls. This module cannot name `auth`, so no caller's token can
//! reach an upstream.

mod allowance;
mod aside;
mod backoff;
mod breaker;
mod call;
mod conversation;
mod credential;
mod endpoint;
mod error;
mod event_stream;
mod header_value;
mod health;
mod hello;
mod http;
mod keep;
mod lines;
mod link;
mod listen;
mod listing;
mod lists;
mod lock;
mod log_level;
mod message;
mod overview;
mod process;
mod queue;
mod refusal;
mod resumption;
mod sessions;
pub mod settings;
mod sse;
mod stdio;
mod subscribers;
mod subscription;
mod survey;
mod waiting;
mod wants;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use arc_swap::{ArcSwap, ArcSwapOption};
use tokio::sync::{Mutex, Notify, Semaphore, watch};

pub use aside::{Aside, Asides, Listener, Overheard};
pub use call::{Call, Caller, ClientSession};
pub use conversation::{Conversation, Said, Withdrawn};
pub use credential::{
    CallerCredential, CredentialError, CredentialKind, CredentialMistake, CredentialSettings,
    Credentials, OwnRequests, RequestedTokenType, TokenEndpoints,
};
pub use error::UpstreamError;
pub use header_value::header_value;
pub use health::Health;
pub use hello::{Hello, Server};
pub use link::Handshake;
pub use lists::{Capabilities, Feature, Item, Lists, Subscribing};
pub use lock::{CatalogueLock, Change, Difference, Guard, LockError, LockSettings, OnChange};
pub use log_level::{LogLevel, LogMessages};
pub use message::{Era, Notification, Question, Reply};
pub use overview::Overview;
pub use settings::{
    EraSetting, Names, SettingsError, StartSetting, StdioSettings, UpstreamSettings, mistakes,
};
pub use survey::{Offer, Step, Survey, Tried, survey};

use self::breaker::Breaker;
use self::health::Standing;
use self::link::{Link, Wire};
use self::sessions::Sessions;
use crate::lifecycle::Lifecycle;
use crate::outbound::Outbound;
use crate::shares::Shares;
use crate::telemetry::Metrics;

/// An upstream as configured, with what its process gets from our environment.
#[derive(Clone)]
pub struct Definition {
    /// What was written.
    pub settings: UpstreamSettings,
    /// The variables that its settings name, with their texts. They may be secrets, so this has no `Debug`.
    pub variables: Vec<(String, String)>,
}

impl std::fmt::Debug for Definition {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Definition({})", self.settings.name)
    }
}

/// What upstreams are reached with.
#[derive(Clone, Debug)]
pub struct Parts {
    /// For those over HTTP.
    pub outbound: Outbound,
    /// What each of them is shown.
    pub credentials: Credentials,
    /// Their tasks and processes end with the server.
    pub lifecycle: Lifecycle,
    /// How it stands with each of them.
    pub metrics: Metrics,
    /// Which of their tools were approved, if that counts.
    pub lock: Option<Arc<Guard>>,
}

/// All upstreams. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct Upstreams {
    all: Arc<[Arc<Upstream>]>,
    changes: watch::Sender<()>,
}

impl Upstreams {
    /// Begins to connect to each of them, and waits for none.
    #[must_use]
    pub fn start(definitions: Vec<Definition>, parts: &Parts) -> Self {
        let changes = watch::Sender::new(());
        let upstream = |definition: Definition| {
            let upstream = Upstream::new(definition, parts, &changes);
            parts.lifecycle.spawn(Arc::clone(&upstream).keep());
            upstream
        };
        let all = definitions.into_iter().map(upstream).collect();
        Self { all, changes }
    }

    /// Asks each of them again what it has, soon.
    pub fn look_again(&self) {
        self.iter().for_each(|upstream| upstream.look_again());
    }

    /// Each of them, in the order of the configuration.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<Upstream>> {
        self.all.iter()
    }

    /// True if there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.all.is_empty()
    }

    /// Tells that what one of them has may have changed.
    #[must_use]
    pub fn changes(&self) -> watch::Receiver<()> {
        self.changes.subscribe()
    }
}

/// One MCP server behind this one.
#[derive(Debug)]
pub struct Upstream {
    definition: Definition,
    parts: Parts,
    link: ArcSwapOption<Link>,
    /// What it spoke last, under the lock that one connection attempt at a time holds.
    known_era: Mutex<Option<Era>>,
    lists: ArcSwap<Lists>,
    was_listed: AtomicBool,
    /// Those of callers, where it speaks a revision that has them.
    sessions: Sessions,
    calls: Arc<Semaphore>,
    /// How many of these places each caller has taken.
    shares: Shares,
    /// How many calls have begun.
    used: AtomicU64,
    breaker: Arc<Breaker>,
    standing: Standing,
    wake: Arc<Notify>,
    /// There is another connection.
    connected: Notify,
    /// Counts the connections that there were, and tells of the next one.
    links: watch::Sender<u64>,
    /// How many subscriptions need the connection.
    subscribed: AtomicUsize,
    /// Told when a call needs a process that rests.
    demand: Notify,
    changes: watch::Sender<()>,
}

#[cfg(test)]
impl Parts {
    /// With default settings.
    fn for_test() -> Self {
        Self {
            outbound: Outbound::default(),
            credentials: Credentials::new(Outbound::default(), TokenEndpoints::default()),
            lifecycle: Lifecycle::new(),
            metrics: Metrics::default(),
            lock: None,
        }
    }
}

#[cfg(test)]
impl Upstream {
    /// One that nobody connects to, and that has this.
    pub(crate) fn for_test(settings: UpstreamSettings, lists: Lists) -> Arc<Self> {
        let definition = Definition {
            settings,
            variables: Vec::new(),
        };
        let upstream = Self::new(definition, &Parts::for_test(), &watch::Sender::new(()));
        upstream.lists.store(Arc::new(lists));
        upstream.was_listed.store(true, Ordering::Release);
        upstream
    }
}

impl Upstream {
    fn new(definition: Definition, parts: &Parts, changes: &watch::Sender<()>) -> Arc<Self> {
        let settings = &definition.settings;
        Arc::new(Self {
            breaker: settings.breaker(),
            standing: Standing::new(&settings.name, &parts.metrics),
            sessions: Sessions::new(
                settings.max_sessions,
                Duration::from_secs(settings.session_idle_seconds),
            ),
            calls: Arc::new(Semaphore::new(settings.max_concurrent_calls)),
            shares: Shares::new(settings.calls_of_one_caller()),
            parts: parts.clone(),
            definition,
            link: ArcSwapOption::empty(),
            known_era: Mutex::new(None),
            lists: ArcSwap::default(),
            was_listed: AtomicBool::new(false),
            used: AtomicU64::new(0),
            wake: Arc::default(),
            connected: Notify::new(),
            links: watch::Sender::new(0),
            subscribed: AtomicUsize::new(0),
            demand: Notify::new(),
            changes: changes.clone(),
        })
    }
}

impl Upstream {
    /// Its name in the configuration.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.definition.settings.name
    }

    /// True if what its tools say of themselves is believed.
    #[must_use]
    pub fn trusts_annotations(&self) -> bool {
        self.definition.settings.trust_annotations
    }

    /// How its tools and prompts are called here.
    #[must_use]
    pub fn names(&self) -> Names {
        self.definition.settings.names
    }

    /// Everything that it had when it was last asked.
    #[must_use]
    pub fn lists(&self) -> Arc<Lists> {
        self.lists.load_full()
    }

    /// True if it was asked what it has, and answered, at least once.
    #[must_use]
    pub fn was_listed(&self) -> bool {
        self.was_listed.load(Ordering::Acquire)
    }

    /// What it has may be another thing than what it listed: it is asked again, soon.
    pub fn look_again(&self) {
        self.wake.notify_one();
    }

    /// A new connection, unless somebody else has just made one in place of `stale`.
    async fn connect_after(&self, stale: Option<&Arc<Link>>) -> Result<Arc<Link>, UpstreamError> {
        let mut known = self.known_era.lock().await;
        if let Some(link) = self.link.load_full()
            && !stale.is_some_and(|stale| Arc::ptr_eq(stale, &link))
            && !link.has_ended()
        {
            return Ok(link);
        }
        let opened = self.open(*known).await;
        // What proved wrong is found out again.
        *known = opened.as_ref().ok().map(|link| link.era);
        let link = opened.map(Arc::new);
        self.set_link(link.as_ref().ok().cloned());
        self.connected.notify_one();
        link
    }

    /// Connects in the first way that works.
    async fn open(&self, known: Option<Era>) -> Result<Link, UpstreamError> {
        let open = |handshake| Link::open(handshake, &self.definition, &self.wake, &self.parts);
        let mut opened = Err(UpstreamError::Unavailable);
        let mut was_away = false;
        for handshake in Handshake::to_try(&self.definition.settings, known) {
            opened = open(*handshake).await;
            match &opened {
                Ok(_) => break,
                Err(UpstreamError::Unavailable | UpstreamError::Interrupted) => was_away = true,
                Err(_answered) => {}
            }
        }
        // It came up between two questions: that it did not answer the first one says nothing of its era.
        if was_away
            && let Ok(old) = &opened
            && let Wire::Http(http) = &old.wire
            && let Ok(modern) = open(Handshake::Modern).await
        {
            http.end_ours(keep::ENDING).await;
            return Ok(modern);
        }
        opened
    }

    /// This is the connection from now on.
    fn set_link(&self, link: Option<Arc<Link>>) {
        self.link.store(link);
        self.links.send_modify(|links| *links += 1);
    }
}
