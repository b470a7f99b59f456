//! What was seen of a token that was refused: for the ledger and for people, never for decisions.
//!
//! Nothing is made of an accepted token. The token itself, a part of it or its signature is never kept, and nothing of
//! what is kept was verified unless it says so.

use std::borrow::Cow;
use std::fmt;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::claims::Claims;
use super::issuer::Issuer;
use super::strict_json::{Object, Value};
use super::unverified::UnverifiedHeader;
use super::{Principal, ProfileName, TokenError};
use crate::harmless;

/// How many audiences are kept.
const MOST_AUDIENCES: usize = 4;

/// The longest excerpts, in bytes, by what they are of.
const ISSUER: usize = 256;
const AUDIENCE: usize = 192;
const CLIENT_ID: usize = 192;
const SCOPE: usize = 256;
const KEY_ID: usize = 128;
const SHORT: usize = 32;

/// What stands for a text that may be a token, or hold one.
const LIKE_A_TOKEN: &str = "(left out: it looks like a token)";

/// The beginning of a text that a stranger wrote.
///
/// It is bounded, on one line, and without characters that move a cursor or turn the direction of writing; these are
/// written as `\u{…}`. It can still hold `<` and quotes, so a page escapes it as any text. A text that looks like a token
/// is left out.
#[derive(Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Excerpt(Box<str>);

impl Excerpt {
    /// At most about `longest` bytes of `text`; what was cut ends in `…`.
    #[must_use]
    pub fn new(text: &str, longest: usize) -> Self {
        if looks_like_a_token(text) {
            return Self(LIKE_A_TOKEN.into());
        }
        let is_plain = |byte: u8| (0x20..0x7f).contains(&byte);
        if text.len() <= longest && text.bytes().all(is_plain) {
            return Self(text.into());
        }
        let mut excerpt = String::with_capacity(longest.min(text.len()));
        for character in text.chars() {
            if excerpt.len() >= longest {
                excerpt.push('…');
                break;
            }
            if harmless::acts(character) {
                excerpt.extend(character.escape_unicode());
            } else {
                excerpt.push(character);
            }
        }
        Self(excerpt.into())
    }

    /// The same of bytes that may be no text.
    #[must_use]
    pub fn of_bytes(bytes: &[u8], longest: usize) -> Self {
        // Four bytes are the most that one character takes; the rest would be cut anyway.
        let enough = bytes.get(..longest.saturating_add(4)).unwrap_or(bytes);
        Self::new(&String::from_utf8_lossy(enough), longest)
    }

    /// The text, safe to print on a terminal.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A JSON object in base64url begins with `eyJ`, and so does each JWT.
fn looks_like_a_token(text: &str) -> bool {
    const SHORTEST: usize = 16;
    let mut rest = text;
    while let Some((_, found)) = rest.split_once("eyJ") {
        let is_base64url = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
        if found.bytes().take_while(|byte| is_base64url(byte)).count() >= SHORTEST {
            return true;
        }
        rest = found;
    }
    false
}

impl fmt::Debug for Excerpt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

impl fmt::Display for Excerpt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl Serialize for Excerpt {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

/// What comes from elsewhere is made harmless again.
impl<'de> Deserialize<'de> for Excerpt {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        const LONGEST: usize = 512;
        let text = Cow::<'de, str>::deserialize(deserializer)?;
        Ok(Self::new(&text, LONGEST))
    }
}

impl JsonSchema for Excerpt {
    fn schema_name() -> Cow<'static, str> {
        "Excerpt".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string" })
    }
}

/// What a token said of itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Seen {
    /// True if the issuer's signature was checked, or the issuer was asked. Else anybody may have written the rest.
    pub is_verified: bool,
    /// `iss`.
    pub issuer: Option<Excerpt>,
    /// `aud`, the first few.
    pub audiences: Vec<Excerpt>,
    /// The OAuth client id, as the issuer's profile finds it.
    pub client_id: Option<Excerpt>,
    /// The scopes.
    pub scope: Option<Excerpt>,
    /// `kid`.
    pub key_id: Option<Excerpt>,
    /// `alg`.
    pub algorithm: Option<Excerpt>,
    /// `typ` of the header.
    pub token_type: Option<Excerpt>,
    /// The profile of the issuer, if `iss` names one that is configured.
    pub profile: Option<ProfileName>,
}

impl Seen {
    /// Of a token whose claims cannot be read.
    pub(super) fn header(header: &UnverifiedHeader) -> Self {
        let short = |text: &String| Excerpt::new(text, SHORT);
        Self {
            key_id: header.kid.as_ref().map(|kid| Excerpt::new(kid, KEY_ID)),
            algorithm: Some(short(&header.algorithm)),
            token_type: header.token_type.as_ref().map(short),
            ..Self::default()
        }
    }

    /// Of a token that could be read.
    pub(super) fn claims(
        header: &UnverifiedHeader,
        claims: &Object<'_>,
        issuer: Option<&Issuer>,
    ) -> Self {
        let first = |names: &[&str], longest| {
            let mut values = names.iter().filter_map(|name| claims.get(name));
            values.find_map(|value| text(value, longest))
        };
        let rules = issuer.map(Issuer::rules);
        let client_ids = rules.map_or(&["client_id", "azp"][..], |rules| {
            rules.profile.client_id_claims
        });
        let scopes = rules.map_or(&["scope", "scp"][..], |rules| rules.profile.scope_claims);
        let own = rules.and_then(|rules| rules.scope_claim);
        let own = own.and_then(|name| first(&[name], SCOPE));
        let audiences = claims.get("aud").and_then(Value::strings);
        Self {
            issuer: first(&["iss"], ISSUER),
            audiences: excerpts(audiences.unwrap_or_default().into_iter()),
            client_id: first(client_ids, CLIENT_ID),
            scope: own.or_else(|| first(scopes, SCOPE)),
            profile: rules.map(|rules| rules.profile.name),
            ..Self::header(header)
        }
    }

