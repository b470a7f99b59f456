//! A request that runs at an upstream: where, in whose name, and how it is cancelled.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::OwnedSemaphorePermit;

use super::Answer;
use super::questions::Questions;
use crate::shares::Share;
use crate::upstream::breaker::Pass;
use crate::upstream::credential::Behalf;
use crate::upstream::http::{Begun, HttpLink, OnBehalf, Sending};
use crate::upstream::link::{Link, Wire};
use crate::upstream::log_level::LogLevel;
use crate::upstream::message::{self, Era, Request};
use crate::upstream::sessions::{Opening, Slot};
use crate::upstream::{Call, Caller, Capabilities, Upstream, UpstreamError};

/// How long an upstream may take to be told something that it does not answer.
const TELLING: Duration = Duration::from_secs(5);

/// A place among the calls that may run at once, and one among those of its caller.
pub(super) type Place = (OwnedSemaphorePermit, Option<Share>);

/// A request that runs: its place among those that may run at once. Dropped before it is over, it is cancelled.
pub(super) struct Running {
    pub(super) upstream: Arc<Upstream>,
    permit: Option<Place>,
    /// What it comes to is told to the circuit breaker, once.
    pass: Option<Pass>,
    /// Where it runs; nothing before it was sent and once it is over.
    pub(super) link: Option<Arc<Link>>,
    pub(super) era: Era,
    pub(super) id: u64,
    pub(super) whose: Whose,
}

/// Whose request it is: the credential and, at a legacy server over HTTP, the session.
#[derive(Clone, Debug, Default)]
pub(super) struct Whose {
    behalf: Behalf,
    slot: Option<Arc<Slot>>,
}

impl Whose {
    pub(super) fn on_behalf(&self) -> OnBehalf<'_> {
        OnBehalf {
            behalf: &self.behalf,
            session: self.slot.as_deref().and_then(Slot::opened),
        }
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let Some(link) = self.link.take() else {
            return;
        };
        match (&link.wire, link.era) {
            (Wire::Stdio(stdio), _) => stdio.abandon(self.id),
            // The response is dropped with the conversation, which closes its stream.
            (Wire::Http(_), Era::Modern) => {}
            (Wire::Http(_), Era::Legacy) => {
                // It keeps its place meanwhile: there are never more of these than calls may run.
                let permit = self.permit.take();
                let cancelled = message::cancelled(self.id);
                let whose = std::mem::take(&mut self.whose);
                self.upstream.parts.lifecycle.spawn_at_drop(async move {
                    tell(&link, &whose, cancelled).await;
                    drop(permit);
                });
            }
        }
    }
}

/// Tells an upstream something that it does not answer.
pub(super) async fn tell(link: &Link, whose: &Whose, message: Bytes) {
    match &link.wire {
        Wire::Http(http) => {
            let told = http.tell(message, Some(whose.on_behalf()), TELLING).await;
            if let Err(error) = told {
                tracing::debug!(%error, "upstream: it could not be told something");
            }
        }
        Wire::Stdio(stdio) => stdio.tell(message),
    }
}

impl Running {
    /// A request of `caller`'s that was not sent yet.
    pub(super) fn new(
        upstream: Arc<Upstream>,
        (permit, pass): (Place, Pass),
        caller: &Caller,
    ) -> Self {
        Self {
            upstream,
            permit: Some(permit),
            pass: Some(pass),
            link: None,
            era: Era::Modern,
            id: 0,
            whose: Whose {
                behalf: caller.behalf(),
                slot: None,
            },
        }
    }

    /// The questions of a request of `caller`'s, which runs.
    pub(super) fn questions(&self, caller: &Caller) -> Option<Box<Questions>> {
        Questions::of(caller, self.era, self.whose.slot.is_some())
    }

    /// It is answered or lost; there is nothing left to cancel.
    pub(super) fn is_over(&mut self) {
        self.link = None;
    }

    /// Notes that the upstream answered.
    pub(super) fn succeeded(&mut self) {
        if self.pass.take().is_some_and(Pass::succeeded) {
            tracing::info!(
                upstream = self.upstream.name(),
                "upstream: it answers again; calls are no longer kept back"
            );
            self.upstream.standing.breaker(false);
        }
    }

    /// Notes that the call failed; one that a lost connection failed asks for another one.
    pub(super) fn failed(&mut self, error: UpstreamError) {
        if !error.is_outage() {
            // It said something, be it no.
            if matches!(error, UpstreamError::Invalid | UpstreamError::Refused) {
                self.succeeded();
            }
            return;
        }
        let upstream = &self.upstream;
        if self.pass.take().is_some_and(Pass::failed) {
            tracing::warn!(
                upstream = upstream.name(),
                seconds = upstream.definition.settings.breaker_seconds,
                "upstream: too many calls failed in a row; calls are kept back for a while"
            );
            upstream.standing.breaker(true);
        }
        if error != UpstreamError::TimedOut {
            tracing::warn!(upstream = upstream.name(), %error, "upstream: a call failed");
            upstream.wake.notify_one();
        }
    }

