//! The tokens that were verified a moment ago. The only module that names `moka`.
//!
//! It holds only what does not change: that the signature was right, by which key, and the claims. Audience, `exp`, `nbf`
//! and whether the key is still published are checked on every hit by the caller. So nothing here expires by the clock;
//! what nobody asks for is evicted.
//!
//! A token is kept from its second use on. That costs each token one more verification in its life, and tokens that are
//! used once (a flood of them, or one per call after a token exchange) neither pay for the cache nor empty it.

use std::hash::BuildHasherDefault;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

use moka::sync::Cache;

use super::claims::Claims;
use super::settings::TokenCacheSettings;
use super::signing_keys::KeySet;
use crate::sealing::AsItIs;

/// SHA-256 of a token.
pub(super) type Digest = [u8; 32];

/// A token whose signature was right.
#[derive(Debug)]
pub(super) struct VerifiedToken {
    pub claims: Arc<Claims>,
    /// Which of the configured issuers.
    pub issuer: usize,
    /// Which key.
    key: [u8; 32],
    /// The key set generation in which that key was last seen.
    generation: AtomicU64,
}

impl VerifiedToken {
    pub(super) fn new(claims: Claims, issuer: usize, key: [u8; 32], generation: u64) -> Self {
        Self {
            claims: Arc::new(claims),
            issuer,
            key,
            generation: AtomicU64::new(generation),
        }
    }

    /// True if the key is still in the set: at once if the set has not changed, else by looking for the key.
    pub(super) fn is_signed_by_one_of(&self, set: &KeySet) -> bool {
        if self.generation.load(Ordering::Relaxed) == set.generation {
            return true;
        }
        let holds = set.holds(&self.key);
        if holds {
            self.generation.store(set.generation, Ordering::Relaxed);
        }
        holds
    }

    /// Bytes, roughly.
    fn weight(&self) -> u32 {
        let claims = &self.claims;
        let strings = claims.groups.iter().chain(&claims.audiences);
        let lists: usize = strings.map(|text| text.len() + 24).sum();
        let scopes: usize = claims
            .scopes
            .iter()
            .map(|scope| scope.as_str().len() + 24)
            .sum();
        let kept = claims.kept.iter().map(|(name, values)| {
            let values: usize = values.iter().map(|value| value.len() + 24).sum();
            name.len() + values + 48
        });
        let lists = lists + kept.sum::<usize>();
        let single = claims.issuer.len() + claims.subject.len() + 512;
        u32::try_from(single + lists + scopes).unwrap_or(u32::MAX)
    }
}

/// A bounded map from digests to verified tokens.
#[derive(Debug)]
pub(super) struct VerifiedTokens(Option<Kept>);

#[derive(Debug)]
struct Kept {
    // Nobody can choose digests that collide without making as many tokens that verify.
    tokens: Cache<Digest, Arc<VerifiedToken>, BuildHasherDefault<AsItIs>>,
    /// Part of the digest of the last token that was new in each place.
    used_once: Box<[AtomicU32]>,
}

/// How many tokens used once are remembered at most. Two tokens that meet in one place are kept a use later, no more.
const PLACES: usize = 65_536;

impl VerifiedTokens {
    pub(super) fn new(settings: &TokenCacheSettings) -> Self {
        let bytes = settings.max_kib.saturating_mul(1024);
        if settings.max_entries == 0 || bytes == 0 {
            return Self(None);
        }
        // One bound for both: an entry weighs at least its share of the memory, so neither limit can be passed.
        let share = u32::try_from(bytes / settings.max_entries).unwrap_or(u32::MAX);
        let tokens = Cache::builder()
            .max_capacity(bytes)
            .weigher(move |_, token: &Arc<VerifiedToken>| token.weight().max(share))
            .build_with_hasher(BuildHasherDefault::default());
        let used_once = (0..PLACES).map(|_| AtomicU32::new(0)).collect();
        Self(Some(Kept { tokens, used_once }))
    }

    pub(super) fn get(&self, digest: &Digest) -> Option<Arc<VerifiedToken>> {
        self.0.as_ref()?.tokens.get(digest)
    }

    /// Keeps `token` if this is not its first use.
    pub(super) fn used(&self, digest: Digest, token: VerifiedToken) {
        let Some(kept) = &self.0 else { return };
        let [a, b, c, d, e, f, ..] = digest;
        let place = kept.used_once.get(usize::from(u16::from_le_bytes([a, b])));
        let mark = u32::from_le_bytes([c, d, e, f]);
        if place.is_none_or(|place| place.swap(mark, Ordering::Relaxed) == mark) {
            kept.tokens.insert(digest, Arc::new(token));
        }
    }

    pub(super) fn remove(&self, digest: &Digest) {
        if let Some(kept) = &self.0 {
            kept.tokens.invalidate(digest);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::auth::Scopes;

    fn token(subject: &str) -> VerifiedToken {
        let claims = Claims {
            issuer: "https://id.test".into(),
            subject: subject.into(),
            client_id: None,
            scopes: Scopes::default(),
            groups: Vec::new(),
            audiences: Vec::new(),
            expires_at: 0,
            not_before: None,
            kept: Vec::new(),
            found: std::sync::OnceLock::new(),
            keys: std::sync::OnceLock::new(),
        };
        VerifiedToken::new(claims, 0, [0; 32], 0)
    }

    fn digest(number: u32) -> Digest {
        crate::sealing::sha256(&number.to_be_bytes())
    }

    #[test]
    fn stays_within_its_bounds_by_count_and_by_weight() {
        for (max_entries, max_kib, long) in [(100, 16_384, 0), (1_000_000, 64, 4096)] {
            let tokens = VerifiedTokens::new(&TokenCacheSettings {
                max_entries,
                max_kib,
            });
            for number in 0..2000 {
                for _ in 0..2 {
                    tokens.used(digest(number), token(&"s".repeat(long)));
                }
            }
            let cache = tokens.0.expect("a cache").tokens;
            cache.run_pending_tasks();
            assert!(
                cache.entry_count() <= max_entries,
                "{}",
                cache.entry_count()
            );
            assert!(
                cache.weighted_size() <= max_kib * 1024,
                "{}",
                cache.weighted_size()
            );
            assert!(cache.entry_count() > 0);
        }
    }

    #[test]
    fn can_be_switched_off() {
        let tokens = VerifiedTokens::new(&TokenCacheSettings {
            max_entries: 0,
            max_kib: 1,
        });
        tokens.used(digest(1), token("alice"));
        tokens.used(digest(1), token("alice"));
        assert!(tokens.get(&digest(1)).is_none());
    }

    #[test]
    fn a_token_is_kept_from_its_second_use_on_and_each_under_its_own_digest() {
        let tokens = VerifiedTokens::new(&TokenCacheSettings {
            max_entries: 100,
            max_kib: 1024,
        });
        tokens.used(digest(1), token("alice"));
        assert!(tokens.get(&digest(1)).is_none());
        tokens.used(digest(2), token("bob"));
        tokens.used(digest(1), token("alice"));
        tokens.used(digest(2), token("bob"));
        let subject = |number| {
            tokens
                .get(&digest(number))
                .map(|token| token.claims.subject.clone())
        };
        assert_eq!(subject(1).as_deref(), Some("alice"));
        assert_eq!(subject(2).as_deref(), Some("bob"));
        assert_eq!(subject(3), None);
        tokens.remove(&digest(1));
        assert_eq!(subject(1), None);
    }
}
