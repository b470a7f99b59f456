//! What was decided, as far as it helps to mend a connection: the refusals of late, and who fell silent.
//!
//! An accepted request costs one atomic addition ([`Audit::accepted`]); a refused one makes a row of texts that are cut and
//! made harmless, under a lock that is held for a look-up. All of it is in memory, in this process, and gone with it. The
//! access line stays the record of who did what; `docs/reference/refusals.md` says what is kept here and who can read it.

mod refusals;
mod settings;
mod silence;
pub mod snapshot;
mod software;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

pub use refusals::{ROW_BYTES, Refused};
pub use settings::{MOST_REFUSALS, Settings, SettingsError};
pub use snapshot::{ClientState, Snapshot};
pub use software::Software;

use refusals::Ledger;
use silence::{Change, Silence};

use crate::clock::{Clock, Timestamp};
use crate::lifecycle::Lifecycle;
use crate::telemetry::Metrics;

/// How often the task looks who fell silent.
const LOOK: Duration = Duration::from_secs(5);

/// The record of one server. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Audit(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    settings: Settings,
    clock: Clock,
    since: i64,
    ledger: Ledger,
    without_token: AtomicU64,
    silence: Silence,
}

impl Audit {
    /// An empty record.
    #[must_use]
    pub fn new(settings: Settings, clock: Clock) -> Self {
        Self(Arc::new(Inner {
            since: clock.unix_millis(),
            ledger: Ledger::new(settings.refusals.into()),
            without_token: AtomicU64::new(0),
            silence: Silence::new(settings.silence_minutes),
            settings,
            clock,
        }))
    }

    /// Looks who falls silent, until a stop is asked for.
    pub fn watch(&self, lifecycle: &Lifecycle) {
        if self.0.settings.silence_minutes == 0 {
            return;
        }
        let (audit, stop) = (self.clone(), lifecycle.clone());
        lifecycle.spawn(async move {
            let looking = async {
                loop {
                    tokio::time::sleep(LOOK).await;
                    audit.look();
                }
            };
            tokio::select! {
                () = looking => {}
                () = stop.soft_stop() => {}
            }
        });
    }

    /// A token was accepted; `is_call` if more was asked for than to open or keep up a connection.
    pub fn accepted(&self, software: Software, is_call: bool) {
        self.0.silence.accepted(software, is_call);
    }

    /// A request was answered with a challenge.
    pub fn challenged(&self, software: Software) {
        self.0.silence.challenged(software);
    }

    /// A request came without a token. That is how every connection begins, so it is counted and not kept.
    pub fn without_token(&self) {
        self.0.without_token.fetch_add(1, Ordering::Relaxed);
    }

    /// A request was refused.
    pub fn refused(&self, refused: Refused<'_>) {
        let now = self.0.clock.unix_millis();
        self.0.ledger.record(refused, now);
    }

    /// Everything as it stands now.
    #[must_use]
    pub fn snapshot(&self) -> Snapshot {
        self.look();
        let (refusals, recorded) = self.0.ledger.refusals();
        Snapshot {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            taken_at: Timestamp::from_unix_millis(self.0.clock.unix_millis()),
            since: Timestamp::from_unix_millis(self.0.since),
            capacity: self.0.settings.refusals.into(),
            silence_minutes: self.0.settings.silence_minutes.into(),
            without_token: self.0.without_token.load(Ordering::Relaxed),
            recorded,
            refusals,
            clients: self.0.silence.clients(),
        }
    }

    /// Sets the metrics that follow from it.
    pub fn count(&self, metrics: &Metrics) {
        self.look();
        metrics.refusal_rows(self.0.ledger.len());
        for client in self.0.silence.clients() {
            let Some(software) = Software::parse(&client.software) else {
                continue;
            };
            let name = software.name();
            metrics.client_requests(name, "challenged", client.challenges);
            metrics.client_requests(name, "connected", client.connections);
            metrics.client_requests(name, "called", client.calls);
            metrics.client_silent(name, client.state.is_silent());
        }
    }

    fn look(&self) {
        for change in self.0.silence.look(self.0.clock.unix_millis()) {
            tell(&change);
        }
    }
}

/// One line for each change.
fn tell(change: &Change) {
    let client = change.software.title();
    let since = Timestamp::from_unix_millis(change.since);
    let (challenges, connections) = (change.challenges, change.connections);
    match change.now {
        ClientState::SilentAfterChallenge => tracing::warn!(
            client,
            %since,
            challenges,
            "challenges were served, and no accepted token followed: perhaps a bot filter in front of the identity \
             provider, or a callback that fails; `usher doctor --recent` tells more"
        ),
        ClientState::SilentAfterToken => tracing::warn!(
            client,
            %since,
            connections,
            "tokens were accepted, and nothing was asked for: perhaps the client does not like what it was told; \
             `usher doctor --recent` tells more"
        ),
        ClientState::Challenged | ClientState::Connected | ClientState::Fine => tracing::info!(
            client,
            was = change.before.as_str(),
            "a client that was silent is heard again"
        ),
    }
}
