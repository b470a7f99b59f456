//! Takes a token apart before any cryptography. Nothing in here is to be believed.
//!
//! In this order: at most 16 KiB; exactly two dots; each part canonical base64url without padding; header and claims one
//! JSON object each, no member twice, bounded depth; no `crit`, `b64`, `zip`, no token inside a token; a tame `kid`.
//! `jku`, `x5u`, `x5c` and `jwk` are not read at all (RFC 8725 §3.10): keys come from the configured issuer.

use std::sync::LazyLock;

use base64::engine::general_purpose::NO_PAD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use base64::{Engine as _, alphabet};

use super::TokenError;
use super::strict_json::{Fault, Object};

/// The largest token that is looked at.
const MAX_BYTES: usize = 16 * 1024;

/// The longest `kid`.
const MAX_KID_BYTES: usize = 128;

/// The three parts of a token, decoded.
pub(super) struct Parts<'t> {
    /// `header.claims` as sent, which is what is signed.
    pub signed: &'t str,
    pub header: Vec<u8>,
    pub claims: Vec<u8>,
    pub signature: Vec<u8>,
}

/// The header members that decide something.
#[derive(Debug, PartialEq)]
pub(super) struct UnverifiedHeader {
    pub algorithm: String,
    pub kid: Option<String>,
    pub token_type: Option<String>,
}

impl<'t> Parts<'t> {
    /// Splits and decodes.
    pub(super) fn parse(token: &'t str) -> Result<Self, TokenError> {
        if token.len() > MAX_BYTES {
            return Err(TokenError::TooLarge);
        }
        match memchr::memchr_iter(b'.', token.as_bytes()).count() {
            2 => {}
            4 => return Err(TokenError::Encrypted),
            _ => return Err(TokenError::NotAJws),
        }
        let split = token.rsplit_once('.').and_then(|(signed, signature)| {
            let (header, claims) = signed.split_once('.')?;
            Some((signed, header, claims, signature))
        });
        let (signed, header, claims, signature) = split.ok_or(TokenError::NotAJws)?;
        if signature.is_empty() {
            return Err(TokenError::BadSignature);
        }
        Ok(Self {
            signed,
            header: decode(header)?,
            claims: decode(claims)?,
            signature: decode(signature)?,
        })
    }
}

impl<'t> Parts<'t> {
    /// The same of a token that [`Self::parse`] refuses, as far as it can be read: to explain it, never to accept it.
    pub(super) fn loosely(token: &'t str) -> Option<Self> {
        if token.len() > MAX_BYTES {
            return None;
        }
        let (signed, signature) = token.rsplit_once('.')?;
        let (header, claims) = signed.split_once('.')?;
        let decode = |part: &str| LOOSE.decode(part.trim()).ok();
        Some(Self {
            signed,
            header: decode(header)?,
            claims: decode(claims)?,
            signature: decode(signature).unwrap_or_default(),
        })
    }
}

/// Base64url as it should not be written.
const LOOSE: GeneralPurpose = GeneralPurpose::new(
    &alphabet::URL_SAFE,
    GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true),
);

/// Canonical base64url: these engines refuse padding, other alphabets, white space and stray trailing bits.
#[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
static CANONICAL: LazyLock<base64::engine::Simd> =
    LazyLock::new(|| base64::engine::Simd::url_safe(NO_PAD));
#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
static CANONICAL: LazyLock<GeneralPurpose> =
    LazyLock::new(|| GeneralPurpose::new(&alphabet::URL_SAFE, NO_PAD));

fn decode(part: &str) -> Result<Vec<u8>, TokenError> {
    match CANONICAL.decode(part) {
        Ok(bytes) => Ok(bytes),
        Err(_) => Err(TokenError::BadEncoding),
    }
}

impl UnverifiedHeader {
    /// Reads the header and refuses everything that would change how the token is to be read.
    pub(super) fn parse(bytes: &[u8]) -> Result<Self, TokenError> {
        let header = object(bytes)?;
        if header.get("crit").is_some() || header.get("b64").is_some() {
            return Err(TokenError::CriticalHeader);
        }
        if header.get("zip").is_some() {
            return Err(TokenError::Compressed);
        }
        let string = |name: &'static str| match header.get(name) {
            None => Ok(None),
            Some(value) => value.as_str().map(Some).ok_or(TokenError::BadHeader(name)),
        };
        if string("cty")?.is_some_and(is_token_type) {
            return Err(TokenError::Nested);
        }
        let kid = match header.get("kid") {
            None => None,
            Some(value) => Some(
                value
                    .as_str()
                    .filter(|kid| is_tame(kid))
                    .ok_or(TokenError::BadKid)?,
            ),
        };
        Ok(Self {
            algorithm: string("alg")?
                .ok_or(TokenError::BadHeader("alg"))?
                .to_owned(),
            kid: kid.map(str::to_owned),
            token_type: string("typ")?.map(str::to_owned),
        })
    }
}

impl UnverifiedHeader {
    /// The same of a header that [`Self::parse`] refuses, as far as it can be read: to explain it, never to accept it.
    pub(super) fn loosely(bytes: &[u8]) -> Option<Self> {
        let header = object(bytes).ok()?;
        let string = |name: &str| header.get(name)?.as_str().map(str::to_owned);
        Some(Self {
            algorithm: string("alg").unwrap_or_default(),
            kid: string("kid").filter(|kid| is_tame(kid)),
            token_type: string("typ"),
        })
    }
}

/// Header or claims as an object.
pub(super) fn object(bytes: &[u8]) -> Result<Object<'_>, TokenError> {
    Object::parse(bytes).map_err(|fault| match fault {
        Fault::Syntax => TokenError::BadJson,
        Fault::DuplicateMember => TokenError::DuplicateMember,
        Fault::TooDeep => TokenError::TooDeep,
    })
}

fn is_token_type(media_type: &str) -> bool {
    let bare = media_type.to_ascii_lowercase();
    let bare = bare.strip_prefix("application/").unwrap_or(&bare);
    bare == "jwt" || bare == "jose" || bare.ends_with("+jwt")
}

pub(super) fn is_tame(kid: &str) -> bool {
    (1..=MAX_KID_BYTES).contains(&kid.len()) && kid.bytes().all(|b| (0x20..0x7f).contains(&b))
}

#[cfg(test)]
mod tests {
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_part_is_read_as_the_plain_engine_reads_it_wherever_it_is_spoilt(
            bytes in proptest::collection::vec(any::<u8>(), 0..300),
            spoilt in proptest::option::of((any::<prop::sample::Index>(), prop_oneof![proptest::char::range(' ', '~'), any::<char>()])),
            more in "[A-Za-z0-9_=-]{0,3}",
        ) {
            let mut part = URL_SAFE_NO_PAD.encode(bytes) + &more;
            if let Some((at, by)) = spoilt.filter(|_| !part.is_empty()) {
                let at = at.index(part.len());
                part.replace_range(at..=at, by.encode_utf8(&mut [0; 4]));
            }
            prop_assert_eq!(decode(&part).ok(), URL_SAFE_NO_PAD.decode(&part).ok());
        }
    }
}
