//! The circuit breaker of an upstream: after some failures in a row, calls fail at once for a while; then one call finds
//! out whether it is back.
//!
//! Failures are those of the server and the way to it: no connection, a broken one, no answer in time. An answer that
//! says no is an answer. A call fails for itself alone if others were answered while it ran: so one caller with a tool that
//! hangs does not keep everybody back.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// How one call stands for all: what it came to decides what happens to the next ones.
#[derive(Debug)]
pub(super) struct Breaker {
    /// After how many failures in a row it opens; 0: never.
    failures: u32,
    /// For how long it then stays open.
    pause: Duration,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    phase: Phase,
    /// How many calls were answered.
    answered: u64,
}

#[derive(Debug)]
enum Phase {
    /// Calls pass; so many failed in a row.
    Closed(u32),
    /// No call passes before then.
    Open(Instant),
    /// One call is on its way to find out. If it has not by then, for its tool takes long, another one may as well.
    HalfOpen(Instant),
}

impl Breaker {
    /// Opens for `pause` after so many `failures` in a row, never if there are 0.
    pub(super) fn new(failures: u32, pause: Duration) -> Arc<Self> {
        Arc::new(Self {
            failures,
            pause,
            state: Mutex::new(State {
                phase: Phase::Closed(0),
                answered: 0,
            }),
        })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Lets a call pass, or says how long to wait before the next try.
    pub(super) fn admit(self: &Arc<Self>) -> Result<Pass, Duration> {
        let mut state = self.state();
        let finds_out = match state.phase {
            Phase::Closed(_) => false,
            Phase::Open(until) | Phase::HalfOpen(until) => {
                let now = Instant::now();
                let left = until.saturating_duration_since(now);
                if !left.is_zero() {
                    return Err(left);
                }
                state.phase = Phase::HalfOpen(now + self.pause);
                true
            }
        };
        Ok(Pass {
            breaker: Arc::clone(self),
            finds_out,
            answered_before: state.answered,
        })
    }

    /// True unless calls pass.
    pub(super) fn is_open(&self) -> bool {
        match self.state().phase {
            Phase::Closed(_) => false,
            Phase::Open(_) | Phase::HalfOpen(_) => true,
        }
    }
}

/// A call that was let through. Dropped without a word, as when nobody waits for its answer any more, it says nothing about
/// the upstream.
#[derive(Debug)]
pub(super) struct Pass {
    breaker: Arc<Breaker>,
    /// True for a call that finds out whether the upstream is back.
    finds_out: bool,
    /// How many calls had been answered when this one began.
    answered_before: u64,
}

impl Pass {
    /// It was answered. True if that closed the breaker.
    pub(super) fn succeeded(self) -> bool {
        let mut state = self.breaker.state();
        state.answered += 1;
        let before = std::mem::replace(&mut state.phase, Phase::Closed(0));
        !matches!(before, Phase::Closed(_))
    }

