//! What upstreams say in a legacy client's session, but in no answer, on the stream that the client has open for that: log
//! messages, updated resources, questions.
//!
//! A client gets log messages from the level on that it asked for, hears of resources that it may read, under the addresses
//! by which it knows them, and is asked for what it declared. Everything else stays as the upstream wrote it.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use tokio::sync::oneshot;

use super::bridge::carrying::{Carrying, Settled};
use super::bridge::outgoing::{client_session, respondent_of};
use super::bridge::subscribed;
use super::forward::splice;
use super::session::{Session, SessionKey, caller_key};
use super::stream::event;
use super::{Protocol, reply};
use crate::auth::Principal;
use crate::policy::Operation;
use crate::upstream::{
    self, Aside, Asides, Caller, Listener, Notification, Overheard, Question, Reply, Upstream,
};

/// The sessions whose clients listen.
#[derive(Clone, Debug, Default)]
pub(super) struct Listeners(Arc<Mutex<All>>);

#[derive(Debug, Default)]
struct All {
    of_sessions: HashMap<SessionKey, (u64, Listener)>,
    next: u64,
}

impl Listeners {
    fn all(&self) -> MutexGuard<'_, All> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The stream of this session, if one is open.
    pub(super) fn of(&self, session: &SessionKey) -> Option<Listener> {
        let all = self.all();
        let (_, listener) = all.of_sessions.get(session)?;
        Some(listener.clone())
    }

    /// Each message goes to one stream: the one that was opened last.
    fn enter(&self, session: SessionKey, listener: Listener) -> Entered {
        let mut all = self.all();
        let number = all.next;
        all.next += 1;
        all.of_sessions.insert(session, (number, listener));
        Entered {
            listeners: self.clone(),
            session,
            number,
        }
    }
}

/// Takes a stream out of the list when it is dropped.
#[derive(Debug)]
struct Entered {
    listeners: Listeners,
    session: SessionKey,
    number: u64,
}

impl Drop for Entered {
    fn drop(&mut self) {
        let mut all = self.listeners.all();
        let last = all.of_sessions.get(&self.session);
        if last.is_some_and(|(number, _)| *number == self.number) {
            all.of_sessions.remove(&self.session);
        }
    }
}

/// What one stream hears.
pub(crate) struct Hearing {
    protocol: Protocol,
    principal: Principal,
    session: SessionKey,
    asides: Asides,
    carrying: Carrying,
    /// Whoever waits for the answer to a question.
    answers: HashMap<Box<str>, oneshot::Sender<Reply>>,
    _entered: Entered,
}

impl std::fmt::Debug for Hearing {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Hearing({:?})", self.carrying)
    }
}

impl Protocol {
    /// What a stream of this session of `principal`'s hears from now on; nothing where nobody says anything.
    pub(super) fn hear(&self, principal: &Principal, session: Session) -> Option<Box<Hearing>> {
        let inner = &self.0;
        if inner.parts.upstreams.is_empty() {
            return None;
        }
        let (listener, asides) = Listener::new();
        let caller = Caller {
            key: caller_key(principal),
            session: Some(client_session(inner, &session, Some(listener.clone()))),
            ..Caller::default()
        };
        let respondent = respondent_of(inner, session, caller.key);
        // Where the client has a session already, something may be said before its next call.
        for upstream in inner.parts.upstreams.iter() {
            upstream.join(&caller);
        }
        Some(Box::new(Hearing {
            protocol: self.clone(),
            principal: principal.clone(),
            session: session.key(),
            asides,
            carrying: Carrying::new(Some(respondent)),
            answers: HashMap::new(),
            _entered: inner.listeners.enter(session.key(), listener),
        }))
    }
}

impl Hearing {
    /// The next event; waits for ever if there is none. Nothing is lost if the wait is given up and begun again.
    pub(super) async fn next(&mut self) -> Bytes {
        loop {
            let json = tokio::select! {
                Some(aside) = self.asides.recv() => self.said(*aside),
                Settled { id, reply, told } = self.carrying.next() => {
                    if let Some(answer) = self.answers.remove(&id) {
                        // Who asked may be gone.
                        let _gone = answer.send(reply);
                    }
                    told
                }
            };
            if let Some(json) = json {
                return event(None, &json);
            }
        }
    }

    /// The message that the client gets, if it is one for it.
    fn said(&mut self, Aside { from, era, said }: Aside) -> Option<Vec<u8>> {
        // Two upstreams may use one id.
        let key = |id: &str| -> Box<str> { format!("{} {id}", from.name()).into() };
        match said {
            Overheard::Notification(said) if said.is_log_message() => {
                let level = said.log_level()?;
                // A session that never named a level leaves it to the server what it sends.
                let wanted = self.protocol.0.log_levels.get(&self.session);
                let is_wanted = wanted.is_none_or(|wanted| level >= wanted);
                is_wanted.then(|| splice::notification(&said))
            }
            Overheard::Notification(said) => match said.updated() {
                None => Some(splice::notification(&said)),
                Some((uri, place)) => {
                    let uri = address(&self.protocol, &self.principal, (&from, &uri))?;
                    let mut said = said.with_value(place, &uri);
                    if era == upstream::Era::Modern {
                        said.params = subscribed::for_legacy(&said.params).ok()?.into();
                    }
                    Some(splice::notification(&said))
                }
            },
            Overheard::Question(question, answer) => {
                let id = key(&question.id);
                let question = Question {
                    id: id.clone(),
                    ..question
                };
                match self.carrying.put(&question) {
                    Ok(json) => {
                        self.answers.insert(id, answer);
                        Some(json)
                    }
                    Err(refused) => {
                        let _gone = answer.send(refused);
                        None
                    }
                }
            }
            Overheard::Withdrawn(mut withdrawn) => {
                withdrawn.id = key(&withdrawn.id);
                self.answers.remove(&withdrawn.id);
                let notification: Notification = self.carrying.withdraw(withdrawn)?;
                Some(splice::notification(&notification))
            }
            // This revision has no words for it.
            Overheard::Ended => None,
        }
    }
}

/// The address, as JSON, by which this caller knows what is `own` at an upstream; nothing if it may not read that.
pub(super) fn address(
    protocol: &Protocol,
    principal: &Principal,
    (upstream, own): (&Arc<Upstream>, &str),
) -> Option<String> {
    let policy = &protocol.0.parts.policy;
    let catalogs = protocol.0.catalogs.load();
    let catalog = catalogs.of(principal);
    let uri = catalog.address_of(upstream, own);
    let found = catalog.resource(&uri, policy)?;
    let operation = Operation::Read(catalog.requirements(Some(&found)));
    policy.decide(principal, operation).ok()?;
    let mut json = Vec::new();
    reply::string(&mut json, &uri);
    String::from_utf8(json).ok()
}
