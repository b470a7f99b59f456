//! One POST: from a body to an answer, in the order of checks that every revision agrees with.
//!
//! envelope (400) → era and its metadata (400) → mirrored headers (400) or session (404) → rate limits (429) → policy
//! (403) → method (404 or `-32601`) → parameters → result. Nothing runs before all checks have passed.

use std::borrow::Cow;

use http::StatusCode;
use tokio::time::Instant;

use super::answer::write_refused_call;
use super::call::Ended;
use super::envelope::{self, Call, Id, Message};
use super::era::{self, Revision};
use super::error::Error;
use super::headers::{self, Field, Headers};
use super::members::{Members, is_object};
use super::method::Method;
use super::reply::Caching;
use super::session::{ClientCapabilities, Session};
use super::settings::DeniedCall;
use super::stream::{self, EventStream, Source};
use super::{Answer, Era, Inner, Post, Protocol, call, discover, reply, subscriptions};
use crate::auth::challenge::ErrorCode;
use crate::auth::{Challenge, Principal};
use crate::policy::{Operation, Permit};

/// A request on its way to its answer.
#[derive(Clone, Copy, Debug)]
pub(super) struct Asked<'a> {
    pub(super) principal: &'a Principal,
    pub(super) call: &'a Call<'a>,
    pub(super) id: Id<'a>,
    pub(super) era: Era,
    pub(super) method: Option<Method>,
    /// The name of the tool called, if there is such a tool.
    pub(super) tool: Option<&'static str>,
}

impl Protocol {
    /// Answers one POST to the MCP endpoint.
    #[must_use]
    pub fn post(&self, post: &Post<'_>) -> Answer {
        let headers = Headers::of(post.headers);
        match envelope::parse(post.body) {
            Err(refused) => Answer::refusal(refused.id, &refused.error, Era::Legacy),
            Ok(envelope::Body::One(Message::Call(call))) => self.one(post, &call, &headers),
            Ok(envelope::Body::One(Message::Response)) => self.response(post, &headers),
            Ok(envelope::Body::Batch(messages)) => self.batch(post, &messages, &headers),
        }
    }

    fn one(&self, post: &Post<'_>, call: &Call<'_>, headers: &Headers<'_>) -> Answer {
        let era = match era::of_call(call, headers) {
            Ok(era) => era,
            Err(error) => return Answer::refusal(call.id, &error, Era::Modern),
        };
        let Some(id) = call.id else {
            return self.notification(post.principal, headers, era);
        };
        let checked = match era {
            Era::Modern => headers::check(call, headers),
            Era::Legacy if call.method == "initialize" => Ok(()),
            Era::Legacy => self.session(post.principal, headers).map(|_session| ()),
        };
        if let Err(error) = checked {
            return Answer::refusal(Some(id), &error, era);
        }
        let asked = self.asked(post.principal, call, id, era);
        let mut answer = self.answer(&asked);
        if asked.method == Some(Method::Initialize) && answer.reason.is_none() {
            let (revision, capabilities) = handshake(call);
            answer.session_id = Some(self.0.sessions.mint(post.principal, revision, capabilities));
        }
        answer
    }

    /// Notifications are accepted and change nothing: there is no state that they could change.
    fn notification(&self, principal: &Principal, headers: &Headers<'_>, era: Era) -> Answer {
        let checked = match era {
            Era::Modern => Ok(None),
            Era::Legacy => self.session(principal, headers),
        };
        match checked {
            Ok(_session) => self.accept_notification(principal),
            Err(error) => Answer::refusal(None, &error, era),
        }
    }

    /// 202, if the caller may say anything at all.
    pub(super) fn accept_notification(&self, principal: &Principal) -> Answer {
        match self.admit(principal, None) {
            Ok(_permit) => Answer::empty(StatusCode::ACCEPTED),
            Err(error) => Answer::refusal(None, &error, Era::Legacy),
        }
    }

