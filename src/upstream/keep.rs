//! The task of one upstream: it connects, lists, waits, and does both again, until the server stops.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use futures_util::StreamExt;
use tokio::time::Instant;

use super::backoff::Backoff;
use super::health::State;
use super::link::{Link, Wire};
use super::sessions::Slot;
use super::{Lists, Upstream, UpstreamError, lock};

/// The longest wait between two attempts to reach it.
const LONGEST_PAUSE: Duration = Duration::from_secs(60);
/// The longest wait before it is asked again what it has, however often it says that this changed.
const LONGEST_CALM: Duration = Duration::from_secs(1);
/// How long the end of a session may take, and that of all of them when the server stops; how many are ended at once.
pub(super) const ENDING: Duration = Duration::from_secs(1);
const ENDING_AT_ONCE: usize = 32;
/// A connection that held for so long was a good one.
const STEADY: Duration = Duration::from_secs(60);

/// Why the task of a connected upstream looks again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Woken {
    /// It said that what it has changed, or a call failed.
    Changed,
    /// Nobody needed it for a while, and it is one that is then ended.
    Idle,
    /// Its connection is gone.
    Lost,
    /// It is time.
    Time,
}

impl Upstream {
    async fn refresh(&self) -> Result<(), UpstreamError> {
        let settings = &self.definition.settings;
        let known = self.lists();
        let link = self.connect_after(None).await?;
        let lists = match link.lists(settings, &known).await {
            Err(UpstreamError::SessionGone) => {
                let link = self.connect_after(Some(&link)).await?;
                link.lists(settings, &known).await
            }
            lists => lists,
        };
        match lists {
            Ok(lists) => {
                self.publish(lists);
                Ok(())
            }
            Err(error) => {
                self.set_link(None);
                Err(error)
            }
        }
    }

    fn publish(&self, mut lists: Lists) {
        if let Some(guard) = &self.parts.lock {
            guard.apply(self.name(), &mut lists);
        }
        if self.was_listed.swap(true, Ordering::AcqRel) && **self.lists.load() == lists {
            return;
        }
        tracing::info!(
            upstream = self.name(),
            tools = lists.tools.len(),
            prompts = lists.prompts.len(),
            resources = lists.resources.len(),
            templates = lists.templates.len(),
            "upstream: what it has is listed"
        );
        lock::tell(self.name(), &lists);
        self.standing
            .tools(lists.tools.len(), lists.quarantined.len());
        self.lists.store(Arc::new(lists));
        self.changes.send_replace(());
    }

    /// Keeps the connection and the lists until the server stops; then lets calls finish, and disconnects.
    pub(super) async fn keep(self: Arc<Self>) {
        tokio::select! {
            () = self.stay_connected() => {}
            () = self.end_idle_sessions() => {}
            () = self.listen() => {}
            () = self.parts.lifecycle.soft_stop() => {}
        }
        let all = u32::try_from(self.definition.settings.max_concurrent_calls).unwrap_or(u32::MAX);
        let _finished = self.calls.acquire_many(all).await;
        let link = self.link.swap(None);
        let sessions = self.sessions.take_all();
        let all = async {
            self.end_sessions(link.as_deref(), sessions).await;
            if let Some(Wire::Http(http)) = link.as_deref().map(|link| &link.wire) {
                http.end_ours(ENDING).await;
            }
        };
        // Those that are not ended by then expire by themselves.
        let _ended = tokio::time::timeout(ENDING, all).await;
    }

    /// Ends the sessions that no caller uses any more, for as long as the server runs.
    async fn end_idle_sessions(&self) {
        loop {
            let sessions = self.sessions.to_end().await;
            let link = self.link.load_full();
            self.end_sessions(link.as_deref(), sessions).await;
            self.parts.outbound.close_idle();
        }
    }

    async fn end_sessions(&self, link: Option<&Link>, sessions: Vec<Arc<Slot>>) {
        let Some(Wire::Http(http)) = link.map(|link| &link.wire) else {
            return;
        };
        let end = async |slot: Arc<Slot>| {
            if let Some(session) = slot.opened() {
                http.end(session, ENDING).await;
            }
        };
        futures_util::stream::iter(sessions)
            .for_each_concurrent(ENDING_AT_ONCE, end)
            .await;
    }

    async fn stay_connected(&self) {
        let (mut lost, mut changed) = (Backoff::up_to(LONGEST_PAUSE), Backoff::up_to(LONGEST_CALM));
        let mut last_seen = Instant::now();
        loop {
            let started = Instant::now();
            let pause = match self.refresh().await {
                Ok(()) => {
                    self.standing.tried("ok");
                    self.standing.set(State::Connected);
                    let woken = self.woken().await;
                    last_seen = Instant::now();
                    if started.elapsed() >= STEADY {
                        lost.reset();
                        changed.reset();
                    }
                    match woken {
                        // Between two looks, so that the first change after a while is seen at once.
                        Woken::Changed => changed.pause().saturating_sub(started.elapsed()),
                        Woken::Idle => {
                            self.rest().await;
                            Duration::ZERO
                        }
                        Woken::Lost => {
                            self.standing.set(State::Down);
                            lost.pause()
                        }
                        Woken::Time => Duration::ZERO,
                    }
                }
                Err(error) => {
                    let pause = lost.pause();
                    self.not_connected(error, pause, last_seen);
                    pause
                }
            };
            tokio::time::sleep(pause).await;
        }
    }