    /// It was not. True if that opened the breaker.
    pub(super) fn failed(self) -> bool {
        let mut state = self.breaker.state();
        let failures = match state.phase {
            Phase::Closed(_) if state.answered != self.answered_before => return false,
            Phase::Closed(before) => before.saturating_add(1),
            Phase::HalfOpen(_) if self.finds_out => self.breaker.failures,
            // A call from before, which had not heard yet.
            Phase::HalfOpen(_) | Phase::Open(_) => return false,
        };
        let opens = self.breaker.failures > 0 && failures >= self.breaker.failures;
        state.phase = match opens {
            true => Phase::Open(Instant::now() + self.breaker.pause),
            false => Phase::Closed(failures),
        };
        opens
    }
}

impl Drop for Pass {
    fn drop(&mut self) {
        let mut state = self.breaker.state();
        if self.finds_out && matches!(state.phase, Phase::HalfOpen(_)) {
            // Nothing was found out: the next call may.
            state.phase = Phase::Open(Instant::now());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAUSE: Duration = Duration::from_secs(15);

    fn pass(breaker: &Arc<Breaker>) -> Pass {
        breaker.admit().expect("a call that passes")
    }

    fn refused(breaker: &Arc<Breaker>) -> Option<Duration> {
        breaker.admit().err()
    }

    #[tokio::test(start_paused = true)]
    async fn opens_after_failures_in_a_row_and_lets_one_call_find_out() {
        let breaker = Breaker::new(3, PAUSE);
        assert!(!pass(&breaker).failed());
        assert!(!pass(&breaker).failed());
        assert!(!pass(&breaker).succeeded());
        assert!(!pass(&breaker).failed(), "a success counts from the start");
        assert!(!pass(&breaker).failed());
        assert!(pass(&breaker).failed());
        assert!(breaker.is_open());
        assert_eq!(refused(&breaker), Some(PAUSE));
        tokio::time::advance(PAUSE / 3).await;
        assert_eq!(refused(&breaker), Some(PAUSE * 2 / 3));
        tokio::time::advance(PAUSE).await;
        let probe = pass(&breaker);
        assert_eq!(
            refused(&breaker),
            Some(PAUSE),
            "one call at a time finds out"
        );
        tokio::time::advance(PAUSE / 3).await;
        assert_eq!(refused(&breaker), Some(PAUSE * 2 / 3));
        assert!(probe.failed(), "one failure is enough now");
        assert_eq!(refused(&breaker), Some(PAUSE));
        tokio::time::advance(PAUSE).await;
        assert!(pass(&breaker).succeeded());
        assert!(!breaker.is_open());
        assert_eq!(refused(&breaker), None);
    }

    #[tokio::test(start_paused = true)]
    async fn a_call_that_was_given_up_says_nothing() {
        let breaker = Breaker::new(1, PAUSE);
        drop(pass(&breaker));
        assert!(!breaker.is_open());
        pass(&breaker).failed();
        tokio::time::advance(PAUSE).await;
        drop(pass(&breaker));
        assert!(breaker.is_open());
        assert!(pass(&breaker).succeeded());
        assert!(!breaker.is_open());
    }

    #[tokio::test(start_paused = true)]
    async fn calls_from_before_do_not_lengthen_the_pause() {
        let breaker = Breaker::new(1, PAUSE);
        let [early, late, last, given_up] = std::array::from_fn(|_| pass(&breaker));
        early.failed();
        tokio::time::advance(PAUSE / 2).await;
        assert!(!late.failed());
        assert_eq!(refused(&breaker), Some(PAUSE / 2));
        tokio::time::advance(PAUSE).await;
        let probe = pass(&breaker);
        assert!(!last.failed());
        drop(given_up);
        assert_eq!(refused(&breaker), Some(PAUSE), "one still finds out");
        assert!(probe.succeeded());
        assert!(!pass(&breaker).succeeded());
    }

    #[tokio::test(start_paused = true)]
    async fn a_call_that_takes_long_does_not_find_out_for_ever() {
        let breaker = Breaker::new(1, PAUSE);
        pass(&breaker).failed();
        tokio::time::advance(PAUSE).await;
        let slow = pass(&breaker);
        tokio::time::advance(PAUSE).await;
        let second = pass(&breaker);
        assert_eq!(refused(&breaker), Some(PAUSE));
        assert!(second.succeeded());
        assert!(!slow.failed(), "another one was answered meanwhile");
        assert!(!breaker.is_open());
    }

    #[tokio::test(start_paused = true)]
    async fn calls_that_hang_while_others_are_answered_keep_nobody_back() {
        let breaker = Breaker::new(2, PAUSE);
        let hanging: [Pass; 5] = std::array::from_fn(|_| pass(&breaker));
        pass(&breaker).succeeded();
        for one in hanging {
            assert!(!one.failed());
        }
        assert!(!pass(&breaker).failed());
        assert!(pass(&breaker).failed(), "nothing was answered meanwhile");
    }

    #[tokio::test(start_paused = true)]
    async fn without_a_number_it_never_opens() {
        let breaker = Breaker::new(0, PAUSE);
        for _ in 0..100 {
            assert!(!pass(&breaker).failed());
        }
        assert!(!breaker.is_open());
    }
}
