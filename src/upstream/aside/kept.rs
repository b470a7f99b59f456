//! Subscriptions to single resources that this server keeps up for its clients, where nothing at the upstream is one
//! client's own: `subscriptions/listen` at modern servers (MCP 2026-07-28, subscriptions), and `resources/subscribe` at
//! legacy ones that know one client only.
//!
//! A subscription whose connection is gone is made again over the next one. What was updated in between nobody knows, so
//! its client is told that all of it was: an update says no more than that it is time to read again.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use futures_util::FutureExt;

use super::{Overheard, Task, Then};
use crate::upstream::link::Link;
use crate::upstream::message::{Era, Notification};
use crate::upstream::subscribers::Subscriber;
use crate::upstream::subscription::Subscription;
use crate::upstream::wants::{Settled, Uris, Wanted};
use crate::upstream::{Caller, Upstream, UpstreamError};

/// How long an upstream may take to say of which resources it tells.
const PATIENCE: Duration = Duration::from_secs(5);

/// Keeps a connection from being ended because nobody needs it.
struct Needed(Arc<Upstream>);

impl Needed {
    fn by_a_subscription(upstream: &Arc<Upstream>) -> Self {
        upstream.subscribed.fetch_add(1, Ordering::Relaxed);
        Self(Arc::clone(upstream))
    }
}

