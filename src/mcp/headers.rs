//! The headers that mirror a message: `MCP-Protocol-Version`, `Mcp-Method`, `Mcp-Name` (SEP-2243), `Mcp-Session-Id`.
//!
//! Something between client and server may have routed or limited by a header; so a modern message whose headers say
//! something else than its body is refused. `Mcp-Param-*` mirrors arguments that a tool's schema names with
//! `x-mcp-header`; no built-in tool has one, and headers that no schema names are ignored.

use std::borrow::Cow;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::HeaderMap;
use http::header::HeaderName;

use super::envelope::Call;
use super::error::Error;

/// How messages to people write it.
pub(crate) const VERSION_NAME: &str = "MCP-Protocol-Version";
const METHOD_NAME: &str = "Mcp-Method";
const NAME_NAME: &str = "Mcp-Name";

static VERSION: HeaderName = HeaderName::from_static("mcp-protocol-version");
static METHOD: HeaderName = HeaderName::from_static("mcp-method");
static NAME: HeaderName = HeaderName::from_static("mcp-name");
/// The legacy session's id.
pub static SESSION: HeaderName = HeaderName::from_static("mcp-session-id");

/// One header of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Field<'a> {
    /// Not there.
    Absent,
    /// Its one value, without the white space around it.
    Value(&'a str),
    /// There more than once, or with bytes that no such value has.
    Unreadable,
}

impl<'a> Field<'a> {
    pub(crate) fn of(headers: &'a HeaderMap, name: &HeaderName) -> Self {
        let mut values = headers.get_all(name).iter();
        match (values.next(), values.next()) {
            (None, _) => Self::Absent,
            (Some(value), None) => value
                .to_str()
                .map_or(Self::Unreadable, |value| Self::Value(value.trim_ascii())),
            (Some(_), Some(_)) => Self::Unreadable,
        }
    }

    /// The value, if there is a readable one.
    pub(crate) fn value(self) -> Option<&'a str> {
        match self {
            Self::Value(value) => Some(value),
            Self::Absent | Self::Unreadable => None,
        }
    }
}

/// The headers that this layer reads.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Headers<'a> {
    pub(crate) version: Field<'a>,
    pub(crate) session: Field<'a>,
    method: Field<'a>,
    name: Field<'a>,
}

impl<'a> Headers<'a> {
    /// Reads them.
    pub(crate) fn of(headers: &'a HeaderMap) -> Self {
        Self {
            version: Field::of(headers, &VERSION),
            session: Field::of(headers, &SESSION),
            method: Field::of(headers, &METHOD),
            name: Field::of(headers, &NAME),
        }
    }
}

/// What is wrong with a mirrored header.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Fault {
    /// It is required and not there.
    #[error("{0} is missing")]
    Missing(&'static str),
    /// It says something else than the body.
    #[error("{0} does not match the body")]
    Mismatch(&'static str),
    /// It is there twice, or has characters or an encoding that it must not have.
    #[error("{0} is not readable")]
    Unreadable(&'static str),
}

/// Checks `Mcp-Method` and `Mcp-Name` of a modern request.
pub(crate) fn check(call: &Call<'_>, headers: &Headers<'_>) -> Result<(), Error> {
    match headers.method {
        Field::Value(method) if method == call.method => {}
        Field::Value(_) => return mismatch(Fault::Mismatch(METHOD_NAME)),
        Field::Absent => return mismatch(Fault::Missing(METHOD_NAME)),
        Field::Unreadable => return mismatch(Fault::Unreadable(METHOD_NAME)),
    }
    let source = match call.method.as_ref() {
        "tools/call" | "prompts/get" => "name",
        "resources/read" => "uri",
        _ => return Ok(()),
    };
    match (headers.name, call.params.text(source)) {
        (Field::Value(header), said) => {
            let header =
                decoded(header).ok_or(Error::HeaderMismatch(Fault::Unreadable(NAME_NAME)))?;
            if said.as_deref() == Some(header.as_ref()) {
                Ok(())
            } else {
                mismatch(Fault::Mismatch(NAME_NAME))
            }
        }
        (Field::Absent, Some(_)) => mismatch(Fault::Missing(NAME_NAME)),
        // Nothing to mirror: the method itself refuses its parameters.
        (Field::Absent, None) => Ok(()),
        (Field::Unreadable, _) => mismatch(Fault::Unreadable(NAME_NAME)),
    }
}

fn mismatch(fault: Fault) -> Result<(), Error> {
    Err(Error::HeaderMismatch(fault))
}

/// Undoes `=?base64?…?=`, whose markers are case-sensitive; any other value is literal.
pub(crate) fn decoded(value: &str) -> Option<Cow<'_, str>> {
    let Some(encoded) = value
        .strip_prefix("=?base64?")
        .and_then(|rest| rest.strip_suffix("?="))
    else {
        return Some(Cow::Borrowed(value));
    };
    let bytes = STANDARD.decode(encoded).ok()?;
    String::from_utf8(bytes).ok().map(Cow::Owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decodes_the_base64_sentinel_and_nothing_else() {
        let check = |value: &str, expected: Option<&str>| {
            assert_eq!(decoded(value).as_deref(), expected, "{value}");
        };
        check("search", Some("search"));
        check("=?base64?SGVsbG8=?=", Some("Hello"));
        check("=?base64?SGVsbG8sIOS4lueVjA==?=", Some("Hello, 世界"));
        check("=?base64?IHBhZGRlZCA=?=", Some(" padded "));
        check(
            "=?base64?PT9iYXNlNjQ/bGl0ZXJhbD89?=",
            Some("=?base64?literal?="),
        );
        check("=?BASE64?SGVsbG8=?=", Some("=?BASE64?SGVsbG8=?="));
        check("=?base64?SGVsbG8=", Some("=?base64?SGVsbG8="));
        check("=?base64?SGVsbG8?=", None);
        check("=?base64?SGVs!!!?=", None);
        check("=?base64?/////w==?=", None);
    }

    #[test]
    fn a_header_that_is_there_twice_is_unreadable() {
        let mut headers = HeaderMap::new();
        assert_eq!(Field::of(&headers, &METHOD), Field::Absent);
        headers.append(&METHOD, "  tools/list\t".parse().expect("a value"));
        assert_eq!(Field::of(&headers, &METHOD), Field::Value("tools/list"));
        headers.append(&METHOD, "tools/list".parse().expect("a value"));
        assert_eq!(Field::of(&headers, &METHOD), Field::Unreadable);
        let mut headers = HeaderMap::new();
        let bytes = http::HeaderValue::from_bytes(b"caf\xe9").expect("a value");
        headers.append(&METHOD, bytes);
        assert_eq!(Field::of(&headers, &METHOD), Field::Unreadable);
    }
}
