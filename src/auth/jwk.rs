//! Key sets as issuers publish them (RFC 7517). An odd key is skipped by itself, never the whole set.

use std::sync::{Mutex, PoisonError};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Deserialize;
use serde_json::value::RawValue;

use super::algorithm::{Algorithm, KeyKind};
use super::unverified::is_tame;
use super::verifier::VerifyingKey;
use crate::sealing::sha256;

/// The largest key set that is read.
pub(super) const MAX_BYTES: usize = 256 * 1024;

/// The most keys a set may have.
const MAX_KEYS: usize = 100;

/// Why a key for encryption is skipped.
pub(super) const FOR_SOMETHING_ELSE: &str = "its use is not sig";

/// One usable key of an issuer.
#[derive(Debug)]
pub(super) struct Key {
    /// `kid`; only keys for tokens without one lack it.
    pub kid: Option<String>,
    /// The JWK's own `alg`, which then is the only one it may be used with.
    pub algorithm: Option<Algorithm>,
    pub material: VerifyingKey,
    /// Tells two keys apart, whatever their `kid`.
    pub fingerprint: [u8; 32],
}

impl Key {
    /// True if this key may verify `algorithm`: right kind of key, and the JWK's own `alg` if it has one.
    pub(super) fn fits(&self, algorithm: Algorithm) -> bool {
        self.material.kind() == algorithm.key_kind()
            && self.algorithm.is_none_or(|own| own == algorithm)
    }
}

/// A parsed key set.
#[derive(Debug, Default)]
pub(super) struct Parsed {
    pub keys: Vec<Key>,
    /// What was left out, and why.
    pub skipped: Vec<Skipped>,
}

impl Parsed {
    /// What was left out, for a person: the first few are enough.
    pub(super) fn in_words(&self) -> String {
        if self.skipped.is_empty() {
            return "it is empty".to_owned();
        }
        let word = |Skipped { kid, reason }: &Skipped| {
            format!(
                "{}: {reason}",
                kid.as_deref().unwrap_or("a key without kid")
            )
        };
        let first: Vec<_> = self.skipped.iter().take(3).map(word).collect();
        let more = self.skipped.len() - first.len();
        let more = if more > 0 {
            format!(" and {more} more")
        } else {
            String::new()
        };
        first.join("; ") + &more
    }
}

/// A key that was left out.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Skipped {
    pub kid: Option<String>,
    pub reason: &'static str,
}

/// The skipped keys that the log knows of: they are skipped at every fetch, and told once.
#[derive(Debug, Default)]
pub(super) struct Told(Mutex<Vec<Skipped>>);

impl Told {
    /// Tells what was not skipped the last time.
    pub(super) fn tell(&self, issuer: &str, skipped: Vec<Skipped>) {
        for Skipped { kid, reason } in self.news(skipped) {
            let kid = kid.as_deref().unwrap_or("none");
            // Keycloak's realms have one; there is nothing to mend.
            if reason == FOR_SOMETHING_ELSE {
                tracing::info!(issuer, kid, reason, "skipped a key of the issuer");
            } else {
                tracing::warn!(issuer, kid, reason, "skipped a key of the issuer");
            }
        }
    }

    fn news(&self, skipped: Vec<Skipped>) -> Vec<Skipped> {
        let mut told = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut news = skipped.clone();
        news.retain(|skipped| !told.contains(skipped));
        *told = skipped;
        news
    }
}

/// Why a document is no key set.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum KeySetError {
    /// Not `{"keys":[…]}`.
    #[error("the document is not a JSON object with an array `keys`")]
    NotAKeySet,
    /// More than 100 keys.
    #[error("the key set has {0} keys, expected at most 100")]
    TooManyKeys(usize),
}

/// Which keys are of use.
#[derive(Clone, Copy, Debug)]
pub(super) struct Wanted<'a> {
    /// Keep keys without `kid`.
    pub without_kid: bool,
    /// Leave these out.
    pub blocked_kids: &'a [String],
}

#[derive(Deserialize)]
struct RawSet<'a> {
    #[serde(borrow)]
    keys: Vec<&'a RawValue>,
}

#[derive(Deserialize)]
struct RawKey {
    kty: String,
    #[serde(rename = "use")]
    usage: Option<String>,
    key_ops: Option<Vec<String>>,
    alg: Option<String>,
    kid: Option<String>,
    crv: Option<String>,
    n: Option<String>,
    e: Option<String>,
    x: Option<String>,
    y: Option<String>,
    d: Option<serde::de::IgnoredAny>,
}

/// Reads a key set.
pub(super) fn parse(bytes: &[u8], wanted: Wanted<'_>) -> Result<Parsed, KeySetError> {
    let Ok(set) = serde_json::from_slice::<RawSet<'_>>(bytes) else {
        return Err(KeySetError::NotAKeySet);
    };
    if set.keys.len() > MAX_KEYS {
        return Err(KeySetError::TooManyKeys(set.keys.len()));
    }
    let mut parsed = Parsed::default();
    for raw in set.keys {
        let Ok(raw) = serde_json::from_str::<RawKey>(raw.get()) else {
            parsed.skipped.push(Skipped {
                kid: None,
                reason: "it is not a JWK: a member has the wrong type or is missing",
            });
            continue;
        };
        let kid = raw.kid.clone();
        match usable(raw, wanted) {
            Ok(key) => parsed.keys.push(key),
            // The `kid` goes to the log, so an odd one stays out.
            Err(reason) => parsed.skipped.push(Skipped {
                kid: kid.filter(|kid| is_tame(kid)),
                reason,
            }),
        }
    }
    Ok(parsed)
}

