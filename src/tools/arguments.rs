//! The one string argument that each built-in tool takes.

use std::borrow::Cow;
use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, Error, IgnoredAny, MapAccess, Visitor};
use serde_json::value::RawValue;

/// The string in `arguments.{name}`, or a sentence that says what was expected.
///
/// Other arguments are tolerated and ignored: some clients add their own, and nothing depends on them. The same one twice
/// is refused: whoever looked at the call before (a log, a filter) may have read the other value.
pub(super) fn text<'a>(
    arguments: Option<&'a RawValue>,
    name: &str,
    most_bytes: usize,
) -> Result<Cow<'a, str>, String> {
    let expected = |found: &str| {
        Err(format!(
            "Expected the argument `{name}` as a string, found {found}. Call it as {{\"{name}\": \"…\"}}."
        ))
    };
    let Some(arguments) = arguments else {
        return expected("no arguments");
    };
    let arguments = arguments.get();
    let value = serde_json::Deserializer::from_str(arguments).deserialize_map(Named(name));
    let value = match value {
        Ok(Some(value)) => value,
        Ok(None) => return expected("none"),
        Err(_twice) if arguments.starts_with('{') => return expected("it twice"),
        Err(_not_an_object) => return expected("no JSON object of arguments"),
    };
    let Ok(Text(text)) = serde_json::from_str(value.get()) else {
        return expected("another type");
    };
    if text.trim().is_empty() {
        return expected("an empty one");
    }
    if text.len() > most_bytes {
        return Err(format!(
            "The argument `{name}` is too long: expected at most {most_bytes} bytes, found {}. Use fewer words.",
            text.len()
        ));
    }
    Ok(text)
}

/// Borrowed where the JSON has no escapes.
#[derive(Deserialize)]
struct Text<'a>(#[serde(borrow)] Cow<'a, str>);

/// The value of the member with this name, which is there once or not at all.
struct Named<'n>(&'n str);

impl<'de> Visitor<'de> for Named<'_> {
    type Value = Option<&'de RawValue>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut found = None;
        while let Some(Text(key)) = map.next_key()? {
            if key != self.0 {
                map.next_value::<IgnoredAny>()?;
            } else if found.replace(map.next_value()?).is_some() {
                return Err(A::Error::custom("duplicate key"));
            }
        }
        Ok(found)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(arguments: &str, expected: Result<&str, &str>) {
        let raw: Box<RawValue> = serde_json::from_str(arguments).unwrap();
        let found = text(Some(&raw), "query", 20);
        match expected {
            Ok(text) => assert_eq!(found.as_deref(), Ok(text), "{arguments}"),
            Err(part) => {
                let sentence = found.expect_err(arguments);
                assert!(sentence.contains(part), "{arguments}: {sentence}");
            }
        }
    }

    #[test]
    fn takes_one_string_and_says_what_else_it_found() {
        check(r#"{"query":"red"}"#, Ok("red"));
        check(r#"{"query":"\u00fc \"x\""}"#, Ok("ü \"x\""));
        check(r#"{"extra":[1],"query":"red","_meta":{}}"#, Ok("red"));
        check(r#"{"qu\u0065ry":"red"}"#, Ok("red"));
        check(r#"{"query":"red","query":"blue"}"#, Err("found it twice"));
        check(
            r#"{"query":"red","qu\u0065ry":"red"}"#,
            Err("found it twice"),
        );
        check(r#"{"x":1,"query":"red","x":2}"#, Ok("red"));
        check(r"{}", Err("found none"));
        check(r#"{"Query":"red"}"#, Err("found none"));
        check(r#"{"query":5}"#, Err("another type"));
        check(r#"{"query":null}"#, Err("another type"));
        check(r#"{"query":["red"]}"#, Err("another type"));
        check(r#"{"query":"\ud800"}"#, Err("another type"));
        check(r#"{"query":" \n"}"#, Err("an empty one"));
        check(
            r#"{"query":"123456789012345678901"}"#,
            Err("at most 20 bytes, found 21"),
        );
        check(r#""red""#, Err("no JSON object"));
        check(r"[]", Err("no JSON object"));
        assert!(text(None, "query", 20).is_err());
    }
}
