//! Signing keys of the test issuer, made at run time: none is in the repository.

use std::sync::OnceLock;

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, ECDSA_P384_SHA384_FIXED_SIGNING,
    ECDSA_P521_SHA512_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair, RSA_PKCS1_SHA256,
    RSA_PKCS1_SHA384, RSA_PKCS1_SHA512, RSA_PSS_SHA256, RSA_PSS_SHA384, RSA_PSS_SHA512, RsaKeyPair,
};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

/// base64url without padding.
pub(crate) fn base64url(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

/// One private key with its `kid` and algorithm.
#[derive(Clone)]
pub(crate) struct TestKey {
    /// The key id; `None` publishes a key without one.
    pub(crate) kid: Option<String>,
    /// The JWS algorithm it signs with.
    pub(crate) algorithm: &'static str,
    pair: &'static Pair,
}

enum Pair {
    Rsa(RsaKeyPair),
    Ec(EcdsaKeyPair),
    Ed(Ed25519KeyPair),
}

/// Generating an RSA key takes a while, so all tests of one binary share four, by slot.
fn rsa(slot: usize) -> &'static Pair {
    static KEYS: [OnceLock<Pair>; 4] = [const { OnceLock::new() }; 4];
    let key = KEYS.iter().cycle().nth(slot % 4).expect("four keys");
    key.get_or_init(|| {
        Pair::Rsa(RsaKeyPair::generate(aws_lc_rs::rsa::KeySize::Rsa2048).expect("an RSA key"))
    })
}

fn ec(algorithm: &str) -> &'static Pair {
    static KEYS: [OnceLock<Pair>; 3] = [const { OnceLock::new() }; 3];
    let [p256, p384, p521] = &KEYS;
    let (key, signing) = match algorithm {
        "ES256" => (p256, &ECDSA_P256_SHA256_FIXED_SIGNING),
        "ES384" => (p384, &ECDSA_P384_SHA384_FIXED_SIGNING),
        _ => (p521, &ECDSA_P521_SHA512_FIXED_SIGNING),
    };
    key.get_or_init(|| Pair::Ec(EcdsaKeyPair::generate(signing).expect("an EC key")))
}

fn ed() -> &'static Pair {
    static KEY: OnceLock<Pair> = OnceLock::new();
    KEY.get_or_init(|| Pair::Ed(Ed25519KeyPair::generate().expect("an Ed25519 key")))
}

impl TestKey {
    /// A key for `algorithm`. RSA keys with the same `slot` (modulo 4) are the same key.
    pub(crate) fn new(kid: &str, algorithm: &'static str, slot: usize) -> Self {
        let pair = match algorithm {
            "ES256" | "ES384" | "ES512" => ec(algorithm),
            "EdDSA" => ed(),
            _ => rsa(slot),
        };
        Self {
            kid: Some(kid.to_owned()),
            algorithm,
            pair,
        }
    }

    /// The signature over `message` with this key's algorithm.
    pub(crate) fn sign(&self, message: &[u8]) -> Vec<u8> {
        let random = SystemRandom::new();
        match self.pair {
            Pair::Rsa(pair) => {
                let encoding: &'static dyn aws_lc_rs::signature::RsaEncoding = match self.algorithm
                {
                    "RS256" => &RSA_PKCS1_SHA256,
                    "RS384" => &RSA_PKCS1_SHA384,
                    "RS512" => &RSA_PKCS1_SHA512,
                    "PS256" => &RSA_PSS_SHA256,
                    "PS384" => &RSA_PSS_SHA384,
                    "PS512" => &RSA_PSS_SHA512,
                    other => unreachable!("no RSA algorithm: {other}"),
                };
                let mut signature = vec![0; pair.public_modulus_len()];
                pair.sign(encoding, &random, message, &mut signature)
                    .expect("an RSA signature");
                signature
            }
            Pair::Ec(pair) => pair.sign(&random, message).expect("signs").as_ref().into(),
            Pair::Ed(pair) => pair.sign(message).as_ref().into(),
        }
    }

    /// The RSA modulus, for algorithm confusion tests.
    pub(crate) fn modulus(&self) -> Vec<u8> {
        match self.pair {
            Pair::Rsa(pair) => pair
                .public_key()
                .modulus()
                .big_endian_without_leading_zero()
                .to_vec(),
            Pair::Ec(_) | Pair::Ed(_) => unreachable!("no RSA key"),
        }
    }

    /// The public key as a JWK (RFC 7517) with `use` and `alg`.
    pub(crate) fn jwk(&self) -> Value {
        let mut jwk = match self.pair {
            Pair::Rsa(pair) => {
                let public = pair.public_key();
                json!({
                    "kty": "RSA",
                    "n": base64url(public.modulus().big_endian_without_leading_zero()),
                    "e": base64url(public.exponent().big_endian_without_leading_zero()),
                })
            }
            Pair::Ec(pair) => {
                let (_, point) = pair.public_key().as_ref().split_at(1);
                let (x, y) = point.split_at(point.len() / 2);
                let curve = match self.algorithm {
                    "ES256" => "P-256",
                    "ES384" => "P-384",
                    _ => "P-521",
                };
                json!({ "kty": "EC", "crv": curve, "x": base64url(x), "y": base64url(y) })
            }
            Pair::Ed(pair) => {
                json!({ "kty": "OKP", "crv": "Ed25519", "x": base64url(pair.public_key()) })
            }
        };
        let members = jwk.as_object_mut().expect("an object");
        members.insert("use".into(), json!("sig"));
        members.insert("alg".into(), json!(self.algorithm));
        if let Some(kid) = &self.kid {
            members.insert("kid".into(), json!(kid));
        }
        jwk
    }
}
