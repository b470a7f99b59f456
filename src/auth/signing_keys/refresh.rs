//! The background task that fetches one issuer's keys: ahead of time, or when a request asks about an unknown `kid`.

use std::panic::AssertUnwindSafe;
use std::time::Duration;

use futures_util::FutureExt as _;
use rand::RngExt as _;
use tokio::time::{Instant, sleep, sleep_until};

use super::{Attempts, FetchError, Fetched, SigningKeys};
use crate::auth::jwk::KeySetError;

const SHORTEST_TTL: Duration = Duration::from_secs(60);
const LONGEST_TTL: Duration = Duration::from_secs(3600);

/// The pauses before the second and third attempt of a scheduled refresh.
const RETRY_PAUSES: [Duration; 2] = [Duration::from_millis(200), Duration::from_secs(1)];

/// The pause after a failed refresh while older keys are in use.
const FAILED_PAUSE: Duration = Duration::from_secs(30);

/// The first and the longest pause while there are no keys at all: the issuer is perhaps only starting.
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// Fetches until the server stops. A bug in here must not leave an issuer without new keys until a restart, so a panic
/// is told and the work begun again.
pub(super) async fn run(keys: SigningKeys) {
    let lifecycle = keys.0.around.lifecycle.clone();
    let supervised = async {
        while AssertUnwindSafe(work(&keys)).catch_unwind().await.is_err() {
            let issuer = &keys.0.options.issuer;
            tracing::error!(%issuer, "fetching the issuer's keys panicked; starting again");
            keys.0.around.metrics.panic_caught();
            sleep(jittered(LONGEST_PAUSE)).await;
        }
    };
    tokio::select! {
        () = supervised => {}
        () = lifecycle.soft_stop() => {}
    }
}

/// Never ends by itself.
async fn work(keys: &SigningKeys) {
    let mut pause = FIRST_PAUSE;
    let mut failing = false;
    let mut due = Instant::now();
    loop {
        let outcome = tokio::select! {
            () = sleep_until(due) => with_retries(keys).await,
            () = keys.0.wanted.notified() => match attempt(keys).await {
                Ok(ttl) => Ok(ttl),
                // The schedule stays as it was; a request's curiosity neither hurries nor delays it.
                Err(_) if keys.current().is_ok() => continue,
                Err(error) => Err(error),
            },
        };
        report(keys, &outcome, &mut failing);
        due = Instant::now()
            + match outcome {
                Ok(ttl) => {
                    pause = FIRST_PAUSE;
                    jittered(ttl.mul_f64(0.8))
                }
                Err(_) if keys.current().is_ok() => jittered(FAILED_PAUSE),
                Err(_) => {
                    let this = pause;
                    pause = pause.mul_f64(1.5).min(LONGEST_PAUSE);
                    jittered(this)
                }
            };
    }
}

/// A scheduled refresh. While there are no keys at all, the schedule itself is the retry.
async fn with_retries(keys: &SigningKeys) -> Result<Duration, FetchError> {
    let mut outcome = attempt(keys).await;
    for pause in RETRY_PAUSES {
        if outcome.is_ok() || keys.current().is_err() {
            break;
        }
        sleep(jittered(pause)).await;
        outcome = attempt(keys).await;
    }
    outcome
}

/// One fetch, counted, with its result in use and then on disk. Returns how long the set is fresh.
async fn attempt(keys: &SigningKeys) -> Result<Duration, FetchError> {
    keys.0
        .attempts
        .send_modify(|attempts| attempts.started += 1);
    let outcome = fetch(keys).await;
    let label = match &outcome {
        Ok(Done {
            copy: Copy::Touch, ..
        }) => "unchanged",
        Ok(Done { .. }) => "ok",
        Err(FetchError::Discovery(_)) => "discovery_failed",
        Err(FetchError::Outbound { .. }) => "unreachable",
        Err(FetchError::KeySet(_)) => "invalid",
        Err(FetchError::Empty { .. }) => "empty",
    };
    keys.0
        .around
        .metrics
        .jwks_fetch(&keys.0.options.issuer, label);
    let number = keys.0.attempts.borrow().started;
    let set = keys.0.snapshot.load();
    let published = |kid: &str| set.keys.iter().any(|key| key.kid.as_deref() == Some(kid));
    let published: Option<&dyn Fn(&str) -> bool> = outcome.is_ok().then_some(&published);
    keys.unknown().completed(number, Instant::now(), published);
    keys.0.attempts.send_modify(
        |Attempts {
             completed,
             succeeded,
             ..
         }| {
            *completed = number;
            if outcome.is_ok() {
                *succeeded = number;
            }
        },
    );
    drop(set);
    let Done { ttl, at, copy } = outcome?;
    // Only now: nobody waits for a disk.
    if let Some(store) = &keys.0.around.store {
        let issuer = &keys.0.options.issuer;
        match copy {
            Copy::Touch => store.touch(issuer, at).await,
            Copy::Whole { jwks_url, body } => store.save(issuer, &jwks_url, body, at).await,
        }
    }
    keys.0.source.afterwards().await;
    Ok(ttl)
}

/// A fetch that succeeded.
struct Done {
    ttl: Duration,
    /// Unix seconds.
    at: i64,
    copy: Copy,
}

/// What is left to do on disk.
enum Copy {
    /// The copy is still right.
    Touch,
    Whole {
        jwks_url: String,
        body: Vec<u8>,
    },
}

async fn fetch(keys: &SigningKeys) -> Result<Done, FetchError> {
    let etag = keys.0.snapshot.load().etag.clone();
    let conditional = etag.is_some();
    let fetched = keys.0.source.fetch(etag).await?;
    let at = keys.0.around.clock.unix_seconds();
    let (ttl, copy) = match fetched {
        Fetched::NotModified { ttl } if conditional => {
            keys.confirm(at);
            (ttl, Copy::Touch)
        }
        // There is nothing that could be unmodified.
        Fetched::NotModified { .. } => return Err(KeySetError::NotAKeySet.into()),
        Fetched::Document {
            body,
            etag,
            ttl,
            jwks_url,
        } => {
            keys.publish(&body, etag, at)?;
            (ttl, Copy::Whole { jwks_url, body })
        }
    };
    let ttl = ttl.unwrap_or(keys.0.options.default_ttl);
    let ttl = ttl.clamp(SHORTEST_TTL, LONGEST_TTL);
    Ok(Done { ttl, at, copy })
}

/// Says once that fetching fails, and once that it works again.
fn report(keys: &SigningKeys, outcome: &Result<Duration, FetchError>, failing: &mut bool) {
    let issuer = &keys.0.options.issuer;
    match outcome {
        Ok(_) => {
            if std::mem::replace(failing, false) {
                tracing::info!(%issuer, "the issuer's keys are up to date again");
            }
        }
        Err(error) => {
            let usable = keys.current().is_ok();
            if std::mem::replace(failing, true) {
                tracing::debug!(%issuer, %error, usable, "the issuer's keys still cannot be fetched");
            } else if usable {
                tracing::warn!(%issuer, %error, "the issuer's keys cannot be fetched; those known carry on, trying again in the background");
            } else {
                tracing::warn!(%issuer, %error, "the issuer's keys cannot be fetched, so none of its tokens is accepted; trying again in the background");
            }
        }
    }
}

fn jittered(pause: Duration) -> Duration {
    pause.mul_f64(rand::rng().random_range(0.9..=1.1))
}
