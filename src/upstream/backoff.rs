//! Pauses between attempts, each twice as long as the one before, up to a limit.

use std::time::Duration;

/// The wait before the first new attempt.
const FIRST: Duration = Duration::from_millis(500);

/// How long to wait before the next attempt.
#[derive(Debug)]
pub(super) struct Backoff {
    next: Duration,
    most: Duration,
}

impl Backoff {
    /// Pauses of at most `most`.
    pub(super) fn up_to(most: Duration) -> Self {
        Self { next: FIRST, most }
    }

    /// The next pause; the one after it is twice as long.
    pub(super) fn pause(&mut self) -> Duration {
        let pause = self.next.min(self.most);
        self.next = pause * 2;
        pause
    }

    /// All is well: begins with the shortest pause again.
    pub(super) fn reset(&mut self) {
        self.next = FIRST;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_the_limit_and_begin_anew() {
        let mut backoff = Backoff::up_to(Duration::from_secs(3));
        let seconds: Vec<_> = (0..5).map(|_| backoff.pause().as_secs_f32()).collect();
        assert_eq!(seconds, [0.5, 1.0, 2.0, 3.0, 3.0]);
        backoff.reset();
        assert_eq!(backoff.pause(), FIRST);
    }
}
