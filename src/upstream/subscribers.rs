//! Who wants to be told of which resource, on a connection to a legacy server that all clients share: over standard input
//! and output, and over HTTP+SSE, the server knows one client only.
//!
//! The server is asked for each client (`resources/subscribe`), so that each hears what it says to that, and is told that
//! nobody wants a resource any more (`resources/unsubscribe`) when the last one is gone.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;

use super::UpstreamError;
use super::link::{Link, Wire};
use super::message::{Era, Notification, Reply, Request};
use super::queue::{Receiver, Sender, queue};
use super::stdio::StdioLink;
use super::wants::Uris;

/// Resources of one server that clients are told of.
const MOST_RESOURCES: usize = 10_000;
/// What is updated may lie in what was subscribed to; so many levels are looked at.
const MOST_LEVELS: usize = 32;

/// Who is told of what.
#[derive(Debug, Default)]
pub(super) struct Subscribers(Mutex<Table>);

#[derive(Debug, Default)]
struct Table {
    next: u64,
    of: HashMap<Box<str>, Vec<(u64, Sender<Notification>)>>,
}

impl Subscribers {
    fn table(&self) -> MutexGuard<'_, Table> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Tells everybody who wants to hear of it, or of what it lies in (MCP 2025-11-25, resources, subscriptions).
    pub(super) fn tell(&self, updated: &Notification) {
        let Some((uri, _place)) = updated.updated() else {
            return;
        };
        let table = self.table();
        let mut told = BTreeSet::new();
        for wanted in levels(&uri) {
            for (number, sender) in table.of.get(wanted).into_iter().flatten() {
                // What a client has no room for, it does not hear of.
                if told.insert(*number) {
                    let _no_room = sender.try_send(updated.params.len(), || updated.copied());
                }
            }
        }
    }
}

/// The address itself, and all that it lies in: `a/b/c` lies in `a/b/`, `a/b`, `a/` and `a`.
fn levels(uri: &str) -> impl Iterator<Item = &str> {
    let slashes = memchr::memrchr_iter(b'/', uri.as_bytes());
    let above = slashes.flat_map(|at| [uri.get(..=at), uri.get(..at)]);
    let above = above.flatten().filter(|above| above.len() < uri.len());
    std::iter::once(uri).chain(above).take(MOST_LEVELS)
}

/// One client among all those of a connection. Dropping it ends what it was subscribed to.
pub(super) struct Subscriber {
    link: Arc<Link>,
    number: u64,
    sender: Sender<Notification>,
    told: Receiver<Notification>,
    entered: Uris,
    honoured: Uris,
}

impl Drop for Subscriber {
    fn drop(&mut self) {
        for uri in std::mem::take(&mut self.entered) {
            self.take_out(&uri, true);
        }
    }
}

impl Subscriber {
    /// One more client of this connection.
    pub(super) fn new(link: &Arc<Link>) -> Option<Self> {
        let Wire::Stdio(stdio) = &link.wire else {
            return None;
        };
        let number = {
            let mut table = stdio.subscribers().table();
            table.next += 1;
            table.next
        };
        let (sender, told) = queue();
        Some(Self {
            link: Arc::clone(link),
            number,
            sender,
            told,
            entered: Uris::new(),
            honoured: Uris::new(),
        })
    }

    /// The resources that the server tells of.
    pub(super) fn honoured(&self) -> &Uris {
        &self.honoured
    }

    /// Subscribes to what of `uris` it did not subscribe to yet, and ends the rest. If the wait is given up, what the server
    /// has not answered is not subscribed to.
    pub(super) async fn want(&mut self, uris: &Uris) -> Result<(), UpstreamError> {
        let link = Arc::clone(&self.link);
        let Wire::Stdio(stdio) = &link.wire else {
            return Err(UpstreamError::Unavailable);
        };
        let others: Vec<_> = self
            .entered
            .iter()
            .filter(|uri| !uris.contains(*uri) || !self.honoured.contains(*uri))
            .cloned()
            .collect();
        for uri in others {
            self.entered.remove(&uri);
            self.honoured.remove(&uri);
            self.take_out(&uri, true);
        }
        for uri in uris {
            if self.honoured.contains(uri) {
                continue;
            }
            let id = self.enter(stdio, uri)?;
            self.entered.insert(uri.clone());
            match stdio.answer(id).await {
                Ok(Reply::Result(_)) => {
                    self.honoured.insert(uri.clone());
                }
                Ok(Reply::Error(_)) => {
                    tracing::debug!(uri, "upstream: it does not tell of a resource");
                    self.entered.remove(uri);
                    self.take_out(uri, false);
                }
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    /// The next one that was updated. Nothing is lost if the wait is given up.
    pub(super) async fn next(&mut self) -> Notification {
        match self.told.recv().await {
            Some(told) => told,
            None => std::future::pending().await,
        }
    }

    /// Asks the server for it. Under the lock, so that no other client's end of it comes between.
    fn enter(&self, stdio: &StdioLink, uri: &str) -> Result<u64, UpstreamError> {
        let mut table = stdio.subscribers().table();
        if table.of.len() >= MOST_RESOURCES && !table.of.contains_key(uri) {
            return Err(UpstreamError::Busy);
        }
        let id = stdio.new_id();
        stdio.begin(id, about(uri, "resources/subscribe", id))?;
        let of = table.of.entry(uri.into()).or_default();
        of.push((self.number, self.sender.clone()));
        Ok(id)
    }

    /// It is told of this no more. If nobody is, the server hears of that if `tells_server`: under the lock as well.
    fn take_out(&self, uri: &str, tells_server: bool) {
        let Wire::Stdio(stdio) = &self.link.wire else {
            return;
        };
        let mut table = stdio.subscribers().table();
        let Some(of) = table.of.get_mut(uri) else {
            return;
        };
        of.retain(|(number, _)| *number != self.number);
        if of.is_empty() {
            table.of.remove(uri);
            if tells_server {
                // What it answers changes nothing.
                let id = stdio.new_id();
                stdio.tell(about(uri, "resources/unsubscribe", id));
            }
        }
    }
}

fn about(uri: &str, method: &'static str, id: u64) -> Bytes {
    let members = format!(r#""uri":{}"#, serde_json::Value::from(uri));
    let request = Request {
        method,
        members: members.as_bytes(),
        ..Request::default()
    };
    request.write(id, Era::Legacy)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_updated_lies_in_what_was_subscribed_to() {
        let found: Vec<_> = levels("a://b/c/d").collect();
        let expected = [
            "a://b/c/d",
            "a://b/c/",
            "a://b/c",
            "a://b/",
            "a://b",
            "a://",
            "a:/",
            "a:/",
            "a:",
        ];
        assert_eq!(found, expected);
        assert_eq!(levels("a/").collect::<Vec<_>>(), ["a/", "a"]);
        assert_eq!(levels("a").collect::<Vec<_>>(), ["a"]);
        assert_eq!(levels(&"/".repeat(1000)).count(), MOST_LEVELS);
    }
}
