//! The task of one upstream: it connects, lists, waits, and does both again, until the server stops.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::time::Instant;

use super::{Lists, Upstream, UpstreamError};

/// The wait before the first new attempt; it doubles up to [`LONGEST_PAUSE`].
const FIRST_PAUSE: Duration = Duration::from_millis(500);
const LONGEST_PAUSE: Duration = Duration::from_secs(60);
/// A connection that held for so long was a good one.
const STEADY: Duration = Duration::from_secs(60);

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
                self.link.store(None);
                Err(error)
            }
        }
    }

    fn publish(&self, lists: Lists) {
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
        self.lists.store(Arc::new(lists));
        self.changes.send_replace(());
    }

    /// Keeps the connection and the lists until the server stops; then lets calls finish, and disconnects.
    pub(super) async fn keep(self: Arc<Self>) {
        tokio::select! {
            () = self.stay_connected() => {}
            () = self.parts.lifecycle.soft_stop() => {}
        }
        let all = u32::try_from(self.definition.settings.max_concurrent_calls).unwrap_or(u32::MAX);
        let _finished = self.calls.acquire_many(all).await;
        self.link.store(None);
    }

    async fn stay_connected(&self) {
        let settings = &self.definition.settings;
        let keep_listed = Duration::from_secs(settings.keep_listed_seconds);
        let refresh = Duration::from_secs(settings.refresh_seconds);
        let (mut pause, mut last_seen) = (FIRST_PAUSE, Instant::now());
        loop {
            let started = Instant::now();
            match self.refresh().await {
                Ok(()) => {
                    last_seen = Instant::now();
                    // Whoever wants it refreshed, or its end.
                    drop(tokio::time::timeout(refresh, self.wake.notified()).await);
                    if started.elapsed() >= STEADY {
                        pause = FIRST_PAUSE;
                    }
                }
                Err(error) => {
                    let name = self.name();
                    let retry_seconds = pause.as_secs_f32();
                    tracing::warn!(upstream = name, %error, retry_seconds, "upstream: not connected");
                    if last_seen.elapsed() >= keep_listed && !self.lists.load().is_empty() {
                        tracing::warn!(
                            upstream = name,
                            "upstream: what it has is not listed any more"
                        );
                        self.lists.store(Arc::default());
                        self.changes.send_replace(());
                    }
                }
            }
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }
}