    /// Sends it, and returns when its answer has begun.
    pub(super) async fn send(
        &mut self,
        call: &Call,
        caller: &Caller,
        timeout: Duration,
    ) -> Result<Answer, UpstreamError> {
        let link = match self.upstream.linked() {
            Some(link) => Ok(link),
            None => Box::pin(self.upstream.link_on_demand()).await,
        };
        let link = link.inspect_err(|_no_link| {
            // Nothing was tried: its task knows that it is down, and is on its way to it. That it is back is not to be
            // kept back by the circuit breaker.
            self.pass = None;
        })?;
        match self.send_over(&link, (call, caller), timeout).await {
            // It did nothing with the request, so that may be sent again, once.
            Err(UpstreamError::SessionGone) => {
                Box::pin(self.send_again(link, (call, caller), timeout)).await
            }
            sent => sent,
        }
    }

    /// Sends it in another session, since the one it was sent in is gone.
    async fn send_again(
        &mut self,
        link: Arc<Link>,
        (call, caller): (&Call, &Caller),
        timeout: Duration,
    ) -> Result<Answer, UpstreamError> {
        let upstream = Arc::clone(&self.upstream);
        let link = match self.whose.slot.take() {
            Some(gone) => {
                upstream.sessions.forget(&caller.holder(), &gone);
                link
            }
            None => upstream.connect_after(Some(&link)).await?,
        };
        self.send_over(&link, (call, caller), timeout).await
    }

    async fn send_over(
        &mut self,
        link: &Arc<Link>,
        (call, caller): (&Call, &Caller),
        timeout: Duration,
    ) -> Result<Answer, UpstreamError> {
        let request = Request {
            method: call.method,
            name: call.name.as_deref(),
            members: &call.members,
            meta: &call.meta,
            wants_progress: call.progress_token.is_some(),
            capabilities: &caller.capabilities,
            log_level: caller.log_messages.asked(),
        };
        (self.id, self.era) = (link.wire.next_id(), link.era);
        match &link.wire {
            Wire::Http(http) => {
                if http.has_sessions() && !caller.is_this_server() {
                    self.find_session((link, http), (call, caller)).await?;
                }
                self.link = Some(Arc::clone(link));
                let sending = Sending {
                    era: link.era,
                    extra: call.headers.clone(),
                    on_behalf: Some(self.whose.on_behalf()),
                    timeout,
                };
                let begun = http.begin(self.id, &request, sending).await?;
                Ok(match begun {
                    Begun::Replied(reply) => {
                        self.link = None;
                        Answer::Whole(Some(reply))
                    }
                    Begun::Streams(events) => Answer::Events(events),
                })
            }
            Wire::Stdio(stdio) => {
                stdio.begin(self.id, request.write(self.id, link.era))?;
                self.link = Some(Arc::clone(link));
                Ok(Answer::Lines)
            }
        }
    }
}

impl Running {
    /// Makes sure that the caller has a session there, that its client hears what is said in it, and gets the log messages
    /// that it wants.
    async fn find_session(
        &mut self,
        (link, http): (&Arc<Link>, &HttpLink),
        (call, caller): (&Call, &Caller),
    ) -> Result<(), UpstreamError> {
        let settings = &self.upstream.definition.settings;
        let timeout = Duration::from_secs(settings.start_timeout_seconds);
        let slot = self.upstream.sessions.of(&caller.holder());
        let own = caller.session.as_ref();
        let opening = Opening {
            capabilities: own.map_or("", |session| &*session.capabilities),
            behalf: &self.whose.behalf,
            timeout,
        };
        if slot.opened().is_none() {
            Box::pin(slot.open(http, opening)).await?;
        }
        if let Some((own, listener)) = own.and_then(|own| Some((own, own.listener.as_ref()?)))
            && slot.is_to_be_heard_by(listener)
        {
            let of = (caller.holder(), &self.whose.behalf, own);
            Box::pin(self.upstream.overhear(&slot, of)).await;
        }
        let is_taken = match call.method {
            "resources/subscribe" => {
                let uri = call.name.as_deref();
                uri.is_none_or(|uri| slot.wants().add(&[uri]).is_some())
            }
            "resources/unsubscribe" => {
                slot.wants().remove(call.name.as_deref());
                true
            }
            _ => true,
        };
        if !is_taken {
            return Err(UpstreamError::Busy);
        }
        let asks_for_messages = caller.log_messages.asked().filter(|level| {
            slot.is_to_ask_from(*level) && Capabilities::of(&link.hello.capabilities).logging
        });
        self.whose.slot = Some(slot);
        if let Some(level) = asks_for_messages {
            Box::pin(self.set_level(http, level, timeout)).await;
        }
        Ok(())
    }

    /// Asks for log messages in the caller's session (MCP 2025-11-25, logging). Without them the call goes on.
    async fn set_level(&self, http: &HttpLink, level: LogLevel, timeout: Duration) {
        let members = format!(r#""level":"{}""#, level.as_str());
        let request = Request {
            method: "logging/setLevel",
            members: members.as_bytes(),
            ..Request::default()
        };
        let asked = http.ask(&request, self.whose.on_behalf(), timeout);
        if let Err(error) = asked.await {
            tracing::debug!(%error, "upstream: it could not be asked for log messages");
        }
    }
}
