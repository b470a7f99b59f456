//! What of a request goes into the record of refusals: nothing of one that was answered but that it came.

use axum::http::{StatusCode, header};
use axum::response::Response;

use super::{Call, Stack};
use crate::audit::{Refused, Software};
use crate::auth::{Challenge, Seen};
use crate::http::authenticate::Turned;
use crate::http::error::Refusal;
use crate::http::surface::Endpoint;

/// The most bytes of a `User-Agent` that are looked at.
const LONGEST: usize = 128;

impl Stack {
    /// Counts an accepted request; keeps what is to be known of a refused one.
    pub(super) fn record(&self, call: &mut Call, response: &Response) {
        let audit = &self.state.audit;
        let software = Software::of(call.user_agent());
        if call.caller.is_some() {
            audit.accepted(software, call.asks_for_something());
        }
        if call.notes.reason.is_none() {
            return;
        }
        if response.status() == StatusCode::UNAUTHORIZED {
            audit.challenged(software);
        }
        if call.notes.reason == Some("no_token") {
            audit.without_token();
            return;
        }
        let turned = call.turned.take();
        if let Some(refused) = self.refused(call, turned, response) {
            audit.refused(refused);
        }
    }

    /// Counts a call for the admin page about calls, and lists a stream on the one about streams for as long as it is open.
    pub(super) fn remember(&self, call: &Call, response: &mut Response, streams: bool, now: i64) {
        let Some(caller) = &call.caller else {
            return;
        };
        let principal = &caller.principal;
        if let Some(operation) = &call.notes.operation {
            let refused = call.notes.reason.is_some();
            let calls = self.state.recent_calls();
            calls.record(principal, operation, refused, now);
        }
        if streams {
            let path = call.endpoint.map_or("other", Endpoint::label);
            let about = (path, call.user_agent());
            let body = std::mem::take(response.body_mut());
            let held = self
                .state
                .active_streams()
                .hold(body, principal, about, now);
            *response.body_mut() = held;
        }
    }

    /// Nothing for what is refused to everybody, and for what is no matter of who may come in: a path that is not there, a
    /// body that is too large, a tool that does not exist.
    fn refused<'c>(
        &self,
        call: &'c Call,
        turned: Option<Box<Turned>>,
        response: &Response,
    ) -> Option<Refused<'c>> {
        let reason = call.notes.reason?;
        let blank = Refused {
            user_agent: call.user_agent(),
            client_info: call.notes.client_info.clone(),
            ..Refused::new(reason, call.request_id.as_str())
        };
        if let Some(turned) = turned {
            let Turned {
                refusal,
                resource,
                problem,
                seen,
            } = *turned;
            let sent = match refusal {
                Refusal::OriginNotAllowed => {
                    let origin = call.head.headers.get(header::ORIGIN);
                    origin.map(|origin| origin.as_bytes())
                }
                Refusal::HostNotAllowed => call.foreign_host.as_deref().map(str::as_bytes),
                Refusal::Challenged { .. }
                | Refusal::HostHeader
                | Refusal::IntrospectionUnavailable { .. }
                | Refusal::KeysUnavailable { .. }
                | Refusal::RateLimited(_) => None,
                Refusal::AdminSecret
                | Refusal::AmbiguousHeaders
                | Refusal::BodyBroken
                | Refusal::BodyTimeout
                | Refusal::BodyTooLarge
                | Refusal::Forbidden { .. }
                | Refusal::HeadersTooLarge
                | Refusal::IndexNotReady
                | Refusal::Internal
                | Refusal::MethodNotAllowed { .. }
                | Refusal::NotFound
                | Refusal::Overloaded
                | Refusal::Path
                | Refusal::RequestTimeout
                | Refusal::TooManyBodies => return None,
            };
            return Some(Refused {
                resource,
                problem,
                seen,
                sent,
                ..blank
            });
        }
        let principal = &call.caller.as_ref()?.principal;
        if call.notes.rule.is_none() && response.status() != StatusCode::TOO_MANY_REQUESTS {
            return None;
        }
        let profile = self.state.resource_server.profile(principal.issuer());
        let challenge = response.headers().get(header::WWW_AUTHENTICATE);
        let challenge = challenge.and_then(|challenge| Challenge::parse(challenge.to_str().ok()?));
        Some(Refused {
            seen: Some(Box::new(Seen::principal(principal, profile))),
            resource: Some(std::sync::Arc::clone(principal.resource())),
            operation: call.notes.operation.as_ref().map(ToString::to_string),
            rule: call.notes.rule.clone(),
            scopes: challenge.map(|challenge| challenge.scopes().clone()),
            ..blank
        })
    }
}

impl Call {
    /// The beginning of the `User-Agent`.
    fn user_agent(&self) -> Option<&[u8]> {
        let sent = self.head.headers.get(header::USER_AGENT)?.as_bytes();
        Some(sent.get(..LONGEST).unwrap_or(sent))
    }

    /// True if it asks for more than to open or keep up a connection. Lists count: a client that likes what it is told
    /// asks for them at once, and calls when its user wants something.
    fn asks_for_something(&self) -> bool {
        const CONNECTING: [&str; 4] = ["initialize", "logging/setLevel", "ping", "server/discover"];
        match &self.notes.operation {
            Some(operation) => {
                self.notes.reason.is_none() && !CONNECTING.contains(&operation.method)
            }
            None => self.endpoint == Some(Endpoint::Document) && self.notes.reason.is_none(),
        }
    }
}
