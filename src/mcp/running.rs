//! The calls of legacy clients that run in this process, so that `notifications/cancelled` finds them.
//!
//! An entry is there while its call runs, so there are never more of them than calls may run. Modern clients cancel by
//! closing the response (MCP 2026-07-28, cancellation) and have no entries.

use std::collections::HashMap;
use std::future::poll_fn;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Poll;

use futures_util::task::AtomicWaker;

use super::asked::Asked;
use super::session::SessionKey;

/// The calls that run.
#[derive(Clone, Debug, Default)]
pub(super) struct RunningCalls(Arc<Mutex<HashMap<Key, Arc<Signal>>>>);

/// Which call: of which caller, in which session, with which id. Nobody can cancel what another one began.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Key {
    caller: [u8; 32],
    session: Option<SessionKey>,
    id: Box<str>,
}

#[derive(Debug, Default)]
struct Signal {
    given: AtomicBool,
    waker: AtomicWaker,
}

/// A call's entry. Dropping it takes the entry out.
#[derive(Debug)]
pub(super) struct Registration {
    calls: RunningCalls,
    key: Key,
    signal: Arc<Signal>,
}

impl RunningCalls {
    fn all(&self) -> MutexGuard<'_, HashMap<Key, Arc<Signal>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Enters the call of `caller` that `asked` makes.
    pub(super) fn register(&self, caller: &[u8; 32], asked: &Asked<'_>) -> Registration {
        self.enter(Key {
            caller: *caller,
            session: asked.session_key,
            id: asked.id.as_json().into(),
        })
    }

    fn enter(&self, key: Key) -> Registration {
        let signal = Arc::<Signal>::default();
        // A client that uses an id twice can cancel the later call alone.
        self.all().insert(key.clone(), Arc::clone(&signal));
        Registration {
            calls: self.clone(),
            key,
            signal,
        }
    }

    /// Cancels the call that `caller` made in `session` with this id, if it still runs.
    pub(super) fn cancel(&self, caller: [u8; 32], session: Option<SessionKey>, id: &str) {
        let key = Key {
            caller,
            session,
            id: id.into(),
        };
        if let Some(signal) = self.all().get(&key) {
            signal.given.store(true, Ordering::Release);
            signal.waker.wake();
        }
    }
}

impl Registration {
    /// Resolves when the client cancels the call.
    pub(super) async fn cancelled(&self) {
        poll_fn(|context| {
            self.signal.waker.register(context.waker());
            if self.signal.given.load(Ordering::Acquire) {
                Poll::Ready(())
            } else {
                Poll::Pending
            }
        })
        .await;
    }
}

impl Drop for Registration {
    fn drop(&mut self) {
        let mut calls = self.calls.all();
        let entered = calls.get(&self.key);
        if entered.is_some_and(|entered| Arc::ptr_eq(entered, &self.signal)) {
            calls.remove(&self.key);
        }
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;

    fn enter(calls: &RunningCalls, caller: u8, id: &str) -> Registration {
        calls.enter(Key {
            caller: [caller; 32],
            session: None,
            id: id.into(),
        })
    }

    fn is_cancelled(registration: &Registration) -> bool {
        registration.cancelled().now_or_never().is_some()
    }

    #[test]
    fn a_caller_cancels_its_own_call_and_no_other() {
        let calls = RunningCalls::default();
        let [mine, other_id, foreign] = [
            enter(&calls, 1, "7"),
            enter(&calls, 1, "\"7\""),
            enter(&calls, 2, "7"),
        ];
        calls.cancel([1; 32], None, "7");
        calls.cancel([1; 32], None, "8");
        let found = [&mine, &other_id, &foreign].map(is_cancelled);
        assert_eq!(found, [true, false, false]);
        drop([mine, other_id, foreign]);
        assert_eq!(calls.all().len(), 0);
    }

    #[test]
    fn an_id_that_is_used_twice_is_the_later_calls() {
        let calls = RunningCalls::default();
        let first = enter(&calls, 1, "7");
        let second = enter(&calls, 1, "7");
        drop(first);
        calls.cancel([1; 32], None, "7");
        assert!(is_cancelled(&second));
    }
}
