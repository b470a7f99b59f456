//! How many of something one holder may have at a time: connections of an address, streams or waiting bodies of a subject.

use std::collections::HashMap;
use std::hash::{BuildHasher, Hash, RandomState};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// What is held, by holder. An entry lives as long as its holder has something. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Shares(Arc<Held>);

#[derive(Debug)]
struct Held {
    most: usize,
    /// By a hash of the holder under a secret of this process: two that share one share its limit, which is as rare as it is
    /// harmless.
    held: Mutex<HashMap<u64, usize>>,
    hasher: RandomState,
}

/// One thing held, until it is dropped.
#[derive(Debug)]
pub struct Share {
    shares: Shares,
    holder: u64,
}

impl Shares {
    /// At most `most` for each holder.
    #[must_use]
    pub fn new(most: usize) -> Self {
        Self(Arc::new(Held {
            most,
            held: Mutex::default(),
            hasher: RandomState::new(),
        }))
    }

    /// One more for `holder`, if it may have one.
    #[must_use]
    pub fn take(&self, holder: &impl Hash) -> Option<Share> {
        let holder = self.0.hasher.hash_one(holder);
        let mut held = self.held();
        let its = held.get(&holder).copied().unwrap_or_default();
        if its >= self.0.most {
            return None;
        }
        held.insert(holder, its + 1);
        Some(Share {
            shares: self.clone(),
            holder,
        })
    }

    /// How many hold something.
    #[must_use]
    pub fn holders(&self) -> usize {
        self.held().len()
    }

    fn held(&self) -> MutexGuard<'_, HashMap<u64, usize>> {
        self.0.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        let mut held = self.shares.held();
        if let Some(its) = held.get_mut(&self.holder) {
            *its = its.saturating_sub(1);
            if *its == 0 {
                held.remove(&self.holder);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_holder_has_so_many_and_gets_them_back() {
        let shares = Shares::new(2);
        let take = |holder: &str| shares.take(&("https://id.test", holder));
        let first = take("alice").expect("a share");
        let _second = take("alice").expect("a share");
        assert!(take("alice").is_none());
        let of_bob = take("bob").expect("a share of his own");
        assert_eq!(shares.holders(), 2);
        drop(first);
        assert!(take("alice").is_some());
        drop(of_bob);
        assert_eq!(shares.holders(), 1);
    }

    #[test]
    fn where_nobody_may_hold_anything_nothing_is_remembered() {
        let shares = Shares::new(0);
        assert!((0..100).all(|holder| shares.take(&holder).is_none()));
        assert_eq!(shares.holders(), 0);
    }
}
