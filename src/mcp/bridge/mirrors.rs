//! `x-mcp-header`: arguments of a tool that HTTP headers mirror (SEP-2243; MCP 2026-07-28, custom headers from tool
//! parameters).
//!
//! Usher is both ends of that. As a client of its upstreams it leaves out tools whose schema breaks a rule of it, and writes
//! the headers for callers who know nothing of them; as a server it checks the headers that a modern client sent.

use std::borrow::Cow;

use http::{HeaderMap, HeaderName, HeaderValue};

use super::scan::{Lost, Scan, member};
use crate::mcp::headers::{Fault, Field, decoded};
use crate::upstream::header_value;

const ANNOTATION: &str = "x-mcp-header";
/// What the names of all these headers begin with.
pub(in crate::mcp) const PREFIX: &str = "mcp-param-";
/// How messages to people write them.
const NAME: &str = "Mcp-Param-*";

/// More headers than a request may well have beside its others.
const MOST: usize = 32;
/// A longer name fits no header's usual limits.
const LONGEST_NAME: usize = 64;
/// No schema needs more; beyond it the walk would cost the server.
const MAX_DEPTH: usize = 48;

/// Why a tool's schema is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(in crate::mcp) enum BadSchema {
    /// The annotation has no name.
    #[error("an x-mcp-header is empty")]
    Empty,
    /// The annotation is not a string.
    #[error("an x-mcp-header is not a string")]
    NotAString,
    /// The name cannot be a header's.
    #[error("an x-mcp-header is not an HTTP token of at most 64 characters")]
    NotAToken,
    /// The argument is an object, an array, a number with a fraction, or may be several things.
    #[error("an x-mcp-header is on something that is not a string, an integer or a boolean")]
    NotPrimitive,
    /// The argument is not always at the same place.
    #[error("an x-mcp-header is on something that is not reached by properties alone")]
    NotReachable,
    /// The schema is not read to its end.
    #[error("the input schema is nested too deeply or is not an object")]
    TooDeep,
    /// There are too many of them.
    #[error("more than 32 arguments have an x-mcp-header")]
    TooMany,
    /// Two arguments have the same one.
    #[error("two arguments have the same x-mcp-header")]
    Twice,
}

/// One argument that a header mirrors.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Mirror {
    header: HeaderName,
    /// The keys from the arguments to the value.
    path: Vec<Box<str>>,
}

/// The arguments of one tool that headers mirror.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(in crate::mcp) struct Mirrors(Box<[Mirror]>);

impl Mirrors {
    /// Those that the input schema of the tool `json` names.
    pub(in crate::mcp) fn of_tool(json: &str) -> Result<Self, BadSchema> {
        // Nearly no tool has one. An escape may hide it.
        if !json.contains(ANNOTATION) && !json.contains("\\u") {
            return Ok(Self::default());
        }
        let schema = member(json.as_bytes(), "inputSchema").map_err(deep)?;
        let Some(schema) = schema.filter(|schema| schema.value.starts_with(b"{")) else {
            return Ok(Self::default());
        };
        let mut found = Vec::new();
        walk(schema.value, Some(&[]), &mut found, 0)?;
        Ok(Self(found.into()))
    }

    /// Adds the headers that mirror `arguments`, for a caller who cannot have sent them.
    pub(in crate::mcp) fn write(
        &self,
        headers: &mut HeaderMap,
        arguments: &[u8],
    ) -> Result<(), Fault> {
        for mirror in &self.0 {
            if let Some(text) = value_at(arguments, &mirror.path)?.and_then(Value::text) {
                let value = HeaderValue::from_str(&header_value(&text));
                let value = value.map_err(|_bad| Fault::Unreadable(NAME))?;
                headers.insert(mirror.header.clone(), value);
            }
        }
        Ok(())
    }

    /// Whether the headers that a modern client sent say what `arguments` say.
    pub(in crate::mcp) fn check(&self, headers: &HeaderMap, arguments: &[u8]) -> Result<(), Fault> {
        for mirror in &self.0 {
            let value = value_at(arguments, &mirror.path)?;
            let said = match Field::of(headers, &mirror.header) {
                Field::Unreadable => return Err(Fault::Unreadable(NAME)),
                Field::Absent => None,
                Field::Value(said) => Some(decoded(said).ok_or(Fault::Unreadable(NAME))?),
            };
            match (value, said) {
                (Some(value), Some(said)) if value.is(&said) => {}
                // Nothing that a header could mirror: the upstream refuses the argument itself.
                (None | Some(Value::Nested), None) => {}
                (Some(_), None) => return Err(Fault::Missing(NAME)),
                (_, Some(_)) => return Err(Fault::Mismatch(NAME)),
            }
        }
        Ok(())
    }
}

fn deep(_lost: Lost) -> BadSchema {
    BadSchema::TooDeep
}

