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
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn of(schema: &str) -> Result<Mirrors, BadSchema> {
        Mirrors::of_tool(&format!(r#"{{"name":"x","inputSchema":{schema}}}"#))
    }

    fn string(header: &str) -> String {
        format!(r#"{{"type":"string","x-mcp-header":{header}}}"#)
    }

    fn with(properties: &str) -> Result<Mirrors, BadSchema> {
        of(&format!(
            r#"{{"type":"object","properties":{{{properties}}}}}"#
        ))
    }

    #[test]
    fn a_schema_that_breaks_a_rule_is_refused() {
        let check = |schema: &str, bad: BadSchema| assert_eq!(of(schema), Err(bad), "{schema}");
        let property = |schema: &str, bad: BadSchema| {
            assert_eq!(with(&format!(r#""a":{schema}"#)), Err(bad), "{schema}");
        };
        property(&string(r#""""#), BadSchema::Empty);
        property(&string("7"), BadSchema::NotAString);
        property(&string("null"), BadSchema::NotAString);
        for name in [
            "a b",
            "a:b",
            "a\\r\\nb",
            "é",
            "a\\u0000",
            "(a)",
            &"a".repeat(65),
        ] {
            property(&string(&format!("\"{name}\"")), BadSchema::NotAToken);
        }
        for kind in [
            r#""number""#,
            r#""object""#,
            r#""array""#,
            r#""null""#,
            r#"["string","null"]"#,
            "7",
        ] {
            property(
                &format!(r#"{{"type":{kind},"x-mcp-header":"A"}}"#),
                BadSchema::NotPrimitive,
            );
        }
        property(r#"{"x-mcp-header":"A"}"#, BadSchema::NotPrimitive);
        property(
            r##"{"$ref":"#/$defs/a","x-mcp-header":"A"}"##,
            BadSchema::NotPrimitive,
        );
        let a = string("\"A\"");
        for elsewhere in [
            format!(r#"{{"type":"array","items":{a}}}"#),
            format!(r#"{{"type":"array","prefixItems":[{a}]}}"#),
            format!(r#"{{"oneOf":[{a}]}}"#),
            format!(r#"{{"anyOf":[{{"type":"null"}},{a}]}}"#),
            format!(r#"{{"allOf":[{{"properties":{{"b":{a}}}}}]}}"#),
            format!(r#"{{"not":{a}}}"#),
            format!(r#"{{"if":{a}}}"#),
            format!(r#"{{"type":"object","additionalProperties":{a}}}"#),
            format!(r#"{{"type":"object","patternProperties":{{"x":{a}}}}}"#),
        ] {
            property(&elsewhere, BadSchema::NotReachable);
        }
        check(
            &format!(r#"{{"$defs":{{"a":{a}}}}}"#),
            BadSchema::NotReachable,
        );
        check(
            r#"{"type":"object","x-mcp-header":"A"}"#,
            BadSchema::NotReachable,
        );
        check(
            r#"{"type":"object","x\u002dmcp-header":"A"}"#,
            BadSchema::NotReachable,
        );
        let twice = format!(
            r#""a":{},"b":{{"properties":{{"c":{}}}}}"#,
            string("\"Id\""),
            string("\"iD\"")
        );
        assert_eq!(with(&twice), Err(BadSchema::Twice));
        let many = |n: usize| {
            let all: Vec<_> = (0..n)
                .map(|n| format!("\"a{n}\":{}", string(&format!("\"h{n}\""))))
                .collect();
            with(&all.join(","))
        };
        assert_eq!(many(33), Err(BadSchema::TooMany));
        assert_eq!(many(32).map(|found| found.0.len()), Ok(32));
        let deep = format!("{}{a}{}", r#"{"not":"#.repeat(60), "}".repeat(60));
        check(&deep, BadSchema::TooDeep);
    }

    #[test]
    fn a_schema_that_keeps_the_rules_is_taken() {
        assert_eq!(of("{}"), Ok(Mirrors::default()));
        assert_eq!(
            Mirrors::of_tool(r#"{"name":"x","description":"x-mcp-header"}"#),
            Ok(Mirrors::default())
        );
        let named_so = r#""x-mcp-header":{"type":"string"},"a":{"default":{"x-mcp-header":"b"},"enum":[{"x-mcp-header":1}]}"#;
        assert_eq!(with(named_so), Ok(Mirrors::default()));
        let nested = format!(
            r#""a":{{"type":"object","properties":{{"b c":{}}}}}"#,
            string("\"Re-Gion!\"")
        );
        let found = with(&nested).expect("good");
        let expected = Mirror {
            header: HeaderName::from_static("mcp-param-re-gion!"),
            path: vec!["a".into(), "b c".into()],
        };
        assert_eq!(*found.0, [expected]);
    }

    fn mirrors() -> Mirrors {
        with(&format!(
            r#""s":{},"n":{{"type":"integer","x-mcp-header":"N"}},"b":{{"type":"boolean","x-mcp-header":"B"}},"o":{{"properties":{{"s":{}}}}}"#,
            string("\"S\""),
            string("\"Deep\""),
        ))
        .expect("good")
    }

    fn headers(of: &[(&'static str, &str)]) -> HeaderMap {
        let pair = |(name, value): &(&'static str, &str)| {
            (
                HeaderName::from_static(name),
                value.parse().expect("a value"),
            )
        };
        of.iter().map(pair).collect()
    }

    #[test]
    fn headers_are_written_as_the_specification_encodes_them() {
        let check = |arguments: &str, expected: &[(&'static str, &str)]| {
            let mut found = HeaderMap::new();
            assert_eq!(
                mirrors().write(&mut found, arguments.as_bytes()),
                Ok(()),
                "{arguments}"
            );
            assert_eq!(found, headers(expected), "{arguments}");
            assert_eq!(
                mirrors().check(&found, arguments.as_bytes()),
                Ok(()),
                "{arguments}"
            );
        };
        check("{}", &[]);
        check(r#"{"s":null,"o":{"s":null},"x":1}"#, &[]);
        check(r#"{"o":7,"s":[1],"n":{}}"#, &[]);
        check(
            r#"{"s":"us-west1","n":42,"b":true}"#,
            &[
                ("mcp-param-s", "us-west1"),
                ("mcp-param-n", "42"),
                ("mcp-param-b", "true"),
            ],
        );
        check(
            r#"{"o":{"s":"x"},"b":false,"n":-7}"#,
            &[
                ("mcp-param-deep", "x"),
                ("mcp-param-n", "-7"),
                ("mcp-param-b", "false"),
            ],
        );
        check(r#"{"n":42.0}"#, &[("mcp-param-n", "42")]);
        check(r#"{"n":1e2}"#, &[("mcp-param-n", "100")]);
        check(
            r#"{"n":123456789012345678901}"#,
            &[("mcp-param-n", "123456789012345678901")],
        );
        check(r#"{"s":""}"#, &[("mcp-param-s", "")]);
        check(r#"{"s":"a b"}"#, &[("mcp-param-s", "a b")]);
        for (text, value) in [
            ("Hello, 世界", "=?base64?SGVsbG8sIOS4lueVjA==?="),
            (" padded ", "=?base64?IHBhZGRlZCA=?="),
            ("line1\\nline2", "=?base64?bGluZTEKbGluZTI=?="),
            ("=?base64?literal?=", "=?base64?PT9iYXNlNjQ/bGl0ZXJhbD89?="),
        ] {
            check(&format!(r#"{{"s":"{text}"}}"#), &[("mcp-param-s", value)]);
        }
    }

    #[test]
    fn headers_that_say_something_else_than_the_arguments_are_refused() {
        let check =
            |arguments: &str, sent: &[(&'static str, &str)], expected: Result<(), Fault>| {
                let found = mirrors().check(&headers(sent), arguments.as_bytes());
                assert_eq!(found, expected, "{arguments} {sent:?}");
            };
        let (missing, mismatch, unreadable) = (
            Fault::Missing(NAME),
            Fault::Mismatch(NAME),
            Fault::Unreadable(NAME),
        );
        check(r#"{"s":"a"}"#, &[], Err(missing));
        check(r#"{"s":"a"}"#, &[("mcp-param-s", "A")], Err(mismatch));
        check(
            r#"{"s":"a"}"#,
            &[("mcp-param-s", "=?base64?YQ==?=")],
            Ok(()),
        );
        check(
            r#"{"s":"a"}"#,
            &[("mcp-param-s", "=?base64?YR==?=")],
            Err(unreadable),
        );
        check(
            r#"{"s":"a"}"#,
            &[("mcp-param-s", "=?base64?!?=")],
            Err(unreadable),
        );
        check(r#"{"s":null}"#, &[("mcp-param-s", "null")], Err(mismatch));
        check("{}", &[("mcp-param-s", "")], Err(mismatch));
        check(r#"{"s":["a"]}"#, &[("mcp-param-s", "a")], Err(mismatch));
        check(r#"{"n":42}"#, &[("mcp-param-n", "42.0")], Ok(()));
        check(r#"{"n":4.2e1}"#, &[("mcp-param-n", "42")], Ok(()));
        check(r#"{"n":42}"#, &[("mcp-param-n", "43")], Err(mismatch));
        check(r#"{"n":42}"#, &[("mcp-param-n", "+42")], Err(mismatch));
        check(r#"{"n":"42"}"#, &[("mcp-param-n", "42.0")], Err(mismatch));
        check(
            r#"{"n":9007199254740993}"#,
            &[("mcp-param-n", "9007199254740992")],
            Err(mismatch),
        );
        check(r#"{"b":true}"#, &[("mcp-param-b", "True")], Err(mismatch));
        check(
            r#"{"s":"a","s":"b"}"#,
            &[("mcp-param-s", "a")],
            Err(mismatch),
        );
        check(
            r#"{"o":{"s":"a"},"o":{"s":"b"}}"#,
            &[("mcp-param-deep", "a")],
            Err(mismatch),
        );
        check("{}", &[("mcp-param-other", "anything")], Ok(()));
        let mut twice = headers(&[("mcp-param-s", "a")]);
        twice.append("mcp-param-s", HeaderValue::from_static("a"));
        assert_eq!(mirrors().check(&twice, br#"{"s":"a"}"#), Err(unreadable));
    }

    proptest! {
        #[test]
        fn what_is_written_is_what_is_read(text in ".{0,12}") {
            let arguments = serde_json::json!({ "s": text }).to_string();
            let mut headers = HeaderMap::new();
            prop_assert_eq!(mirrors().write(&mut headers, arguments.as_bytes()), Ok(()));
            let value = headers["mcp-param-s"].to_str().expect("ASCII").to_owned();
            let read = decoded(&value);
            prop_assert_eq!(read.as_deref(), Some(text.as_str()));
            prop_assert_eq!(mirrors().check(&headers, arguments.as_bytes()), Ok(()));
        }
    }
}
