//! A hasher for maps whose keys are hashes already.

use std::hash::Hasher;

/// Takes the hash from the key itself: a `u64`, or an array of at least eight bytes, of which the first eight count.
///
/// Only for keys that nobody outside can choose: a digest of what was verified, or a hash under a secret of this process.
#[derive(Clone, Copy, Debug, Default)]
pub struct AsItIs(u64);

impl Hasher for AsItIs {
    fn write_u64(&mut self, key: u64) {
        self.0 = key;
    }

    fn write(&mut self, bytes: &[u8]) {
        if let Some(first) = bytes.first_chunk() {
            self.0 = u64::from_le_bytes(*first);
        }
    }

    /// The length of an array, which all keys of a map have in common.
    fn write_usize(&mut self, _length: usize) {}

    fn finish(&self) -> u64 {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use std::hash::{BuildHasher, BuildHasherDefault};

    use super::*;

    #[test]
    fn the_hash_is_the_key_itself_or_its_beginning() {
        let hasher = BuildHasherDefault::<AsItIs>::default();
        assert_eq!(hasher.hash_one(7_u64), 7);
        let mut digest = [1_u8; 32];
        let found = hasher.hash_one(digest);
        assert_eq!(found, 0x0101_0101_0101_0101);
        digest[31] = 2;
        assert_eq!(hasher.hash_one(digest), found);
        digest[0] = 2;
        assert_ne!(hasher.hash_one(digest), found);
    }
}
