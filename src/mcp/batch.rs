//! Batches: JSON arrays of messages, which revision 2025-03-26 alone has.
//!
//! All messages are checked before any is handled. One that the caller may not send refuses the whole batch.

use futures_util::FutureExt;
use futures_util::future::{BoxFuture, join_all};
use http::StatusCode;
use tokio::time::Instant;

use super::asked::Asked;
use super::catalog::Catalog;
use super::envelope::Message;
use super::era;
use super::error::Error;
use super::forward::{Forward, Later, Turn};
use super::headers::Headers;
use super::method::Method;
use super::session::Session;
use super::{Answer, Body, Era, Operation, Post, Protocol, reply, subscriptions, target};
use crate::policy::Permit;

const BATCH: Option<Operation> = Some(Operation {
    method: "batch",
    tool: None,
});

impl Protocol {
    pub(super) fn batch(
        &self,
        post: &Post<'_>,
        messages: &[Message<'_>],
        headers: &Headers<'_>,
    ) -> Turn {
        let catalogs = self.0.catalogs.load();
        let catalog = catalogs.of(post.principal);
        let requests = match self.requests((post, catalog), messages, headers) {
            Ok(requests) => requests,
            Err(error) => return Turn::Now(Answer::refusal(None, &error, Era::Legacy)),
        };
        if requests.is_empty() {
            let answer = self.accept_notification(post.principal);
            if answer.status == StatusCode::ACCEPTED {
                self.cancel_all(post, messages, headers);
            }
            return Turn::Now(answer);
        }
        let permits: Result<Vec<_>, _> = requests
            .iter()
            .map(|asked| self.authorize(asked).map_err(|error| (asked, error)))
            .collect();
        match permits {
            Ok(permits) => {
                // Calls that run; those of this batch have not begun.
                self.cancel_all(post, messages, headers);
                self.handle_all(&requests, &permits)
            }
            Err((refused, error)) => Turn::Now(self.refuse_all(&requests, refused, &error)),
        }
    }

    /// Stops the calls that the notifications of a batch name.
    fn cancel_all(&self, post: &Post<'_>, messages: &[Message<'_>], headers: &Headers<'_>) {
        let session = self.session(post.principal, headers).ok().flatten();
        for message in messages {
            if let Message::Call(call) = message
                && call.id.is_none()
            {
                self.cancel(post.principal, session.as_ref().map(Session::key), call);
            }
        }
    }

    /// The requests of a batch that may be one at all.
    fn requests<'a>(
        &self,
        (post, catalog): (&Post<'a>, &'a Catalog),
        messages: &'a [Message<'a>],
        headers: &Headers<'_>,
    ) -> Result<Vec<Asked<'a>>, Error> {
        let session = self.session(post.principal, headers)?;
        let revision = match session {
            Some(Session { revision, .. }) => revision,
            None => era::of_legacy(&headers.version)?,
        };
        if !revision.has_batches() {
            return Err(Error::Invalid("this revision has no batches"));
        }
        let calls = messages.iter().filter_map(|message| match message {
            Message::Call(call) => Some(call),
            Message::Response(response) => {
                let session = session.as_ref();
                let _ignored = self.take_answer(post.principal, session, response);
                None
            }
        });
        let mut requests = Vec::with_capacity(messages.len());
        for call in calls {
            if era::claimed(call) == Era::Modern {
                return Err(Error::Invalid("this revision has no batches"));
            }
            let Some(id) = call.id else { continue };
            if call.method == Method::Initialize.as_str() {
                return Err(Error::Invalid("initialize is not part of a batch"));
            }
            requests.push(Asked {
                session,
                session_key: session.as_ref().map(Session::key),
                // What would come before an answer has no place in a batch of answers.
                takes_events: false,
                ..self.asked((post, catalog), call, id, Era::Legacy)
            });
        }
        Ok(requests)
    }

    /// Calls of upstreams run side by side; the answers stand in the order of the requests.
    fn handle_all(&self, requests: &[Asked<'_>], permits: &[Permit<'_>]) -> Turn {
        let mut calls: Vec<BoxFuture<'static, (usize, Vec<u8>)>> = Vec::new();
        let mut answers: Vec<Vec<u8>> = Vec::with_capacity(requests.len());
        for (asked, permit) in requests.iter().zip(permits) {
            let mut json = Vec::new();
            let place = answers.len();
            let forward = asked.home().map(|of| {
                target::check(asked.method, &asked.call.params)
                    .and_then(|()| subscriptions::check(asked, of.1))?;
                Ok(match self.keep_subscribed(asked, of) {
                    Some(kept) => async move { (place, json_of(kept.await)) }.boxed(),
                    None => {
                        let mut later = Later::new(self, asked, Forward::new(self, asked, of)?);
                        async move { (place, later.message().await) }.boxed()
                    }
                })
            });
            match forward {
                Some(Ok(call)) => calls.push(call),
                Some(Err(error)) => {
                    reply::error(&mut json, Some(asked.id), &error, asked.era);
                    self.count(asked, Some(error.reason()), Instant::now());
                }
                None => self.handle(asked, permit, &mut json),
            }
            answers.push(json);
        }
        if calls.is_empty() {
            return Turn::Now(joined(answers));
        }
        Turn::Soon(Box::pin(async move {
            for (place, json) in join_all(calls).await {
                if let Some(answer) = answers.get_mut(place) {
                    *answer = json;
                }
            }
            joined(answers)
        }))
    }

    fn handle(&self, asked: &Asked<'_>, permit: &Permit<'_>, json: &mut Vec<u8>) {
        let started = Instant::now();
        let reason = self
            .write(asked, permit, json)
            .map_err(|error| {
                reply::error(json, Some(asked.id), &error, asked.era);
                error.reason()
            })
            .err();
        self.count(asked, reason, started);
    }

    fn refuse_all(&self, requests: &[Asked<'_>], refused: &Asked<'_>, error: &Error) -> Answer {
        let mut json = Vec::new();
        for asked in requests {
            json.push(if json.is_empty() { b'[' } else { b',' });
            if asked.id == refused.id {
                self.write_refusal(asked, error, &mut json);
            } else {
                reply::error(&mut json, Some(asked.id), &Error::RefusedBatch, asked.era);
            }
        }
        json.push(b']');
        let mut answer = Answer::refused_with(json, error, Era::Legacy);
        answer.operation = BATCH;
        answer
    }
}

/// The answers in one array. A cancelled request has none.
fn joined(mut answers: Vec<Vec<u8>>) -> Answer {
    answers.retain(|answer| !answer.is_empty());
    let mut answer = if answers.is_empty() {
        Answer::empty(StatusCode::ACCEPTED)
    } else {
        let mut json = vec![b'['];
        json.extend_from_slice(&answers.join(&b','));
        json.push(b']');
        Answer::json(json)
    };
    answer.operation = BATCH;
    answer
}

/// The message of an answer that is one.
fn json_of(answer: Answer) -> Vec<u8> {
    match answer.body.whole() {
        Body::Json(json) => json.into(),
        Body::Empty | Body::Events(_) | Body::Spliced(_) => Vec::new(),
    }
}
