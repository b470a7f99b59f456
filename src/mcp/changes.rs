//! Tells the clients of open streams that a list is another one: `notifications/…/list_changed`.
//!
//! A client hears of a list only if what *it* may see of it has changed, and of all lists together at most once in
//! [`CALM`]: upstreams that flap do not flood clients, and nobody learns of what is hidden from them.

use std::time::Duration;

use bytes::Bytes;
use tokio::sync::watch;
use tokio::time::Instant;

use super::era::Era;
use super::stream::event;
use super::{Inner, Protocol};
use crate::auth::Principal;
use crate::upstream::Feature;

/// The least time between two times that a client is told.
const CALM: Duration = Duration::from_secs(1);

/// The lists that a client is told of.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Wanted {
    pub(super) tools: bool,
    pub(super) prompts: bool,
    pub(super) resources: bool,
}

impl Wanted {
    /// All of them: what clients with a handshake are told.
    pub(super) const ALL: Self = Self {
        tools: true,
        prompts: true,
        resources: true,
    };

    fn has(self, feature: Feature) -> bool {
        match feature {
            Feature::Prompts => self.prompts,
            Feature::Resources | Feature::Templates => self.resources,
            Feature::Tools => self.tools,
        }
    }
}

/// How a client is told.
#[derive(Clone, Debug)]
pub(super) enum Telling {
    /// On the stream of a session.
    Session,
    /// On the stream of an HTTP+SSE session, whose events have names.
    OldTransport,
    /// On the stream of this subscription, by its id as JSON.
    Subscription(Box<str>),
}

/// What one stream has told, and what it is to tell.
pub(crate) struct Changes {
    protocol: Protocol,
    principal: Principal,
    wanted: Wanted,
    telling: Telling,
    renewed: watch::Receiver<()>,
    seen: [u64; Feature::ALL.len()],
    /// Something may have changed since the last look.
    is_due: bool,
    not_before: Instant,
}

impl std::fmt::Debug for Changes {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Changes")
            .field("wanted", &self.wanted)
            .field("telling", &self.telling)
            .finish_non_exhaustive()
    }
}

impl Protocol {
    /// What a stream of `principal` tells from now on; nothing where nothing can change.
    pub(super) fn changes(
        &self,
        principal: &Principal,
        wanted: Wanted,
        telling: Telling,
    ) -> Option<Box<Changes>> {
        let can_change = self.0.catalogs.load().of(principal).can_change();
        if !can_change || wanted == Wanted::default() {
            return None;
        }
        let mut changes = Changes {
            // Before the first look: what changes after it is told.
            renewed: self.0.renewed.subscribe(),
            principal: principal.clone(),
            protocol: self.clone(),
            wanted,
            telling,
            seen: [0; Feature::ALL.len()],
            is_due: false,
            not_before: Instant::now(),
        };
        changes.look();
        Some(Box::new(changes))
    }
}

impl Changes {
    /// The next notifications; waits for ever if there are none. Nothing is lost if the wait is given up and begun again.
    pub(super) async fn next(&mut self) -> Bytes {
        loop {
            if !self.is_due {
                if self.renewed.changed().await.is_err() {
                    std::future::pending::<()>().await;
                }
                self.is_due = true;
            }
            tokio::time::sleep_until(self.not_before).await;
            self.is_due = false;
            self.renewed.mark_unchanged();
            let events = self.look();
            if !events.is_empty() {
                self.not_before = Instant::now() + CALM;
                return events.into();
            }
        }
    }

    /// The notifications about everything that is another one than at the last look.
    fn look(&mut self) -> Vec<u8> {
        let Inner {
            parts, catalogs, ..
        } = &*self.protocol.0;
        let catalogs = catalogs.load();
        let catalog = catalogs.of(&self.principal);
        let whom = (&parts.policy, parts.policy.standing(&self.principal));
        let era = match self.telling {
            Telling::Session | Telling::OldTransport => Era::Legacy,
            Telling::Subscription(_) => Era::Modern,
        };
        let mut changed = Wanted::default();
        for (feature, seen) in Feature::ALL.into_iter().zip(&mut self.seen) {
            if !self.wanted.has(feature) {
                continue;
            }
            let digest = catalog.digest(feature, era, whom);
            if std::mem::replace(seen, digest) != digest {
                match feature {
                    Feature::Prompts => changed.prompts = true,
                    Feature::Resources | Feature::Templates => changed.resources = true,
                    Feature::Tools => changed.tools = true,
                }
            }
        }
        let mut events = Vec::new();
        for (is_changed, list) in [
            (changed.tools, "tools"),
            (changed.prompts, "prompts"),
            (changed.resources, "resources"),
        ] {
            if is_changed {
                events.extend_from_slice(&self.telling.event(list));
            }
        }
        events
    }
}

impl Telling {
    fn event(&self, list: &str) -> Bytes {
        let (name, params) = match self {
            Self::Session => (None, String::new()),
            Self::OldTransport => (Some("message"), String::new()),
            Self::Subscription(id) => {
                let meta = format!(r#""io.modelcontextprotocol/subscriptionId":{id}"#);
                (None, format!(r#","params":{{"_meta":{{{meta}}}}}"#))
            }
        };
        let json =
            format!(r#"{{"jsonrpc":"2.0","method":"notifications/{list}/list_changed"{params}}}"#);
        event(name, json.as_bytes())
    }
}
