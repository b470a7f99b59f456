//! One POST: from a body to an answer, in the order of checks that every revision agrees with.
//!
//! envelope (400) → era and its metadata (400) → mirrored headers (400) or session (404) → policy (403)
//! → limit per tool (429) → method (404 or `-32601`) → parameters → result. Nothing runs before all checks have passed.

use bytes::Bytes;
use http::StatusCode;
use serde_json::value::RawValue;

use super::asked::Asked;
use super::bridge::questions::{Ignored, NO_ANSWER, Owner};
use super::envelope::{self, Call, Message, Response};
use super::era::{self, Revision};
use super::error::Error;
use super::forward::Turn;
use super::headers::{self, Field, Headers};
use super::members::{Members, is_object};
use super::method::Method;
use super::session::{self, ClientCapabilities, Session, SessionKey};
use super::{Answer, Era, Post, Protocol};
use crate::auth::Principal;
use crate::upstream::Reply;

impl Protocol {
    /// Answers one POST to the MCP endpoint.
    pub async fn post(&self, post: &Post<'_>) -> Answer {
        match self.turn(post) {
            Turn::Now(answer) => answer,
            // Boxed: the future of what is answered at once would have to be as large.
            Turn::Later(later) => Box::pin(later.answer()).await,
            Turn::Soon(answer) => answer.await,
        }
    }

    /// Everything up to the first thing that has to be waited for.
    fn turn(&self, post: &Post<'_>) -> Turn {
        let headers = Headers::of(post.headers);
        match envelope::parse(post.body) {
            Err(refused) => Turn::Now(Answer::refusal(refused.id, &refused.error, Era::Legacy)),
            Ok(envelope::Body::One(Message::Call(call))) => self.one(post, &call, &headers),
            Ok(envelope::Body::One(Message::Response(response))) => {
                Turn::Now(self.response(post, &response, &headers))
            }
            Ok(envelope::Body::Batch(messages)) => self.batch(post, &messages, &headers),
        }
    }

    fn one(&self, post: &Post<'_>, call: &Call<'_>, headers: &Headers<'_>) -> Turn {
        let era = match era::of_call(call, headers) {
            Ok(era) => era,
            Err(error) => return Turn::Now(Answer::refusal(call.id, &error, Era::Modern)),
        };
        let Some(id) = call.id else {
            return Turn::Now(self.notification(post.principal, call, (headers, era)));
        };
        let checked = match era {
            Era::Modern => headers::check(call, headers).map(|()| None),
            Era::Legacy if call.method == "initialize" => Ok(None),
            Era::Legacy => self.session(post.principal, headers),
        };
        let session = match checked {
            Ok(session) => session,
            Err(error) => return Turn::Now(Answer::refusal(Some(id), &error, era)),
        };
        let catalogs = self.0.catalogs.load();
        let catalog = catalogs.of(post.principal);
        let asked = Asked {
            session,
            session_key: session.as_ref().map(Session::key),
            ..self.asked((post, catalog), call, id, era)
        };
        let mut turn = self.answer(&asked);
        if asked.method == Some(Method::Initialize)
            && let Turn::Now(answer) = &mut turn
            && answer.reason.is_none()
        {
            let (revision, capabilities) = handshake(call);
            answer.session_id = Some(self.0.sessions.mint(post.principal, revision, capabilities));
        }
        turn
    }

    /// Notifications are accepted; the one that changes anything cancels a call.
    fn notification(
        &self,
        principal: &Principal,
        call: &Call<'_>,
        (headers, era): (&Headers<'_>, Era),
    ) -> Answer {
        let checked = match era {
            Era::Modern => return self.accept_notification(principal),
            Era::Legacy => self.session(principal, headers),
        };
        match checked {
            Ok(session) => {
                let answer = self.accept_notification(principal);
                if answer.status == StatusCode::ACCEPTED {
                    self.cancel(principal, session.as_ref().map(Session::key), call);
                }
                answer
            }
            Err(error) => Answer::refusal(None, &error, era),
        }
    }

    /// Stops the call that `notifications/cancelled` names (MCP 2025-11-25, cancellation).
    pub(super) fn cancel(
        &self,
        principal: &Principal,
        session: Option<SessionKey>,
        call: &Call<'_>,
    ) {
        if call.method == "notifications/cancelled"
            && let Some(id) = call.params.get("requestId")
        {
            let caller = session::caller_key(principal);
            self.0.running.cancel(caller, session, id.get());
        }
    }

    /// 202, if the caller may say anything at all.
    pub(super) fn accept_notification(&self, principal: &Principal) -> Answer {
        match self.admit(principal) {
            Ok(_permit) => Answer::empty(StatusCode::ACCEPTED),
            Err(error) => Answer::refusal(None, &error, Era::Legacy),
        }
    }

    /// Legacy clients answer what upstreams ask by way of this server; modern ones must not. An answer to nothing is
    /// accepted, and the log tells of it.
    fn response(&self, post: &Post<'_>, response: &Response<'_>, headers: &Headers<'_>) -> Answer {
        match era::of_header(&headers.version) {
            Ok(Era::Legacy) => match self.session(post.principal, headers) {
                Ok(session) => {
                    let mut answer = self.accept_notification(post.principal);
                    if answer.status == StatusCode::ACCEPTED {
                        let taken = self.take_answer(post.principal, session.as_ref(), response);
                        answer.reason = taken.err().map(Ignored::reason);
                    }
                    answer
                }
                Err(error) => Answer::refusal(None, &error, Era::Legacy),
            },
            Ok(Era::Modern) => Answer::refusal(
                None,
                &Error::Invalid("this revision has no responses from clients"),
                Era::Modern,
            ),
            Err(error) => Answer::refusal(None, &error, Era::Legacy),
        }
    }

    /// Hands an answer to the call that waits for it.
    pub(super) fn take_answer(
        &self,
        principal: &Principal,
        session: Option<&Session>,
        response: &Response<'_>,
    ) -> Result<(), Ignored> {
        let session = session.ok_or(Ignored::Unknown)?;
        let owner = Owner {
            caller: session::caller_key(principal),
            session: session.key(),
        };
        let id = response.id.and_then(|id| id.text());
        let json = |value: &RawValue| Bytes::copy_from_slice(value.get().as_bytes());
        let answered = match (response.result, response.error) {
            (Some(result), _) if is_object(result) => Reply::Result(json(result)),
            (None, Some(error)) if Reply::is_error(error.get()) => Reply::Error(json(error)),
            (Some(_) | None, _) => Reply::Error(NO_ANSWER),
        };
        let id = id.ok_or(Ignored::Unknown)?;
        self.0.questions.answer(owner, &id, answered)
    }

    /// The session that a legacy message names; a message without one is served by itself.
    pub(super) fn session(
        &self,
        principal: &Principal,
        headers: &Headers<'_>,
    ) -> Result<Option<Session>, Error> {
        match headers.session {
            Field::Absent => Ok(None),
            Field::Value(id) => self.0.sessions.open(id, principal).map(Some),
            Field::Unreadable => Err(Error::UnknownSession),
        }
    }
}

/// What an `initialize` request that was answered asked for.
fn handshake(call: &Call<'_>) -> (Revision, ClientCapabilities) {
    let requested = call.params.text("protocolVersion").unwrap_or_default();
    let capabilities = call
        .params
        .get("capabilities")
        .and_then(Members::of)
        .unwrap_or_default();
    (
        Revision::negotiate(&requested),
        ClientCapabilities::of(&capabilities),
    )
}