/// Looks for annotations in `schema`. `path` leads to it by `properties` alone, or is nothing where it does not.
fn walk(
    schema: &[u8],
    path: Option<&[Box<str>]>,
    found: &mut Vec<Mirror>,
    depth: usize,
) -> Result<(), BadSchema> {
    if depth > MAX_DEPTH {
        return Err(BadSchema::TooDeep);
    }
    if schema.starts_with(b"[") {
        let mut scan = Scan::array(schema).map_err(deep)?;
        while let Some(item) = scan.next().map_err(deep)? {
            walk(item.value, None, found, depth + 1)?;
        }
    }
    if !schema.starts_with(b"{") {
        return Ok(());
    }
    let mut scan = Scan::object(schema).map_err(deep)?;
    while let Some(keyword) = scan.next().map_err(deep)? {
        match keyword.key().map_err(deep)?.as_ref() {
            ANNOTATION => match path {
                Some(path @ [_, ..]) => found.push(annotated(schema, keyword.value, path, found)?),
                Some([]) | None => return Err(BadSchema::NotReachable),
            },
            "properties" => walk_each(keyword.value, path, found, depth)?,
            "$defs" | "definitions" | "dependentSchemas" | "patternProperties" => {
                walk_each(keyword.value, None, found, depth)?;
            }
            // Values, not schemas.
            "const" | "default" | "enum" | "examples" => {}
            _ => walk(keyword.value, None, found, depth + 1)?,
        }
    }
    Ok(())
}

/// The same for each schema of a map from names to schemas.
fn walk_each(
    map: &[u8],
    path: Option<&[Box<str>]>,
    found: &mut Vec<Mirror>,
    depth: usize,
) -> Result<(), BadSchema> {
    if !map.starts_with(b"{") {
        return Ok(());
    }
    let mut scan = Scan::object(map).map_err(deep)?;
    while let Some(schema) = scan.next().map_err(deep)? {
        let name: Box<str> = schema.key().map_err(deep)?.into();
        let path = path.map(|path| [path, &[name]].concat());
        walk(schema.value, path.as_deref(), found, depth + 1)?;
    }
    Ok(())
}

/// The mirror that one annotation asks for.
fn annotated(
    schema: &[u8],
    annotation: &[u8],
    path: &[Box<str>],
    found: &[Mirror],
) -> Result<Mirror, BadSchema> {
    let name: String =
        serde_json::from_slice(annotation).map_err(|_other| BadSchema::NotAString)?;
    if name.is_empty() {
        return Err(BadSchema::Empty);
    }
    let header = format!("{PREFIX}{}", name.to_ascii_lowercase());
    let header = HeaderName::from_bytes(header.as_bytes()).ok();
    let header = header.filter(|_token| name.len() <= LONGEST_NAME);
    let header = header.ok_or(BadSchema::NotAToken)?;
    let kind = member(schema, "type").map_err(deep)?;
    let kind = kind.and_then(|kind| serde_json::from_slice::<String>(kind.value).ok());
    if !matches!(kind.as_deref(), Some("string" | "integer" | "boolean")) {
        return Err(BadSchema::NotPrimitive);
    }
    if found.iter().any(|known| known.header == header) {
        return Err(BadSchema::Twice);
    }
    if found.len() == MOST {
        return Err(BadSchema::TooMany);
    }
    let path = path.to_vec();
    Ok(Mirror { header, path })
}

/// An argument that is there and not null.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Value<'a> {
    Boolean(&'a str),
    /// An object or an array, which no schema of ours names.
    Nested,
    Number(&'a str),
    Text(String),
}

/// The argument at `path`. Where something on the way to it is said twice, upstream and header could mean different ones.
fn value_at<'a>(arguments: &'a [u8], path: &[Box<str>]) -> Result<Option<Value<'a>>, Fault> {
    let unclear = |_lost: Lost| Fault::Mismatch(NAME);
    let mut value = arguments;
    for key in path {
        if !value.starts_with(b"{") {
            return Ok(None);
        }
        match member(value, key).map_err(unclear)? {
            Some(found) => value = found.value,
            None => return Ok(None),
        }
    }
    let text = std::str::from_utf8(value).map_err(|_not_utf8| Fault::Mismatch(NAME))?;
    Ok(match value.first() {
        Some(b'n') | None => None,
        Some(b't' | b'f') => Some(Value::Boolean(text)),
        Some(b'{' | b'[') => Some(Value::Nested),
        Some(b'"') => {
            let text = serde_json::from_str(text).map_err(|_lone| Fault::Mismatch(NAME))?;
            Some(Value::Text(text))
        }
        Some(_) => Some(Value::Number(text)),
    })
}

impl<'a> Value<'a> {
    /// What the header says, before it is encoded.
    fn text(self) -> Option<Cow<'a, str>> {
        match self {
            Self::Boolean(text) => Some(Cow::Borrowed(text)),
            Self::Nested => None,
            Self::Number(text) => Some(match (whole(text), text.contains(['.', 'e', 'E'])) {
                (Some(whole), true) => Cow::Owned(whole.to_string()),
                _ => Cow::Borrowed(text),
            }),
            Self::Text(text) => Some(Cow::Owned(text)),
        }
    }

    /// True if the header's decoded text says the same. Numbers are compared as such.
    fn is(&self, said: &str) -> bool {
        match self {
            Self::Boolean(text) => *text == said,
            Self::Nested => false,
            Self::Number(text) => {
                *text == said || whole(text).is_some_and(|number| whole(said) == Some(number))
            }
            Self::Text(text) => text == said,
        }
    }
}

/// The integer that a JSON number is, if all readers agree on it (JavaScript's safe range).
fn whole(number: &str) -> Option<i64> {
    const SAFE: f64 = 9_007_199_254_740_991.0;
    if number.contains(|c: char| c.is_ascii_whitespace()) {
        return None;
    }
    let number: f64 = serde_json::from_str(number).ok()?;
    #[expect(
        clippy::cast_possible_truncation,
        reason = "a whole number in the safe range is an i64"
    )]
    (number.fract() == 0.0 && number.abs() <= SAFE).then_some(number as i64)
}

#[cfg(test)]
mod tests;
