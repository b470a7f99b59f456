//! Waiting for what tells nobody when it happens: what another process does, what a server shows of itself, what its own
//! tasks do. Everything that can tell is to be waited for in its own way.
//!
//! Include with `#[path = "../support/eventually.rs"] mod eventually;`.

use std::time::Duration;

/// Longer than anything takes, so that a slow machine does not fail a test.
const PATIENCE: Duration = Duration::from_secs(180);
/// Between two looks.
const PAUSE: Duration = Duration::from_millis(5);

/// Looks until there is something.
pub(crate) async fn eventually<T>(what: &str, mut wanted: impl AsyncFnMut() -> Option<T>) -> T {
    let looked = async {
        loop {
            if let Some(found) = wanted().await {
                return found;
            }
            tokio::time::sleep(PAUSE).await;
        }
    };
    let found = tokio::time::timeout(PATIENCE, looked).await;
    found.unwrap_or_else(|_late| unreachable!("not in time: {what}"))
}
