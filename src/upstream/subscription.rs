//! One `subscriptions/listen` at a modern upstream: which of the resources it tells of, and what it tells (MCP 2026-07-28,
//! subscriptions).
//!
//! Dropping it ends the subscription: over HTTP by closing the stream, over standard input and output with
//! `notifications/cancelled`.

use std::future::poll_fn;
use std::sync::Arc;
use std::time::Duration;

use http::HeaderMap;
use serde::Deserialize;

use super::UpstreamError;
use super::conversation::Heard;
use super::credential::Behalf;
use super::http::{Begun, EventsOf, OnBehalf, Sending};
use super::link::{Link, Wire};
use super::message::{ACKNOWLEDGED, Era, Incoming, Notification, Request, UPDATED};
use super::wants::Uris;

/// A subscription is made anew after this time, if it lasts so long.
const LONGEST: Duration = Duration::from_secs(24 * 60 * 60);

/// A subscription that the upstream has acknowledged.
pub(super) struct Subscription {
    link: Arc<Link>,
    id: u64,
    way: Way,
    heard: Heard,
    most_bytes: usize,
}

/// Where its messages come.
enum Way {
    /// On a stream of its own.
    Events(Box<EventsOf>),
    /// Among those of all others.
    Lines,
}

impl Drop for Subscription {
    fn drop(&mut self) {
        if let (Way::Lines, Wire::Stdio(stdio)) = (&self.way, &self.link.wire) {
            stdio.abandon(self.id);
        }
    }
}

/// The parameters of an acknowledgement.
#[derive(Deserialize)]
struct Acknowledged {
    notifications: Honoured,
}

#[derive(Deserialize)]
struct Honoured {
    #[serde(default, rename = "resourceSubscriptions")]
    resources: Option<Vec<Box<str>>>,
}

impl Subscription {
    /// Subscribes to these resources; what came of it, and which of them the upstream tells of.
    pub(super) async fn open(
        link: &Arc<Link>,
        behalf: &Behalf,
        uris: &Uris,
        most_bytes: usize,
    ) -> Result<(Self, Uris), UpstreamError> {
        let listed: Vec<&str> = uris.iter().map(AsRef::as_ref).collect();
        let listed = serde_json::Value::from(listed);
        let members = format!(r#""notifications":{{"resourceSubscriptions":{listed}}}"#);
        let request = Request {
            method: "subscriptions/listen",
            members: members.as_bytes(),
            ..Request::default()
        };
        let id = link.wire.next_id();
        let way = match &link.wire {
            Wire::Http(http) => {
                let on_behalf = OnBehalf {
                    behalf,
                    session: None,
                };
                let sending = Sending {
                    era: Era::Modern,
                    extra: HeaderMap::new(),
                    on_behalf: Some(on_behalf),
                    timeout: LONGEST,
                };
                match http.begin(id, &request, sending).await? {
                    Begun::Streams(events) => Way::Events(events),
                    Begun::Replied(_) => return Err(UpstreamError::Refused),
                }
            }
            Wire::Stdio(stdio) => {
                stdio.begin(id, request.write(id, Era::Modern))?;
                Way::Lines
            }
        };
        let mut subscription = Self {
            link: Arc::clone(link),
            id,
            way,
            heard: Heard::default(),
            most_bytes,
        };
        let honoured = subscription.acknowledged().await?;
        let honoured = honoured.into_iter().filter(|uri| uris.contains(uri));
        Ok((subscription, honoured.collect()))
    }

    async fn acknowledged(&mut self) -> Result<Vec<Box<str>>, UpstreamError> {
        loop {
            match self.message().await? {
                Incoming::Notification(said) if &*said.method == ACKNOWLEDGED => {
                    let said: Acknowledged = serde_json::from_slice(&said.params)
                        .map_err(|_not_as_specified| UpstreamError::Invalid)?;
                    return Ok(said.notifications.resources.unwrap_or_default());
                }
                Incoming::Reply(..) => return Err(UpstreamError::Refused),
                // It is to be the first, but nothing is lost by waiting.
                Incoming::Notification(_) | Incoming::Request(_) => {}
            }
        }
    }

    /// The next resource that was updated; nothing once the upstream has ended the subscription. Nothing is lost if the
    /// wait is given up and begun again.
    ///
    /// After as many messages as one request may bring it is interrupted: it is made again after a pause, which slows a
    /// flood and costs others nothing.
    pub(super) async fn next(&mut self) -> Result<Option<Notification>, UpstreamError> {
        loop {
            let next = self.message().await;
            match next.map_err(|error| match error {
                UpstreamError::Invalid => UpstreamError::Interrupted,
                other => other,
            })? {
                Incoming::Notification(said) if &*said.method == UPDATED => return Ok(Some(said)),
                Incoming::Reply(..) => return Ok(None),
                Incoming::Notification(_) | Incoming::Request(_) => {}
            }
        }
    }

    async fn message(&mut self) -> Result<Incoming, UpstreamError> {
        match (&mut self.way, &self.link.wire) {
            (Way::Events(events), _) => loop {
                let data = events.next().await?.ok_or(UpstreamError::Interrupted)?;
                self.heard.add(data.len(), self.most_bytes)?;
                if let Some(incoming) = super::message::read(&data) {
                    return Ok(incoming);
                }
            },
            (Way::Lines, Wire::Stdio(stdio)) => poll_fn(|cx| stdio.poll(self.id, cx)).await,
            (Way::Lines, Wire::Http(_)) => Err(UpstreamError::Interrupted),
        }
    }
}
