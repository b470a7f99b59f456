//! Keeping the index up to date while the server runs.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio::task::spawn_blocking;
use tokio::time::{Instant, sleep};

use super::collection::Collection;
use super::embedded::Index;
use super::error::IndexError;
use super::health::{Health, IndexState};
use super::mirror::{self, Mirror};
use super::visit::{LeftOut, Observer};
use super::watch::{Hints, Watch};
use super::{Inner, Parts};
use crate::clock::Clock;
use crate::lifecycle::Lifecycle;

/// How soon a failed pass is tried again.
const RETRY: Duration = Duration::from_secs(10);

/// How often is looked at what the operating system does not report: a source that is missing, a link that leads
/// elsewhere now, another process's index.
const LOOK: Duration = Duration::from_secs(1);

/// Looking takes at most one part in this many of the time.
const LOOK_SHARE: u32 = 20;

/// Keeps the index in the background until a stop is asked for.
pub(in crate::knowledge) fn start(inner: &Arc<Inner>, collections: Vec<Collection>, parts: &Parts) {
    let hints = Hints::default();
    let keeper = Keeper {
        inner: Arc::clone(inner),
        collections,
        state_dir: parts.state_dir.clone(),
        lifecycle: parts.lifecycle.clone(),
        clock: parts.clock.clone(),
        mirror: None,
        watch: Watch::new(hints.clone()),
    };
    parts.lifecycle.spawn(run(keeper, hints));
}

async fn run(mut keeper: Keeper, hints: Hints) {
    let rescan = Duration::from_secs(keeper.inner.search.rescan_seconds);
    let lifecycle = keeper.lifecycle.clone();
    let (mut due, mut looked) = (true, Instant::now());
    loop {
        let begun = Instant::now();
        let step = spawn_blocking(move || {
            let outcome = if due || !keeper.watch.is_in_place(&keeper.collections) {
                keeper.step()
            } else {
                Step::Spared
            };
            (keeper, outcome)
        });
        let Ok((back, outcome)) = step.await else {
            tracing::error!("the index is no longer kept up to date; restart the server");
            return;
        };
        keeper = back;
        let (pause, then_due) = match outcome {
            Step::Reported => (LOOK, false),
            Step::Spared => (LOOK, looked.elapsed() >= rescan),
            Step::Unreported => (LOOK.max(begun.elapsed() * LOOK_SHARE).min(rescan), true),
            Step::Following => (LOOK, true),
            Step::Failed => (RETRY, true),
        };
        if outcome != Step::Spared {
            looked = begun;
        }
        tokio::select! {
            () = lifecycle.soft_stop() => return,
            () = hints.given() => {
                hints.settled().await;
                due = true;
            }
            () = sleep(pause) => due = then_due,
        }
    }
}

/// How a step went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    Failed,
    /// Another process keeps the index; this one reads it.
    Following,
    /// Done, and the next change of a source will be reported.
    Reported,
    /// Nothing to do: every change is reported, and none was.
    Spared,
    /// Done, and some changes will not be reported.
    Unreported,
}

struct Keeper {
    inner: Arc<Inner>,
    collections: Vec<Collection>,
    state_dir: PathBuf,
    lifecycle: Lifecycle,
    clock: Clock,
    mirror: Option<Mirror>,
    watch: Watch,
}

impl Keeper {
    /// Opens the index if need be and brings it up to date. Blocks.
    fn step(&mut self) -> Step {
        // Before the pass, so that nothing falls between the two.
        let reported = self.watch.cover(&self.collections);
        match self.update() {
            Ok(()) | Err(IndexError::Stopped) if reported => Step::Reported,
            Ok(()) | Err(IndexError::Stopped) => Step::Unreported,
            Err(error) => {
                let following = matches!(error, IndexError::OwnedElsewhere { .. });
                self.fail(error);
                if following {
                    Step::Following
                } else {
                    Step::Failed
                }
            }
        }
    }

    fn update(&mut self) -> Result<(), IndexError> {
        let mirror = match self.mirror.take() {
            Some(mirror) => self.mirror.insert(mirror),
            None => {
                let opened = Mirror::open(self.collections.clone(), &self.state_dir)?;
                let collections = opened.collections();
                if collections
                    .iter()
                    .any(|collection| collection.documents > 0)
                {
                    self.inner.publish(opened.index());
                }
                self.inner
                    .health
                    .change(|health| health.collections = collections);
                self.mirror.insert(opened)
            }
        };
        let report = mirror.pass(&mut Logging(&self.lifecycle))?;
        self.inner.publish(mirror.index());
        if report.written + report.removed > 0 {
            let (written, removed) = (report.written, report.removed);
            tracing::info!(written, removed, "the index is up to date");
        }
        let now = self.clock.unix_seconds();
        self.inner.health.change(|health| {
            *health = Health {
                state: IndexState::Current,
                collections: report.collections,
                last_indexed: Some(now),
            };
        });
        Ok(())
    }

    /// Tells what is wrong, once, and answers from what there is.
    fn fail(&self, error: IndexError) {
        if self.mirror.is_none() {
            let directory = mirror::directory(&self.state_dir);
            let languages = mirror::languages(&self.collections);
            if let Ok(index) = Index::open_existing(&directory, &languages) {
                self.inner.publish(&index);
            }
        }
        self.inner.health.change(|health| {
            let state = IndexState::Failing(error);
            if health.state != state {
                let IndexState::Failing(error) = &state else {
                    return;
                };
                let reason = error.reason();
                match error {
                    // No failure: it answers, from an index that is kept.
                    IndexError::OwnedElsewhere { .. } => {
                        tracing::info!(reason, %error, "the index is only read here");
                    }
                    IndexError::DiskFull { .. }
                    | IndexError::Engine { .. }
                    | IndexError::Missing { .. }
                    | IndexError::Stopped
                    | IndexError::Unwritable { .. } => {
                        tracing::error!(reason, %error, "the index is not up to date");
                    }
                }
                health.state = state;
            }
        });
    }
}

/// Listens for the stop, and writes the log.
struct Logging<'a>(&'a Lifecycle);

impl Observer for Logging<'_> {
    fn is_stopping(&self) -> bool {
        self.0.is_stopping()
    }

    fn expect(&mut self, _collection: &str, _bytes: u64) {}

    fn advance(&mut self, _bytes: u64) {}

    fn left_out(&mut self, left_out: &LeftOut<'_>) {
        let LeftOut {
            collection,
            source,
            line,
            reason,
        } = left_out;
        let source = (!source.is_empty()).then_some(*source);
        tracing::warn!(collection, source, line, reason, "left out of the index");
    }
}
