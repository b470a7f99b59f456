//! A call of something that an upstream has: what goes there, and what comes back without being changed.
//!
//! Of the request, the id, the name and the protocol's own metadata change; every other value goes on as it was written.
//! What comes back is spliced into our messages as the upstream wrote it (`splice`). If the upstream's first word is the
//! answer, the caller gets JSON; if it has something to say before, or takes its time, a stream of events (`talk`).

pub(super) mod splice;
mod talk;

use std::pin::Pin;

use bytes::Bytes;
use futures_util::{Stream, stream};
use http::{HeaderMap, StatusCode};
use serde_json::value::RawValue;
use tokio::time::Instant;

use super::asked::Asked;
use super::bridge::Written;
use super::bridge::asking::Next;
use super::bridge::carrying::{Carrying, Settled};
use super::bridge::outgoing::Bridging;
use super::caller_credential::Credential;
use super::catalog::{Entry, Home, Label};
use super::era::LOG_LEVEL_KEY;
use super::error::{self, Error};
use super::members::{text, write_member};
use super::method::Method;
use super::{Answer, Era, Protocol, reply, session, target};
use crate::upstream::{
    self, Call, Caller, Conversation, LogLevel, LogMessages, Notification, Reply, Said,
};

pub(super) use talk::Later;
pub(crate) use talk::Talk;

/// The answer to a message: at once, or when upstreams have answered. Only these cost a box.
#[expect(
    clippy::large_enum_variant,
    reason = "it is moved once; a box would cost each answer that is there at once an allocation"
)]
pub(super) enum Turn {
    Now(Answer),
    Later(Later),
    Soon(Pin<Box<dyn Future<Output = Answer> + Send>>),
}

/// Metadata that is between two neighbours: ours with the client is not that of the upstream with us.
fn is_between_neighbours(key: &str) -> bool {
    key.starts_with("io.modelcontextprotocol/") || key == PROGRESS_TOKEN
}

const PROGRESS_TOKEN: &str = "progressToken";
/// To copy a result of more bytes costs more than to send it in a piece of its own.
const MOST_COPIED: usize = 16 * 1024;
/// Most parameters have fewer bytes than this.
const USUAL: usize = 256;
/// A token stays with its call for as long as that runs.
const MAX_TOKEN_BYTES: usize = 256;

/// A permitted call on its way to an upstream. It has nothing of the caller but the call.
pub(super) struct Forward {
    home: Home,
    call: Call,
    caller: Caller,
    id: Box<str>,
    era: Era,
    bridging: Bridging,
    tally: Tally,
}

/// What becomes of one step of a call.
#[derive(Debug)]
pub(super) enum Step {
    /// A message that the upstream sent before its answer.
    Notification(Vec<u8>),
    /// A request that puts a question of the upstream's to the client.
    Question(Vec<u8>),
    /// The answer.
    Answer(Last),
}

impl Step {
    /// What comes before an answer, as an event.
    fn event(&self) -> Option<Bytes> {
        match self {
            Self::Notification(json) | Self::Question(json) => {
                Some(super::stream::event(None, json))
            }
            Self::Answer(_) => None,
        }
    }
}

