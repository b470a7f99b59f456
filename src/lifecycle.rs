//! Soft and hard stop, and the tasks that must end before the process does.
//!
//! A soft stop asks everything to finish what it has begun; a hard stop drops what is left. All background work is
//! spawned here, so that nothing outlives the server and tests can run two servers in one process.

use std::future::Future;

use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// A cheap handle on one server's life. Clones share the same stop signals and the same task list.
#[derive(Clone, Debug, Default)]
pub struct Lifecycle {
    soft: CancellationToken,
    hard: CancellationToken,
    tasks: TaskTracker,
}

impl Lifecycle {
    /// A server that has just begun to live.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Runs `task` in the background until it ends or a hard stop drops it.
    #[expect(
        clippy::disallowed_methods,
        reason = "the one place where tasks are spawned"
    )]
    pub fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        let hard = self.hard.clone();
        let tracked = self.tasks.track_future(async move {
            tokio::select! {
                () = task => {}
                () = hard.cancelled() => {}
            }
        });
        drop(tokio::spawn(tracked));
    }

    /// Asks everything to finish.
    pub fn stop_softly(&self) {
        self.soft.cancel();
        self.tasks.close();
    }

    /// Drops everything that still runs.
    pub fn stop_now(&self) {
        self.stop_softly();
        self.hard.cancel();
    }

    /// True once a soft stop was asked for.
    #[must_use]
    pub fn is_stopping(&self) -> bool {
        self.soft.is_cancelled()
    }

    /// Resolves when a soft stop is asked for.
    pub async fn soft_stop(&self) {
        self.soft.cancelled().await;
    }

    /// Resolves when a hard stop is asked for.
    pub async fn hard_stop(&self) {
        self.hard.cancelled().await;
    }

    /// Resolves when a stop was asked for and every spawned task has ended.
    pub async fn finished(&self) {
        self.tasks.wait().await;
    }
}