    /// Of a token that was verified before, or of which its issuer says that it counts.
    pub(super) fn verified(claims: &Claims, issuer: &Issuer) -> Self {
        Self {
            audiences: excerpts(claims.audiences.iter().map(String::as_str)),
            scope: Some(Excerpt::new(&claims.scopes.to_string(), SCOPE)),
            client_id: claims
                .client_id
                .as_ref()
                .map(|id| Excerpt::new(id, CLIENT_ID)),
            ..Self::issuer(issuer)
        }
    }

    /// Of a token of which its issuer said no more than that.
    pub(super) fn issuer(issuer: &Issuer) -> Self {
        Self {
            is_verified: true,
            issuer: Some(Excerpt::new(issuer.token_issuer(), ISSUER)),
            profile: Some(issuer.profile().name),
            ..Self::default()
        }
    }

    /// Of a caller whom a rule refuses. Who it is is not kept: the access line of that request tells.
    #[must_use]
    pub fn principal(principal: &Principal, profile: Option<ProfileName>) -> Self {
        let client_id = principal.client_id();
        Self {
            is_verified: true,
            issuer: Some(Excerpt::new(principal.issuer(), ISSUER)),
            client_id: client_id.map(|id| Excerpt::new(id, CLIENT_ID)),
            scope: Some(Excerpt::new(&principal.scopes().to_string(), SCOPE)),
            profile,
            ..Self::default()
        }
    }
}

#[cfg(test)]
impl Seen {
    /// The most that is ever kept, for tests of how much that is.
    pub(crate) fn longest(text: &str) -> Self {
        let excerpt = |longest| Some(Excerpt::new(text, longest));
        Self {
            is_verified: true,
            issuer: excerpt(ISSUER),
            audiences: excerpts(std::iter::repeat_n(text, 100)),
            client_id: excerpt(CLIENT_ID),
            scope: excerpt(SCOPE),
            key_id: excerpt(KEY_ID),
            algorithm: excerpt(SHORT),
            token_type: excerpt(SHORT),
            profile: None,
        }
    }
}

/// A string, or a list of strings as one.
fn text(value: &Value<'_>, longest: usize) -> Option<Excerpt> {
    match value.as_str() {
        Some(text) => Some(Excerpt::new(text, longest)),
        None => {
            let texts = value.strings()?;
            Some(Excerpt::new(&texts.join(" "), longest))
        }
    }
}

fn excerpts<'a>(texts: impl Iterator<Item = &'a str>) -> Vec<Excerpt> {
    let first = texts.take(MOST_AUDIENCES);
    first.map(|text| Excerpt::new(text, AUDIENCE)).collect()
}

/// A token that was refused: why, and what was seen of it.
#[derive(Debug)]
pub struct RefusedToken {
    /// Why.
    pub error: TokenError,
    /// What was seen, as far as it could be read.
    pub seen: Option<Box<Seen>>,
}

impl RefusedToken {
    pub(super) fn new(error: TokenError, seen: Seen) -> Self {
        Self {
            error,
            seen: Some(Box::new(seen)),
        }
    }
}

/// Nothing could be read.
impl From<TokenError> for RefusedToken {
    fn from(error: TokenError) -> Self {
        Self { error, seen: None }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_excerpt_is_bounded_on_one_line_and_moves_no_cursor() {
        for (text, expected) in [
            ("https://issuer.test", "https://issuer.test"),
            ("", ""),
            ("é", "é"),
            ("\u{1b}[2J\r\nx", "\\u{1b}[2J\\u{d}\\u{a}x"),
            ("a\u{202e}b", "a\\u{202e}b"),
            ("a\u{200b}\u{feff}\u{9b}", "a\\u{200b}\\u{feff}\\u{9b}"),
            ("\u{2028}", "\\u{2028}"),
        ] {
            assert_eq!(Excerpt::new(text, 64).as_str(), expected, "{text:?}");
        }
        let long = Excerpt::new(&"é".repeat(1000), 64);
        assert!(long.as_str().ends_with('…') && long.as_str().len() <= 64 + 3);
        let escapes = Excerpt::new(&"\u{e0001}".repeat(1000), 64);
        assert!(escapes.as_str().len() <= 64 + 16);
        assert_eq!(Excerpt::of_bytes(b"a\xffb", 64).as_str(), "a\u{fffd}b");
        assert!(Excerpt::of_bytes(&[b'x'; 9000], 64).as_str().len() <= 64 + 3);
    }

    #[test]
    fn what_looks_like_a_token_is_left_out() {
        let token = "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJhbGljZSJ9.c2lnbmF0dXJl";
        for text in [
            token.to_owned(),
            format!("x eyJ {token}"),
            format!("Bearer {token}"),
        ] {
            assert_eq!(Excerpt::new(&text, 256).as_str(), LIKE_A_TOKEN, "{text}");
        }
        for text in ["eyJ", "eyJudge eyJelly", "journeyJournal"] {
            assert_eq!(Excerpt::new(text, 256).as_str(), text);
        }
    }

    #[test]
    fn an_excerpt_from_elsewhere_is_made_harmless_again() {
        let read: Excerpt = serde_json::from_str(r#""a\u001b[31m""#).expect("a string");
        assert_eq!(read.as_str(), "a\\u{1b}[31m");
        assert_eq!(serde_json::to_string(&read).unwrap(), r#""a\\u{1b}[31m""#);
    }
}
