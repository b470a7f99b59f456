//! How it stands with each upstream: kept in memory by its task, told as counts to whoever asks, and by name in the
//! metrics.

use std::sync::atomic::{AtomicU8, Ordering};

use super::Upstreams;
use crate::telemetry::Metrics;

/// How it stands with one upstream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum State {
    /// It was not reached yet, and nothing has failed so far.
    Connecting,
    /// It is there.
    Connected,
    /// The last attempt to reach it failed.
    Down,
    /// Its process was ended because nobody needed it; the next call starts it.
    Idle,
}

impl State {
    /// The word for it, as `/healthz` counts them.
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::Connected => "connected",
            Self::Connecting => "connecting",
            Self::Down => "down",
            Self::Idle => "idle",
        }
    }
}

/// Where the task of an upstream writes down how it stands.
#[derive(Debug)]
pub(super) struct Standing {
    name: String,
    state: AtomicU8,
    metrics: Metrics,
}

impl Standing {
    pub(super) fn new(name: &str, metrics: &Metrics) -> Self {
        metrics.upstream_connected(name, false);
        metrics.upstream_breaker(name, false);
        Self {
            name: name.to_owned(),
            state: AtomicU8::new(State::Connecting as u8),
            metrics: metrics.clone(),
        }
    }

    pub(super) fn state(&self) -> State {
        let state = self.state.load(Ordering::Acquire);
        let all = [State::Connected, State::Down, State::Idle];
        let known = all.into_iter().find(|known| *known as u8 == state);
        known.unwrap_or(State::Connecting)
    }

    pub(super) fn set(&self, state: State) {
        self.state.store(state as u8, Ordering::Release);
        self.metrics
            .upstream_connected(&self.name, state == State::Connected);
    }

    /// An attempt to reach it came to this: `ok` or the reason of the failure.
    pub(super) fn tried(&self, outcome: &'static str) {
        self.metrics.upstream_attempt(&self.name, outcome);
    }

    /// Its circuit breaker opened or closed.
    pub(super) fn breaker(&self, is_open: bool) {
        self.metrics.upstream_breaker(&self.name, is_open);
    }

    /// So many of its tools are listed, and so many are kept back.
    pub(super) fn tools(&self, listed: usize, quarantined: usize) {
        self.metrics.upstream_tools(&self.name, listed, quarantined);
    }
}

/// How it stands with all upstreams together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Health {
    /// How many there are.
    pub configured: usize,
    /// Those that are there.
    pub connected: usize,
    /// Those that were not reached yet.
    pub connecting: usize,
    /// Those that cannot be reached.
    pub down: usize,
    /// Those whose process was ended until somebody needs it.
    pub idle: usize,
    /// Those whose circuit breaker is open.
    pub open_breakers: usize,
    /// Their tools that are listed.
    pub tools: usize,
    /// Their tools that are kept back because nobody approved them.
    pub quarantined_tools: usize,
}

impl Health {
    /// True if all of it is as it should be. What is still connecting may become so.
    #[must_use]
    pub fn is_good(self) -> bool {
        self.down == 0 && self.open_breakers == 0 && self.quarantined_tools == 0
    }
}

impl Upstreams {
    /// How it stands with all of them.
    #[must_use]
    pub fn health(&self) -> Health {
        let mut health = Health::default();
        for upstream in self.iter() {
            health.configured += 1;
            match upstream.standing.state() {
                State::Connected => health.connected += 1,
                State::Connecting => health.connecting += 1,
                State::Down => health.down += 1,
                State::Idle => health.idle += 1,
            }
            health.open_breakers += usize::from(upstream.breaker.is_open());
            let lists = upstream.lists.load();
            health.tools += lists.tools.len();
            health.quarantined_tools += lists.quarantined.len();
        }
        health
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_state_is_read_as_it_was_written_and_shows_in_the_metrics() {
        let metrics = Metrics::default();
        let standing = Standing::new("up", &metrics);
        assert_eq!(standing.state(), State::Connecting);
        for (state, connected) in [(State::Connected, 1), (State::Down, 0), (State::Idle, 0)] {
            standing.set(state);
            assert_eq!(standing.state(), state);
            let line = format!("usher_upstream_connected{{upstream=\"up\"}} {connected}\n");
            assert!(metrics.encode().contains(&line), "{line}");
        }
    }

    #[test]
    fn what_is_connecting_is_no_trouble_and_what_is_down_is() {
        let check = |health: Health, expected| assert_eq!(health.is_good(), expected, "{health:?}");
        let connecting = 1;
        check(
            Health {
                connecting,
                ..Health::default()
            },
            true,
        );
        check(
            Health {
                idle: 1,
                ..Health::default()
            },
            true,
        );
        check(
            Health {
                down: 1,
                ..Health::default()
            },
            false,
        );
        check(
            Health {
                open_breakers: 1,
                ..Health::default()
            },
            false,
        );
        check(
            Health {
                quarantined_tools: 1,
                ..Health::default()
            },
            false,
        );
    }
}
