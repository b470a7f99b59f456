//! Laws of the token pre-parser that hold for any bytes; see [`crate::fuzzing`].
#![expect(
    clippy::indexing_slicing,
    reason = "a JSON tree's index does not panic"
)]

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::de::IgnoredAny;

use super::unverified::{Parts, UnverifiedHeader, object};

/// Token pre-parser: what passes is one canonical JWS, and any other parser reads the same header and claims in it.
pub fn token(data: &[u8]) {
    // Base64url hides JSON from a fuzzer; after a byte 0xFF, which no token has, the JSON comes as it is.
    if let Some(json) = data.strip_prefix(b"\xFF") {
        header(json);
        claims(json);
    }
    let Ok(Ok(parts)) = std::str::from_utf8(data).map(Parts::parse) else {
        return;
    };
    let encoded =
        [&parts.header, &parts.claims, &parts.signature].map(|part| URL_SAFE_NO_PAD.encode(part));
    assert_eq!(
        encoded.join(".").as_bytes(),
        data,
        "one spelling for one token"
    );
    assert_eq!(
        encoded[..2].join("."),
        parts.signed,
        "what is signed is what is read"
    );
    assert!(data.len() <= 16 * 1024 && !parts.signature.is_empty());
    header(&parts.header);
    claims(&parts.claims);
}

fn header(json: &[u8]) {
    let Ok(header) = UnverifiedHeader::parse(json) else {
        return;
    };
    // A tree has no place for half surrogates and for numbers beyond f64; then there is nothing to compare with.
    let Ok(tree) = serde_json::from_slice::<serde_json::Value>(json) else {
        return;
    };
    for dangerous in ["crit", "b64", "zip"] {
        assert!(tree.get(dangerous).is_none(), "{dangerous}");
    }
    assert_eq!(tree["alg"].as_str(), Some(&*header.algorithm));
    assert_eq!(tree["kid"].as_str(), header.kid.as_deref());
    assert_eq!(tree["typ"].as_str(), header.token_type.as_deref());
}

fn claims(json: &[u8]) {
    let Ok(claims) = object(json) else {
        return;
    };
    serde_json::from_slice::<IgnoredAny>(json).expect("accepted claims are JSON");
    let Ok(tree) = serde_json::from_slice::<serde_json::Value>(json) else {
        return;
    };
    for name in ["iss", "sub", "aud", "azp", "client_id", "scope", "typ"] {
        let text = claims.get(name).and_then(|value| value.as_str());
        assert_eq!(tree[name].as_str(), text, "{name}");
    }
}
