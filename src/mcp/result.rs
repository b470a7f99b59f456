//! A permitted request's answer: one member list per method, written straight into bytes.

use bytes::Bytes;
use serde_json::value::RawValue;
use tokio::time::Instant;

use super::asked::Asked;
use super::call::Ended;
use super::catalog::{Entry, Home};
use super::discover::Told;
use super::era::Revision;
use super::error::Error;
use super::forward::{Forward, Later, Turn};
use super::members::{Members, is_object};
use super::method::Method;
use super::reply::Caching;
use super::{Answer, Inner, Protocol, call, discover, reply, subscriptions, target};
use crate::policy::Permit;
use crate::upstream::{Feature, LogLevel};

/// Up to here, one piece costs less to send than two.
const LONGEST_COPIED: usize = 16 * 1024;

impl Protocol {
    /// The answer to a request, or the way to it. Only what an upstream has needs to be waited for.
    pub(super) fn answer(&self, asked: &Asked<'_>) -> Turn {
        let Some(of) = asked.home() else {
            return match asked.method {
                Some(Method::Listen) => self.listen(asked),
                _ => Turn::Now(self.answer_now(asked)),
            };
        };
        match self.checked_call(asked, of) {
            Ok(turn) => turn,
            Err(refused) => Turn::Now(*refused),
        }
    }

    /// The call on its way to its upstream, if it may go there.
    fn checked_call(&self, asked: &Asked<'_>, of: (&Entry, &Home)) -> Result<Turn, Box<Answer>> {
        let started = Instant::now();
        let refuse = |error: Error| Answer::refusal(Some(asked.id), &error, asked.era);
        let checked = match self.authorize(asked) {
            Err(error) => Err(self.refuse(asked, &error)),
            Ok(_permit) => target::check(asked.method, &asked.call.params)
                .and_then(|()| subscriptions::check(asked, of.1))
                .and_then(|()| match self.keep_subscribed(asked, of) {
                    Some(kept) => Ok(Turn::Soon(kept)),
                    None => {
                        let forward = Forward::new(self, asked, of)?;
                        Ok(Turn::Later(Later::new(self, asked, forward)))
                    }
                })
                .map_err(refuse),
        };
        checked.map_err(|mut answer| {
            self.count(asked, answer.reason, started);
            answer.operation = asked.operation();
            Box::new(answer)
        })
    }

    pub(super) fn count(&self, asked: &Asked<'_>, reason: Option<&'static str>, started: Instant) {
        let label = asked.entry().map(|entry| &entry.label);
        self.0.counts.add((asked.method, label), reason, started);
    }

