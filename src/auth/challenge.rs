//! The one builder of refusals: 401, 403 and 400 with `WWW-Authenticate` (RFC 6750 §3, RFC 9728 §5.1).
//!
//! The order is fixed (`error`, `error_description`, `scope`, `resource_metadata`) and every value is a quoted string
//! (RFC 9110 §5.6.4, §11.2). Without a token there is neither `error` nor `error_description` (RFC 6750 §3.1).

use std::borrow::Cow;
use std::fmt;

use super::{AccessTokenError, Resource, Scopes, TokenError};

/// The `error` code of a challenge (RFC 6750 §3.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ErrorCode {
    /// 403.
    InsufficientScope,
    /// 400.
    InvalidRequest,
    /// 401.
    InvalidToken,
}

impl ErrorCode {
    /// The registered code.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::InsufficientScope => "insufficient_scope",
            Self::InvalidRequest => "invalid_request",
            Self::InvalidToken => "invalid_token",
        }
    }

    fn parse(text: &str) -> Option<Self> {
        let all = [
            Self::InsufficientScope,
            Self::InvalidRequest,
            Self::InvalidToken,
        ];
        all.into_iter().find(|code| code.as_str() == text)
    }

    fn description(self) -> &'static str {
        match self {
            Self::InsufficientScope => "The access token lacks a scope that this operation needs",
            Self::InvalidRequest => "The request carries its access token in a wrong way",
            Self::InvalidToken => "The access token is invalid",
        }
    }
}

/// A refusal that tells the client where to get a better ticket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Challenge {
    error: Option<ErrorCode>,
    description: Option<Cow<'static, str>>,
    scopes: Scopes,
    resource_metadata: String,
}

impl Challenge {
    /// A challenge for `resource` that asks for `scopes`, in the form that its issuer wants. Without `error` no token was
    /// sent.
    #[must_use]
    pub fn new(resource: &Resource, scopes: Scopes, error: Option<ErrorCode>) -> Self {
        Self {
            error,
            description: error.map(|code| code.description().into()),
            scopes: resource.to_ask_for(&scopes),
            resource_metadata: resource.metadata_url().to_owned(),
        }
    }

    /// The refusal of a request from which no token could be read: 401 without `error`, or 400.
    #[must_use]
    pub fn for_request(error: AccessTokenError, resource: &Resource, scopes: Scopes) -> Self {
        match error {
            AccessTokenError::Missing => Self::new(resource, scopes, None),
            AccessTokenError::Elsewhere
            | AccessTokenError::Malformed
            | AccessTokenError::Repeated => {
                Self::new(resource, scopes, Some(ErrorCode::InvalidRequest))
            }
        }
    }

    /// The refusal of a token: 401. Nothing if it could not be checked at all, which is a 503 without a challenge.
    #[must_use]
    pub fn for_token(error: &TokenError, resource: &Resource, scopes: Scopes) -> Option<Self> {
        if error.retry_after_seconds().is_some() {
            return None;
        }
        let challenge = Self::new(resource, scopes, Some(ErrorCode::InvalidToken));
        Some(challenge.with_description(error.description()))
    }

    /// The refusal of an operation: 403 with all scopes that it needs, at once (MCP authorization, scope challenges).
    #[must_use]
    pub fn insufficient_scope(resource: &Resource, scopes: Scopes) -> Self {
        Self::new(resource, scopes, Some(ErrorCode::InsufficientScope))
    }

    /// The same with another description. Characters that RFC 6750 §3 forbids are replaced by an apostrophe.
    #[must_use]
    pub fn with_description(mut self, description: &'static str) -> Self {
        self.description = Some(if description.bytes().all(is_description_byte) {
            description.into()
        } else {
            let tame = |c: char| {
                if c.is_ascii() && is_description_byte(c as u8) {
                    c
                } else {
                    '\''
                }
            };
            description.chars().map(tame).collect::<String>().into()
        });
        self
    }

    /// The error code, if a token was sent.
    #[must_use]
    pub fn error(&self) -> Option<ErrorCode> {
        self.error
    }

    /// The sentence for people, if a token was sent.
    #[must_use]
    pub fn description(&self) -> Option<&str> {
        self.description.as_deref()
    }

    /// The scopes asked for.
    #[must_use]
    pub fn scopes(&self) -> &Scopes {
        &self.scopes
    }

    /// Where the metadata of the resource is.
    #[must_use]
    pub fn resource_metadata(&self) -> &str {
        &self.resource_metadata
    }

    /// The HTTP status that goes with the error code.
    #[must_use]
    pub fn status(&self) -> http::StatusCode {
        match self.error {
            None | Some(ErrorCode::InvalidToken) => http::StatusCode::UNAUTHORIZED,
            Some(ErrorCode::InsufficientScope) => http::StatusCode::FORBIDDEN,
            Some(ErrorCode::InvalidRequest) => http::StatusCode::BAD_REQUEST,
        }
    }

    /// The value of `WWW-Authenticate`.
    #[must_use]
    pub fn header_value(&self) -> http::HeaderValue {
        http::HeaderValue::try_from(self.to_string())
            .expect("invariant: every part of a challenge is visible ASCII")
    }

