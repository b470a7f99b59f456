//! The cached key set of one issuer.
//!
//! The promise:
//! 1. Reads are lock-free. No request waits for a fetch while the key it names is in the cache.
//! 2. A background task refreshes ahead of time, at 80 % of the set's life ±10 %.
//! 3. An unknown `kid` causes at most one fetch at a time, from a bucket of two with one refill per 30 s, without
//!    retries; whoever waits for it waits at most one second and then gets a 503.
//! 4. While the issuer is down the last good keys carry on, for four hours by default, also across a restart.
//! 5. What is not a good key set never replaces one.
//! 6. A key the issuer no longer publishes stops working at the next refresh, cached tokens included.
//!
//! All fetching happens in one task ([`refresh`]), so there is one flight at a time by construction and no lock is ever
//! held across I/O.

mod at_hand;
mod refresh;
mod store;
mod unknown_kids;

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use arc_swap::ArcSwap;
use futures_util::future::BoxFuture;
use tokio::sync::{Notify, watch};
use tokio::time::{Instant, timeout};

pub(super) use store::Store;
use unknown_kids::{UnknownKids, Verdict};

use super::TokenError;
use super::algorithm::Algorithm;
use super::jwk::{self, Key, Wanted};
use crate::clock::Clock;
use crate::lifecycle::Lifecycle;
use crate::telemetry::Metrics;

/// How long a request waits for a fetch.
const LONGEST_WAIT: Duration = Duration::from_secs(1);

/// How many requests may wait at one time; more are told to come back. They must not use up the server.
const MOST_WAITING: usize = 64;

/// How many keys with one `kid` are tried.
const MOST_CANDIDATES: usize = 3;

/// How far a copy's time may lie in the future before its clock is not believed, in seconds.
const FUTURE_SECONDS: i64 = 60;

/// Where key sets come from.
pub(super) trait KeySource: Send + Sync + 'static {
    /// Fetches the key set once.
    fn fetch(&self, etag: Option<String>) -> BoxFuture<'_, Result<Fetched, FetchError>>;

    /// Looks at whatever else is worth knowing, after a fetch, when nobody waits any more.
    fn afterwards(&self) -> BoxFuture<'_, ()> {
        Box::pin(async {})
    }
}

/// An answer of the issuer.
#[derive(Clone, Debug)]
pub(super) enum Fetched {
    /// The set at hand is still right.
    NotModified { ttl: Option<Duration> },
    /// A document, not yet looked at.
    Document {
        body: Vec<u8>,
        etag: Option<String>,
        /// What the issuer says of its life.
        ttl: Option<Duration>,
        /// Where it was.
        jwks_url: String,
    },
}

/// Why no key set came.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum FetchError {
    /// No discovery document is acceptable.
    #[error(transparent)]
    Discovery(#[from] super::discovery::DiscoveryError),
    /// The key set cannot be fetched.
    #[error("{url}: {error}{}", super::discovery::next_step(error))]
    Outbound {
        /// Where it should be.
        url: String,
        /// What happened.
        error: crate::outbound::OutboundError,
    },
    /// What came is no key set.
    #[error("{0}")]
    KeySet(#[from] jwk::KeySetError),
    /// No key in it is usable, and the settings do not take that at its word.
    #[error(
        "the key set holds no key that verifies signatures, expected at least one ({found}): give the issuer a signing key, \
         or set `jwks_url` to where its signing keys are"
    )]
    Empty {
        /// What it holds instead.
        found: String,
    },
}

/// What the settings say about one issuer's keys.
#[derive(Clone, Debug)]
pub(super) struct Options {
    /// The issuer, for logs and metrics.
    pub issuer: Arc<str>,
    /// The configured key set address, which a copy on disk must agree with.
    pub jwks_url: Option<String>,
    pub default_ttl: Duration,
    pub stale_for_seconds: i64,
    pub accept_empty: bool,
    pub accept_missing_kid: bool,
    pub blocked_kids: Vec<String>,
}

