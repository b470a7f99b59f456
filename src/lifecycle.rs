//! The stages of a stop, the signals that ask for it, and the tasks that must end before the process does.
//!
//! 1. *Draining*: readiness is off, everything else goes on, so that a load balancer can look elsewhere.
//! 2. *Soft stop*: nothing new is accepted; requests in flight finish, streams end with a final event.
//! 3. *Hard stop*: what is left is dropped.
//!
//! All background work is spawned here, so that nothing outlives the server and tests can run two servers in one
//! process.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Poll, Waker};
use std::time::Duration;

use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// A cheap handle on one server's life. Clones share the same stop signals and the same task lists.
#[derive(Clone, Debug, Default)]
pub struct Lifecycle {
    drain: CancellationToken,
    soft: Signal,
    hard: Signal,
    connections: TaskTracker,
    tasks: TaskTracker,
}

/// A stop signal whose waiters cost nothing while there is none: every poll of a connection asks for it.
#[derive(Clone, Debug, Default)]
struct Signal {
    given: Arc<AtomicBool>,
    token: CancellationToken,
}

impl Signal {
    fn give(&self) {
        // Before the token wakes the waiters, so that they find it given.
        self.given.store(true, Ordering::Release);
        self.token.cancel();
    }

    fn is_given(&self) -> bool {
        self.given.load(Ordering::Acquire)
    }

    /// Resolves when the signal is given. The token's lock is taken only on the first poll, which registers the waker,
    /// when the waker is another one, and once the signal is given.
    async fn wait(&self) {
        let mut cancelled = pin!(self.token.cancelled());
        let mut registered: Option<Waker> = None;
        poll_fn(|cx| {
            let known = registered.as_ref();
            if !self.is_given() && known.is_some_and(|known| known.will_wake(cx.waker())) {
                return Poll::Pending;
            }
            registered = Some(cx.waker().clone());
            cancelled.as_mut().poll(cx)
        })
        .await;
    }
}

/// How long background tasks may take to put their things away once no connection is left.
const TIDY_UP: Duration = Duration::from_secs(2);

impl Lifecycle {
    /// A server that has just begun to live.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Runs `task` in the background until it ends or a hard stop drops it. It should end by itself on a soft stop.
    pub fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        self.spawn_in(&self.tasks, task);
    }

    /// The same for what is left to do when something is dropped, which may be after the runtime has ended.
    pub fn spawn_at_drop(&self, task: impl Future<Output = ()> + Send + 'static) {
        if tokio::runtime::Handle::try_current().is_ok() {
            self.spawn(task);
        }
    }

    /// Runs `task`, which serves a client: a soft stop waits for it.
    pub fn spawn_connection(&self, task: impl Future<Output = ()> + Send + 'static) {
        self.spawn_in(&self.connections, task);
    }

    #[expect(
        clippy::disallowed_methods,
        reason = "the one place where tasks are spawned"
    )]
    fn spawn_in(&self, tracker: &TaskTracker, task: impl Future<Output = ()> + Send + 'static) {
        let hard = self.hard.clone();
        let tracked = tracker.track_future(async move {
            tokio::select! {
                biased;
                () = task => {}
                () = hard.wait() => {}
            }
        });
        drop(tokio::spawn(tracked));
    }

    /// Stage 1: says that a stop is near.
    pub fn begin_drain(&self) {
        self.drain.cancel();
    }

    /// Stage 2: asks everything to finish.
    pub fn stop_softly(&self) {
        self.begin_drain();
        self.soft.give();
        self.connections.close();
        self.tasks.close();
    }

    /// Stage 3: drops everything that still runs.
    pub fn stop_now(&self) {
        self.stop_softly();
        self.hard.give();
    }

    /// True once a stop is near.
    #[must_use]
    pub fn is_draining(&self) -> bool {
        self.drain.is_cancelled()
    }

    /// True once a soft stop was asked for.
    #[must_use]
    pub fn is_stopping(&self) -> bool {
        self.soft.is_given()
    }

    /// Resolves when a soft stop is asked for.
    pub async fn soft_stop(&self) {
        self.soft.wait().await;
    }

    /// Resolves when a hard stop is asked for.
    pub async fn hard_stop(&self) {
        self.hard.wait().await;
    }

    /// Resolves when a stop was asked for and every spawned task has ended.
    pub async fn finished(&self) {
        self.connections.wait().await;
        self.tasks.wait().await;
    }

    /// From a soft stop to the end: waits up to `patience` for connections, lets background tasks tidy up, then drops
    /// what is left. True if nothing had to be dropped.
    pub async fn finish(&self, patience: Duration) -> bool {
        self.soft_stop().await;
        let connections = tokio::select! {
            ended = tokio::time::timeout(patience, self.connections.wait()) => ended.is_ok(),
            () = self.hard_stop() => false,
        };
        let tasks = tokio::time::timeout(TIDY_UP.min(patience), self.tasks.wait()).await;
        self.stop_now();
        self.finished().await;
        connections && tasks.is_ok()
    }

    /// Goes through the stages as `stop` resolves: once for the orderly way, once more to drop everything at once.
    /// Returns when nothing is left to stop.
    pub async fn stop_on(&self, drain: Duration, mut stop: impl AsyncFnMut()) {
        stop().await;
        tracing::info!("stopping: not ready any more");
        self.begin_drain();
        let orderly = async {
            tokio::time::sleep(drain).await;
            tracing::info!("stopping: no new connections, requests in flight finish");
            self.stop_softly();
            self.hard_stop().await;
        };
        tokio::select! {
            () = orderly => {}
            () = stop() => {
                tracing::warn!("second signal: dropping what is left");
                self.stop_now();
            }
        }
    }

    /// [`stop_on`](Self::stop_on) with SIGTERM and SIGINT, which are listened to from this call on, before the future is
    /// polled. Fails only if they cannot be.
    pub fn stop_on_signals(
        &self,
        drain: Duration,
    ) -> std::io::Result<impl Future<Output = ()> + use<>> {
        use tokio::signal::unix::{SignalKind, signal};
        let mut terminate = signal(SignalKind::terminate())?;
        let mut interrupt = signal(SignalKind::interrupt())?;
        let lifecycle = self.clone();
        Ok(async move {
            let signalled = async || {
                tokio::select! {
                    _ = terminate.recv() => {}
                    _ = interrupt.recv() => {}
                }
            };
            lifecycle.stop_on(drain, signalled).await;
        })
    }
}