    /// Reads what [`fmt::Display`] writes, as a client does.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let mut challenge = Self {
            error: None,
            description: None,
            scopes: Scopes::default(),
            resource_metadata: String::new(),
        };
        let mut rest = text.strip_prefix("Bearer ")?;
        loop {
            let (name, after) = rest.split_once("=\"")?;
            let (value, after) = unquote(after)?;
            match name {
                "error" => challenge.error = Some(ErrorCode::parse(&value)?),
                "error_description" => challenge.description = Some(value.into()),
                "scope" => challenge.scopes = Scopes::parse(&value)?,
                "resource_metadata" => challenge.resource_metadata = value,
                _ => return None,
            }
            match after.strip_prefix(", ") {
                Some(more) => rest = more,
                None if after.is_empty() => return Some(challenge),
                None => return None,
            }
        }
    }
}

impl fmt::Display for Challenge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Bearer ")?;
        if let Some(error) = self.error {
            write!(f, "error=\"{}\", ", error.as_str())?;
        }
        if let Some(description) = &self.description {
            write!(f, "error_description=\"{description}\", ")?;
        }
        if !self.scopes.is_empty() {
            write!(f, "scope=\"{}\", ", self.scopes)?;
        }
        f.write_str("resource_metadata=\"")?;
        for c in self.resource_metadata.chars() {
            if matches!(c, '"' | '\\') {
                f.write_str("\\")?;
            }
            write!(f, "{c}")?;
        }
        f.write_str("\"")
    }
}

/// `%x20-21 / %x23-5B / %x5D-7E` (RFC 6750 §3).
fn is_description_byte(byte: u8) -> bool {
    matches!(byte, 0x20 | 0x21 | 0x23..=0x5b | 0x5d..=0x7e)
}

/// The rest of a quoted string, unescaped, and what follows its closing quote.
fn unquote(text: &str) -> Option<(String, &str)> {
    let mut value = String::new();
    let mut chars = text.chars();
    loop {
        match chars.next()? {
            '"' => return Some((value, chars.as_str())),
            '\\' => value.push(chars.next()?),
            c => value.push(c),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::auth::{Resources, Settings};

    fn resources() -> Resources {
        Resources::new(&Settings {
            public_url: "https://mcp.test".into(),
            ..Settings::default()
        })
    }

    fn read() -> Scopes {
        Scopes::parse("mcp:read").expect("a scope")
    }

    #[test]
    fn writes_its_parts_in_a_fixed_order_and_an_error_only_if_a_token_was_sent() {
        let resources = resources();
        let resource = resources.at("/mcp").expect("a resource");
        let missing = Challenge::for_request(AccessTokenError::Missing, resource, read());
        let metadata =
            "resource_metadata=\"https://mcp.test/.well-known/oauth-protected-resource/mcp\"";
        assert_eq!(missing.status(), 401);
        assert_eq!(
            missing.to_string(),
            format!("Bearer scope=\"mcp:read\", {metadata}")
        );
        let expired = Challenge::for_token(&TokenError::Expired, resource, read()).expect("a 401");
        assert_eq!(expired.status(), 401);
        assert_eq!(
            expired.header_value(),
            format!(
                "Bearer error=\"invalid_token\", error_description=\"The access token expired\", scope=\"mcp:read\", {metadata}"
            )
        );
        let scopes = Scopes::parse("mcp:write mcp:read").expect("scopes");
        let denied = Challenge::insufficient_scope(resource, scopes);
        assert_eq!(denied.status(), 403);
        assert!(denied.to_string().contains("error=\"insufficient_scope\""));
        assert!(denied.to_string().contains("scope=\"mcp:read mcp:write\""));
        for error in [
            AccessTokenError::Elsewhere,
            AccessTokenError::Malformed,
            AccessTokenError::Repeated,
        ] {
            assert_eq!(
                Challenge::for_request(error, resource, read()).status(),
                400,
                "{error}"
            );
        }
    }

    #[test]
    fn unavailable_keys_are_no_challenge() {
        let resources = resources();
        let resource = resources.at("/").expect("a resource");
        let error = TokenError::KeysUnavailable {
            retry_after_seconds: 7,
        };
        assert_eq!(Challenge::for_token(&error, resource, read()), None);
        assert_eq!(error.retry_after_seconds(), Some(7));
    }

    proptest! {
        #[test]
        fn what_is_printed_parses_to_the_same_challenge(
            error in proptest::option::of(0_usize..3),
            description in proptest::option::of("[ !#-\\[\\]-~]{0,30}"),
            scopes in "([a-z:]{1,8}( [a-z:]{1,8}){0,3})?",
            resource_metadata in "[!-~]{0,40}",
        ) {
            let codes = [ErrorCode::InsufficientScope, ErrorCode::InvalidRequest, ErrorCode::InvalidToken];
            let challenge = Challenge {
                error: error.map(|index| codes[index]),
                description: description.map(Cow::Owned),
                scopes: Scopes::parse(&scopes).expect("scopes"),
                resource_metadata,
            };
            let header = challenge.header_value();
            let text = header.to_str().expect("ASCII");
            prop_assert_eq!(Challenge::parse(text), Some(challenge));
        }

        #[test]
        fn no_text_makes_the_parser_panic(text in ".{0,80}") {
            prop_assert!(Challenge::parse(&text).is_none() || text.starts_with("Bearer "));
            drop(Challenge::parse(&format!("Bearer {text}")));
        }
    }
}
