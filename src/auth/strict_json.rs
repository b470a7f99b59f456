//! JSON as tokens may contain it: no member twice at any level, and a bounded depth.
//!
//! RFC 7519 §4 lets a parser take the last of two members with one name. Another party on the way may take the first, so
//! here such a token is refused (RFC 8725 §3.10 in spirit; hardening rows 16 and 17).

use std::borrow::Cow;
use std::cell::Cell;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};

/// How deep objects and arrays may nest.
pub(super) const MAX_DEPTH: u8 = 16;

/// A JSON value that borrows its strings where they hold no escapes.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Value<'a> {
    Null,
    Bool(bool),
    Number(f64),
    String(Cow<'a, str>),
    Array(Vec<Self>),
    Object(Object<'a>),
}

/// The members of an object, in the order written, each name once.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Object<'a>(Vec<(Cow<'a, str>, Value<'a>)>);

/// Why bytes are not acceptable JSON.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fault {
    /// Not JSON, or not an object.
    Syntax,
    /// A member name occurs twice in one object.
    DuplicateMember,
    /// Nested deeper than [`MAX_DEPTH`].
    TooDeep,
}

impl<'a> Value<'a> {
    /// The string, if it is one.
    pub(super) fn as_str(&self) -> Option<&str> {
        match self {
            Self::String(text) => Some(text),
            Self::Null | Self::Bool(_) | Self::Number(_) | Self::Array(_) | Self::Object(_) => None,
        }
    }

    /// The strings of a string or an array of nothing but strings.
    pub(super) fn strings(&self) -> Option<Vec<&str>> {
        match self {
            Self::String(text) => Some(vec![text]),
            Self::Array(items) => items.iter().map(Value::as_str).collect(),
            Self::Null | Self::Bool(_) | Self::Number(_) | Self::Object(_) => None,
        }
    }
}

impl<'a> Object<'a> {
    /// Parses exactly one object.
    pub(super) fn parse(bytes: &'a [u8]) -> Result<Self, Fault> {
        let fault = Cell::new(Fault::Syntax);
        let seed = Seed {
            fault: &fault,
            depth: 0,
        };
        // Looked at once: the parser would look at each string by itself.
        let text = std::str::from_utf8(bytes).map_err(|_not_utf8| Fault::Syntax)?;
        let mut json = serde_json::Deserializer::from_str(text);
        let parsed = seed.deserialize(&mut json);
        match (parsed, json.end()) {
            (Ok(Value::Object(object)), Ok(())) => Ok(object),
            _ => Err(fault.get()),
        }
    }

    /// The value of a member.
    pub(super) fn get(&self, name: &str) -> Option<&Value<'a>> {
        let (_, value) = self.0.iter().find(|(known, _)| known == name)?;
        Some(value)
    }

    /// The member names, in the order written.
    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|(name, _)| name.as_ref())
    }
}

#[derive(Clone, Copy)]
struct Seed<'f> {
    fault: &'f Cell<Fault>,
    depth: u8,
}

impl Seed<'_> {
    fn deeper<E: serde::de::Error>(self) -> Result<Self, E> {
        if self.depth == MAX_DEPTH {
            self.fault.set(Fault::TooDeep);
            return Err(E::custom("too deep"));
        }
        Ok(Self {
            depth: self.depth + 1,
            ..self
        })
    }
}

impl<'a> DeserializeSeed<'a> for Seed<'_> {
    type Value = Value<'a>;

    fn deserialize<D: Deserializer<'a>>(self, json: D) -> Result<Value<'a>, D::Error> {
        json.deserialize_any(self)
    }
}

