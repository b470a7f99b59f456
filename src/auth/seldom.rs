//! Log lines that anybody's requests can cause: at most one every five minutes.

use std::sync::atomic::{AtomicI64, Ordering};

/// How long the log is silent after a line, in seconds.
const INTERVAL_SECONDS: i64 = 300;

/// Remembers when the line was last written.
#[derive(Debug)]
pub(super) struct Seldom {
    written_at: AtomicI64,
}

impl Default for Seldom {
    fn default() -> Self {
        Self {
            written_at: AtomicI64::new(i64::MIN),
        }
    }
}

impl Seldom {
    /// True if the line may be written again.
    pub(super) fn is_due(&self, now: i64) -> bool {
        let last = self.written_at.load(Ordering::Relaxed);
        // A clock that was set back does not silence the log.
        let waited = now
            .checked_sub(last)
            .is_none_or(|seconds| seconds >= INTERVAL_SECONDS);
        waited || now < last
    }

    /// True if the line is to be written now; then it is not due for a while.
    pub(super) fn take(&self, now: i64) -> bool {
        let last = self.written_at.load(Ordering::Relaxed);
        self.is_due(now)
            && self
                .written_at
                .compare_exchange(last, now, Ordering::Relaxed, Ordering::Relaxed)
                .is_ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_due_at_once_and_then_every_five_minutes() {
        let seldom = Seldom::default();
        let times = [1000, 1000, 1299, 1300, 1301, 400, 401];
        let due: Vec<_> = times.map(|now| seldom.take(now)).into();
        assert_eq!(due, [true, false, false, true, false, true, false]);
    }
}
