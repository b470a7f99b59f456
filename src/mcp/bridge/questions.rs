//! Questions that wait for the answer of a legacy client, by the id of the request that put them.
//!
//! An answer comes with a POST of its own, so it has to reach the process that holds the call's stream. It counts only from
//! the principal and the session that were asked, and only while the call waits; everything else changes nothing.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bytes::Bytes;
use tokio::sync::oneshot;

use crate::sealing;
use crate::upstream::Reply;

/// Questions that wait at once, of all callers and of one: nobody takes all the room by asking and going away.
const MOST: usize = 10_000;
const MOST_OF_ONE: usize = 100;

/// The answer of a client that gave none.
pub(in crate::mcp) const NO_ANSWER: Bytes =
    Bytes::from_static(br#"{"code":-32603,"message":"the client did not answer"}"#);

/// Why an answer changes nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::mcp) enum Ignored {
    /// It is somebody else's question.
    Foreign,
    /// Nobody waits for it, or not any more.
    Unknown,
}

impl Ignored {
    /// The stable reason code for logs and metrics.
    pub(in crate::mcp) fn reason(self) -> &'static str {
        match self {
            Self::Foreign => "foreign_answer",
            Self::Unknown => "unknown_answer",
        }
    }
}

/// Who was asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::mcp) struct Owner {
    /// A digest of the principal.
    pub(in crate::mcp) caller: [u8; 32],
    /// What no other session has.
    pub(in crate::mcp) session: [u8; 12],
}

/// The questions that wait.
#[derive(Clone, Debug, Default)]
pub(in crate::mcp) struct Questions(Arc<Mutex<All>>);

#[derive(Debug, Default)]
struct All {
    by_id: HashMap<Box<str>, Open>,
    /// How many each caller has; nobody is in it with none.
    of_callers: HashMap<[u8; 32], usize>,
}

impl All {
    fn has_room(&self, owner: Owner) -> bool {
        let of_one = self.of_callers.get(&owner.caller).copied();
        self.by_id.len() < MOST && of_one.unwrap_or_default() < MOST_OF_ONE
    }

    fn add(&mut self, id: Box<str>, open: Open) {
        *self.of_callers.entry(open.owner.caller).or_default() += 1;
        self.by_id.insert(id, open);
    }

    fn remove(&mut self, id: &str) -> Option<Open> {
        let open = self.by_id.remove(id)?;
        if let Entry::Occupied(mut of_one) = self.of_callers.entry(open.owner.caller) {
            *of_one.get_mut() -= 1;
            if *of_one.get() == 0 {
                of_one.remove();
            }
        }
        Some(open)
    }
}

#[derive(Debug)]
struct Open {
    owner: Owner,
    answer: oneshot::Sender<Reply>,
}

/// A question that waits; dropping it gives it up.
#[derive(Debug)]
pub(in crate::mcp) struct Waiting {
    questions: Questions,
    /// The id of its request.
    pub(in crate::mcp) id: Box<str>,
    answer: oneshot::Receiver<Reply>,
}

impl Questions {
    fn all(&self) -> MutexGuard<'_, All> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// One more question, with an id that nobody can guess; nothing if too many wait.
    pub(in crate::mcp) fn open(&self, owner: Owner) -> Option<Waiting> {
        let id = URL_SAFE_NO_PAD.encode(sealing::random::<16>());
        let id: Box<str> = format!("usher-{id}").into();
        let (sender, answer) = oneshot::channel();
        let mut all = self.all();
        if !all.has_room(owner) {
            return None;
        }
        let open = Open {
            owner,
            answer: sender,
        };
        all.add(id.clone(), open);
        drop(all);
        Some(Waiting {
            questions: self.clone(),
            id,
            answer,
        })
    }

    /// Takes an answer.
    pub(in crate::mcp) fn answer(
        &self,
        owner: Owner,
        id: &str,
        answered: Reply,
    ) -> Result<(), Ignored> {
        let mut all = self.all();
        let open = all.by_id.get(id).ok_or(Ignored::Unknown)?;
        if open.owner != owner {
            return Err(Ignored::Foreign);
        }
        let open = all.remove(id).ok_or(Ignored::Unknown)?;
        drop(all);
        open.answer
            .send(answered)
            .map_err(|_given_up| Ignored::Unknown)
    }
}

impl Waiting {
    /// The answer. Nothing is lost if the wait for it is given up and begun again.
    pub(in crate::mcp) async fn answered(&mut self) -> Reply {
        // The sender goes with its question, which is there for as long as this is.
        (&mut self.answer).await.unwrap_or(Reply::Error(NO_ANSWER))
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        self.questions.all().remove(&self.id);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn owner(caller: u8, session: u8) -> Owner {
        Owner {
            caller: [caller; 32],
            session: [session; 12],
        }
    }

    fn result() -> Reply {
        Reply::Result(Bytes::from_static(b"{}"))
    }

    #[tokio::test]
    async fn an_answer_reaches_whoever_asked_and_counts_once() {
        let questions = Questions::default();
        let mut waiting = questions.open(owner(1, 1)).expect("room");
        let other = questions.open(owner(1, 1)).expect("room");
        assert_ne!(waiting.id, other.id);
        let id = waiting.id.clone();
        assert_eq!(questions.answer(owner(1, 1), &id, result()), Ok(()));
        assert_eq!(waiting.answered().await, result());
        let again = questions.answer(owner(1, 1), &id, Reply::Error(NO_ANSWER));
        assert_eq!(again, Err(Ignored::Unknown));
    }

    #[test]
    fn an_answer_of_somebody_else_or_too_late_changes_nothing() {
        let questions = Questions::default();
        let waiting = questions.open(owner(1, 1)).expect("room");
        let id = waiting.id.clone();
        for other in [owner(2, 1), owner(1, 2)] {
            assert_eq!(
                questions.answer(other, &id, result()),
                Err(Ignored::Foreign)
            );
        }
        let unknown = questions.answer(owner(1, 1), "usher-1", result());
        assert_eq!(unknown, Err(Ignored::Unknown));
        drop(waiting);
        let late = questions.answer(owner(1, 1), &id, result());
        assert_eq!(late, Err(Ignored::Unknown));
        assert!(questions.all().by_id.is_empty());
        assert!(questions.all().of_callers.is_empty());
    }

    #[test]
    fn no_more_wait_than_there_is_room_for() {
        let questions = Questions::default();
        let fill = |caller: u8| -> Vec<_> {
            let open = |_| questions.open(owner(caller, 1)).expect("room");
            (0..MOST_OF_ONE).map(open).collect()
        };
        let of_one = fill(0);
        assert!(questions.open(owner(0, 2)).is_none());
        let of_others: Vec<_> = (1..100).map(fill).collect();
        assert!(questions.open(owner(200, 1)).is_none());
        drop(of_one);
        assert!(questions.open(owner(0, 1)).is_some());
        drop(of_others);
        assert!(questions.all().of_callers.is_empty());
    }
}