    /// Legacy clients may answer requests of the server's, of which there are none; modern ones must not.
    fn response(&self, post: &Post<'_>, headers: &Headers<'_>) -> Answer {
        match era::of_header(&headers.version) {
            Ok(Era::Legacy) => self.notification(post.principal, headers, Era::Legacy),
            Ok(Era::Modern) => Answer::refusal(
                None,
                &Error::Invalid("this revision has no responses from clients"),
                Era::Modern,
            ),
            Err(error) => Answer::refusal(None, &error, Era::Legacy),
        }
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

    /// What `call` asks for.
    pub(super) fn asked<'a>(
        &self,
        principal: &'a Principal,
        call: &'a Call<'a>,
        id: Id<'a>,
        era: Era,
    ) -> Asked<'a> {
        let method = Method::parse(&call.method, era);
        let tool = match method {
            Some(Method::CallTool) => call
                .params
                .text("name")
                .and_then(|name| self.0.catalog.name(&name)),
            _ => None,
        };
        Asked {
            principal,
            call,
            id,
            era,
            method,
            tool,
        }
    }

    /// Rate limits and policy for something that is no tool call.
    pub(super) fn admit(
        &self,
        principal: &Principal,
        tool: Option<&'static str>,
    ) -> Result<Permit<'static>, Error> {
        self.limit(principal, tool)?;
        self.permit(
            principal,
            tool.map_or(Operation::Protocol, Operation::CallTool),
        )
    }

    fn limit(&self, principal: &Principal, tool: Option<&str>) -> Result<(), Error> {
        self.0
            .parts
            .rate_limits
            .check_call(principal, tool)
            .map_err(Error::RateLimited)
    }

    fn permit<'a>(
        &self,
        principal: &Principal,
        operation: Operation<'a>,
    ) -> Result<Permit<'a>, Error> {
        self.0
            .parts
            .policy
            .decide(principal, operation)
            .map_err(|denial| {
                Error::Denied(Challenge::new(
                    principal.resource(),
                    denial.scopes,
                    Some(ErrorCode::InsufficientScope),
                ))
            })
    }

    /// Rate limits and policy for a request. A call of a tool that does not exist needs what any call needs.
    pub(super) fn authorize<'a>(&self, asked: &Asked<'a>) -> Result<Permit<'a>, Error> {
        match asked.method {
            Some(Method::CallTool) => {
                self.limit(asked.principal, asked.tool)?;
                self.permit(
                    asked.principal,
                    Operation::CallTool(asked.tool.unwrap_or_default()),
                )
            }
            _ => self.admit(asked.principal, None),
        }
    }

    pub(super) fn answer(&self, asked: &Asked<'_>) -> Answer {
        let started = Instant::now();
        let mut answer = match self.authorize(asked) {
            Ok(permit) if asked.method == Some(Method::Listen) => self.listen(asked, &permit),
            Ok(permit) => {
                let mut json = Vec::with_capacity(self.size_hint(asked));
                match self.write(asked, &permit, &mut json) {
                    Ok(Ended::Well) => Answer::json(json),
                    Ok(Ended::Badly) => Answer {
                        reason: Some("tool_error"),
                        ..Answer::json(json)
                    },
                    Err(error) => Answer::refusal(Some(asked.id), &error, asked.era),
                }
            }
            Err(error) => self.refuse(asked, &error),
        };
        self.count(asked, answer.reason, started);
        answer.operation = operation(asked);
        answer
    }

    fn size_hint(&self, asked: &Asked<'_>) -> usize {
        match asked.method {
            Some(Method::ListTools) => self.0.catalog.len() + 512,
            _ => 512,
        }
    }

    pub(super) fn count(&self, asked: &Asked<'_>, reason: Option<&'static str>, started: Instant) {
        let method = asked.method.map_or("_OTHER", Method::as_str);
        let tool = match asked.method {
            Some(Method::CallTool) => asked.tool.unwrap_or("_OTHER"),
            _ => "",
        };
        let seconds = started.elapsed().as_secs_f64();
        let outcome = reason.unwrap_or("ok");
        self.0
            .parts
            .metrics
            .operation(method, tool, outcome, seconds);
    }

    /// A refused call carries its challenge in the body as well, with 403 or, if so configured, as a plain tool error.
    fn refuse(&self, asked: &Asked<'_>, error: &Error) -> Answer {
        let mut json = Vec::new();
        self.write_refusal(asked, error, &mut json);
        let mut answer = Answer::refused_with(json, error, asked.era);
        if self.is_tool_error(asked, error) {
            answer.status = StatusCode::OK;
            answer.challenge = None;
        }
        answer
    }

    fn is_tool_error(&self, asked: &Asked<'_>, error: &Error) -> bool {
        matches!(error, Error::Denied(_))
            && asked.method == Some(Method::CallTool)
            && self.0.settings.denied_call == DeniedCall::ToolError
    }

    pub(super) fn write_refusal(&self, asked: &Asked<'_>, error: &Error, out: &mut Vec<u8>) {
        match error {
            Error::Denied(challenge) if asked.method == Some(Method::CallTool) => {
                let challenge = challenge.header_value();
                let challenge = challenge.to_str().unwrap_or_default();
                write_refused_call(out, asked.id, challenge, asked.era);
            }
            _ => reply::error(out, Some(asked.id), error, asked.era),
        }
    }

    /// Writes the whole answer to a permitted request, or nothing.
    pub(super) fn write(
        &self,
        asked: &Asked<'_>,
        permit: &Permit<'_>,
        out: &mut Vec<u8>,
    ) -> Result<Ended, Error> {
        let start = out.len();
        reply::open(out, asked.id);
        let written = self.write_result(asked, permit, out);
        match written {
            Ok((ended, caching)) => {
                reply::close(out, asked.era, caching);
                Ok(ended)
            }
            Err(error) => {
                out.truncate(start);
                Err(error)
            }
        }
    }

    fn write_result(
        &self,
        asked: &Asked<'_>,
        permit: &Permit<'_>,
        out: &mut Vec<u8>,
    ) -> Result<(Ended, Caching), Error> {
        let params = &asked.call.params;
        let Inner {
            parts,
            settings,
            catalog,
            ..
        } = &*self.0;
        match asked.method.ok_or(Error::UnknownMethod)? {
            Method::CallTool => {
                let arguments = call_arguments(params)?;
                let ended = call::run(&parts.tools, permit, arguments, out)?;
                return Ok((ended, Caching::Silent));
            }
            Method::Discover => discover::write_discover(out, &settings.instructions),
            Method::Initialize => {
                let requested = params
                    .text("protocolVersion")
                    .ok_or(Error::InvalidParams("protocolVersion is missing"))?;
                let revision = Revision::negotiate(&requested);
                discover::write_initialize(out, revision, &settings.instructions);
            }
            Method::ListTools => {
                first_page(params)?;
                out.extend_from_slice(br#""tools":"#);
                catalog.write(out, &parts.policy, asked.principal);
            }
            Method::ListPrompts => empty_list(params, br#""prompts":[]"#, out)?,
            Method::ListResources => empty_list(params, br#""resources":[]"#, out)?,
            Method::ListResourceTemplates => {
                empty_list(params, br#""resourceTemplates":[]"#, out)?;
            }
            Method::GetPrompt => return Err(Error::InvalidParams("unknown prompt")),
            Method::ReadResource => {
                let uri = params
                    .text("uri")
                    .ok_or(Error::InvalidParams("uri is missing"))?;
                return Err(Error::UnknownResource {
                    uri: uri.into_owned(),
                });
            }
            Method::Ping => {}
            // Its answer is a stream, which is opened before anything is written; in a batch there is none.
            Method::Listen => return Err(Error::UnknownMethod),
        }
        Ok((Ended::Well, Caching::Hinted))
    }

    fn listen(&self, asked: &Asked<'_>, _permit: &Permit<'_>) -> Answer {
        let opened = subscriptions::listen(asked.call, asked.id).and_then(|(first, last)| {
            self.stream(asked.principal, Some(first), Source::Quiet, Some(last))
        });
        match opened {
            Ok(stream) => Answer::events(stream),
            Err(error) => Answer::refusal(Some(asked.id), &error, asked.era),
        }
    }

    /// A stream for `principal`, counted and bound to its token's life.
    pub(super) fn stream(
        &self,
        principal: &Principal,
        first: Option<bytes::Bytes>,
        source: Source,
        last: Option<bytes::Bytes>,
    ) -> Result<EventStream, Error> {
        Ok(EventStream::new(stream::Parts {
            first,
            source,
            last,
            expires_at: principal.expires_at(),
            clock: self.0.parts.clock.clone(),
            lifecycle: self.0.parts.lifecycle.clone(),
            _open: self.0.open_streams.open()?,
        }))
    }
}

/// Only registered names, so that logs and metrics cannot be filled with a stranger's words.
fn operation(asked: &Asked<'_>) -> Option<Cow<'static, str>> {
    let method = asked.method?.as_str();
    Some(match asked.tool {
        None => Cow::Borrowed(method),
        Some(tool) => Cow::Owned(format!("{method} {tool}")),
    })
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

/// The arguments of a call. Usher never asks for input, so it never made a `requestState` that could come back.
fn call_arguments<'a>(
    params: &Members<'a>,
) -> Result<Option<&'a serde_json::value::RawValue>, Error> {
    if params.text("name").is_none() {
        return Err(Error::InvalidParams("name is a string"));
    }
    if params.get("requestState").is_some() {
        return Err(Error::InvalidParams("requestState is not of this server"));
    }
    let arguments = params.get("arguments");
    if arguments.is_some_and(|arguments| !is_object(arguments)) {
        return Err(Error::InvalidParams("arguments is an object"));
    }
    Ok(arguments)
}

/// Lists have one page, so no cursor was ever handed out.
fn first_page(params: &Members<'_>) -> Result<(), Error> {
    match params.get("cursor") {
        None => Ok(()),
        Some(cursor) if cursor.get() == "null" => Ok(()),
        Some(_) => Err(Error::InvalidParams("the cursor is not of this server")),
    }
}

fn empty_list(params: &Members<'_>, json: &[u8], out: &mut Vec<u8>) -> Result<(), Error> {
    first_page(params)?;
    out.extend_from_slice(json);
    Ok(())
}