/// The world around the cache.
#[derive(Clone, Debug)]
pub(super) struct Surroundings {
    pub clock: Clock,
    pub lifecycle: Lifecycle,
    pub metrics: Metrics,
    pub store: Option<Store>,
}

/// A cheap handle on one issuer's keys.
#[derive(Clone)]
pub(super) struct SigningKeys(Arc<Shared>);

struct Shared {
    options: Options,
    around: Surroundings,
    source: Box<dyn KeySource>,
    snapshot: ArcSwap<KeySet>,
    unknown: Mutex<UnknownKids>,
    waiting: AtomicUsize,
    wanted: Notify,
    attempts: watch::Sender<Attempts>,
    told: jwk::Told,
}

/// The fetches made so far.
#[derive(Clone, Copy, Debug, Default)]
struct Attempts {
    started: u64,
    completed: u64,
    /// The number of the last one that brought an answer.
    succeeded: u64,
}

/// One key set, as it was fetched at one time.
#[derive(Debug, Default)]
pub(super) struct KeySet {
    keys: Vec<Arc<Key>>,
    /// Grows with every change of the keys: a token verified under an older one is looked at again.
    pub generation: u64,
    /// Unix seconds; `None` before the first.
    fetched_at: Option<i64>,
    etag: Option<String>,
}

impl KeySet {
    /// The keys for a `kid` and algorithm; nothing if the `kid` is unknown.
    pub(super) fn named(
        &self,
        kid: &str,
        algorithm: Algorithm,
    ) -> Option<Result<Found, TokenError>> {
        let mut named = self
            .keys
            .iter()
            .filter(|key| key.kid.as_deref() == Some(kid))
            .peekable();
        named.peek()?;
        let fitting = named.filter(|key| key.fits(algorithm));
        let keys: Vec<_> = fitting.take(MOST_CANDIDATES).map(Arc::clone).collect();
        if keys.is_empty() {
            return Some(Err(TokenError::AlgorithmNotAllowed));
        }
        Some(Ok(Found {
            keys,
            generation: self.generation,
        }))
    }

    /// A set outside of any cache.
    #[cfg(test)]
    pub(super) fn for_test(document: &[u8]) -> Self {
        let wanted = Wanted {
            without_kid: false,
            blocked_kids: &[],
        };
        let parsed = jwk::parse(document, wanted).expect("a key set");
        Self {
            keys: parsed.keys.into_iter().map(Arc::new).collect(),
            ..Self::default()
        }
    }

    /// True if this very key is in the set.
    pub(super) fn holds(&self, fingerprint: &[u8; 32]) -> bool {
        self.keys.iter().any(|key| key.fingerprint == *fingerprint)
    }
}

/// Keys that may have signed a token.
#[derive(Debug)]
pub(super) struct Found {
    pub keys: Vec<Arc<Key>>,
    /// The generation of the set they are from.
    pub generation: u64,
}

impl Found {
    /// The key whose signature this is. This is the only place where a signature is found to be right.
    pub(super) fn signer(
        &self,
        algorithm: Algorithm,
        signed: &[u8],
        signature: &Vec<u8>,
    ) -> Result<&Key, TokenError> {
        let mut keys = self.keys.iter();
        keys.find(|key| key.material.verifies(algorithm, signed, signature))
            .map(Arc::as_ref)
            .ok_or(TokenError::BadSignature)
    }
}

/// How an issuer's keys are, for health.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Health {
    pub keys: usize,
    pub age_seconds: Option<i64>,
    pub usable: bool,
    pub last_fetch_failed: bool,
}

