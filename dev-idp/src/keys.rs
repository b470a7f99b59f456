//! The signing keys: RSA, made at start, never written anywhere. A retired key stays published for an overlap, so that
//! tokens that it signed can still be verified (RFC 9700 has no say here; every real issuer does it).

use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use aws_lc_rs::digest;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::{KeyPair, KeySize};
use aws_lc_rs::signature::{KeyPair as _, RSA_PKCS1_SHA256};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};
use tokio::time::Instant;

/// More than this many published keys would only come from rotating over and over.
const MOST_KEYS: usize = 8;

/// The current key and the retired ones that are still published.
pub(crate) struct SigningKeys {
    overlap: Duration,
    keys: RwLock<Vec<Key>>,
}

struct Key {
    id: String,
    pair: Arc<KeyPair>,
    jwk: Value,
    retired_at: Option<Instant>,
}

impl SigningKeys {
    /// Makes the first key.
    pub(crate) fn generate(overlap: Duration) -> Self {
        Self {
            overlap,
            keys: RwLock::new(vec![Key::generate()]),
        }
    }

    /// Makes a new key current; the one before stays published for the overlap. Gives the new key's id.
    pub(crate) fn rotate(&self) -> String {
        let key = Key::generate();
        let id = key.id.clone();
        let now = Instant::now();
        let mut keys = self.keys.write().unwrap_or_else(PoisonError::into_inner);
        for retired in keys.iter_mut().filter(|key| key.retired_at.is_none()) {
            retired.retired_at = Some(now);
        }
        keys.insert(0, key);
        keys.retain(|key| key.is_published(now, self.overlap));
        keys.truncate(MOST_KEYS);
        id
    }

    /// The current key's id.
    pub(crate) fn current_id(&self) -> String {
        self.current().0
    }

    /// The key set (RFC 7517 §5), the current key first.
    pub(crate) fn key_set(&self) -> Value {
        let now = Instant::now();
        let keys = self.keys.read().unwrap_or_else(PoisonError::into_inner);
        let published = keys
            .iter()
            .filter(|key| key.is_published(now, self.overlap));
        json!({ "keys": published.map(|key| &key.jwk).collect::<Vec<_>>() })
    }

    /// A JWS in compact form (RFC 7515 §7.1) over `claims`, with `kid` and `alg` of the current key and this `typ`.
    pub(crate) fn sign(&self, typ: &str, claims: &Value) -> String {
        let (id, pair) = self.current();
        let header = json!({ "alg": "RS256", "typ": typ, "kid": id });
        let mut token = URL_SAFE_NO_PAD.encode(header.to_string());
        token.push('.');
        URL_SAFE_NO_PAD.encode_string(claims.to_string(), &mut token);
        let mut signature = vec![0; pair.public_modulus_len()];
        pair.sign(
            &RSA_PKCS1_SHA256,
            &SystemRandom::new(),
            token.as_bytes(),
            &mut signature,
        )
        .expect("invariant: the buffer has the length of the modulus");
        token.push('.');
        URL_SAFE_NO_PAD.encode_string(signature, &mut token);
        token
    }

    fn current(&self) -> (String, Arc<KeyPair>) {
        let keys = self.keys.read().unwrap_or_else(PoisonError::into_inner);
        let key = keys
            .first()
            .expect("invariant: made with a key, and rotation only adds before it truncates");
        (key.id.clone(), Arc::clone(&key.pair))
    }
}

impl Key {
    fn generate() -> Self {
        let pair = KeyPair::generate(KeySize::Rsa2048)
            .expect("invariant: the operating system has random bytes");
        let public = pair.public_key();
        let n = URL_SAFE_NO_PAD.encode(public.modulus().big_endian_without_leading_zero());
        let e = URL_SAFE_NO_PAD.encode(public.exponent().big_endian_without_leading_zero());
        // RFC 7638 §3: the required members in this order, without white space.
        let members = format!(r#"{{"e":"{e}","kty":"RSA","n":"{n}"}}"#);
        let id = URL_SAFE_NO_PAD.encode(digest::digest(&digest::SHA256, members.as_bytes()));
        let jwk = json!({ "kty": "RSA", "use": "sig", "alg": "RS256", "kid": id, "n": n, "e": e });
        Self {
            id,
            pair: Arc::new(pair),
            jwk,
            retired_at: None,
        }
    }

    fn is_published(&self, now: Instant, overlap: Duration) -> bool {
        self.retired_at
            .is_none_or(|retired_at| now < retired_at + overlap)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ids(keys: &SigningKeys) -> Vec<String> {
        let set = keys.key_set();
        let ids = set["keys"].as_array().unwrap().iter();
        ids.map(|key| key["kid"].as_str().unwrap().to_owned())
            .collect()
    }

    #[tokio::test(start_paused = true)]
    async fn a_retired_key_stays_published_for_the_overlap() {
        let keys = SigningKeys::generate(Duration::from_secs(60));
        let first = keys.current_id();
        let second = keys.rotate();
        assert_eq!(ids(&keys), [second.clone(), first]);

        tokio::time::advance(Duration::from_secs(60)).await;
        assert_eq!(ids(&keys), std::slice::from_ref(&second));
        assert_eq!(keys.current_id(), second);
    }

    #[tokio::test]
    async fn rotating_over_and_over_keeps_the_key_set_small() {
        let keys = SigningKeys::generate(Duration::from_secs(60));
        for _ in 0..=MOST_KEYS {
            keys.rotate();
        }
        assert_eq!(ids(&keys).len(), MOST_KEYS);
    }
}
