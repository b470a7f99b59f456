//! How many lines a child may write into the log: many at once, few for long.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// What may be taken now, and what was refused since something was taken.
#[derive(Debug)]
pub(super) struct Allowance {
    most: u32,
    every: Duration,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    left: u32,
    counted: Instant,
    refused: u64,
}

/// Whether there was something to take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Taken {
    /// Yes; so often it was refused since the last time.
    Yes { left_out: u64 },
    /// No.
    No,
}

impl Allowance {
    /// `most` at once, and one more each time that `every` has passed.
    pub(super) fn new(most: u32, every: Duration) -> Self {
        Self {
            most,
            every,
            state: Mutex::new(State {
                left: most,
                counted: Instant::now(),
                refused: 0,
            }),
        }
    }

    /// Takes one.
    pub(super) fn take(&self) -> Taken {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let passed = state.counted.elapsed().as_millis() / self.every.as_millis().max(1);
        let passed = u32::try_from(passed).unwrap_or(u32::MAX);
        if passed > 0 {
            state.left = state.left.saturating_add(passed).min(self.most);
            state.counted += self.every.saturating_mul(passed);
        }
        let Some(left) = state.left.checked_sub(1) else {
            state.refused += 1;
            return Taken::No;
        };
        state.left = left;
        let left_out = std::mem::take(&mut state.refused);
        Taken::Yes { left_out }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn many_at_once_and_few_for_long_and_what_is_left_out_is_counted() {
        let every = Duration::from_millis(50);
        let allowance = Allowance::new(3, every);
        let yes = |left_out| Taken::Yes { left_out };
        let taken = || allowance.take();
        assert_eq!([taken(), taken(), taken()], [yes(0); 3]);
        assert_eq!([taken(), taken()], [Taken::No; 2]);
        tokio::time::advance(every).await;
        assert_eq!([taken(), taken()], [yes(2), Taken::No]);
        tokio::time::advance(every * 100).await;
        assert_eq!([taken(), taken(), taken()], [yes(1), yes(0), yes(0)]);
        assert_eq!(taken(), Taken::No);
    }
}
