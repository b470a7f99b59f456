//! The one line on standard output, once requests with good tokens are answered, and what the log says until then.

use std::time::Duration;

use tokio::time::{Instant, sleep};

/// How often readiness is looked at: a few loads from memory each time, and less often once it takes long.
const LOOK: Duration = Duration::from_millis(10);
const LOOK_LATER: Duration = Duration::from_millis(250);
/// When whoever waits for the line is told why it does not come, and how often again.
const TELL: Duration = Duration::from_secs(2);
const TELL_AGAIN: Duration = Duration::from_secs(60);

/// Returns once `waits_for` has nothing to name; until then the log names it now and again.
pub(super) async fn until_ready(waits_for: impl Fn() -> Option<String>) {
    let began = Instant::now();
    let mut told = None;
    while let Some(waits_for) = waits_for() {
        let due = told.map_or(began + TELL, |told| told + TELL_AGAIN);
        let now = Instant::now();
        if now >= due {
            told = Some(now);
            tracing::warn!(
                "not ready yet: waiting for {waits_for}; requests that need it are answered with 503 until then"
            );
        }
        sleep(if told.is_none() { LOOK } else { LOOK_LATER }).await;
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn it_is_soon_noticed_that_the_server_is_ready_however_long_that_took() {
        for (ready_after, at_most) in [
            (Duration::ZERO, Duration::ZERO),
            (Duration::from_millis(95), Duration::from_millis(105)),
            (Duration::from_secs(3600), Duration::from_millis(3_600_250)),
        ] {
            let began = Instant::now();
            let looks = Cell::new(0_u64);
            let waits_for = || {
                looks.set(looks.get() + 1);
                (began.elapsed() < ready_after).then(|| "the index".to_owned())
            };
            until_ready(waits_for).await;
            let taken = began.elapsed();
            assert!((ready_after..=at_most).contains(&taken), "{taken:?}");
            assert!(looks.get() <= 1 + 200 + ready_after.as_secs() * 4);
        }
    }
}
