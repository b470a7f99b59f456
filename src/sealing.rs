//! Authenticated encryption, hashes and random bytes. The only module that names `aws_lc_rs`.

mod as_it_is;

use std::sync::OnceLock;

use aws_lc_rs::aead::{AES_256_GCM, Aad, NONCE_LEN, Nonce, RandomizedNonceKey};
use aws_lc_rs::digest;
use aws_lc_rs::rsa::PublicKeyComponents;
use aws_lc_rs::signature::{
    ECDSA_P521_SHA512_FIXED, ParsedPublicKey, RSA_PKCS1_2048_8192_SHA256,
    RSA_PKCS1_2048_8192_SHA384, RSA_PKCS1_2048_8192_SHA512, RSA_PSS_2048_8192_SHA256,
    RSA_PSS_2048_8192_SHA384, RSA_PSS_2048_8192_SHA512, RsaParameters, UnparsedPublicKey,
};

pub use as_it_is::AsItIs;

/// SHA-256 of `bytes`.
#[must_use]
pub fn sha256(bytes: &[u8]) -> [u8; 32] {
    let mut out = [0; 32];
    out.copy_from_slice(digest::digest(&digest::SHA256, bytes).as_ref());
    out
}

/// Fills an array from the operating system's random source.
#[must_use]
pub fn random<const N: usize>() -> [u8; N] {
    let mut out = [0; N];
    aws_lc_rs::rand::fill(&mut out).expect("invariant: the operating system provides random bytes");
    out
}

/// True when both are equal, in time that depends on their lengths only.
#[must_use]
pub fn equal_in_constant_time(a: &[u8], b: &[u8]) -> bool {
    aws_lc_rs::constant_time::verify_slices_are_equal(a, b).is_ok()
}

/// True if `signature` (r ‖ s, 132 bytes) is that of the P-521 key with the uncompressed `point` over `message`, with
/// SHA-512: the JWS algorithm ES512, which the JWT library does not have.
#[must_use]
pub fn verifies_p521_sha512(point: &[u8], message: &[u8], signature: &[u8]) -> bool {
    UnparsedPublicKey::new(&ECDSA_P521_SHA512_FIXED, point)
        .verify(message, signature)
        .is_ok()
}

/// A signature scheme for RSA keys of 2048 to 8192 bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RsaScheme {
    /// PKCS #1 v1.5 with SHA-256.
    Pkcs1Sha256,
    /// PKCS #1 v1.5 with SHA-384.
    Pkcs1Sha384,
    /// PKCS #1 v1.5 with SHA-512.
    Pkcs1Sha512,
    /// PSS with SHA-256 and a salt of its length.
    PssSha256,
    /// PSS with SHA-384 and a salt of its length.
    PssSha384,
    /// PSS with SHA-512 and a salt of its length.
    PssSha512,
}

impl RsaScheme {
    const ALL: [Self; 6] = [
        Self::Pkcs1Sha256,
        Self::Pkcs1Sha384,
        Self::Pkcs1Sha512,
        Self::PssSha256,
        Self::PssSha384,
        Self::PssSha512,
    ];

    fn parameters(self) -> &'static RsaParameters {
        match self {
            Self::Pkcs1Sha256 => &RSA_PKCS1_2048_8192_SHA256,
            Self::Pkcs1Sha384 => &RSA_PKCS1_2048_8192_SHA384,
            Self::Pkcs1Sha512 => &RSA_PKCS1_2048_8192_SHA512,
            Self::PssSha256 => &RSA_PSS_2048_8192_SHA256,
            Self::PssSha384 => &RSA_PSS_2048_8192_SHA384,
            Self::PssSha512 => &RSA_PSS_2048_8192_SHA512,
        }
    }
}

/// An RSA public key, parsed once for each scheme: what depends on the key alone is a seventh of a verification.
pub struct RsaKey(Vec<(RsaScheme, ParsedPublicKey)>);