impl SigningKeys {
    /// Takes over the last good copy and starts the background refresh.
    pub(super) fn start(
        options: Options,
        source: Box<dyn KeySource>,
        around: Surroundings,
    ) -> Self {
        let lifecycle = around.lifecycle.clone();
        let keys = Self(Arc::new(Shared {
            options,
            around,
            source,
            snapshot: ArcSwap::default(),
            unknown: Mutex::new(UnknownKids::new(Instant::now())),
            waiting: AtomicUsize::new(0),
            wanted: Notify::new(),
            attempts: watch::Sender::new(Attempts::default()),
            told: jwk::Told::default(),
        }));
        keys.restore();
        lifecycle.spawn(refresh::run(keys.clone()));
        keys
    }

    /// The set in use now, or a 503 if there is none that may still be used.
    pub(super) fn current(&self) -> Result<arc_swap::Guard<Arc<KeySet>>, TokenError> {
        self.current_at(self.now())
    }

    /// The same for a caller who has looked at the clock: `now` in seconds since the Unix epoch.
    pub(super) fn current_at(&self, now: i64) -> Result<arc_swap::Guard<Arc<KeySet>>, TokenError> {
        let set = self.0.snapshot.load();
        if self.is_usable(&set, now) {
            return Ok(set);
        }
        Err(unavailable(1))
    }

    fn now(&self) -> i64 {
        self.0.around.clock.unix_seconds()
    }

    /// The keys that may have signed a token. Waits only if the `kid` is unknown.
    pub(super) async fn find(
        &self,
        kid: Option<&str>,
        algorithm: Algorithm,
    ) -> Result<Found, TokenError> {
        let kid = match (self.at_hand(kid, algorithm), kid) {
            (Some(answer), _) => return answer,
            (None, None) => return Err(TokenError::MissingKid),
            (None, Some(kid)) => kid,
        };
        self.wait_for(kid, algorithm).await?;
        match self.look_up(kid, algorithm) {
            Some(answer) => answer,
            None => Err(TokenError::UnknownKey),
        }
    }

    /// Waits until the issuer was asked about `kid`, within all limits.
    async fn wait_for(&self, kid: &str, algorithm: Algorithm) -> Result<(), TokenError> {
        let _place = Place::take(&self.0.waiting)?;
        let mut attempts = self.0.attempts.subscribe();
        let Attempts {
            started, completed, ..
        } = *attempts.borrow();
        let target = if self.current().is_err() {
            // There are no keys at all. The background task is after them; a request adds no fetch to that.
            if started == completed && started > 0 {
                return Err(unavailable(1));
            }
            completed + 1
        } else {
            self.0.around.metrics.unknown_kid(&self.0.options.issuer);
            let mut unknown = self.unknown();
            // A fetch that ended since this request looked has brought it; another one would empty the bucket for nothing.
            if self.look_up(kid, algorithm).is_some() {
                return Ok(());
            }
            match unknown.ask(kid, Instant::now(), started + 1) {
                Verdict::Absent => return Err(TokenError::UnknownKey),
                Verdict::Later { seconds } => return Err(unavailable(seconds)),
                Verdict::Join { target } => target,
                Verdict::Fetch { target } => {
                    self.0.wanted.notify_one();
                    target
                }
            }
        };
        self.0.around.metrics.jwks_wait(self.publishes(kid));
        let done = attempts.wait_for(|attempts| attempts.completed >= target);
        match timeout(LONGEST_WAIT, done).await {
            Ok(Ok(attempts)) if attempts.succeeded >= target => Ok(()),
            _ => Err(unavailable(2)),
        }
    }

    /// True if the last set that was fetched has a key of this `kid`.
    fn publishes(&self, kid: &str) -> bool {
        let set = self.0.snapshot.load();
        set.keys.iter().any(|key| key.kid.as_deref() == Some(kid))
    }

    /// How things are, for health and metrics.
    pub(super) fn health(&self) -> Health {
        let set = self.0.snapshot.load();
        let attempts = *self.0.attempts.borrow();
        let now = self.0.around.clock.unix_seconds();
        Health {
            keys: set.keys.len(),
            age_seconds: set.fetched_at.map(|at| now.saturating_sub(at).max(0)),
            usable: self.is_usable(&set, self.now()),
            last_fetch_failed: attempts.completed > attempts.succeeded,
        }
    }

