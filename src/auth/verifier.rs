//! Signatures. The only module that names `jsonwebtoken`, and only its cryptography: every check of claims is ours.
//!
//! `jsonwebtoken` 11.1 has no ES512, and parses an RSA key anew for every signature; these go through
//! [`crate::sealing`] to the same C library.

use jsonwebtoken::DecodingKey;
use jsonwebtoken::crypto::aws_lc::DEFAULT_PROVIDER;

use super::algorithm::{Algorithm, KeyKind};
use crate::sealing::{self, RsaKey, RsaScheme};

/// A public key, ready to verify.
pub(super) struct VerifyingKey {
    kind: KeyKind,
    material: Material,
}

enum Material {
    Library(DecodingKey),
    /// The uncompressed point of a P-521 key.
    P521(Vec<u8>),
    Rsa(RsaKey),
}

/// Whose task a signature is.
enum Scheme {
    Library(jsonwebtoken::Algorithm),
    P521,
    Rsa(RsaScheme),
}

impl std::fmt::Debug for VerifyingKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "VerifyingKey({:?})", self.kind)
    }
}

impl VerifyingKey {
    /// An RSA key from its big-endian modulus and exponent; nothing if they are no RSA key.
    pub(super) fn rsa(modulus: &[u8], exponent: &[u8]) -> Option<Self> {
        Some(Self {
            kind: KeyKind::Rsa,
            material: Material::Rsa(RsaKey::new(modulus, exponent)?),
        })
    }

    /// A key on a NIST curve from its two coordinates, each of the curve's length.
    pub(super) fn ec(kind: KeyKind, x: &[u8], y: &[u8]) -> Self {
        let point = [&[4], x, y].concat();
        let material = match kind {
            KeyKind::P521 => Material::P521(point),
            KeyKind::P256 | KeyKind::P384 | KeyKind::Rsa | KeyKind::Ed25519 => {
                Material::Library(DecodingKey::from_ec_der(&point))
            }
        };
        Self { kind, material }
    }

    /// An Ed25519 key.
    pub(super) fn ed25519(point: &[u8]) -> Self {
        Self {
            kind: KeyKind::Ed25519,
            material: Material::Library(DecodingKey::from_ed_der(point)),
        }
    }

    /// The kind of key, which decides which algorithms fit.
    pub(super) fn kind(&self) -> KeyKind {
        self.kind
    }

    /// True if `signature` is this key's over `message`. The algorithm comes from the settings, never from the token
    /// alone; it must fit the kind of key.
    pub(super) fn verifies(
        &self,
        algorithm: Algorithm,
        message: &[u8],
        signature: &Vec<u8>,
    ) -> bool {
        if algorithm.key_kind() != self.kind {
            return false;
        }
        match (&self.material, scheme(algorithm)) {
            (Material::P521(point), Scheme::P521) => {
                sealing::verifies_p521_sha512(point, message, signature)
            }
            (Material::Rsa(key), Scheme::Rsa(scheme)) => key.verifies(scheme, message, signature),
            (Material::Library(key), Scheme::Library(name)) => {
                (DEFAULT_PROVIDER.verifier_factory)(&name, key)
                    .is_ok_and(|verifier| verifier.verify(message, signature).is_ok())
            }
            (Material::P521(_), Scheme::Rsa(_) | Scheme::Library(_))
            | (Material::Rsa(_), Scheme::P521 | Scheme::Library(_))
            | (Material::Library(_), Scheme::P521 | Scheme::Rsa(_)) => false,
        }
    }
}

fn scheme(algorithm: Algorithm) -> Scheme {
    match algorithm {
        Algorithm::EdDsa => Scheme::Library(jsonwebtoken::Algorithm::EdDSA),
        Algorithm::Es256 => Scheme::Library(jsonwebtoken::Algorithm::ES256),
        Algorithm::Es384 => Scheme::Library(jsonwebtoken::Algorithm::ES384),
        Algorithm::Es512 => Scheme::P521,
        Algorithm::Ps256 => Scheme::Rsa(RsaScheme::PssSha256),
        Algorithm::Ps384 => Scheme::Rsa(RsaScheme::PssSha384),
        Algorithm::Ps512 => Scheme::Rsa(RsaScheme::PssSha512),
        Algorithm::Rs256 => Scheme::Rsa(RsaScheme::Pkcs1Sha256),
        Algorithm::Rs384 => Scheme::Rsa(RsaScheme::Pkcs1Sha384),
        Algorithm::Rs512 => Scheme::Rsa(RsaScheme::Pkcs1Sha512),
    }
}
