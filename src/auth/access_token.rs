//! The Bearer grammar (RFC 6750 §2.1): one `Authorization` header and nothing else.

use http::HeaderMap;
use http::header::AUTHORIZATION;

use super::AccessTokenError;

/// A secret: no `Display`, no `Serialize`, redacted `Debug`.
pub struct AccessToken(Vec<u8>);

impl std::fmt::Debug for AccessToken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("AccessToken(…)")
    }
}

impl AccessToken {
    /// The token of a request. A token in the query is refused whatever the header says: it is in somebody's log by now.
    pub fn from_request(
        headers: &HeaderMap,
        query: Option<&str>,
    ) -> Result<Self, AccessTokenError> {
        if query.is_some_and(names_an_access_token) {
            return Err(AccessTokenError::Elsewhere);
        }
        Self::from_headers(headers)
    }

    /// The token in a request's headers.
    pub fn from_headers(headers: &HeaderMap) -> Result<Self, AccessTokenError> {
        let mut values = headers.get_all(AUTHORIZATION).iter();
        let value = values.next().ok_or(AccessTokenError::Missing)?;
        if values.next().is_some() {
            return Err(AccessTokenError::Repeated);
        }
        let bytes = value.as_bytes();
        let space = bytes.iter().position(|b| *b == b' ');
        let (scheme, rest) = bytes.split_at(space.unwrap_or(bytes.len()));
        if !scheme.eq_ignore_ascii_case(b"bearer") {
            return Err(AccessTokenError::Missing);
        }
        let skipped = rest.iter().take_while(|b| **b == b' ').count();
        let token = rest.get(skipped..).unwrap_or_default();
        if !is_b64token(token) {
            return Err(AccessTokenError::Malformed);
        }
        Ok(Self(token.to_vec()))
    }

    /// A token that did not come with a request, as for `usher token explain` and tests. It is checked like any other.
    #[must_use]
    pub fn from_text(text: &str) -> Self {
        Self(text.as_bytes().to_vec())
    }

    /// The secret itself; only the verifier and the token exchange may ask.
    pub(in crate::auth) fn expose(&self) -> &str {
        std::str::from_utf8(self.expose_bytes()).unwrap_or_default()
    }

    /// The secret as text, for whoever holds it on.
    pub(in crate::auth) fn into_text(self) -> String {
        String::from_utf8(self.0).unwrap_or_default()
    }

    /// The same as bytes.
    pub(in crate::auth) fn expose_bytes(&self) -> &[u8] {
        &self.0
    }
}

/// True if a query string or a form body carries `access_token` (RFC 6750 §2.2, §2.3).
#[must_use]
pub fn names_an_access_token(form: &str) -> bool {
    url::form_urlencoded::parse(form.as_bytes()).any(|(name, _)| name == "access_token")
}

/// `1*( ALPHA / DIGIT / "-" / "." / "_" / "~" / "+" / "/" ) *"="`.
pub(in crate::auth) fn is_b64token(bytes: &[u8]) -> bool {
    let unpadded = bytes
        .iter()
        .rposition(|b| *b != b'=')
        .map_or(0, |at| at + 1);
    let body = bytes.get(..unpadded).unwrap_or_default();
    // Every byte is looked at, without a way out: so the compiler does many at a time.
    let letter = |b: u8| (b | 0x20).wrapping_sub(b'a') < 26;
    let allowed =
        |b: u8| letter(b) | (b.wrapping_sub(b'-') < 13) | (b == b'_') | (b == b'+') | (b == b'~');
    let refused = body
        .iter()
        .fold(0, |found, b| found | u8::from(!allowed(*b)));
    !body.is_empty() && refused == 0
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn check(values: &[&[u8]], query: Option<&str>, expected: Result<&str, AccessTokenError>) {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(
                AUTHORIZATION,
                HeaderValue::from_bytes(value).expect("a value"),
            );
        }
        let found = AccessToken::from_request(&headers, query);
        let found = found.as_ref().map(AccessToken::expose).map_err(|e| *e);
        assert_eq!(found, expected, "{values:?} {query:?}");
    }

    // row 26
    #[test]
    fn takes_one_bearer_header_and_refuses_several_headers_and_tokens_in_the_query() {
        use AccessTokenError::{Elsewhere, Malformed, Missing, Repeated};
        check(&[b"Bearer abc.def.ghi"], None, Ok("abc.def.ghi"));
        check(&[b"bEARER abc"], Some("page=2"), Ok("abc"));
        check(&[b"Bearer   abc=="], None, Ok("abc=="));
        check(&[], None, Err(Missing));
        check(&[b"Basic dXNlcjpwYXNz"], None, Err(Missing));
        check(&[b"DPoP abc"], None, Err(Missing));
        check(&[b""], None, Err(Missing));
        check(&[b"Bearerabc"], None, Err(Missing));
        check(&[b"Bearer"], None, Err(Malformed));
        check(&[b"Bearer "], None, Err(Malformed));
        check(&[b"Bearer a b"], None, Err(Malformed));
        check(&[b"Bearer a,Bearer b"], None, Err(Malformed));
        check(&[b"Bearer a=b"], None, Err(Malformed));
        check(&[b"Bearer ="], None, Err(Malformed));
        check(&[b"Bearer \"abc\""], None, Err(Malformed));
        check(&[b"Bearer a\tb"], None, Err(Malformed));
        check(&[b"Bearer \xff\xfe"], None, Err(Malformed));
        check(&["Bearer abc\u{e9}".as_bytes()], None, Err(Malformed));
        check(&[b"Bearer abc", b"Bearer abc"], None, Err(Repeated));
        check(&[b"Bearer abc", b"Basic abc"], None, Err(Repeated));
        check(&[], Some("access_token=abc"), Err(Elsewhere));
        check(
            &[b"Bearer abc"],
            Some("x=1&access%5Ftoken=abc"),
            Err(Elsewhere),
        );
        check(&[b"Bearer abc"], Some("access_token"), Err(Elsewhere));
        check(&[b"Bearer abc"], Some("my_access_token=1"), Ok("abc"));
    }

    #[test]
    fn debug_output_does_not_contain_the_token() {
        assert_eq!(
            format!("{:?}", AccessToken::from_text("secret")),
            "AccessToken(…)"
        );
    }
}
