//! A call on its way to an upstream: what bridging changes in it, and what has to be kept until the answer comes.

use std::time::Duration;

use super::asking::{Asking, Respondent};
use super::questions::Owner;
use super::request_state::{Binding, RequestStates};
use super::result::{REQUEST_STATE, replace_members};
use super::scan::{Lost, member};
use super::{Crossing, Written, capabilities, input};
use crate::mcp::asked::Asked;
use crate::mcp::catalog::Entry;
use crate::mcp::era::Era;
use crate::mcp::error::Error;
use crate::mcp::headers::Fault;
use crate::mcp::method::Method;
use crate::mcp::session::Session;
use crate::mcp::{Inner, members};
use crate::upstream::{self, Call, Caller, ClientSession, Listener, Reply, UpstreamError};

/// What bridging keeps of a call.
#[derive(Debug)]
pub(in crate::mcp) struct Bridging {
    /// The questions that come before the answer.
    pub(in crate::mcp) asking: Asking,
    method: Method,
    /// What is called, as the client knows it.
    name: Box<str>,
    to: Era,
}

impl Bridging {
    /// Prepares the call of `entry` at `upstream`: what the caller can be asked, the headers that mirror arguments, and the
    /// upstream's own state instead of the sealed one.
    pub(in crate::mcp) fn prepare(
        inner: &Inner,
        asked: &Asked<'_>,
        (entry, upstream): (&Entry, &str),
        call: &mut Call,
        caller: &mut Caller,
    ) -> Result<Self, Error> {
        let respondent = respondent(inner, asked, caller);
        let bridging = Self {
            method: asked.method.ok_or(Error::UnknownMethod)?,
            name: entry.name.as_ref().into(),
            to: asked.era,
            asking: Asking::default(),
        };
        let params = &asked.call.params;
        let arguments = params.get("arguments").map(|raw| raw.get());
        let mirrored = arguments.filter(|json| *json != "null");
        let mirrored = mirrored.unwrap_or("{}").as_bytes();
        match asked.era {
            Era::Modern => {
                let checked = entry.mirrors.check(&call.headers, mirrored);
                checked.map_err(Error::HeaderMismatch)?;
                caller.capabilities = capabilities::of_modern(&asked.call.meta);
                if let Some(state) = params.get(REQUEST_STATE) {
                    let state = members::text(state)
                        .ok_or(Error::InvalidParams("requestState is a string"))?;
                    let binding = bridging.binding(upstream, caller, arguments);
                    let own = inner.request_states.open(&binding, &state);
                    let own = own.map_err(Error::RequestState)?;
                    replace(call, &[(REQUEST_STATE, Some(&own))])?;
                }
            }
            Era::Legacy => {
                if params.get(REQUEST_STATE).is_some() {
                    return Err(Error::InvalidParams("requestState is not of this server"));
                }
                call.headers.clear();
                let written = entry.mirrors.write(&mut call.headers, mirrored);
                written.map_err(|_fault: Fault| {
                    Error::InvalidParams(
                        "an argument is there twice, or is no text that a header can hold",
                    )
                })?;
                caller.capabilities =
                    capabilities::of_session(respondent.as_ref().map(|of| &of.session));
                caller.session = own_session(inner, asked);
                // It answers no question of ours, and an upstream would take it for an answer.
                if params.get(input::INPUT_RESPONSES).is_some() {
                    replace(call, &[(input::INPUT_RESPONSES, None)])?;
                }
            }
        }
        Ok(Self {
            asking: Asking::new(respondent),
            ..bridging
        })
    }

    fn binding(&self, upstream: &str, caller: &Caller, arguments: Option<&str>) -> Binding {
        let called = (self.method.as_str(), &*self.name);
        Binding::new(caller.key, upstream, called, arguments)
    }

    /// True if this result goes to the client as it is.
    pub(in crate::mcp) fn passes(&self, result: &[u8], from: upstream::Era) -> bool {
        let (to, method) = (self.to, self.method);
        Crossing { from, to, method }.passes(result)
    }

    /// Writes the message that answers the client's request `id`.
    pub(in crate::mcp) fn write(
        &self,
        out: &mut Vec<u8>,
        (id, reply, from): (&str, &Reply, upstream::Era),
        (upstream, call, caller): (&str, &Call, &Caller),
        states: &RequestStates,
    ) -> Result<Written, UpstreamError> {
        let crossing = Crossing {
            from,
            to: self.to,
            method: self.method,
        };
        crossing.write(out, id, reply, |state| {
            let params = [b"{", call.members.as_slice(), b"}"].concat();
            let arguments = member(&params, "arguments").map_err(super::invalid)?;
            let arguments = arguments.and_then(|found| std::str::from_utf8(found.value).ok());
            states.seal(&self.binding(upstream, caller, arguments), state)
        })
    }
}

/// Puts other values in the place of some members of the call's parameters, or takes them out.
fn replace(call: &mut Call, with: &[(&str, Option<&[u8]>)]) -> Result<(), Error> {
    let params = [b"{", call.members.as_slice(), b"}"].concat();
    let mut out = Vec::with_capacity(params.len());
    let replaced = replace_members(&mut out, &params, with);
    replaced.map_err(|_lost: Lost| Error::Invalid("params is an object"))?;
    // Without the braces.
    call.members = out.get(1..out.len() - 1).unwrap_or_default().to_vec();
    Ok(())
}

/// The client's session, if a legacy upstream may have something to say to just that: what it asks of a client that can
/// be asked, what it says to one that listens, and what one subscribed to. Other calls of a caller share one, so that
/// clients with a session per call do not open as many there.
fn own_session(inner: &Inner, asked: &Asked<'_>) -> Option<ClientSession> {
    let session = asked.session.as_ref()?;
    let listener = inner.listeners.of(&session.key());
    let subscribes = matches!(asked.method, Some(Method::Subscribe | Method::Unsubscribe));
    let own = client_session(inner, session, listener);
    let is_needed = subscribes || own.listener.is_some() || !own.capabilities.is_empty();
    is_needed.then_some(own)
}

/// This session, as upstreams are told of it.
pub(in crate::mcp) fn client_session(
    inner: &Inner,
    session: &Session,
    listener: Option<Listener>,
) -> ClientSession {
    ClientSession {
        key: session.key(),
        capabilities: capabilities::of_session(Some(session)),
        patience: patience(inner),
        listener,
        is_brief: false,
    }
}

fn patience(inner: &Inner) -> Duration {
    Duration::from_secs(inner.settings.question_timeout_seconds)
}

/// Whom the upstream's questions can be put to: a legacy client with a session, on a stream.
fn respondent(inner: &Inner, asked: &Asked<'_>, caller: &Caller) -> Option<Respondent> {
    let session = asked.session.filter(|_session| asked.takes_events)?;
    Some(respondent_of(inner, session, caller.key))
}

/// The client of this session, of the caller with this key.
pub(in crate::mcp) fn respondent_of(
    inner: &Inner,
    session: Session,
    caller: [u8; 32],
) -> Respondent {
    Respondent {
        owner: Owner {
            caller,
            session: session.key(),
        },
        session,
        questions: inner.questions.clone(),
        patience: patience(inner),
    }
}
