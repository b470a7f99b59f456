//! Requests at a steady rate, beside whatever else happens.

use std::time::Duration;

use anyhow::{Context as _, ensure};
use tokio::sync::oneshot;
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::{Instant, MissedTickBehavior, interval};

use crate::usher::Usher;

/// 50 requests per second.
const PERIOD: Duration = Duration::from_millis(20);

/// Requests with one token, until it is stopped. A slow answer does not hold up the next request.
pub(crate) struct Load {
    started: Instant,
    stop: oneshot::Sender<()>,
    running: JoinHandle<anyhow::Result<Counts>>,
}

/// What became of them.
#[derive(Debug, Default)]
pub(crate) struct Counts {
    pub(crate) accepted: u32,
    /// The other statuses, in the order they came.
    pub(crate) refused: Vec<u16>,
}

impl Load {
    /// Begins at once.
    #[expect(clippy::disallowed_methods, reason = "the load runs beside the test")]
    pub(crate) fn start(usher: &Usher, token: &str) -> Self {
        let (stop, mut stopped) = oneshot::channel();
        let request = usher.request(token, None);
        let running = tokio::spawn(async move {
            let mut under_way = JoinSet::new();
            let mut tick = interval(PERIOD);
            // What this machine was too busy for is made up for: the number of requests follows from the time alone.
            tick.set_missed_tick_behavior(MissedTickBehavior::Burst);
            loop {
                tokio::select! {
                    biased;
                    _ = &mut stopped => break,
                    _ = tick.tick() => {}
                }
                let request = request.try_clone().context("a request without a stream")?;
                under_way
                    .spawn(async move { Ok::<_, reqwest::Error>(request.send().await?.status()) });
            }
            let mut counts = Counts::default();
            while let Some(answer) = under_way.join_next().await {
                match answer??.as_u16() {
                    200 => counts.accepted += 1,
                    other => counts.refused.push(other),
                }
            }
            Ok(counts)
        });
        Self {
            started: Instant::now(),
            stop,
            running,
        }
    }

    /// Ends it; every request must have been accepted, and there must have been many. A busy machine may be behind, which
    /// is made up for only while it runs.
    pub(crate) async fn stop(self) -> anyhow::Result<()> {
        let seconds = self.started.elapsed().as_secs();
        self.stop.send(()).ok().context("the load ended early")?;
        let counts = self.running.await??;
        ensure!(
            counts.refused.is_empty() && u64::from(counts.accepted) >= seconds * 25,
            "{counts:?} in {seconds} s, expected 50 accepted per second, half of them at least, and none refused"
        );
        Ok(())
    }
}
