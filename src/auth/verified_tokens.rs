//! The tokens that were verified a moment ago. The only module that names `moka`.
//!
//! It holds only what does not change: that the signature was right, by which key, and the claims. Audience, `exp`, `nbf`
//! and whether the key is still published are checked on every hit by the caller.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use moka::Expiry;
use moka::sync::Cache;

use super::claims::Claims;
use super::settings::TokenCacheSettings;
use super::signing_keys::KeySet;

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
    lives_for: Duration,
}

impl VerifiedToken {
    pub(super) fn new(
        claims: Claims,
        issuer: usize,
        key: [u8; 32],
        generation: u64,
        lives_for: Duration,
    ) -> Self {
        Self {
            claims: Arc::new(claims),
            issuer,
            key,
            generation: AtomicU64::new(generation),
            lives_for,
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
        let single = claims.issuer.len() + claims.subject.len() + 512;
        u32::try_from(single + lists + scopes).unwrap_or(u32::MAX)
    }
}

/// A bounded map from digests to verified tokens.
#[derive(Clone, Debug)]
pub(super) struct VerifiedTokens(Option<Cache<Digest, Arc<VerifiedToken>>>);

impl VerifiedTokens {
    pub(super) fn new(settings: &TokenCacheSettings) -> Self {
        let bytes = settings.max_kib.saturating_mul(1024);
        if settings.max_entries == 0 || bytes == 0 {
            return Self(None);
        }
        // One bound for both: an entry weighs at least its share of the memory, so neither limit can be passed.
        let share = u32::try_from(bytes / settings.max_entries).unwrap_or(u32::MAX);
        let cache = Cache::builder()
            .max_capacity(bytes)
            .weigher(move |_, token: &Arc<VerifiedToken>| token.weight().max(share))
            .expire_after(UntilExpiry)
            .build();
        Self(Some(cache))
    }

    pub(super) fn get(&self, digest: &Digest) -> Option<Arc<VerifiedToken>> {
        self.0.as_ref()?.get(digest)
    }

    pub(super) fn insert(&self, digest: Digest, token: Arc<VerifiedToken>) {
        if let Some(cache) = &self.0 {
            cache.insert(digest, token);
        }
    }

    pub(super) fn remove(&self, digest: &Digest) {
        if let Some(cache) = &self.0 {
            cache.invalidate(digest);
        }
    }
}

struct UntilExpiry;

impl Expiry<Digest, Arc<VerifiedToken>> for UntilExpiry {
    fn expire_after_create(
        &self,
        _: &Digest,
        token: &Arc<VerifiedToken>,
        _: Instant,
    ) -> Option<Duration> {
        Some(token.lives_for)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::auth::Scopes;

    fn token(subject: &str) -> Arc<VerifiedToken> {
        let claims = Claims {
            issuer: "https://id.test".into(),
            subject: subject.into(),
            client_id: None,
            scopes: Scopes::default(),
            groups: Vec::new(),
            audiences: Vec::new(),
            expires_at: 0,
            not_before: None,
        };
        let token = VerifiedToken::new(claims, 0, [0; 32], 0, Duration::from_secs(60));
        Arc::new(token)
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
                tokens.insert(digest(number), token(&"s".repeat(long)));
            }
            let cache = tokens.0.expect("a cache");
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
        tokens.insert(digest(1), token("alice"));
        assert!(tokens.get(&digest(1)).is_none());
    }
}