    /// Waits for a reason to look again.
    async fn woken(&self) -> Woken {
        let settings = &self.definition.settings;
        let refresh = Duration::from_secs(settings.refresh_seconds);
        let time = async {
            match settings.stdio.idle_time() {
                Some(idle) => {
                    self.until_idle(idle).await;
                    Woken::Idle
                }
                None => {
                    tokio::time::sleep(refresh).await;
                    Woken::Time
                }
            }
        };
        tokio::select! {
            () = self.wake.notified() => {
                let link = self.link.load_full();
                match link.is_none_or(|link| link.has_ended()) {
                    true => Woken::Lost,
                    false => Woken::Changed,
                }
            }
            woken = time => woken,
        }
    }

    /// Returns once no call has begun, none was running, and nobody was subscribed to anything, for at least `idle`.
    async fn until_idle(&self, idle: Duration) {
        let most = self.definition.settings.max_concurrent_calls;
        let mut seen = self.used.load(Ordering::Relaxed);
        loop {
            tokio::time::sleep(idle).await;
            let used = self.used.load(Ordering::Relaxed);
            let is_subscribed = self.subscribed.load(Ordering::Relaxed) > 0;
            if used == seen && !is_subscribed && self.calls.available_permits() == most {
                return;
            }
            seen = used;
        }
    }

    /// Ends the process, and returns when somebody needs it. What it has stays listed.
    async fn rest(&self) {
        tracing::info!(
            upstream = self.name(),
            "upstream: nobody needs its process, which is ended until somebody does"
        );
        // Before the link goes: a call that finds none is to know why.
        self.standing.set(State::Idle);
        self.set_link(None);
        self.demand.notified().await;
    }

    /// The connection for a call, if there is one.
    pub(super) fn linked(&self) -> Option<Arc<Link>> {
        let link = self.link.load_full()?;
        (!link.has_ended()).then_some(link)
    }

    /// The same where there is none: that of a resting process is made by the first call that needs it.
    pub(super) async fn link_on_demand(&self) -> Result<Arc<Link>, UpstreamError> {
        if self.standing.state() != State::Idle {
            return Err(UpstreamError::Unavailable);
        }
        let link = self.connect_after(None).await;
        self.demand.notify_one();
        link
    }

    fn not_connected(&self, error: UpstreamError, pause: Duration, last_seen: Instant) {
        let (name, retry_seconds) = (self.name(), pause.as_secs_f32());
        tracing::warn!(upstream = name, %error, retry_seconds, "upstream: not connected");
        self.standing.tried(error.reason());
        self.standing.set(State::Down);
        let keep_listed = Duration::from_secs(self.definition.settings.keep_listed_seconds);
        if last_seen.elapsed() >= keep_listed && !self.lists.load().is_empty() {
            tracing::warn!(
                upstream = name,
                "upstream: what it has is not listed any more"
            );
            self.standing.tools(0, 0);
            self.lists.store(Arc::default());
            self.changes.send_replace(());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::{Definition, Item, Parts, StdioSettings, UpstreamSettings, Upstreams};
    use super::*;

    /// An upstream whose command does not exist: every attempt fails at once, so that only the pauses take time.
    fn hopeless(keep_listed_seconds: u64) -> (Upstreams, Parts) {
        let settings = UpstreamSettings {
            name: "up".to_owned(),
            stdio: StdioSettings {
                command: Some("/nowhere/server".to_owned()),
                ..StdioSettings::default()
            },
            keep_listed_seconds,
            ..UpstreamSettings::default()
        };
        let parts = Parts::for_test();
        let definition = Definition {
            settings,
            variables: Vec::new(),
        };
        (Upstreams::start(vec![definition], &parts), parts)
    }

    fn attempts(parts: &Parts) -> u64 {
        let text = parts.metrics.encode();
        let line = text
            .lines()
            .find(|line| line.starts_with("usher_upstream_attempts_total{"));
        let count = line.and_then(|line| line.rsplit(' ').next());
        count.map_or(0, |count| count.parse().expect("a number"))
    }

    #[tokio::test(start_paused = true)]
    async fn attempts_come_with_growing_pauses_and_never_stop() {
        let started = Instant::now();
        let (_upstreams, parts) = hopeless(3600);
        // At 0, 0.5, 1.5, 3.5, 7.5, 15.5, 31.5 and 63.5 s; from then on every 60 s.
        for (until, expected) in [
            (0.1, 1),
            (0.6, 2),
            (2.0, 3),
            (8.0, 5),
            (64.0, 8),
            (664.0, 18),
        ] {
            let passed = Duration::from_secs_f64(until);
            tokio::time::sleep_until(started + passed).await;
            assert_eq!(attempts(&parts), expected, "after {until} s");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn what_it_had_stays_listed_for_a_while_and_then_no_more() {
        let (upstreams, _parts) = hopeless(100);
        let upstream = upstreams.iter().next().expect("one");
        let json = serde_json::value::RawValue::from_string("{}".to_owned()).expect("JSON");
        let tool = Item {
            name: "echo".into(),
            json,
            only_reads: false,
            is_approved: false,
        };
        upstream.publish(Lists {
            tools: [tool].into(),
            ..Lists::default()
        });
        tokio::time::sleep(Duration::from_secs(90)).await;
        assert_eq!(upstream.lists().tools.len(), 1);
        let mut changes = upstreams.changes();
        tokio::time::sleep(Duration::from_secs(100)).await;
        assert!(upstream.lists().is_empty());
        assert!(
            changes.has_changed().expect("a sender"),
            "lists are made anew"
        );
        changes.mark_unchanged();
        tokio::time::sleep(Duration::from_secs(300)).await;
        assert!(!changes.has_changed().expect("a sender"), "once");
    }
}
