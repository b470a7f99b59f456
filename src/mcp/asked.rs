//! A request on its way to its answer: who asks what, whether that is allowed, and what is said if it is not.

use std::sync::Arc;

use http::{HeaderMap, StatusCode};

use super::caller_credential::Credential;
use super::catalog::{Catalog, Entry, Found, Home};
use super::envelope::{Call, Id};
use super::error::Error;
use super::method::Method;
use super::session::{Session, SessionKey};
use super::settings::DeniedCall;
use super::{Answer, Era, Post, Protocol, answer, call, reply, target};
use crate::auth::{Challenge, Principal};
use crate::policy::{Denial, Operation, Permit, Reason};
use crate::tools;

/// A request on its way to its answer.
#[derive(Clone, Debug)]
pub(super) struct Asked<'a> {
    pub(super) principal: &'a Principal,
    pub(super) call: &'a Call<'a>,
    pub(super) id: Id<'a>,
    pub(super) era: Era,
    pub(super) method: Option<Method>,
    /// The request's headers.
    pub(super) headers: &'a HeaderMap,
    /// What yields the caller's credentials for upstreams.
    pub(super) credential: Option<&'a Credential>,
    /// The legacy session that it belongs to; none over HTTP+SSE.
    pub(super) session: Option<Session>,
    /// What tells its legacy session apart from others, whichever transport that is of.
    pub(super) session_key: Option<SessionKey>,
    /// The client takes a stream for an answer.
    pub(super) takes_events: bool,
    /// The name under which the client and the log speak of the request.
    pub(super) request_id: &'a str,
    /// What there is at this moment.
    pub(super) catalog: &'a Catalog,
    /// The tool, prompt, resource or template that it is about, if there is such a thing.
    pub(super) found: Option<Found<'a>>,
}

impl Asked<'_> {
    /// What it is about, if there is such a thing.
    pub(super) fn entry(&self) -> Option<&Entry> {
        self.found.as_deref()
    }

    /// The same with the upstream that has it, if it is an upstream's.
    pub(super) fn home(&self) -> Option<(&Entry, &Home)> {
        let entry = self.entry()?;
        Some((entry, entry.home.as_ref()?))
    }

    /// What the log tells of it: names that are listed, and of resources no more than whose they are.
    pub(super) fn operation(&self) -> Option<answer::Operation> {
        let method = self.method?;
        let tool = self.entry().map(|entry| match method {
            Method::CallTool | Method::GetPrompt => entry.name.clone(),
            _ => entry.label.clone(),
        });
        let method = method.as_str();
        Some(answer::Operation { method, tool })
    }
}

