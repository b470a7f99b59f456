//! From which level on a legacy client wants log messages: said once, and true for its session.
//!
//! Sessions have no memory of their own, so this is one process's: after a restart, on another replica, or once
//! [`MOST_SESSIONS`] others have said theirs, a client gets no messages until it says so again. Modern requests say it
//! themselves.

use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, PoisonError};

use super::session::SessionKey;
use crate::upstream::LogLevel;

/// Of so many sessions the level is remembered; the one that said it first is forgotten first.
const MOST_SESSIONS: usize = 10_000;

/// The levels that were said.
#[derive(Debug, Default)]
pub(super) struct LogLevels(Mutex<Said>);

#[derive(Debug, Default)]
struct Said {
    levels: HashMap<SessionKey, LogLevel>,
    oldest_first: VecDeque<SessionKey>,
}

impl LogLevels {
    /// This session wants messages from `level` on.
    pub(super) fn set(&self, session: SessionKey, level: LogLevel) {
        let mut said = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if said.levels.insert(session, level).is_none() {
            said.oldest_first.push_back(session);
        }
        if said.oldest_first.len() > MOST_SESSIONS
            && let Some(oldest) = said.oldest_first.pop_front()
        {
            said.levels.remove(&oldest);
        }
    }

    /// What this session wants.
    pub(super) fn get(&self, session: &SessionKey) -> Option<LogLevel> {
        let said = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        said.levels.get(session).copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_level_is_its_sessions_and_the_first_is_forgotten_first() {
        let levels = LogLevels::default();
        let session = |n: usize| {
            let mut key = SessionKey::default();
            for (to, from) in key.iter_mut().zip(n.to_be_bytes()) {
                *to = from;
            }
            key
        };
        levels.set(session(0), LogLevel::Debug);
        levels.set(session(1), LogLevel::Info);
        levels.set(session(1), LogLevel::Error);
        assert_eq!(levels.get(&session(0)), Some(LogLevel::Debug));
        assert_eq!(levels.get(&session(1)), Some(LogLevel::Error));
        for n in 2..=MOST_SESSIONS {
            levels.set(session(n), LogLevel::Info);
        }
        assert_eq!(levels.get(&session(0)), None);
        assert_eq!(levels.get(&session(1)), Some(LogLevel::Error));
    }
}
