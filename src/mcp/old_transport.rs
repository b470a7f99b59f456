//! The sessions of HTTP+SSE (2024-11-05): a session is its open stream, and answers travel on it.
//!
//! Messages have to reach the process that holds the stream; this transport always needed that.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bytes::Bytes;
use tokio::sync::mpsc;

use super::error::Error;
use super::session::SessionKey;
use super::stream::Answers;
use crate::auth::Principal;
use crate::sealing;

/// Answers that wait for a slow reader: as many as a client that calls tools side by side asks for at once. One more and
/// the message is refused before it is handled.
pub(super) const WAITING_ANSWERS: usize = 32;

/// Where the `endpoint` event sends messages; the session's id follows.
const ENDPOINT: &str = "/messages?sessionId=";

/// The open streams, by session id.
#[derive(Clone, Debug, Default)]
pub(crate) struct OldTransport(Arc<Mutex<HashMap<String, Open>>>);

#[derive(Debug)]
struct Open {
    owner: Owner,
    answers: mpsc::Sender<Bytes>,
}

#[derive(Debug, PartialEq, Eq)]
struct Owner {
    issuer: String,
    subject: String,
    client_id: Option<String>,
}

impl Owner {
    fn of(principal: &Principal) -> Self {
        Self {
            issuer: principal.issuer().to_owned(),
            subject: principal.subject().to_owned(),
            client_id: principal.client_id().map(str::to_owned),
        }
    }
}

/// Takes a session out of the list when its stream is dropped.
#[derive(Debug)]
pub(crate) struct Registration {
    sessions: OldTransport,
    id: String,
}

impl Drop for Registration {
    fn drop(&mut self) {
        self.sessions
            .0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .remove(&self.id);
    }
}

impl OldTransport {
    /// A new session: its `endpoint` event, and what it receives.
    pub(crate) fn open(&self, principal: &Principal) -> (Bytes, Answers) {
        let id = URL_SAFE_NO_PAD.encode(sealing::random::<16>());
        let (answers, receiver) = mpsc::channel(WAITING_ANSWERS);
        let endpoint = Bytes::from(format!("event: endpoint\ndata: {ENDPOINT}{id}\n\n"));
        let open = Open {
            owner: Owner::of(principal),
            answers,
        };
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(id.clone(), open);
        let registration = Registration {
            sessions: self.clone(),
            id,
        };
        let answers = Answers {
            receiver,
            _registration: registration,
        };
        (endpoint, answers)
    }

    /// Room for one answer on the principal's session `id`, taken before the message is handled.
    pub(crate) fn reserve(&self, id: &str, principal: &Principal) -> Result<Room, Error> {
        let sessions = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let open = sessions.get(id).ok_or(Error::UnknownSession)?;
        if open.owner != Owner::of(principal) {
            return Err(Error::ForeignSession);
        }
        let answers = open.answers.clone();
        drop(sessions);
        let permit = answers
            .clone()
            .try_reserve_owned()
            .map_err(|refused| match refused {
                mpsc::error::TrySendError::Full(_) => Error::Busy,
                mpsc::error::TrySendError::Closed(_) => Error::UnknownSession,
            })?;
        Ok(Room { permit, answers })
    }
}

/// Room for one answer on a session's stream.
#[derive(Debug)]
pub(super) struct Room {
    permit: mpsc::OwnedPermit<Bytes>,
    answers: mpsc::Sender<Bytes>,
}

impl Room {
    /// Sends the answer.
    pub(super) fn answer(self, event: Bytes) {
        self.permit.send(event);
    }

    /// Sends something before it, unless the reader is so slow that answers would want for room.
    pub(super) fn tell(&self, event: Bytes) {
        if self.answers.capacity() > WAITING_ANSWERS / 2 {
            let _no_room = self.answers.try_send(event);
        }
    }
}

/// What tells the session with this id apart from others.
pub(super) fn key(id: &str) -> Option<SessionKey> {
    id.as_bytes().first_chunk().copied()
}