/// The message that answers a call.
#[derive(Debug)]
pub(super) struct Last {
    /// All of it, or what comes before the result that is passed on.
    pub(super) json: Vec<u8>,
    /// A big result as the upstream wrote it, which is not copied, and what of the message follows.
    passed_on: Option<(Bytes, &'static [u8])>,
    /// What went wrong.
    pub(super) reason: Option<&'static str>,
    /// Of a response that is the message alone.
    pub(super) status: StatusCode,
}

impl Last {
    /// The message in one piece.
    pub(super) fn whole(self) -> Vec<u8> {
        match self.passed_on {
            Some((result, end)) => [&self.json, &*result, end].concat(),
            None => self.json,
        }
    }
}

/// A result with the end of the message around it, where there is room behind it: nearly always, since it was read with the
/// end of the upstream's own message. Sent by itself, the last byte would be a packet of its own.
fn closed(result: Bytes) -> (Bytes, &'static [u8]) {
    const END: &[u8] = b"}";
    match result.try_into_mut() {
        Ok(mut own) if own.capacity() > own.len() => {
            own.extend_from_slice(END);
            (own.freeze(), b"")
        }
        Ok(full) => (full.freeze(), END),
        Err(shared) => (shared, END),
    }
}

pub(super) type Steps = Pin<Box<dyn Stream<Item = Step> + Send>>;

impl Forward {
    /// The call of `entry`, which lives at `home`.
    pub(super) fn new(
        protocol: &Protocol,
        asked: &Asked<'_>,
        (entry, home): (&Entry, &Home),
    ) -> Result<Self, Error> {
        let (mut members, mut meta) = (Vec::with_capacity(USUAL), Vec::new());
        let method = asked.method.unwrap_or(Method::CallTool);
        target::write_params(&mut members, method, &asked.call.params, home);
        let theirs = asked.call.meta.iter();
        for (key, value) in theirs.filter(|(key, _)| !is_between_neighbours(key)) {
            write_member(&mut meta, key, |out| raw(out, value));
        }
        let mut call = Call {
            method: method.as_str(),
            // A completion is about something and has no name of its own.
            name: (method != Method::Complete).then(|| home.name.clone()),
            members,
            meta,
            headers: mirrored(asked.headers),
            progress_token: progress_token(asked),
        };
        let mut caller = caller(protocol, asked);
        let of = (entry, home.upstream.name());
        let bridging = Bridging::prepare(&protocol.0, asked, of, &mut call, &mut caller)?;
        Ok(Self {
            home: home.clone(),
            call,
            caller,
            bridging,
            id: asked.id.as_json().into(),
            era: asked.era,
            tally: Tally {
                protocol: protocol.clone(),
                method,
                label: Some(entry.label.clone()),
                started: Instant::now(),
            },
        })
    }

    /// The call, step by step. Dropping it cancels the call at the upstream.
    pub(super) fn steps(self) -> Steps {
        // A box of its own: each step would take it out of the stream and put it back.
        let talking = Box::new(Talking {
            forward: self,
            conversation: None,
            again: None,
            carrying: None,
            end: None,
        });
        Box::pin(stream::unfold(
            Some(talking),
            |talking: Option<Box<Talking>>| async move { Some(talking?.step().await) },
        ))
    }

    /// What becomes of the upstream's answer; nothing if it asks the client first.
    fn answered(&mut self, reply: Reply, from: upstream::Era) -> Option<Step> {
        let mut json = Vec::new();
        let reply = match reply {
            Reply::Result(result)
                if result.len() > MOST_COPIED && self.bridging.passes(&result, from) =>
            {
                reply::begin(&mut json, &self.id);
                self.tally.add(None);
                return Some(Step::Answer(Last {
                    json,
                    passed_on: Some(closed(result)),
                    reason: None,
                    status: StatusCode::OK,
                }));
            }
            reply => reply,
        };
        let of = (self.home.upstream.name(), &self.call, &self.caller);
        let states = &self.tally.protocol.0.request_states;
        let answer = (&*self.id, &reply, from);
        let (reason, status) = match self.bridging.write(&mut json, answer, of, states) {
            Ok(Written::Result) => (None, StatusCode::OK),
            Ok(Written::ToolError) => (Some(UPSTREAM_ERROR), StatusCode::OK),
            Ok(Written::Error(code)) => {
                if code == HEADER_MISMATCH {
                    self.home.upstream.look_again();
                }
                (Some(UPSTREAM_ERROR), error::status_of(code, self.era))
            }
            Ok(Written::InputRequired) => {
                let (Reply::Result(result) | Reply::Error(result)) = &reply;
                let begun = self.bridging.asking.begin(result);
                return begun.err().map(|error| self.failed(&Error::Asking(error)));
            }
            Err(error) => return Some(self.failed(&Error::Upstream(error))),
        };
        Some(self.last(json, reason, status))
    }

