//! Lists as they were written, for all who may use the same things: serialised once per permissions and era.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::{Mutex, PoisonError};

use bytes::Bytes;

use super::super::era::Era;
use crate::policy::Standing;
use crate::upstream::Feature;

/// What the lists of one catalogue may take together. Beyond it they are written anew: there are more kinds of callers than memory.
const MOST_BYTES: usize = 32 * 1024 * 1024;
/// How many lists are kept.
const MOST_LISTS: usize = 1024;

/// For whom a list was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Key {
    pub(super) feature: Feature,
    pub(super) era: Era,
    /// Of the caller's standing, what the list's entries ask for.
    pub(super) standing: Standing,
}

/// A list as the rest of an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Page {
    pub(super) json: Bytes,
    /// Tells it from others.
    pub(super) digest: u64,
}

impl From<Bytes> for Page {
    fn from(json: Bytes) -> Self {
        let mut hasher = DefaultHasher::new();
        json.hash(&mut hasher);
        let digest = hasher.finish();
        Self { json, digest }
    }
}

/// The lists of one catalogue. They go when it goes.
#[derive(Debug, Default)]
pub(super) struct Shown(Mutex<Lists>);

#[derive(Debug, Default)]
struct Lists {
    by_key: HashMap<Key, Page>,
    bytes: usize,
}

impl Shown {
    /// The list for `key`: as it was written before, or as `write` has it.
    pub(super) fn get_or_write(&self, key: Key, write: impl FnOnce() -> Bytes) -> Page {
        if let Some(known) = self.lock().by_key.get(&key) {
            return known.clone();
        }
        // Not under the lock: two may write the same, and neither waits.
        let written = Page::from(write());
        let mut lists = self.lock();
        if lists.bytes + written.json.len() > MOST_BYTES || lists.by_key.len() == MOST_LISTS {
            *lists = Lists::default();
        }
        let bytes = written.json.len();
        if bytes <= MOST_BYTES && lists.by_key.insert(key, written.clone()).is_none() {
            lists.bytes += bytes;
        }
        written
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Lists> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(feature: Feature, era: Era) -> Key {
        let scope = |name| crate::auth::Scope::parse(name).expect("a scope");
        let policy = crate::policy::Policy::new(scope("r"), scope("w"));
        let settings = crate::auth::Settings {
            public_url: "https://mcp.test".into(),
            ..crate::auth::Settings::default()
        };
        let resources = crate::auth::Resources::new(&settings);
        let resource = std::sync::Arc::clone(resources.at("/mcp").expect("a resource"));
        let principal = crate::auth::Principal::for_test("alice", &["r"], resource);
        Key {
            feature,
            era,
            standing: policy.standing(&principal),
        }
    }

    #[test]
    fn a_list_is_written_once_for_each_key() {
        let shown = Shown::default();
        let tools = key(Feature::Tools, Era::Legacy);
        let first = shown.get_or_write(tools, || Bytes::from_static(b"first"));
        let again = shown.get_or_write(tools, || unreachable!("it is known"));
        assert_eq!(first, again);
        for other in [
            key(Feature::Tools, Era::Modern),
            key(Feature::Prompts, Era::Legacy),
        ] {
            let found = shown.get_or_write(other, || Bytes::from_static(b"other"));
            assert_eq!(found.json, "other");
            assert_ne!(found.digest, first.digest);
        }
    }

    #[test]
    fn what_is_kept_has_a_bound() {
        let shown = Shown::default();
        let big = Bytes::from(vec![b' '; MOST_BYTES / 2 + 1]);
        for (feature, era) in [
            (Feature::Tools, Era::Legacy),
            (Feature::Tools, Era::Modern),
            (Feature::Prompts, Era::Modern),
        ] {
            shown.get_or_write(key(feature, era), || big.clone());
            assert_eq!(shown.lock().bytes, big.len());
        }
        let too_big = Bytes::from(vec![b' '; MOST_BYTES + 1]);
        shown.get_or_write(key(Feature::Resources, Era::Modern), || too_big);
        let lists = shown.lock();
        assert_eq!((lists.bytes, lists.by_key.len()), (0, 0));
    }
}
