//! The requests of a legacy upstream on their way to the legacy client whose call it works on, and the answers on their way
//! back: the same era on both sides, so what is asked and answered stays as it was written, and only ids change.
//!
//! A client is asked for nothing that it did not declare. Each question waits for a bounded time, and a question whose call
//! is over is taken back.

use std::collections::VecDeque;

use bytes::Bytes;
use futures_util::StreamExt;
use futures_util::future::BoxFuture;
use futures_util::stream::FuturesUnordered;

use super::asking::{Respondent, cancelled, quoted};
use super::input::Need;
use super::questions::NO_ANSWER;
use crate::mcp::reply;
use crate::upstream::{Notification, Question, Reply, Withdrawn};

/// The method is not known to a client that did not declare it (JSON-RPC 2.0, 5.1).
const UNKNOWN: Bytes = Bytes::from_static(br#"{"code":-32601,"message":"method not found"}"#);
/// The client has the method, but not in this mode (MCP 2025-11-25, elicitation), or these are no parameters.
const INVALID: Bytes = Bytes::from_static(
    br#"{"code":-32602,"message":"the client did not declare this mode, or the parameters are invalid"}"#,
);
/// There is no stream to the client, or too many questions wait for it.
const BUSY: Bytes =
    Bytes::from_static(br#"{"code":-32603,"message":"the client cannot be asked now"}"#);

/// The questions of one call that were put to its client.
pub(in crate::mcp) struct Carrying {
    /// Nobody, if the client takes no stream.
    respondent: Option<Respondent>,
    /// Their ids with the upstream and, as JSON, with the client.
    open: VecDeque<(Box<str>, Box<str>)>,
    answers: FuturesUnordered<BoxFuture<'static, Answered>>,
}

/// An answer, or that there was none in time.
struct Answered {
    theirs: Box<str>,
    reply: Option<Reply>,
}

/// What has happened to a question.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::mcp) struct Settled {
    /// The id of the upstream's request.
    pub(in crate::mcp) id: Box<str>,
    /// What the upstream gets.
    pub(in crate::mcp) reply: Reply,
    /// What the client is told, if it took too long.
    pub(in crate::mcp) told: Option<Vec<u8>>,
}

impl std::fmt::Debug for Carrying {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Carrying({} questions)", self.open.len())
    }
}

impl Carrying {
    /// Nothing was asked yet.
    pub(in crate::mcp) fn new(respondent: Option<Respondent>) -> Self {
        Self {
            respondent,
            open: VecDeque::new(),
            answers: FuturesUnordered::new(),
        }
    }

    /// The request that puts a question to the client; or else what the upstream is answered at once.
    pub(in crate::mcp) fn put(&mut self, question: &Question) -> Result<Vec<u8>, Reply> {
        let respondent = self.respondent.as_ref().ok_or(Reply::Error(BUSY))?;
        check(question, respondent).map_err(Reply::Error)?;
        let waiting = respondent.questions.open(respondent.owner);
        let mut waiting = waiting.ok_or(Reply::Error(BUSY))?;
        let (theirs, ours) = (question.id.clone(), quoted(&waiting.id));
        let request = request(&ours, question);
        self.open.push_back((theirs.clone(), ours));
        let patience = respondent.patience;
        self.answers.push(Box::pin(async move {
            let reply = tokio::time::timeout(patience, waiting.answered()).await;
            let reply = reply.ok();
            Answered { theirs, reply }
        }));
        Ok(request)
    }

    /// The next question that is answered, or was not answered in time; waits for ever if none is open. Nothing is lost
    /// if the wait is given up and begun again.
    pub(in crate::mcp) async fn next(&mut self) -> Settled {
        loop {
            let Some(Answered { theirs, reply }) = self.answers.next().await else {
                return std::future::pending().await;
            };
            // One that was withdrawn is answered to nobody.
            let Some(ours) = self.take(&theirs) else {
                continue;
            };
            let told = reply.is_none().then(|| cancelled(&ours));
            return Settled {
                id: theirs,
                reply: reply.unwrap_or(Reply::Error(NO_ANSWER)),
                told,
            };
        }
    }

    /// What the client is told of a question that the upstream takes back.
    pub(in crate::mcp) fn withdraw(&mut self, withdrawn: Withdrawn) -> Option<Notification> {
        let ours = self.take(&withdrawn.id)?;
        Some(withdrawn.told(&ours))
    }

    /// Takes one question back whose call is over: what the client is told.
    pub(in crate::mcp) fn give_up(&mut self) -> Option<Vec<u8>> {
        let (_theirs, ours) = self.open.pop_front()?;
        Some(cancelled(&ours))
    }

    fn take(&mut self, theirs: &str) -> Option<Box<str>> {
        let place = self.open.iter().position(|(id, _)| **id == *theirs)?;
        self.open.remove(place).map(|(_, ours)| ours)
    }
}

/// The error for what the client cannot be asked.
fn check(question: &Question, respondent: &Respondent) -> Result<(), Bytes> {
    let params = (!question.params.is_empty()).then_some(&question.params[..]);
    match Need::of(&question.method, params) {
        Ok(need) if respondent.meets(need) => Ok(()),
        Ok(Need::Form) if respondent.meets(Need::Url) => Err(INVALID),
        Ok(Need::Url) if respondent.meets(Need::Form) => Err(INVALID),
        Ok(Need::Form | Need::Roots | Need::Sampling | Need::Url) => Err(UNKNOWN),
        Err(_lost) if Need::is_known(&question.method) => Err(INVALID),
        Err(_lost) => Err(UNKNOWN),
    }
}

/// The upstream's request under another id.
fn request(id: &str, question: &Question) -> Vec<u8> {
    let Question { method, params, .. } = question;
    let mut out = Vec::with_capacity(params.len() + id.len() + method.len() + 64);
    out.extend_from_slice(br#"{"jsonrpc":"2.0","id":"#);
    out.extend_from_slice(id.as_bytes());
    out.extend_from_slice(br#","method":"#);
    reply::string(&mut out, method);
    if !params.is_empty() {
        out.extend_from_slice(br#","params":"#);
        out.extend_from_slice(params);
    }
    out.push(b'}');
    out
}
