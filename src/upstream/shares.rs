//! How many of an upstream's places for calls each caller has taken: one that calls and calls leaves some to the others.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The places that callers have taken.
#[derive(Debug)]
pub(super) struct Shares {
    taken: Mutex<HashMap<u64, usize>>,
    most: usize,
}

/// A place that is taken. Dropping it gives it back.
#[derive(Debug)]
pub(super) struct Share {
    shares: Arc<Shares>,
    caller: u64,
}

impl Shares {
    /// At most so many for each caller.
    pub(super) fn new(most: usize) -> Arc<Self> {
        Arc::new(Self {
            taken: Mutex::default(),
            most,
        })
    }

    fn taken(&self) -> MutexGuard<'_, HashMap<u64, usize>> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// One more for the caller with this key, a digest of which any part tells callers apart.
    pub(super) fn take(self: &Arc<Self>, key: &[u8; 32]) -> Option<Share> {
        let caller = key.first_chunk().copied().map_or(0, u64::from_le_bytes);
        let mut taken = self.taken();
        let of_caller = taken.entry(caller).or_default();
        if *of_caller >= self.most {
            return None;
        }
        *of_caller += 1;
        drop(taken);
        Some(Share {
            shares: Arc::clone(self),
            caller,
        })
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        if let Entry::Occupied(mut of_caller) = self.shares.taken().entry(self.caller) {
            *of_caller.get_mut() -= 1;
            if *of_caller.get() == 0 {
                of_caller.remove();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_takes_the_places_of_others() {
        let shares = Shares::new(2);
        let (one, two) = ([1; 32], [2; 32]);
        let taken: Vec<_> = (0..2)
            .map(|_| shares.take(&one).expect("a place"))
            .collect();
        assert!(shares.take(&one).is_none());
        let other = shares.take(&two).expect("a place of its own");
        drop(taken);
        assert!(shares.take(&one).is_some());
        drop(other);
        assert!(shares.taken().is_empty());
    }
}
