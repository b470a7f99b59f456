//! The resources of one upstream that one client wants to be told of, and which of these the upstream tells of.

use std::collections::BTreeSet;

use tokio::sync::watch;

use super::UpstreamError;

/// A client that wants to be told of more resources of one server than this is refused.
const MOST: usize = 200;

/// Addresses of resources, as their upstream knows them.
pub(super) type Uris = BTreeSet<Box<str>>;

/// What one client wants to be told of, and what it is.
#[derive(Debug, Default)]
pub(super) struct Wants {
    wanted: watch::Sender<Wanted>,
    settled: watch::Sender<Settled>,
}

/// What is wanted. Each change makes another version.
#[derive(Clone, Debug, Default)]
pub(super) struct Wanted {
    pub(super) version: u64,
    pub(super) uris: Uris,
}

/// What the upstream said to one version.
#[derive(Clone, Debug, Default)]
pub(super) struct Settled {
    pub(super) version: u64,
    /// The resources that it tells of.
    pub(super) honoured: Uris,
    /// Why it tells of none.
    pub(super) error: Option<UpstreamError>,
}

impl Wants {
    /// These are wanted as well, or nothing changes, because they would be too many. The version that has all of them.
    pub(super) fn add(&self, uris: &[&str]) -> Option<u64> {
        let mut version = None;
        self.wanted.send_if_modified(|wanted| {
            let is_new = uris.iter().any(|uri| !wanted.uris.contains(*uri));
            let mut all = wanted.uris.clone();
            all.extend(uris.iter().map(|uri| Box::from(*uri)));
            if all.len() > MOST {
                return false;
            }
            if is_new {
                wanted.uris = all;
                wanted.version += 1;
            }
            version = Some(wanted.version);
            is_new
        });
        version
    }

    /// These are not wanted any more.
    pub(super) fn remove<'a>(&self, uris: impl IntoIterator<Item = &'a str>) {
        self.wanted.send_if_modified(|wanted| {
            let before = wanted.uris.len();
            for uri in uris {
                wanted.uris.remove(uri);
                self.settled.send_if_modified(|settled| {
                    settled.honoured.remove(uri);
                    // Nobody waits for that.
                    false
                });
            }
            let is_less = wanted.uris.len() < before;
            wanted.version += u64::from(is_less);
            is_less
        });
    }

    /// What is wanted now.
    pub(super) fn now(&self) -> Wanted {
        self.wanted.borrow().clone()
    }

    /// True if nothing is wanted.
    pub(super) fn are_none(&self) -> bool {
        self.wanted.borrow().uris.is_empty()
    }

    /// Returns once something else is wanted than in this version.
    pub(super) async fn changed(&self, version: u64) {
        let mut wanted = self.wanted.subscribe();
        let is_over = wanted
            .wait_for(|wanted| wanted.version != version)
            .await
            .is_err();
        if is_over {
            std::future::pending::<()>().await;
        }
    }

    /// The upstream has said what it makes of a version.
    pub(super) fn settle(&self, settled: Settled) {
        self.settled.send_replace(settled);
    }

    /// What it said last.
    pub(super) fn last_settled(&self) -> Settled {
        self.settled.borrow().clone()
    }

    /// True if it tells of nothing that is wanted.
    pub(super) fn tell_of_none(&self) -> bool {
        self.settled.borrow().honoured.is_empty()
    }

    /// What it says of this version or a later one.
    pub(super) async fn settled(&self, version: u64) -> Settled {
        let mut settled = self.settled.subscribe();
        let found = settled
            .wait_for(|settled| settled.version >= version)
            .await
            .map(|settled| settled.clone());
        match found {
            Ok(settled) => settled,
            Err(_closed) => std::future::pending().await,
        }
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;

    #[test]
    fn a_version_is_what_was_wanted_at_one_time() {
        let wants = Wants::default();
        assert_eq!(wants.add(&["a", "b"]), Some(1));
        assert_eq!(wants.add(&["b"]), Some(1), "nothing new");
        assert_eq!(wants.changed(1).now_or_never(), None);
        wants.remove(["x"]);
        assert_eq!(wants.now().version, 1);
        wants.remove(["a", "b"]);
        assert!(wants.are_none());
        assert_eq!(wants.changed(1).now_or_never(), Some(()));
    }

    #[test]
    fn too_many_are_refused_whole() {
        let wants = Wants::default();
        let many: Vec<_> = (0..=MOST).map(|n| n.to_string()).collect();
        let many: Vec<_> = many.iter().map(String::as_str).collect();
        assert_eq!(wants.add(&many), None);
        assert_eq!(wants.add(&many[1..]), Some(1));
        assert_eq!(wants.add(&many[..1]), None);
        assert_eq!(wants.now().uris.len(), MOST);
    }

    #[test]
    fn an_answer_to_a_later_version_is_one_to_an_earlier_one() {
        let wants = Wants::default();
        wants.add(&["a"]);
        assert!(wants.settled(1).now_or_never().is_none());
        wants.settle(Settled {
            version: 2,
            ..Settled::default()
        });
        assert!(wants.settled(1).now_or_never().is_some());
    }
}