    fn failed(&mut self, error: &Error) -> Step {
        let mut json = Vec::new();
        reply::error_to(&mut json, Some(&self.id), error, self.era);
        self.last(json, Some(error.reason()), error.status(self.era))
    }

    fn last(&mut self, json: Vec<u8>, reason: Option<&'static str>, status: StatusCode) -> Step {
        self.tally.add(reason);
        Step::Answer(Last {
            json,
            passed_on: None,
            reason,
            status,
        })
    }
}

/// A call that runs.
struct Talking {
    forward: Forward,
    conversation: Option<Conversation>,
    /// The members of the parameters of the call that is made again.
    again: Option<Vec<u8>>,
    /// What a legacy upstream asks while it works on the call; nothing before it does.
    carrying: Option<Box<Carrying>>,
    /// The end of the call, while the client is told which questions are taken back.
    end: Option<Box<Result<Event, Error>>>,
}

/// What has happened.
enum Event {
    /// The upstream has answered.
    Replied(Reply, upstream::Era),
    /// Something that the client hears of.
    Step(Step),
    /// The client has answered.
    Asked,
}

impl Talking {
    async fn step(mut self: Box<Self>) -> (Step, Option<Box<Self>>) {
        loop {
            let event = match self.forward.bridging.asking.is_under_way() {
                true => self.ask().await,
                false => self.hear().await,
            };
            if matches!(event, Ok(Event::Replied(..)) | Err(_))
                && let Some(json) = self.carrying.as_mut().and_then(|all| all.give_up())
            {
                self.end = Some(Box::new(event));
                return (Step::Question(json), Some(self));
            }
            match event {
                Ok(Event::Step(step)) => return (step, Some(self)),
                Ok(Event::Replied(reply, era)) => {
                    self.conversation = None;
                    if let Some(last) = self.forward.answered(reply, era) {
                        return (last, None);
                    }
                }
                Ok(Event::Asked) => {}
                Err(error) => return (self.forward.failed(&error), None),
            }
        }
    }

    async fn hear(&mut self) -> Result<Event, Error> {
        if let Some(end) = self.end.take() {
            return *end;
        }
        let Forward {
            home, call, caller, ..
        } = &self.forward;
        let conversation = match &mut self.conversation {
            Some(conversation) => conversation,
            none => {
                let again = self.again.take().map(|members| Call {
                    members,
                    ..call.clone()
                });
                let call = again.as_ref().unwrap_or(call);
                let begun = home.upstream.begin(call, caller).await;
                none.insert(begun.map_err(Error::Upstream)?)
            }
        };
        let said = match &mut self.carrying {
            None => conversation.next().await,
            Some(carrying) => tokio::select! {
                said = conversation.next() => said,
                Settled { id, reply, told } = carrying.next() => {
                    conversation.answer(&id, &reply);
                    return Ok(told.map_or(Event::Asked, |json| Event::Step(Step::Question(json))));
                }
            },
        };
        match said.map_err(Error::Upstream)? {
            Said::Notification(notification) => Ok(told(&notification)),
            Said::Question(question) => {
                let respondent = || self.forward.bridging.asking.respondent().cloned();
                let carrying = &mut self.carrying;
                let carrying = carrying.get_or_insert_with(|| Carrying::new(respondent()).into());
                match carrying.put(&question) {
                    Ok(json) => return Ok(Event::Step(Step::Question(json))),
                    Err(refused) => conversation.answer(&question.id, &refused),
                }
                Ok(Event::Asked)
            }
            Said::Withdrawn(withdrawn) => {
                let carrying = self.carrying.as_mut();
                let taken_back = carrying.and_then(|carrying| carrying.withdraw(withdrawn));
                Ok(taken_back.map_or(Event::Asked, |notification| told(&notification)))
            }
            Said::Reply(reply) => Ok(Event::Replied(reply, conversation.era())),
        }
    }