/// SIGHUP, which asks a running server to look again at what may have changed.
#[derive(Debug)]
pub struct HangUps(tokio::signal::unix::Signal);

impl HangUps {
    /// Listens from now on. Fails only if it cannot.
    pub fn listen() -> std::io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        signal(SignalKind::hangup()).map(Self)
    }

    /// Does `work` at each of them, as long as it is polled.
    pub async fn each(mut self, work: impl Fn()) {
        while self.0.recv().await.is_some() {
            work();
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::Instant;

    use super::*;

    const DRAIN: Duration = Duration::from_secs(5);
    const FINISH: Duration = Duration::from_secs(30);

    /// A stop signal after each of `pauses`, and none after that.
    fn signals(pauses: &[u64]) -> impl AsyncFnMut() {
        let mut pauses = pauses.iter().copied();
        async move || match pauses.next() {
            Some(seconds) => tokio::time::sleep(Duration::from_secs(seconds)).await,
            None => std::future::pending().await,
        }
    }

    /// How long a server with one connection of `work` takes to end, and whether the connection came to its own end.
    async fn stopped_after(work: Duration, pauses: &[u64]) -> (u64, bool) {
        let lifecycle = Lifecycle::new();
        let done = Arc::new(AtomicBool::new(false));
        let (started, finished) = (Instant::now(), Arc::clone(&done));
        lifecycle.spawn_connection(async move {
            tokio::time::sleep(work).await;
            finished.store(true, Ordering::Relaxed);
        });
        tokio::join!(
            lifecycle.stop_on(DRAIN, signals(pauses)),
            lifecycle.finish(FINISH)
        );
        (started.elapsed().as_secs(), done.load(Ordering::Relaxed))
    }

    #[tokio::test(start_paused = true)]
    async fn a_stop_waits_for_the_load_balancer_and_for_requests_in_flight() {
        assert_eq!(stopped_after(Duration::from_secs(1), &[0]).await, (5, true));
        assert_eq!(
            stopped_after(Duration::from_secs(20), &[0]).await,
            (20, true)
        );
    }

    #[tokio::test(start_paused = true)]
    async fn a_stop_does_not_wait_for_ever() {
        assert_eq!(
            stopped_after(Duration::from_secs(3600), &[0]).await,
            (35, false)
        );
    }

    #[tokio::test(start_paused = true)]
    async fn a_second_signal_drops_what_is_left_at_once() {
        assert_eq!(
            stopped_after(Duration::from_secs(3600), &[0, 7]).await,
            (7, false)
        );
        assert_eq!(
            stopped_after(Duration::from_secs(3600), &[0, 1]).await,
            (1, false)
        );
    }

    #[tokio::test(start_paused = true)]
    async fn while_draining_nothing_is_stopped_yet() {
        let lifecycle = Lifecycle::new();
        lifecycle.begin_drain();
        assert!(lifecycle.is_draining());
        assert!(!lifecycle.is_stopping());
        lifecycle.stop_softly();
        assert!(lifecycle.is_stopping());
    }

    #[tokio::test(start_paused = true)]
    async fn a_background_task_that_ignores_the_stop_holds_it_up_for_two_seconds() {
        let lifecycle = Lifecycle::new();
        lifecycle.spawn(std::future::pending());
        let started = Instant::now();
        lifecycle.stop_softly();
        assert!(!lifecycle.finish(FINISH).await);
        assert_eq!(started.elapsed().as_secs(), 2);
    }
}
