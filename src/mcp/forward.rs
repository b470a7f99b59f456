//! A call of something that an upstream has: what goes there, and what comes back without being changed.
//!
//! Of the request, the id, the name and the protocol's own metadata change; every other value goes on as it was written.
//! What comes back is spliced into our messages as the upstream wrote it (`splice`). If the upstream's first word is the
//! answer, the caller gets JSON; if it has something to say before, or takes its time, a stream of events (`talk`).

mod splice;
mod talk;

use std::pin::Pin;

use futures_util::{Stream, stream};
use http::HeaderMap;
use serde_json::value::RawValue;
use tokio::time::Instant;

use super::asked::Asked;
use super::caller_credential::Credential;
use super::catalog::{Entry, Home, Label};
use super::era::LOG_LEVEL_KEY;
use super::error::Error;
use super::members::{text, write_member};
use super::method::Method;
use super::{Answer, Era, Protocol, reply, session, target};
use crate::upstream::{Call, Caller, Conversation, LogLevel, Said, UpstreamError};

pub(super) use talk::Later;
pub(crate) use talk::Talk;

/// The answer to a message: at once, or when upstreams have answered. Only these cost a box.
pub(super) enum Turn {
    Now(Answer),
    Later(Later),
    Batch(Pin<Box<dyn Future<Output = Answer> + Send>>),
}

/// Metadata that is between two neighbours: ours with the client is not that of the upstream with us.
fn is_between_neighbours(key: &str) -> bool {
    key.starts_with("io.modelcontextprotocol/") || key == PROGRESS_TOKEN
}

const PROGRESS_TOKEN: &str = "progressToken";
/// A token stays with its call for as long as that runs.
const MAX_TOKEN_BYTES: usize = 256;

/// A permitted call on its way to an upstream. It has nothing of the caller but the call.
pub(super) struct Forward {
    home: Home,
    call: Call,
    caller: Caller,
    id: Box<str>,
    method: Method,
    era: Era,
    tally: Tally,
}

/// What becomes of one step of a call.
#[derive(Debug)]
pub(super) enum Step {
    /// A message that the upstream sent before its answer.
    Notification(Vec<u8>),
    /// The message that answers the call, and what went wrong.
    Answer(Vec<u8>, Option<&'static str>),
}

pub(super) type Steps = Pin<Box<dyn Stream<Item = Step> + Send>>;

impl Forward {
    /// The call of `entry`, which lives at `home`.
    pub(super) fn new(protocol: &Protocol, asked: &Asked<'_>, entry: &Entry, home: &Home) -> Self {
        let (mut members, mut meta) = (Vec::new(), Vec::new());
        let method = asked.method.unwrap_or(Method::CallTool);
        target::write_params(&mut members, method, &asked.call.params, home);
        let theirs = asked.call.meta.iter();
        for (key, value) in theirs.filter(|(key, _)| !is_between_neighbours(key)) {
            write_member(&mut meta, key, |out| raw(out, value));
        }
        Self {
            home: home.clone(),
            call: Call {
                method: method.as_str(),
                // A completion is about something and has no name of its own.
                name: (method != Method::Complete).then(|| home.name.clone()),
                members,
                meta,
                headers: mirrored(asked.headers),
                progress_token: progress_token(asked),
            },
            caller: caller(asked),
            id: asked.id.as_json().into(),
            method,
            era: asked.era,
            tally: Tally {
                protocol: protocol.clone(),
                method,
                label: Some(entry.label.clone()),
                started: Instant::now(),
            },
        }
    }

    /// The call, step by step. Dropping it cancels the call at the upstream.
    pub(super) fn steps(self) -> Steps {
        let talking = Talking {
            forward: self,
            conversation: None,
        };
        Box::pin(stream::unfold(
            Some(talking),
            |talking: Option<Talking>| async move { Some(talking?.step().await) },
        ))
    }

    fn answered(
        mut self,
        answered: Result<(crate::upstream::Reply, crate::upstream::Era), UpstreamError>,
    ) -> Step {
        let mut json = Vec::new();
        let written = answered.and_then(|(reply, from)| {
            splice::answer(&mut json, &self.id, (reply, from), (self.era, self.method))
        });
        let reason = written.unwrap_or_else(|error| {
            json.clear();
            let reason = error.reason();
            reply::error_to(&mut json, Some(&self.id), &Error::Upstream(error), self.era);
            Some(reason)
        });
        self.tally.add(reason);
        Step::Answer(json, reason)
    }
}

/// A call that runs.
struct Talking {
    forward: Forward,
    conversation: Option<Conversation>,
}

impl Talking {
    async fn step(mut self) -> (Step, Option<Self>) {
        match self.hear().await {
            Ok((Said::Notification(notification), _)) => {
                let step = Step::Notification(splice::notification(&notification));
                (step, Some(self))
            }
            Ok((Said::Reply(reply), era)) => (self.forward.answered(Ok((reply, era))), None),
            Err(error) => (self.forward.answered(Err(error)), None),
        }
    }

    async fn hear(&mut self) -> Result<(Said, crate::upstream::Era), UpstreamError> {
        let Forward {
            home, call, caller, ..
        } = &mut self.forward;
        let conversation = match &mut self.conversation {
            Some(conversation) => conversation,
            none => none.insert(home.upstream.begin(std::mem::take(call), caller).await?),
        };
        Ok((conversation.next().await?, conversation.era()))
    }
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

/// The reason code of a call whose caller does not want its answer any more.
pub(super) const CANCELLED: &str = "cancelled";

/// For whom the upstream is asked. Without a key it would be for this server itself.
fn caller(asked: &Asked<'_>) -> Caller {
    Caller {
        key: session::caller_key(asked.principal),
        log_level: log_level(asked),
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

fn log_level(asked: &Asked<'_>) -> Option<LogLevel> {
    let level = asked.call.meta.get(LOG_LEVEL_KEY).and_then(text)?;
    LogLevel::parse(&level).filter(|_known| asked.takes_events && asked.era == Era::Modern)
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
