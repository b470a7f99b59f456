//! The name under which a client, a refusal and the log speak of the same request.

use axum::http::{HeaderMap, HeaderName, HeaderValue};

/// `X-Request-Id`.
pub const HEADER: HeaderName = HeaderName::from_static("x-request-id");

/// The longest identifier believed from a proxy.
const MAX_LENGTH: usize = 64;

/// 32 hexadecimal digits of our own, or what a trusted proxy sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestId(Name);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Name {
    /// In place: a header's value is made of it once, for the answer.
    Own([u8; 32]),
    FromProxy(HeaderValue),
}

impl RequestId {
    /// A new identifier.
    #[must_use]
    pub fn random() -> Self {
        let random: [u8; 16] = rand::random();
        let mut text = [0_u8; 32];
        // Without a look into a table, so the compiler does many at a time.
        let digit = |nibble: u8| nibble + if nibble < 10 { b'0' } else { b'a' - 10 };
        for ([high, low], byte) in text.as_chunks_mut().0.iter_mut().zip(random) {
            (*high, *low) = (digit(byte >> 4), digit(byte & 0xf));
        }
        Self(Name::Own(text))
    }

    /// The identifier that a trusted proxy put into `headers`: letters, digits, `-`, `_`, `.`, at most 64 of them.
    #[must_use]
    pub fn from_proxy(headers: &HeaderMap) -> Option<Self> {
        let value = headers.get(HEADER)?;
        let sound = |b: &u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.');
        let bytes = value.as_bytes();
        let acceptable = (1..=MAX_LENGTH).contains(&bytes.len()) && bytes.iter().all(sound);
        acceptable.then(|| Self(Name::FromProxy(value.clone())))
    }

    /// The identifier as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match &self.0 {
            Name::Own(text) => std::str::from_utf8(text).unwrap_or_default(),
            Name::FromProxy(value) => value.to_str().unwrap_or_default(),
        }
    }

    /// The identifier as the value of [`HEADER`].
    #[must_use]
    pub fn header_value(&self) -> HeaderValue {
        match &self.0 {
            Name::Own(text) => {
                HeaderValue::from_bytes(text).expect("invariant: hexadecimal digits are visible")
            }
            Name::FromProxy(value) => value.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_new_identifier_is_32_hexadecimal_digits_and_not_the_last_one() {
        let (one, other) = (RequestId::random(), RequestId::random());
        assert_eq!(one.as_str().len(), 32);
        assert!(one.as_str().bytes().all(|b| b.is_ascii_hexdigit()));
        assert_ne!(one, other);
    }

    #[test]
    fn a_proxy_can_name_a_request_but_not_write_into_the_log() {
        let from = |value: &'static str| {
            let mut headers = HeaderMap::new();
            headers.insert(HEADER, HeaderValue::from_static(value));
            RequestId::from_proxy(&headers).map(|id| id.as_str().to_owned())
        };
        assert_eq!(from("abc-1.2_3").as_deref(), Some("abc-1.2_3"));
        for refused in ["", "a b", "a\"b", "Bearer x", "x".repeat(65).leak() as &str] {
            assert_eq!(from(refused), None, "{refused:?}");
        }
        assert_eq!(RequestId::from_proxy(&HeaderMap::new()), None);
    }
}
