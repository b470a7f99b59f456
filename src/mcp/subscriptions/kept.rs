//! `resources/subscribe` of a legacy client at an upstream where nothing is that client's own: this server keeps the
//! subscription up for it, and tells the stream of its session.

use std::pin::Pin;

use tokio::time::Instant;

use crate::mcp::asked::Asked;
use crate::mcp::bridge::outgoing::client_session;
use crate::mcp::caller_credential::Credential;
use crate::mcp::catalog::{Entry, Home};
use crate::mcp::error::Error;
use crate::mcp::method::Method;
use crate::mcp::reply::{self, Caching};
use crate::mcp::session::caller_key;
use crate::mcp::{Answer, Protocol};
use crate::upstream::{Caller, Subscribing, UpstreamError};

const NOT_TOLD: &str = "the server of this resource does not tell of its changes";

/// Whether a legacy client can subscribe to what it names, or end that: in a session of its own, and where the upstream
/// tells of its resources. Other requests can.
pub(in crate::mcp) fn check(asked: &Asked<'_>, home: &Home) -> Result<(), Error> {
    if !matches!(asked.method, Some(Method::Subscribe | Method::Unsubscribe)) {
        return Ok(());
    }
    if asked.session.is_none() {
        return Err(Error::Invalid("a subscription belongs to a session"));
    }
    match home.upstream.lists().subscriptions {
        Some(Subscribing::InSessions | Subscribing::Kept) => Ok(()),
        None => Err(Error::InvalidParams(NOT_TOLD)),
    }
}

impl Protocol {
    /// The answer to a request that [`check`] has passed, if this server keeps such subscriptions up itself.
    pub(in crate::mcp) fn keep_subscribed(
        &self,
        asked: &Asked<'_>,
        (entry, home): (&Entry, &Home),
    ) -> Option<Pin<Box<dyn Future<Output = Answer> + Send>>> {
        let method = asked
            .method
            .filter(|method| matches!(method, Method::Subscribe | Method::Unsubscribe))?;
        let session = asked.session.as_ref()?;
        if home.upstream.lists().subscriptions != Some(Subscribing::Kept) {
            return None;
        }
        let listener = self.0.listeners.of(&session.key());
        let caller = Caller {
            key: caller_key(asked.principal),
            session: Some(client_session(&self.0, session, listener)),
            credential: asked.credential.map(Credential::shared),
            ..Caller::default()
        };
        let (protocol, home, label) = (self.clone(), home.clone(), entry.label.clone());
        let (era, operation, started) = (asked.era, asked.operation(), Instant::now());
        let id: Box<str> = asked.id.as_json().into();
        Some(Box::pin(async move {
            let done = match method {
                Method::Unsubscribe => {
                    home.upstream.unsubscribe(&caller, &home.name);
                    Ok(())
                }
                _ => match home.upstream.subscribe(&caller, &[&*home.name]).await {
                    Ok(_told) => Ok(()),
                    Err(UpstreamError::Refused) => Err(Error::InvalidParams(NOT_TOLD)),
                    Err(error) => Err(Error::Upstream(error)),
                },
            };
            let mut json = Vec::new();
            let mut answer = match &done {
                Ok(()) => {
                    reply::begin(&mut json, &id);
                    json.push(b'{');
                    reply::close(&mut json, era, Caching::Silent);
                    Answer::json(json)
                }
                Err(error) => {
                    reply::error_to(&mut json, Some(&id), error, era);
                    Answer::refused_with(json, error, era)
                }
            };
            let counted = (Some(method), Some(&label));
            protocol.0.counts.add(counted, answer.reason, started);
            answer.operation = operation;
            answer
        }))
    }
}