impl<'a> Visitor<'a> for Seed<'_> {
    type Value = Value<'a>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E>(self) -> Result<Value<'a>, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value<'a>, E> {
        Ok(Value::Bool(value))
    }

    #[expect(
        clippy::cast_precision_loss,
        reason = "beyond 2^53 s no time claim is accepted"
    )]
    fn visit_i64<E>(self, value: i64) -> Result<Value<'a>, E> {
        Ok(Value::Number(value as f64))
    }

    #[expect(
        clippy::cast_precision_loss,
        reason = "beyond 2^53 s no time claim is accepted"
    )]
    fn visit_u64<E>(self, value: u64) -> Result<Value<'a>, E> {
        Ok(Value::Number(value as f64))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value<'a>, E> {
        Ok(Value::Number(value))
    }

    fn visit_borrowed_str<E>(self, text: &'a str) -> Result<Value<'a>, E> {
        Ok(Value::String(Cow::Borrowed(text)))
    }

    fn visit_str<E>(self, text: &str) -> Result<Value<'a>, E> {
        Ok(Value::String(Cow::Owned(text.to_owned())))
    }

    fn visit_seq<A: SeqAccess<'a>>(self, mut access: A) -> Result<Value<'a>, A::Error> {
        let inner = self.deeper()?;
        let mut items = Vec::new();
        while let Some(item) = access.next_element_seed(inner)? {
            items.push(item);
        }
        Ok(Value::Array(items))
    }

    fn visit_map<A: MapAccess<'a>>(self, mut access: A) -> Result<Value<'a>, A::Error> {
        let inner = self.deeper()?;
        // Claims have a dozen members; objects inside of them few.
        let mut members = Vec::with_capacity(if self.depth == 0 { 16 } else { 0 });
        while let Some(name) = access.next_key_seed(Name)? {
            members.push((name, access.next_value_seed(inner)?));
        }
        if has_duplicates(&members) {
            self.fault.set(Fault::DuplicateMember);
            return Err(A::Error::custom("duplicate member"));
        }
        Ok(Value::Object(Object(members)))
    }
}

/// Quadratic for the usual two dozen members, sorted for an attacker's thousands.
fn has_duplicates(members: &[(Cow<'_, str>, Value<'_>)]) -> bool {
    if members.len() <= 32 {
        let mut rest = members;
        while let Some(((name, _), others)) = rest.split_first() {
            if others.iter().any(|(other, _)| other == name) {
                return true;
            }
            rest = others;
        }
        return false;
    }
    let mut names: Vec<&str> = members.iter().map(|(name, _)| name.as_ref()).collect();
    names.sort_unstable();
    names.windows(2).any(|pair| pair.first() == pair.last())
}

/// A member name, unescaped, so that `"e\u0078p"` and `"exp"` are the same.
struct Name;

impl<'a> DeserializeSeed<'a> for Name {
    type Value = Cow<'a, str>;

    fn deserialize<D: Deserializer<'a>>(self, json: D) -> Result<Cow<'a, str>, D::Error> {
        json.deserialize_str(self)
    }
}

impl<'a> Visitor<'a> for Name {
    type Value = Cow<'a, str>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a member name")
    }

    fn visit_borrowed_str<E>(self, text: &'a str) -> Result<Cow<'a, str>, E> {
        Ok(Cow::Borrowed(text))
    }

    fn visit_str<E>(self, text: &str) -> Result<Cow<'a, str>, E> {
        Ok(Cow::Owned(text.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accepts_one_object_with_unique_members_and_names_what_is_wrong_with_anything_else() {
        let deep = |levels: usize| {
            format!(
                "{}{}",
                "{\"a\":".repeat(levels),
                "1".to_owned() + &"}".repeat(levels)
            )
        };
        let many = |last: &str| {
            let members: Vec<String> = (0..100).map(|n| format!("\"m{n}\":0")).collect();
            format!("{{{},\"{last}\":0}}", members.join(","))
        };
        let table: [(String, Option<Fault>); 16] = [
            (r#"{"a":1,"b":[true,null,"x"]}"#.into(), None),
            ("{}".into(), None),
            (" {} ".into(), None),
            (deep(16), None),
            (many("m100"), None),
            (deep(17), Some(Fault::TooDeep)),
            (
                format!("{{\"a\":{}1{}}}", "[".repeat(200), "]".repeat(200)),
                Some(Fault::TooDeep),
            ),
            (many("m50"), Some(Fault::DuplicateMember)),
            (r#"{"exp":1,"exp":2}"#.into(), Some(Fault::DuplicateMember)),
            (
                r#"{"exp":1,"e\u0078p":2}"#.into(),
                Some(Fault::DuplicateMember),
            ),
            (
                r#"{"a":[{"b":{"c":1,"c":1}}]}"#.into(),
                Some(Fault::DuplicateMember),
            ),
            ("[]".into(), Some(Fault::Syntax)),
            ("{}{}".into(), Some(Fault::Syntax)),
            (r#"{"a":1e400}"#.into(), Some(Fault::Syntax)),
            (r#"{"a":NaN}"#.into(), Some(Fault::Syntax)),
            (String::new(), Some(Fault::Syntax)),
        ];
        for (text, expected) in table {
            assert_eq!(Object::parse(text.as_bytes()).err(), expected, "{text}");
        }
        assert_eq!(
            Object::parse(b"{\"a\":\"\xff\"}").err(),
            Some(Fault::Syntax)
        );
    }
}