    async fn ask(&mut self) -> Result<Event, Error> {
        let Forward { bridging, call, .. } = &mut self.forward;
        let next = bridging.asking.next(&call.members).await;
        match next.map_err(Error::Asking)? {
            Next::Put(json) => Ok(Event::Step(Step::Question(json))),
            Next::Again(members) => {
                self.again = Some(members);
                Ok(Event::Asked)
            }
        }
    }
}

/// What the client hears as the upstream said it.
fn told(notification: &Notification) -> Event {
    Event::Step(Step::Notification(splice::notification(notification)))
}

/// Counts a call once: when it is answered, or when it is given up.
struct Tally {
    protocol: Protocol,
    method: Method,
    label: Option<Label>,
    started: Instant,
}

impl Tally {
    fn add(&mut self, reason: Option<&'static str>) {
        if let Some(label) = self.label.take() {
            let what = (Some(self.method), Some(&label));
            self.protocol.0.counts.add(what, reason, self.started);
        }
    }
}

impl Drop for Tally {
    fn drop(&mut self) {
        self.add(Some(CANCELLED));
    }
}

/// Headers do not say what the arguments say (MCP 2026-07-28, streamable HTTP): the schema of the tool that they were written
/// from may be another one by now.
const HEADER_MISMATCH: i64 = -32020;
/// The reason code of a call that the upstream answered with an error of its own.
const UPSTREAM_ERROR: &str = "upstream_error";
/// The reason code of a call whose caller does not want its answer any more.
pub(super) const CANCELLED: &str = "cancelled";

/// For whom the upstream is asked. Without a key it would be for this server itself.
fn caller(protocol: &Protocol, asked: &Asked<'_>) -> Caller {
    Caller {
        key: session::caller_key(asked.principal),
        log_messages: log_messages(protocol, asked),
        credential: asked.credential.map(Credential::shared),
        ..Caller::default()
    }
}

/// Where nothing but the answer can be passed on, nothing else is asked for.
fn progress_token(asked: &Asked<'_>) -> Option<Box<str>> {
    let token = asked.call.meta.get(PROGRESS_TOKEN)?.get();
    let is_token = token.starts_with(|c: char| c == '"' || c == '-' || c.is_ascii_digit());
    (asked.takes_events && is_token && token.len() <= MAX_TOKEN_BYTES).then(|| token.into())
}

/// Modern requests say from which level on they want log messages, legacy sessions have said it before, or have not.
fn log_messages(protocol: &Protocol, asked: &Asked<'_>) -> LogMessages {
    let level = match asked.era {
        _ if !asked.takes_events => return LogMessages::None,
        Era::Modern => {
            let level = asked.call.meta.get(LOG_LEVEL_KEY).and_then(text);
            level.and_then(|level| LogLevel::parse(&level))
        }
        Era::Legacy => match asked.session_key {
            Some(session) => match protocol.0.log_levels.get(&session) {
                Some(level) => Some(level),
                None => return LogMessages::Unasked,
            },
            None => None,
        },
    };
    level.map_or(LogMessages::None, LogMessages::From)
}

fn raw(out: &mut Vec<u8>, value: &RawValue) {
    out.extend_from_slice(value.get().as_bytes());
}

/// The headers that mirror arguments (SEP-2243): the upstream's schema names them, so they are for the upstream to check.
fn mirrored(headers: &HeaderMap) -> HeaderMap {
    let mirrors = headers
        .iter()
        .filter(|(name, _)| name.as_str().starts_with("mcp-param-"));
    mirrors
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_headers_that_mirror_arguments_go_on() {
        let mut headers = HeaderMap::new();
        for name in [
            "authorization",
            "cookie",
            "mcp-param-region",
            "mcp-session-id",
            "host",
        ] {
            headers.insert(name, "secret".parse().expect("a value"));
        }
        let mirrored = mirrored(&headers);
        let names: Vec<_> = mirrored.keys().map(http::HeaderName::as_str).collect();
        assert_eq!(names, ["mcp-param-region"]);
    }
}
