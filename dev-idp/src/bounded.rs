//! A map that never grows beyond its capacity: the oldest entry gives way. Nothing here outlives the process anyway.

use std::collections::{HashMap, VecDeque};

/// Entries by name, oldest first out.
pub(crate) struct BoundedMap<V> {
    entries: HashMap<String, V>,
    order: VecDeque<String>,
    capacity: usize,
}

impl<V> BoundedMap<V> {
    pub(crate) fn new(capacity: usize) -> Self {
        Self {
            entries: HashMap::new(),
            order: VecDeque::new(),
            capacity,
        }
    }

    pub(crate) fn insert(&mut self, name: String, value: V) {
        if self.entries.insert(name.clone(), value).is_none() {
            self.order.push_back(name);
        }
        if self.entries.len() > self.capacity
            && let Some(oldest) = self.order.pop_front()
        {
            self.entries.remove(&oldest);
        }
    }

    pub(crate) fn get(&self, name: &str) -> Option<&V> {
        self.entries.get(name)
    }

    pub(crate) fn get_mut(&mut self, name: &str) -> Option<&mut V> {
        self.entries.get_mut(name)
    }

    pub(crate) fn remove(&mut self, name: &str) -> Option<V> {
        self.order.retain(|known| known != name);
        self.entries.remove(name)
    }

    pub(crate) fn retain(&mut self, keep: impl Fn(&V) -> bool) {
        self.entries.retain(|_, value| keep(value));
        self.order.retain(|name| self.entries.contains_key(name));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_entry_gives_way() {
        let mut map = BoundedMap::new(2);
        for name in ["a", "b", "a", "c"] {
            map.insert(name.to_owned(), name);
        }
        assert_eq!(
            (map.get("a"), map.get("b"), map.get("c")),
            (None, Some(&"b"), Some(&"c"))
        );
    }

    #[test]
    fn a_removed_entry_leaves_room() {
        let mut map = BoundedMap::new(2);
        map.insert("a".to_owned(), 1);
        map.insert("b".to_owned(), 2);
        assert_eq!(map.remove("a"), Some(1));
        map.insert("c".to_owned(), 3);
        assert_eq!(map.get("b"), Some(&2));
        map.retain(|value| *value == 3);
        assert_eq!((map.get("b"), map.order.len()), (None, 1));
    }
}