fn usable(raw: RawKey, wanted: Wanted<'_>) -> Result<Key, &'static str> {
    if raw.usage.as_ref().is_some_and(|usage| usage != "sig") {
        return Err(FOR_SOMETHING_ELSE);
    }
    if raw
        .key_ops
        .as_ref()
        .is_some_and(|ops| ops.iter().all(|op| op != "verify"))
    {
        return Err("its key_ops do not contain verify");
    }
    if raw.d.is_some() {
        return Err("it is a private key, published: whoever reads it can sign");
    }
    match &raw.kid {
        None if !wanted.without_kid => return Err("it has no kid"),
        Some(kid) if !is_tame(kid) => return Err("its kid is not 1 to 128 printable characters"),
        Some(kid) if wanted.blocked_kids.contains(kid) => return Err("its kid is blocked"),
        None | Some(_) => {}
    }
    let material = material(&raw)?;
    let algorithm = match &raw.alg {
        None => None,
        Some(name) => match Algorithm::parse(name) {
            Some(known) if known.key_kind() == material.kind() => Some(known),
            Some(_) => return Err("its alg does not fit its key type or curve"),
            None => return Err("its alg is not a known signature algorithm"),
        },
    };
    let fingerprint = fingerprint(&raw);
    Ok(Key {
        kid: raw.kid,
        algorithm,
        material,
        fingerprint,
    })
}

fn material(raw: &RawKey) -> Result<VerifyingKey, &'static str> {
    let member = |value: &Option<String>| {
        let text = value.as_ref().ok_or("a member of the key is missing")?;
        let decoded = URL_SAFE_NO_PAD.decode(text).ok();
        decoded.ok_or("a member of the key is not base64url")
    };
    let curve = raw.crv.as_deref();
    match (raw.kty.as_str(), curve) {
        ("RSA", _) => rsa(&member(&raw.n)?, &member(&raw.e)?),
        ("EC", Some("P-256")) => ec(KeyKind::P256, 32, &member(&raw.x)?, &member(&raw.y)?),
        ("EC", Some("P-384")) => ec(KeyKind::P384, 48, &member(&raw.x)?, &member(&raw.y)?),
        ("EC", Some("P-521")) => ec(KeyKind::P521, 66, &member(&raw.x)?, &member(&raw.y)?),
        ("OKP", Some("Ed25519")) => {
            let point = member(&raw.x)?;
            if point.len() != 32 {
                return Err("its x has not the curve's length");
            }
            Ok(VerifyingKey::ed25519(&point))
        }
        ("EC" | "OKP", _) => Err("its curve is not supported"),
        ("oct", _) => Err("it is symmetric"),
        _ => Err("its key type is not supported"),
    }
}

/// RFC 8725 §3.5 and NIST SP 800-131A: at least 2048 bits; the library takes at most 8192. An even exponent or 1 is no
/// RSA exponent.
fn rsa(modulus: &[u8], exponent: &[u8]) -> Result<VerifyingKey, &'static str> {
    let modulus = without_leading_zeros(modulus);
    let exponent = without_leading_zeros(exponent);
    let bits = modulus.first().map_or(0, |first| {
        modulus.len() * 8 - first.leading_zeros() as usize
    });
    if bits < 2048 {
        return Err("its modulus has less than 2048 bits");
    }
    if bits > 8192 {
        return Err("its modulus has more than 8192 bits");
    }
    let odd = exponent.last().is_some_and(|last| last % 2 == 1);
    if !odd || exponent == [1] || exponent.len() > 4 {
        return Err("its exponent is even, 1 or larger than 32 bits");
    }
    VerifyingKey::rsa(modulus, exponent).ok_or("its modulus and exponent are no RSA key")
}

fn ec(kind: KeyKind, length: usize, x: &[u8], y: &[u8]) -> Result<VerifyingKey, &'static str> {
    if x.len() != length || y.len() != length {
        return Err("its coordinates have not the curve's length");
    }
    Ok(VerifyingKey::ec(kind, x, y))
}

fn without_leading_zeros(bytes: &[u8]) -> &[u8] {
    let start = bytes.iter().position(|b| *b != 0).unwrap_or(bytes.len());
    bytes.get(start..).unwrap_or_default()
}

fn fingerprint(raw: &RawKey) -> [u8; 32] {
    let members = [&raw.kid, &raw.alg, &raw.crv, &raw.n, &raw.e, &raw.x, &raw.y];
    let text = members.map(|member| member.as_deref().unwrap_or("-"));
    sha256(format!("{} {}", raw.kty, text.join(" ")).as_bytes())
}

#[cfg(test)]
mod tests;