impl Drop for Needed {
    fn drop(&mut self) {
        self.0.subscribed.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Upstream {
    /// Tells the stream of this caller's session of these resources from now on. Which of them the upstream tells of; an
    /// error if none. Without a stream, nobody is told before there is one.
    pub async fn subscribe(
        self: &Arc<Self>,
        caller: &Caller,
        uris: &[&str],
    ) -> Result<Uris, UpstreamError> {
        let session = caller.session.as_ref().ok_or(UpstreamError::Refused)?;
        let slot = self.sessions.of(&caller.holder());
        let wants = Arc::clone(slot.wants());
        let version = wants.add(uris).ok_or(UpstreamError::Busy)?;
        let Some(listener) = &session.listener else {
            return Ok(uris.iter().map(|uri| Box::from(*uri)).collect());
        };
        if slot.is_to_be_heard_by(listener) {
            let of = (caller.holder(), &caller.behalf(), session);
            drop(self.begin_to_hear(&slot, of));
        } else if slot.is_silent() {
            return Err(UpstreamError::Refused);
        }
        drop(slot);
        let settled = tokio::time::timeout(PATIENCE + PATIENCE / 2, wants.settled(version)).await;
        let (honoured, error) = match settled {
            Ok(Settled {
                honoured, error, ..
            }) => (honoured, error.unwrap_or(UpstreamError::Refused)),
            Err(_too_late) => (Uris::new(), UpstreamError::TimedOut),
        };
        let (told, not): (Vec<&str>, Vec<&str>) =
            uris.iter().partition(|uri| honoured.contains(**uri));
        wants.remove(not);
        if told.is_empty() {
            return Err(error);
        }
        Ok(told.into_iter().map(Box::from).collect())
    }

    /// Ends that for one resource.
    pub fn unsubscribe(&self, caller: &Caller, uri: &str) {
        let slot = self.sessions.known(&caller.holder());
        if let Some(wants) = slot.as_deref().and_then(|slot| slot.wanted()) {
            wants.remove([uri]);
        }
    }
}

impl Task {
    /// Tells the client of what it subscribed to, until the connection is another one or nothing is wanted.
    pub(super) async fn once_kept(&mut self, link: &Arc<Link>) -> Then {
        let _needed = Needed::by_a_subscription(&self.upstream);
        let upstream = Arc::clone(&self.upstream);
        let mut links = upstream.links.subscribe();
        let known = upstream.link.load_full();
        if !known.is_some_and(|known| Arc::ptr_eq(&known, link)) {
            return Then::Again;
        }
        let told = async {
            match link.era {
                Era::Modern => self.listen_there(link).await,
                Era::Legacy => self.subscribe_there(link).await,
            }
        };
        let ended = tokio::select! {
            ended = told => ended,
            _another = links.changed() => Ok(()),
        };
        let settled = self.slot.wants().last_settled();
        self.had_gap |= !settled.honoured.is_empty();
        if let Err(error) = ended {
            self.failed(error);
        }
        match self.slot.is_left() {
            true => Then::Unwanted,
            false => Then::Again,
        }
    }

    /// With a subscription at a modern upstream: what is subscribed to cannot change, so that another one takes its place.
    async fn listen_there(&mut self, link: &Arc<Link>) -> Result<(), UpstreamError> {
        let wants = Arc::clone(self.slot.wants());
        let mut version = wants.now().version;
        let mut current: Option<(Subscription, Uris)> = None;
        loop {
            let wanted = wants.now();
            if wanted.uris.is_empty() {
                return Ok(());
            }
            // What it does not tell of may be wanted no more.
            let is_told = |(_, honoured): &(_, Uris)| *honoured == wanted.uris;
            if !current.as_ref().is_some_and(is_told) {
                let most_bytes = self.upstream.definition.settings.max_message_bytes;
                let opening = Subscription::open(link, &self.behalf, &wanted.uris, most_bytes);
                let opened = tokio::time::timeout(PATIENCE, Box::pin(opening)).await;
                match (opened.unwrap_or(Err(UpstreamError::TimedOut)), &mut current) {
                    (Ok(next), _) => {
                        let before = current.replace(next);
                        self.heard_before(before).await;
                    }
                    // It refuses what is new; the rest goes on.
                    (Err(UpstreamError::Refused), Some(_)) => {}
                    (Err(error), _) => return Err(error),
                }
            }
            let Some((subscription, honoured)) = &mut current else {
                return Err(UpstreamError::Refused);
            };
            let both = honoured.intersection(&wanted.uris).cloned().collect();
            version = wanted.version.max(version);
            self.settled(version, both).await;
            loop {
                tokio::select! {
                    biased;
                    said = subscription.next() => match said? {
                        Some(said) => self.heard(said, &mut Vec::new()),
                        None => return Ok(()),
                    },
                    () = wants.changed(version) => break,
                }
            }
        }
    }

    /// What was said on a subscription while another one was made in its place.
    async fn heard_before(&self, before: Option<(Subscription, Uris)>) {
        let Some((mut subscription, _)) = before else {
            return;
        };
        while let Some(Ok(Some(said))) = subscription.next().now_or_never() {
            self.heard(said, &mut Vec::new());
        }
    }

    /// As one client among those of a connection that all share.
    async fn subscribe_there(&mut self, link: &Arc<Link>) -> Result<(), UpstreamError> {
        let wants = Arc::clone(self.slot.wants());
        let mut subscriber = Subscriber::new(link).ok_or(UpstreamError::Unavailable)?;
        loop {
            let Wanted { version, uris } = wants.now();
            if uris.is_empty() {
                return Ok(());
            }
            if let Ok(failed) = tokio::time::timeout(PATIENCE, subscriber.want(&uris)).await {
                failed?;
            }
            self.settled(version, subscriber.honoured().clone()).await;
            loop {
                tokio::select! {
                    biased;
                    said = subscriber.next() => self.heard(said, &mut Vec::new()),
                    () = wants.changed(version) => break,
                }
            }
        }
    }

    /// What the server agreed to when the session was opened, in which it says everything else as well.
    pub(super) async fn granted(&self) {
        if let Some(wanted) = self.slot.wanted().map(|wants| wants.now()) {
            let granted = self.slot.granted();
            let both = granted.intersection(&wanted.uris).cloned().collect();
            self.settle(wanted.version, &both);
            if self.slot.is_another() {
                self.tell_that_perhaps(&both).await;
            }
        }
    }

    /// The upstream tells of these, and perhaps did not for a while.
    async fn settled(&mut self, version: u64, honoured: Uris) {
        let before = self.slot.wants().last_settled().honoured;
        self.settle(version, &honoured);
        if std::mem::take(&mut self.had_gap) {
            let told_again = honoured.intersection(&before).cloned().collect();
            self.tell_that_perhaps(&told_again).await;
        }
    }

    /// The client is told that each of these may be another one.
    async fn tell_that_perhaps(&self, uris: &Uris) {
        let Some(listener) = self.slot.listener() else {
            return;
        };
        for uri in uris {
            let updated = Overheard::Notification(Notification::of_update(uri));
            listener.tell_in_time(self.aside(updated)).await;
        }
    }

    /// The upstream tells of these.
    fn settle(&self, version: u64, honoured: &Uris) {
        let wants = Arc::clone(self.slot.wants());
        let wanted = wants.now().uris;
        let before = wants.last_settled().honoured;
        let mut before = before.intersection(&wanted);
        let is_less = before.any(|uri| !honoured.contains(uri));
        wants.settle(Settled {
            version,
            honoured: honoured.clone(),
            error: None,
        });
        if is_less {
            self.tell_client(Overheard::Ended);
        }
    }

    /// It tells of nothing for now, or for good.
    pub(super) fn failed(&self, error: UpstreamError) {
        let Some(wants) = self.slot.wanted() else {
            return;
        };
        let (wanted, settled) = (wants.now(), wants.last_settled());
        let is_refused = matches!(error, UpstreamError::Refused | UpstreamError::Invalid);
        if settled.version < wanted.version || is_refused {
            let had_some = !settled.honoured.is_empty();
            wants.settle(Settled {
                version: wanted.version,
                honoured: Uris::new(),
                error: Some(error),
            });
            if had_some {
                tracing::debug!(
                    upstream = self.upstream.name(),
                    %error,
                    "upstream: it tells of no resources any more"
                );
                self.tell_client(Overheard::Ended);
            }
        }
    }
}
