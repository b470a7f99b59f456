//! `tools/call` of an upstream's tool: what goes there, and what comes back without being changed.
//!
//! Of the request, the id, the name and the protocol's own metadata change; every other value goes on as it was written.
//! The result or the error is spliced into the answer as the upstream wrote it. A modern client is told
//! `resultType: complete` where the upstream is legacy and could not say so.

use std::pin::Pin;
use std::sync::Arc;

use http::HeaderMap;
use serde_json::value::RawValue;
use tokio::time::Instant;

use super::asked::Asked;
use super::bridge::{Crossing, Written};
use super::caller_credential::Credential;
use super::catalog::{Entry, Home, Label};
use super::error::Error;
use super::members::write_member;
use super::method::Method;
use super::{Answer, Era, Operation, Protocol, reply, session};
use crate::upstream::{self, Call, Caller, Reply, Said, Upstream, UpstreamError};

/// The answer to a message: at once, or when an upstream has answered. Only the latter costs a boxed future.
#[expect(
    clippy::large_enum_variant,
    reason = "nearly every turn is an answer, which would cost an allocation each"
)]
pub(super) enum Turn {
    Now(Answer),
    Later(Pin<Box<dyn Future<Output = Answer> + Send>>),
}

/// Metadata that is between two neighbours: ours with the client is not that of the upstream with us. Progress is not
/// passed back yet, so none is asked for.
fn is_between_neighbours(key: &str) -> bool {
    key.starts_with("io.modelcontextprotocol/") || key == "progressToken"
}

/// A permitted call on its way to an upstream. It has nothing of the caller but the call.
pub(super) struct Forward {
    protocol: Protocol,
    home: Home,
    call: Call,
    caller: Caller,
    id: Box<str>,
    era: Era,
    operation: Option<Operation>,
    label: Label,
    started: Instant,
}

impl Forward {
    /// The call of `entry`, which lives at `home`.
    pub(super) fn new(protocol: &Protocol, asked: &Asked<'_>, entry: &Entry, home: &Home) -> Self {
        let (mut members, mut meta) = (Vec::new(), Vec::new());
        for (key, value) in asked.call.params.iter() {
            if key == "name" {
                write_member(&mut members, key, |out| reply::string(out, &home.tool));
            } else {
                write_member(&mut members, key, |out| raw(out, value));
            }
        }
        let theirs = asked.call.meta.iter();
        for (key, value) in theirs.filter(|(key, _)| !is_between_neighbours(key)) {
            write_member(&mut meta, key, |out| raw(out, value));
        }
        Self {
            protocol: protocol.clone(),
            home: home.clone(),
            call: Call {
                method: "tools/call",
                name: Some(home.tool.clone()),
                members,
                meta,
                headers: mirrored(asked.headers),
                progress_token: None,
            },
            caller: caller(asked),
            id: asked.id.as_json().into(),
            era: asked.era,
            operation: asked.operation(),
            label: entry.label.clone(),
            started: Instant::now(),
        }
    }

    /// The answer to one call.
    pub(super) async fn answer(self) -> Answer {
        let operation = self.operation.clone();
        let (json, reason) = self.message().await;
        let mut answer = Answer::json(json);
        answer.reason = reason;
        answer.operation = operation;
        answer
    }

    /// The JSON-RPC message that answers the call, and what went wrong. Counts it.
    pub(super) async fn message(self) -> (Vec<u8>, Option<&'static str>) {
        let Self {
            protocol,
            home,
            call,
            caller,
            id,
            era,
            label,
            started,
            ..
        } = self;
        let answered = ask(&home.upstream, call, &caller).await;
        let mut json = Vec::new();
        let written = answered.and_then(|(reply, from)| write(&mut json, &id, (reply, from), era));
        let reason = written.unwrap_or_else(|error| {
            json.clear();
            let reason = error.reason();
            reply::error_to(&mut json, Some(&id), &Error::Upstream(error), era);
            Some(reason)
        });
        let what = (Some(Method::CallTool), Some(&label));
        protocol.0.counts.add(what, reason, started);
        (json, reason)
    }
}

/// The upstream's answer; whatever it says before goes nowhere yet.
async fn ask(
    upstream: &Arc<Upstream>,
    call: Call,
    caller: &Caller,
) -> Result<(Reply, upstream::Era), UpstreamError> {
    let mut conversation = upstream.begin(call, caller).await?;
    loop {
        if let Said::Reply(reply) = conversation.next().await? {
            return Ok((reply, conversation.era()));
        }
    }
}

/// For whom the upstream is asked. Without a key it would be for this server itself.
fn caller(asked: &Asked<'_>) -> Caller {
    Caller {
        key: session::caller_key(asked.principal),
        credential: asked.credential.map(Credential::shared),
        ..Caller::default()
    }
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

/// Splices what the upstream said into an answer with the client's own id.
fn write(
    out: &mut Vec<u8>,
    id: &str,
    (reply, from): (Reply, upstream::Era),
    to: Era,
) -> Result<Option<&'static str>, UpstreamError> {
    let method = Method::CallTool;
    let crossing = Crossing { from, to, method };
    // No input can be asked for as yet, so none was offered.
    let seal = |_state: &[u8]| Err(UpstreamError::Invalid);
    match crossing.write(out, id, &reply, seal)? {
        Written::Result => Ok(None),
        Written::Error(_) | Written::ToolError => Ok(Some("upstream_error")),
        Written::InputRequired => Err(UpstreamError::Invalid),
    }
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