impl RsaKey {
    /// A key from its big-endian modulus and exponent, without leading zeros; nothing if they are no RSA key.
    #[must_use]
    pub fn new(modulus: &[u8], exponent: &[u8]) -> Option<Self> {
        let (n, e) = (modulus, exponent);
        let parsed = RsaScheme::ALL.map(|scheme| {
            let key = PublicKeyComponents { n, e }.to_parsed_public_key(scheme.parameters());
            Some((scheme, key.ok()?))
        });
        parsed.into_iter().collect::<Option<_>>().map(Self)
    }

    /// True if `signature` is this key's over `message`.
    #[must_use]
    pub fn verifies(&self, scheme: RsaScheme, message: &[u8], signature: &[u8]) -> bool {
        let mut keys = self.0.iter();
        let key = keys.find(|(of, _)| *of == scheme);
        key.is_some_and(|(_, key)| key.verify_sig(message, signature).is_ok())
    }
}

/// AES-256-GCM under one 32-byte key, with a random nonce per message in front of the ciphertext.
pub struct SealingKey(OnceLock<RandomizedNonceKey>);

impl std::fmt::Debug for SealingKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SealingKey(…)")
    }
}

impl SealingKey {
    /// Takes 32 bytes of key material.
    #[must_use]
    pub fn new(key: &[u8; 32]) -> Self {
        Self(aes_256_gcm(key).into())
    }

    /// A random key, made when it is first used: the library's first random bytes take tens of milliseconds, and a
    /// server that starts has something better to do with them.
    #[must_use]
    pub fn random() -> Self {
        Self(OnceLock::new())
    }

    fn key(&self) -> &RandomizedNonceKey {
        self.0.get_or_init(|| aes_256_gcm(&random()))
    }

    /// nonce ‖ ciphertext ‖ tag. `context` is authenticated and must be given again to open.
    #[must_use]
    pub fn seal(&self, context: &[u8], plain: &[u8]) -> Vec<u8> {
        let mut sealed = plain.to_vec();
        let nonce = self
            .key()
            .seal_in_place_append_tag(Aad::from(context), &mut sealed)
            .expect("invariant: a short message can be sealed");
        let mut out = Vec::with_capacity(NONCE_LEN + sealed.len());
        out.extend_from_slice(nonce.as_ref());
        out.extend_from_slice(&sealed);
        out
    }

    /// The plain bytes, or nothing if the message was not sealed with this key and context.
    #[must_use]
    pub fn open(&self, context: &[u8], sealed: &[u8]) -> Option<Vec<u8>> {
        let (nonce, rest) = sealed.split_at_checked(NONCE_LEN)?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).ok()?;
        let mut rest = rest.to_vec();
        let plain = self
            .key()
            .open_in_place(nonce, Aad::from(context), &mut rest)
            .ok()?;
        Some(plain.to_vec())
    }
}

fn aes_256_gcm(key: &[u8; 32]) -> RandomizedNonceKey {
    RandomizedNonceKey::new(&AES_256_GCM, key).expect("invariant: the key has 32 bytes")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn opens_only_with_the_same_key_and_context() {
        let key = SealingKey::new(&[7; 32]);
        let sealed = key.seal(b"session", b"hello");
        assert_eq!(
            key.open(b"session", &sealed).as_deref(),
            Some(&b"hello"[..])
        );
        assert_eq!(key.open(b"other", &sealed), None);
        assert_eq!(SealingKey::new(&[8; 32]).open(b"session", &sealed), None);
        let mut bent = sealed;
        *bent.last_mut().expect("a tag") ^= 1;
        assert_eq!(key.open(b"session", &bent), None);
        assert_eq!(key.open(b"session", b"short"), None);
    }

    #[test]
    fn a_random_key_is_one_key_and_not_the_next_one() {
        let key = SealingKey::random();
        let sealed = key.seal(b"session", b"hello");
        assert_eq!(
            key.open(b"session", &sealed).as_deref(),
            Some(&b"hello"[..])
        );
        assert_eq!(SealingKey::random().open(b"session", &sealed), None);
    }
}