    fn is_usable(&self, set: &KeySet, now: i64) -> bool {
        let Some(fetched_at) = set.fetched_at else {
            return false;
        };
        let age = now.saturating_sub(fetched_at);
        !set.keys.is_empty() && age <= self.0.options.stale_for_seconds
    }

    /// Makes a fetched document the set in use, unless it is not good enough.
    fn publish(&self, body: &[u8], etag: Option<String>, at: i64) -> Result<(), FetchError> {
        let options = &self.0.options;
        let wanted = Wanted {
            without_kid: options.accept_missing_kid,
            blocked_kids: &options.blocked_kids,
        };
        let parsed = jwk::parse(body, wanted)?;
        let old = self.0.snapshot.load_full();
        if parsed.keys.is_empty() && !options.accept_empty {
            let found = parsed.in_words();
            return Err(FetchError::Empty { found });
        }
        self.0.told.tell(&options.issuer, parsed.skipped);
        let keys: Vec<_> = parsed.keys.into_iter().map(Arc::new).collect();
        let print = |keys: &[Arc<Key>]| -> Vec<_> { keys.iter().map(|k| k.fingerprint).collect() };
        let changed = print(&keys) != print(&old.keys);
        self.0.snapshot.store(Arc::new(KeySet {
            keys,
            generation: old.generation + u64::from(changed),
            fetched_at: Some(at),
            etag,
        }));
        self.gauge();
        Ok(())
    }

    /// The set at hand was confirmed.
    fn confirm(&self, at: i64) {
        let old = self.0.snapshot.load_full();
        self.0.snapshot.store(Arc::new(KeySet {
            keys: old.keys.clone(),
            generation: old.generation,
            fetched_at: Some(at),
            etag: old.etag.clone(),
        }));
        self.gauge();
    }

    fn gauge(&self) {
        let set = self.0.snapshot.load();
        let fetched_at = set.fetched_at.unwrap_or_default();
        self.0
            .around
            .metrics
            .jwks_state(&self.0.options.issuer, set.keys.len(), fetched_at);
    }

    /// Takes the last good copy from disk, with the age it has.
    fn restore(&self) {
        let Some(store) = &self.0.around.store else {
            return;
        };
        let Some(copy) = store.load(&self.0.options.issuer, self.0.options.jwks_url.as_deref())
        else {
            return;
        };
        if copy.fetched_at > self.0.around.clock.unix_seconds() + FUTURE_SECONDS {
            tracing::warn!(issuer = %self.0.options.issuer, "the stored keys are from the future; left aside");
            return;
        }
        // The entity tag is left aside: the first fetch shall bring the whole set.
        match self.publish(copy.key_set.as_bytes(), None, copy.fetched_at) {
            Ok(()) => tracing::info!(issuer = %self.0.options.issuer, "took over the stored keys"),
            Err(error) => {
                tracing::warn!(issuer = %self.0.options.issuer, %error, "the stored keys are unusable");
            }
        }
    }

    fn unknown(&self) -> MutexGuard<'_, UnknownKids> {
        // Nothing panics under this lock, and its data is advisory.
        self.0
            .unknown
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

fn unavailable(retry_after_seconds: u32) -> TokenError {
    TokenError::KeysUnavailable {
        retry_after_seconds,
    }
}

/// One of the few places to wait in; given back on drop.
struct Place<'c>(&'c AtomicUsize);

impl<'c> Place<'c> {
    fn take(count: &'c AtomicUsize) -> Result<Self, TokenError> {
        let place = Self(count);
        if count.fetch_add(1, Ordering::Relaxed) >= MOST_WAITING {
            return Err(unavailable(2));
        }
        Ok(place)
    }
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests;