impl Protocol {
    /// What `call` asks for.
    pub(super) fn asked<'a>(
        &self,
        (post, catalog): (&Post<'a>, &'a Catalog),
        call: &'a Call<'a>,
        id: Id<'a>,
        era: Era,
    ) -> Asked<'a> {
        let is_served = |method: &Method| {
            (*method != Method::Complete || catalog.completes())
                && (*method != Method::SetLevel || catalog.logs())
                && (!matches!(method, Method::Subscribe | Method::Unsubscribe)
                    || catalog.subscribes())
        };
        let method = Method::parse(&call.method, era).filter(is_served);
        let found = target::find(method, &call.params, (catalog, &self.0.parts.policy));
        Asked {
            principal: post.principal,
            headers: post.headers,
            credential: post.credential,
            session: None,
            session_key: None,
            takes_events: post.takes_events,
            request_id: post.request_id,
            catalog,
            call,
            id,
            era,
            method,
            found,
        }
    }

    /// The policy for something that is no tool call.
    pub(super) fn admit(&self, principal: &Principal) -> Result<Permit<'static>, Error> {
        self.permit(principal, Operation::Protocol)
    }

    /// Whether `principal` may read documents: what a call of `fetch` takes, for those who read one without it.
    pub fn permit_fetch(&self, principal: &Principal) -> Result<(), Denied> {
        let catalogs = self.0.catalogs.load();
        let catalog = catalogs.whole();
        let fetch = catalog.requirements(catalog.tool(tools::FETCH));
        let decided = self
            .0
            .parts
            .policy
            .decide(principal, Operation::CallTool(fetch));
        decided
            .map(drop)
            .map_err(|denial| Denied::new(denial, principal))
    }

    /// The limit per tool. Limits per subject and client id count every request, before this layer.
    fn limit(&self, principal: &Principal, tool: &str) -> Result<(), Error> {
        self.0
            .parts
            .rate_limits
            .check_call(principal, Some(tool))
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
            .map_err(|denial| Error::Denied(Box::new(Denied::new(denial, principal))))
    }

    /// Policy and limits for a request. What does not exist needs what any call needs.
    pub(super) fn authorize<'a>(&self, asked: &'a Asked<'_>) -> Result<Permit<'a>, Error> {
        let requirements = asked.catalog.requirements(asked.entry());
        match asked.method {
            Some(Method::CallTool) => {
                let permit = self.permit(asked.principal, Operation::CallTool(requirements))?;
                self.limit(asked.principal, requirements.name())?;
                Ok(permit)
            }
            Some(
                Method::Complete
                | Method::GetPrompt
                | Method::ReadResource
                | Method::Subscribe
                | Method::Unsubscribe,
            ) => self.permit(asked.principal, Operation::Read(requirements)),
            _ => self.admit(asked.principal),
        }
    }

    /// A refused call carries its challenge in the body as well, with 403 or, if so configured, as a plain tool error.
    pub(super) fn refuse(&self, asked: &Asked<'_>, error: &Error) -> Answer {
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
        let refused = (asked.id, asked.request_id);
        match error {
            Error::Denied(denied) if asked.method == Some(Method::CallTool) => {
                match &denied.challenge {
                    Some(challenge) => {
                        let challenge = challenge.header_value();
                        let challenge = challenge.to_str().unwrap_or_default();
                        write_refused_call(out, refused, challenge, asked.era);
                    }
                    None => write_forbidden_call(out, refused, asked.era),
                }
            }
            Error::Denied(_) => reply::refusal(out, refused, error, asked.era),
            _ => reply::error(out, Some(asked.id), error, asked.era),
        }
    }
}

/// What the policy refuses, and how that is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Denied {
    /// The stable reason code.
    pub reason: &'static str,
    /// The rule that refuses, for the log alone.
    pub rule: Arc<str>,
    /// What would help; nothing if no scope would.
    pub challenge: Option<Challenge>,
}

impl Denied {
    fn new(denial: Denial, principal: &Principal) -> Self {
        let Denial {
            reason,
            rule,
            scopes,
        } = denial;
        let challenge = || Challenge::insufficient_scope(principal.resource(), scopes);
        Self {
            reason: reason.as_str(),
            rule,
            challenge: (reason == Reason::InsufficientScope).then(challenge),
        }
    }
}

/// The result of a call that no better token of this caller would open: a tool error, which the model can pass on.
fn write_forbidden_call(out: &mut Vec<u8>, (id, request_id): (Id<'_>, &str), era: Era) {
    reply::open(out, id);
    call::failed(
        out,
        "You may not use this tool. No other scope would change that; ask whoever runs this server.",
    );
    if era == Era::Modern {
        out.extend_from_slice(br#","resultType":"complete""#);
    }
    out.extend_from_slice(br#","_meta":{"#);
    close_refused(out, request_id, era);
}

/// The result of a call that is refused for want of a (better) token, as ChatGPT wants it: a tool error that carries
/// the challenges of RFC 6750 in `_meta["mcp/www_authenticate"]`.
pub(super) fn write_refused_call(
    out: &mut Vec<u8>,
    (id, request_id): (Id<'_>, &str),
    challenge: &str,
    era: Era,
) {
    reply::open(out, id);
    call::failed(
        out,
        "Authorization is required: the access token is missing, not valid, or lacks a scope.",
    );
    if era == Era::Modern {
        out.extend_from_slice(br#","resultType":"complete""#);
    }
    out.extend_from_slice(br#","_meta":{"mcp/www_authenticate":["#);
    reply::string(out, challenge);
    out.extend_from_slice(b"],");
    close_refused(out, request_id, era);
}

/// The end of both: the name under which the log speaks of it, and who answers.
fn close_refused(out: &mut Vec<u8>, request_id: &str, era: Era) {
    out.extend_from_slice(br#""usher/request_id":"#);
    reply::string(out, request_id);
    if era == Era::Modern {
        out.extend_from_slice(br#","io.modelcontextprotocol/serverInfo":"#);
        out.extend_from_slice(reply::SERVER_INFO.as_bytes());
    }
    out.extend_from_slice(b"}}}");
}
