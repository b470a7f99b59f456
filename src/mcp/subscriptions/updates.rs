//! What a modern client hears of the resources that it subscribed to: each under the address by which the client asked for
//! it, with the subscription's id, and else as the upstream wrote it.

use std::collections::HashMap;
use std::fmt;

use bytes::Bytes;

use super::{Listening, Resource, ended};
use crate::auth::Principal;
use crate::mcp::Protocol;
use crate::mcp::bridge::subscribed;
use crate::mcp::forward::splice;
use crate::mcp::overheard::address;
use crate::mcp::stream::event;
use crate::upstream::{Aside, Asides, Overheard};

/// An upstream, by its name, and a resource, by its address there.
type Known = (Box<str>, Box<str>);

/// What is said of the resources of one subscription.
pub(crate) struct Updates {
    protocol: Protocol,
    principal: Principal,
    /// The subscription, by its id as JSON.
    id: Box<str>,
    /// What the client calls them, as JSON.
    written: HashMap<Known, Box<str>>,
    asides: Asides,
}

impl fmt::Debug for Updates {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Updates({} of {})", self.id, self.written.len())
    }
}

/// What becomes of it.
pub(crate) enum Update {
    /// The client is told.
    Told(Bytes),
    /// The subscription is over: an upstream does not tell any more of what was acknowledged.
    Over(Bytes),
}

impl Updates {
    pub(super) fn new(of: &Listening, resources: &[Resource], asides: Asides) -> Self {
        let written = resources.iter().map(|resource| {
            let known = (resource.upstream.name().into(), resource.own.clone());
            (known, resource.written.clone())
        });
        Self {
            protocol: of.protocol.clone(),
            principal: of.principal.clone(),
            id: of.id.clone(),
            written: written.collect(),
            asides,
        }
    }

    /// The next event; waits for ever if there is none. Nothing is lost if the wait is given up and begun again.
    pub(crate) async fn next(&mut self) -> Update {
        loop {
            let Some(aside) = self.asides.recv().await else {
                return std::future::pending().await;
            };
            let Aside { from, said, .. } = *aside;
            let updated = match said {
                Overheard::Notification(updated) => updated,
                Overheard::Ended => return Update::Over(ended(&self.id)),
                // A session that is nobody's but this subscription's can be asked nothing.
                Overheard::Question(..) | Overheard::Withdrawn(_) => continue,
            };
            let Some((own, place)) = updated.updated() else {
                continue;
            };
            // What may be read is looked at each time.
            let Some(listed) = address(&self.protocol, &self.principal, (&from, &own)) else {
                continue;
            };
            let known = (Box::from(from.name()), Box::from(own));
            let written = self.written.get(&known).map_or(&*listed, AsRef::as_ref);
            let mut updated = updated.with_value(place, written);
            if let Ok(params) = subscribed::with_id(&updated.params, &self.id) {
                updated.params = params.into();
                return Update::Told(event(None, &splice::notification(&updated)));
            }
        }
    }
}
