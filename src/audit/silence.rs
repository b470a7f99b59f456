//! Who was challenged and did not come back with a token, or came back and asks for nothing: a bot filter, a callback that
//! failed, a client that does not like what it was told.
//!
//! A request adds to one counter of its kind of software and does nothing else. A task looks at the counters every few
//! seconds, so times here are as exact as that. Kinds that may be anything (browsers, libraries, scanners) count together:
//! their challenges are answered by anybody's token.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::snapshot::{Client, ClientState};
use super::software::Software;
use crate::clock::Timestamp;

/// After how long without another challenge a challenge that was never answered is forgotten, in milliseconds.
const FORGOTTEN_AFTER: i64 = 24 * 60 * 60 * 1000;

/// What requests add to.
#[derive(Debug, Default)]
struct Counters {
    challenges: AtomicU64,
    connections: AtomicU64,
    calls: AtomicU64,
}

/// The same at one moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Counts {
    challenges: u64,
    connections: u64,
    calls: u64,
}

/// What the last look found.
#[derive(Clone, Copy, Debug, Default)]
struct Seen {
    counts: Counts,
    state: ClientState,
    since: i64,
    last_challenge: Option<i64>,
    last_accepted: Option<i64>,
    last_call: Option<i64>,
}

/// A state became another, which an operator should hear of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Change {
    pub software: Software,
    pub before: ClientState,
    pub now: ClientState,
    pub since: i64,
    pub challenges: u64,
    pub connections: u64,
}

/// Watches all kinds of software.
#[derive(Debug)]
pub(super) struct Silence {
    counters: [Counters; Software::ALL.len()],
    seen: Mutex<[Seen; Software::ALL.len()]>,
    /// How long is too long, in milliseconds; none: nobody watches.
    patience: Option<i64>,
}

impl Silence {
    pub(super) fn new(patience_minutes: u16) -> Self {
        Self {
            counters: std::array::from_fn(|_| Counters::default()),
            seen: Mutex::default(),
            patience: (patience_minutes > 0).then(|| i64::from(patience_minutes) * 60_000),
        }
    }

    pub(super) fn challenged(&self, software: Software) {
        if let Some(counters) = self.counters.get(software as usize) {
            counters.challenges.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// One atomic addition: this is what an accepted request pays.
    pub(super) fn accepted(&self, software: Software, is_call: bool) {
        if let Some(counters) = self.counters.get(software as usize) {
            let counter = if is_call {
                &counters.calls
            } else {
                &counters.connections
            };
            counter.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Looks at the counters; gives the states that began or ended silence.
    pub(super) fn look(&self, now: i64) -> Vec<Change> {
        let mut all = self.lock();
        let before = *all;
        for (seen, counters) in all.iter_mut().zip(&self.counters) {
            seen.take(counters.now(), now);
        }
        let anybody = all.iter().filter_map(|seen| seen.last_accepted).max();
        for (software, seen) in Software::ALL.into_iter().zip(all.iter_mut()) {
            let answered = if software.is_client() {
                seen.last_accepted
            } else {
                anybody
            };
            seen.judge(answered, self.patience, now);
        }
        let both = Software::ALL.into_iter().zip(before.iter().zip(all.iter()));
        let changes = both.filter(|(_, (before, seen))| {
            before.state.is_silent() != seen.state.is_silent()
                || seen.state.is_silent() && before.state != seen.state
        });
        let change = |(software, (before, seen)): (Software, (&Seen, &Seen))| Change {
            software,
            before: before.state,
            now: seen.state,
            since: seen.since,
            challenges: seen.counts.challenges,
            connections: seen.counts.connections,
        };
        changes.map(change).collect()
    }

    /// Every kind that was seen.
    pub(super) fn clients(&self) -> Vec<Client> {
        let seen = *self.lock();
        let kinds = Software::ALL.into_iter().zip(seen);
        let were_seen = kinds.filter(|(_, seen)| seen.counts != Counts::default());
        were_seen
            .map(|(software, seen)| Client {
                software: software.name().to_owned(),
                title: software.title().to_owned(),
                state: seen.state,
                state_since: Timestamp::from_unix_millis(seen.since),
                challenges: seen.counts.challenges,
                connections: seen.counts.connections,
                calls: seen.counts.calls,
                last_challenge: seen.last_challenge.map(Timestamp::from_unix_millis),
                last_accepted: seen.last_accepted.map(Timestamp::from_unix_millis),
                last_call: seen.last_call.map(Timestamp::from_unix_millis),
            })
            .collect()
    }

    fn lock(&self) -> MutexGuard<'_, [Seen; Software::ALL.len()]> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Counters {
    fn now(&self) -> Counts {
        Counts {
            challenges: self.challenges.load(Ordering::Relaxed),
            connections: self.connections.load(Ordering::Relaxed),
            calls: self.calls.load(Ordering::Relaxed),
        }
    }
}

impl Seen {
    /// Notes what came since the last look.
    fn take(&mut self, counts: Counts, now: i64) {
        let before = std::mem::replace(&mut self.counts, counts);
        if counts.challenges > before.challenges {
            self.last_challenge = Some(now);
        }
        if counts.connections > before.connections || counts.calls > before.calls {
            self.last_accepted = Some(now);
        }
        if counts.calls > before.calls {
            self.last_call = Some(now);
        }
    }

    /// `answered` is when a token was last accepted of whoever may have been meant.
    fn judge(&mut self, answered: Option<i64>, patience: Option<i64>, now: i64) {
        let waits = |event: Option<i64>, answer: Option<i64>| {
            event.filter(|at| answer.is_none_or(|answer| answer < *at))
        };
        let recent = |at: &i64| now - at < FORGOTTEN_AFTER;
        let challenged = waits(self.last_challenge, answered).filter(recent);
        let connected = waits(self.last_accepted, self.last_call).filter(recent);
        let began = |state: ClientState| match self.state {
            ClientState::Challenged | ClientState::SilentAfterChallenge
                if state == ClientState::Challenged =>
            {
                self.since
            }
            ClientState::Connected | ClientState::SilentAfterToken
                if state == ClientState::Connected =>
            {
                self.since
            }
            ClientState::Challenged
            | ClientState::Connected
            | ClientState::Fine
            | ClientState::SilentAfterChallenge
            | ClientState::SilentAfterToken => now,
        };
        let too_long = |since: i64| patience.is_some_and(|patience| now - since >= patience);
        let (state, since) = match (challenged, connected) {
            (Some(_), _) => match began(ClientState::Challenged) {
                since if too_long(since) => (ClientState::SilentAfterChallenge, since),
                since => (ClientState::Challenged, since),
            },
            (None, Some(_)) => match began(ClientState::Connected) {
                since if too_long(since) => (ClientState::SilentAfterToken, since),
                since => (ClientState::Connected, since),
            },
            (None, None) if self.state == ClientState::Fine && self.since != 0 => {
                (ClientState::Fine, self.since)
            }
            (None, None) => (ClientState::Fine, now),
        };
        (self.state, self.since) = (state, since);
    }
}

#[cfg(test)]
mod tests;
