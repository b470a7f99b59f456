//! Keeping the index up to date while the server runs.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio::task::spawn_blocking;
use tokio::time::sleep;

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

/// How often sources are looked through where changes are not reported.
const UNWATCHED: Duration = Duration::from_secs(10);

/// How soon a failed pass is tried again.
const RETRY: Duration = Duration::from_secs(10);

/// How often another process's index is looked at for news, and for its owner's end.
const FOLLOW: Duration = Duration::from_secs(2);

/// Keeps the index in the background until a stop is asked for.
pub(in crate::knowledge) fn start(inner: &Arc<Inner>, collections: Vec<Collection>, parts: &Parts) {
    let keeper = Keeper {
        inner: Arc::clone(inner),
        collections,
        state_dir: parts.state_dir.clone(),
        lifecycle: parts.lifecycle.clone(),
        clock: parts.clock.clone(),
        hints: Hints::default(),
        mirror: None,
        watch: None,
    };
    parts.lifecycle.spawn(run(keeper));
}

async fn run(mut keeper: Keeper) {
    let rescan = Duration::from_secs(keeper.inner.search.rescan_seconds);
    let lifecycle = keeper.lifecycle.clone();
    let hints = keeper.hints.clone();
    let everything: BTreeSet<usize> = (0..keeper.collections.len()).collect();
    let mut wanted = everything.clone();
    loop {
        let step = spawn_blocking(move || {
            let outcome = keeper.step(&wanted);
            (keeper, outcome)
        });
        let Ok((back, outcome)) = step.await else {
            tracing::error!("the index is no longer kept up to date; restart the server");
            return;
        };
        keeper = back;
        let pause = match outcome {
            Step::Following => FOLLOW,
            Step::Failed => RETRY,
            Step::Unwatched => UNWATCHED.min(rescan),
            Step::Watched => rescan,
        };
        wanted = tokio::select! {
            () = lifecycle.soft_stop() => return,
            hinted = hints.settled() => hinted,
            () = sleep(pause) => everything.clone(),
        };
        if outcome == Step::Failed {
            // What a failed pass did not reach is not hinted at again.
            wanted.clone_from(&everything);
        }
    }
}

/// How a step went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    Failed,
    /// Another process keeps the index; this one reads it.
    Following,
    Unwatched,
    Watched,
}

struct Keeper {
    inner: Arc<Inner>,
    collections: Vec<Collection>,
    state_dir: PathBuf,
    lifecycle: Lifecycle,
    clock: Clock,
    hints: Hints,
    mirror: Option<Mirror>,
    watch: Option<Watch>,
}

impl Keeper {
    /// Opens the index if need be and brings it up to date. Blocks.
    fn step(&mut self, wanted: &BTreeSet<usize>) -> Step {
        if self.watch.is_none() {
            // Before the pass, so that nothing falls between the two.
            self.watch = Watch::start(&self.collections, &self.hints);
        }
        match self.update(wanted) {
            Ok(()) if self.watch.is_none() => Step::Unwatched,
            Ok(()) => Step::Watched,
            Err(IndexError::Stopped) => Step::Watched,
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

    fn update(&mut self, wanted: &BTreeSet<usize>) -> Result<(), IndexError> {
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
        let report = mirror.pass(wanted, &mut Logging(&self.lifecycle))?;
        self.inner.publish(mirror.index());
        if report.written + report.removed > 0 {
            let (written, removed) = (report.written, report.removed);
            tracing::info!(written, removed, "the index is up to date");
        }
        let now = self.clock.unix_seconds();
        // A source that cannot be read may come back as another folder: watch it anew.
        if report
            .collections
            .iter()
            .any(|collection| collection.unavailable)
        {
            self.watch = None;
        }
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
                tracing::error!(reason = error.reason(), %error, "the index is not up to date");
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
        tracing::warn!(collection, source, line, reason, "left out of the index");
    }
}