    fn answer_now(&self, asked: &Asked<'_>) -> Answer {
        let started = Instant::now();
        let mut answer = match self.authorize(asked) {
            Ok(permit) => {
                if let Some(feature) = asked.method.and_then(Method::lists) {
                    return self.answer_list(asked, feature, started);
                }
                let mut json = Vec::with_capacity(512);
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
        answer.operation = asked.operation();
        answer
    }

    /// A list is there already, written for all who may use the same. A long one is not copied.
    fn answer_list(&self, asked: &Asked<'_>, feature: Feature, started: Instant) -> Answer {
        let mut answer = match self.page(asked, feature) {
            Ok(page) => {
                let is_short = page.len() <= LONGEST_COPIED;
                let copied = if is_short { page.len() } else { 0 };
                let mut json = Vec::with_capacity(64 + asked.id.as_json().len() + copied);
                reply::open(&mut json, asked.id);
                if is_short {
                    json.extend_from_slice(&page);
                    Answer::json(json)
                } else {
                    Answer::spliced(json, page, b"")
                }
            }
            Err(error) => Answer::refusal(Some(asked.id), &error, asked.era),
        };
        self.count(asked, answer.reason, started);
        answer.operation = asked.operation();
        answer
    }

    /// The list that the caller gets, as the rest of an answer.
    fn page(&self, asked: &Asked<'_>, feature: Feature) -> Result<Bytes, Error> {
        first_page(&asked.call.params)?;
        let whom = (&self.0.parts.policy, asked.principal);
        Ok(asked.catalog.page_for(feature, asked.era, whom))
    }

    /// Writes the whole answer to a permitted request, or nothing.
    pub(super) fn write(
        &self,
        asked: &Asked<'_>,
        permit: &Permit<'_>,
        out: &mut Vec<u8>,
    ) -> Result<Ended, Error> {
        if let Some(feature) = asked.method.and_then(Method::lists) {
            let page = self.page(asked, feature)?;
            reply::open(out, asked.id);
            out.extend_from_slice(&page);
            return Ok(Ended::Well);
        }
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
            parts, settings, ..
        } = &*self.0;
        let instructions = match asked.principal.resource().upstream() {
            None => settings.instructions.as_str(),
            Some(_) => (asked.catalog).instructions_for(&parts.policy, asked.principal),
        };
        let told = Told {
            catalog: asked.catalog,
            instructions,
            // Not over HTTP+SSE: a subscription belongs to a session that any replica knows.
            may_subscribe: asked.session.is_some() || asked.session_key.is_none(),
        };
        match asked.method.ok_or(Error::UnknownMethod)? {
            Method::CallTool => {
                let arguments = call_arguments(params)?;
                // No built-in tool asks for input, so none made a state that could come back.
                if params.get("requestState").is_some() {
                    return Err(Error::InvalidParams("requestState is not of this server"));
                }
                let ended = call::run(&parts.tools, permit, arguments, out)?;
                return Ok((ended, Caching::Silent));
            }
            Method::Discover => discover::write_discover(out, told),
            Method::Initialize => {
                let requested = params
                    .text("protocolVersion")
                    .ok_or(Error::InvalidParams("protocolVersion is missing"))?;
                let revision = Revision::negotiate(&requested);
                discover::write_initialize(out, revision, told);
            }
            Method::GetPrompt => return Err(Error::InvalidParams("unknown prompt")),
            Method::Complete => {
                return Err(Error::InvalidParams(
                    "ref names no prompt or resource of this server",
                ));
            }
            Method::ReadResource | Method::Subscribe | Method::Unsubscribe => {
                let uri = params
                    .text("uri")
                    .ok_or(Error::InvalidParams("uri is missing"))?;
                return Err(Error::UnknownResource {
                    uri: uri.into_owned(),
                });
            }
            Method::Ping => {}
            Method::SetLevel => {
                let level = params.text("level");
                let level = level.and_then(|level| LogLevel::parse(&level));
                let level = level.ok_or(Error::InvalidParams("the log level is not known"))?;
                if let Some(session) = asked.session_key {
                    self.0.log_levels.set(session, level);
                }
            }
            // Its answer is a stream, which is opened before anything is written; in a batch there is none. Lists are
            // written already.
            Method::Listen
            | Method::ListPrompts
            | Method::ListResources
            | Method::ListResourceTemplates
            | Method::ListTools => return Err(Error::UnknownMethod),
        }
        Ok((Ended::Well, Caching::Hinted))
    }
}

/// The arguments of a call.
pub(super) fn call_arguments<'a>(params: &Members<'a>) -> Result<Option<&'a RawValue>, Error> {
    if params.text("name").is_none() {
        return Err(Error::InvalidParams("name is a string"));
    }
    arguments(params)
}

/// The arguments of a call or a prompt. Clients that have none also write `null`; what an upstream makes of it is its own.
pub(super) fn arguments<'a>(params: &Members<'a>) -> Result<Option<&'a RawValue>, Error> {
    match params.get("arguments") {
        Some(none) if none.get() == "null" => Ok(None),
        Some(other) if !is_object(other) => Err(Error::InvalidParams("arguments is an object")),
        arguments => Ok(arguments),
    }
}

/// Lists have one page, so no cursor was ever handed out.
fn first_page(params: &Members<'_>) -> Result<(), Error> {
    match params.get("cursor") {
        None => Ok(()),
        Some(cursor) if cursor.get() == "null" => Ok(()),
        Some(_) => Err(Error::InvalidParams("the cursor is not of this server")),
    }
}
