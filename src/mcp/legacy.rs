//! What only legacy clients do: streams by `GET`, ends of sessions by `DELETE`, and the HTTP+SSE transport.

use std::sync::Arc;

use http::{HeaderMap, StatusCode};

use super::asked::Asked;
use super::changes::{Telling, Wanted};
use super::envelope::{self, Message};
use super::era;
use super::error::Error;
use super::forward::Turn;
use super::headers::{Field, Headers};
use super::old_transport;
use super::stream::{Source, event};
use super::{Answer, Body, Era, Post, Protocol};
use crate::auth::Principal;

impl Protocol {
    /// Answers a `GET` to the MCP endpoint. With a session id: that session's stream. Without one, and without a version:
    /// the HTTP+SSE transport, whose clients know nothing else. Modern clients have no use for `GET`.
    #[must_use]
    pub fn get(&self, principal: &Principal, headers: &HeaderMap) -> Answer {
        let headers = Headers::of(headers);
        let opened = match (era::of_header(&headers.version), headers.session) {
            (Ok(Era::Modern), _) => return Answer::empty(StatusCode::METHOD_NOT_ALLOWED),
            (Ok(Era::Legacy), Field::Absent) if headers.version == Field::Absent => {
                return self.open_old_transport(principal);
            }
            (Ok(Era::Legacy), Field::Absent) => {
                return Answer::empty(StatusCode::METHOD_NOT_ALLOWED);
            }
            (Ok(Era::Legacy), Field::Value(_) | Field::Unreadable) => {
                self.open_session_stream(principal, &headers)
            }
            (Err(error), _) => Err(error),
        };
        opened.unwrap_or_else(|error| Answer::refusal(None, &error, Era::Legacy))
    }

    fn open_session_stream(
        &self,
        principal: &Principal,
        headers: &Headers<'_>,
    ) -> Result<Answer, Error> {
        let session = self
            .session(principal, headers)?
            .ok_or(Error::UnknownSession)?;
        self.admit(principal)?;
        let hearing = self.hear(principal, session);
        let source = Source::Session(Arc::clone(&self.0.sessions), session, hearing);
        let stream = self.stream(principal, None, source, None)?;
        let changes = self.changes(principal, Wanted::ALL, Telling::Session);
        Ok(Answer::events(stream.telling(changes)))
    }

    /// Answers a `DELETE` to the MCP endpoint: the session is over.
    #[must_use]
    pub fn delete(&self, principal: &Principal, headers: &HeaderMap) -> Answer {
        let headers = Headers::of(headers);
        let ended = match era::of_header(&headers.version) {
            Ok(Era::Modern) => return Answer::empty(StatusCode::METHOD_NOT_ALLOWED),
            Ok(Era::Legacy) => self.session(principal, &headers),
            Err(error) => Err(error),
        };
        match ended.and_then(|session| self.admit(principal).map(|_permit| session)) {
            Ok(Some(session)) => {
                self.0.sessions.end(&session);
                Answer::empty(StatusCode::NO_CONTENT)
            }
            Ok(None) => Answer::refusal(
                None,
                &Error::Invalid("Mcp-Session-Id names the session to end"),
                Era::Legacy,
            ),
            Err(error) => Answer::refusal(None, &error, Era::Legacy),
        }
    }

    /// Opens an HTTP+SSE session: its stream begins with the address that messages go to.
    #[must_use]
    pub fn open_old_transport(&self, principal: &Principal) -> Answer {
        let opened = self.admit(principal).and_then(|_permit| {
            let (endpoint, answers) = self.0.old_transport.open(principal);
            let stream = self.stream(principal, Some(endpoint), Source::Answers(answers), None)?;
            let changes = self.changes(principal, Wanted::ALL, Telling::OldTransport);
            Ok(stream.telling(changes))
        });
        match opened {
            Ok(stream) => Answer::events(stream),
            Err(error) => Answer::refusal(None, &error, Era::Legacy),
        }
    }

    /// Answers one POST of the HTTP+SSE transport: 202, and the JSON-RPC answer on the session's stream. What HTTP itself
    /// has to say (a missing scope, a limit) is said here.
    pub async fn post_old_transport(&self, session_id: &str, post: &Post<'_>) -> Answer {
        let room = match self.0.old_transport.reserve(session_id, post.principal) {
            Ok(room) => room,
            Err(error) => return Answer::refusal(None, &error, Era::Legacy),
        };
        let call = match envelope::parse(post.body) {
            Ok(envelope::Body::One(Message::Call(call))) => call,
            Ok(envelope::Body::One(Message::Response(_))) => {
                return Answer::empty(StatusCode::ACCEPTED);
            }
            Ok(envelope::Body::Batch(_)) => {
                let error = Error::Invalid("this revision has no batches");
                return Answer::refusal(None, &error, Era::Legacy);
            }
            Err(refused) => return Answer::refusal(refused.id, &refused.error, Era::Legacy),
        };
        match era::of_call(&call, &Headers::of(post.headers)) {
            Ok(Era::Legacy) => {}
            Ok(Era::Modern) => {
                let error = Error::Invalid("this transport is older than the revision");
                return Answer::refusal(call.id, &error, Era::Modern);
            }
            Err(error) => return Answer::refusal(call.id, &error, Era::Legacy),
        }
        let session_key = old_transport::key(session_id);
        let Some(id) = call.id else {
            let answer = self.accept_notification(post.principal);
            if answer.status == StatusCode::ACCEPTED {
                self.cancel(post.principal, session_key, &call);
            }
            return answer;
        };
        let turn = {
            let catalogs = self.0.catalogs.load();
            let catalog = catalogs.of(post.principal);
            self.answer(&Asked {
                session_key,
                ..self.asked((post, catalog), &call, id, Era::Legacy)
            })
        };
        let answer = match turn {
            Turn::Now(answer) => answer,
            Turn::Later(mut later) => {
                let hear = |json: Vec<u8>| room.tell(event(Some("message"), &json));
                later.last(hear).await
            }
            Turn::Soon(answer) => answer.await,
        };
        match answer.body.whole() {
            Body::Json(json) if answer.status == StatusCode::OK => {
                room.answer(event(Some("message"), &json));
                Answer {
                    operation: answer.operation,
                    reason: answer.reason,
                    ..Answer::empty(StatusCode::ACCEPTED)
                }
            }
            body => Answer { body, ..answer },
        }
    }
}
