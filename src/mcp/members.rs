//! One level of a JSON object: its keys, and the raw text of each value. Duplicate keys are refused.
//!
//! Two parsers that read a duplicate key differently decide on different values; a policy that saw one and a tool that
//! saw the other is an authorization bypass. So no object that Usher decides on has duplicate keys.

use std::borrow::Cow;
use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, Error, MapAccess, Visitor};
use serde_json::value::RawValue;

/// More members than any MCP object has; beyond it the search for duplicates would cost the server.
const MAX_MEMBERS: usize = 64;

/// The members of one object, in the order they were written.
#[derive(Clone, Debug, Default)]
pub(crate) struct Members<'a>(Vec<(Cow<'a, str>, &'a RawValue)>);

impl<'a> Members<'a> {
    /// The members of the object `raw`; nothing if it is no object, has duplicate keys or too many members.
    pub(crate) fn of(raw: &'a RawValue) -> Option<Self> {
        serde_json::from_str(raw.get()).ok()
    }

    /// Takes one more member, or says why not.
    pub(crate) fn add(
        &mut self,
        key: Cow<'a, str>,
        value: &'a RawValue,
    ) -> Result<(), &'static str> {
        if self.0.len() == MAX_MEMBERS {
            return Err("too many members");
        }
        if self.0.iter().any(|(known, _)| *known == key) {
            return Err("duplicate key");
        }
        self.0.push((key, value));
        Ok(())
    }

    /// The raw value of `key`.
    pub(crate) fn get(&self, key: &str) -> Option<&'a RawValue> {
        self.0
            .iter()
            .find(|(known, _)| known == key)
            .map(|(_, value)| *value)
    }

    /// All of them, in the order they were written.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&str, &'a RawValue)> {
        self.0.iter().map(|(key, value)| (key.as_ref(), *value))
    }

    /// Takes `key` out.
    pub(crate) fn take(&mut self, key: &str) -> Option<&'a RawValue> {
        let at = self.0.iter().position(|(known, _)| known == key)?;
        Some(self.0.remove(at).1)
    }

    /// The value of `key`, if it is a string.
    pub(crate) fn text(&self, key: &str) -> Option<Cow<'a, str>> {
        self.get(key).and_then(text)
    }
}

/// Writes one more member: the key, and whatever `value` writes.
pub(crate) fn write_member(out: &mut Vec<u8>, key: &str, value: impl FnOnce(&mut Vec<u8>)) {
    if !out.is_empty() {
        out.push(b',');
    }
    super::reply::string(out, key);
    out.push(b':');
    value(out);
}

/// The string that `raw` is, borrowed where it has no escapes.
pub(crate) fn text(raw: &RawValue) -> Option<Cow<'_, str>> {
    let inner = raw.get().strip_prefix('"')?.strip_suffix('"')?;
    if memchr::memchr(b'\\', inner.as_bytes()).is_none() {
        return Some(Cow::Borrowed(inner));
    }
    serde_json::from_str(raw.get()).ok().map(Cow::Owned)
}

/// True if `raw` is a JSON object.
pub(crate) fn is_object(raw: &RawValue) -> bool {
    raw.get().starts_with('{')
}

/// A string, borrowed where it has no escapes.
#[derive(Deserialize)]
pub(crate) struct Key<'a>(#[serde(borrow)] pub(crate) Cow<'a, str>);

impl<'de: 'a, 'a> Deserialize<'de> for Members<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(MembersVisitor)
    }
}

struct MembersVisitor;

impl<'de> Visitor<'de> for MembersVisitor {
    type Value = Members<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut members = Members::default();
        while let Some(Key(key)) = map.next_key()? {
            let value = map.next_value()?;
            members.add(key, value).map_err(A::Error::custom)?;
        }
        Ok(members)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn members(json: &str) -> Option<Vec<(String, String)>> {
        let raw: &RawValue = serde_json::from_str(json).expect("JSON");
        let members = Members::of(raw)?;
        let owned = |(key, value): &(Cow<'_, str>, &RawValue)| {
            (key.clone().into_owned(), value.get().to_owned())
        };
        Some(members.0.iter().map(owned).collect())
    }

    #[test]
    fn keeps_order_and_raw_text() {
        let found = members(r#"{"b": 1.50, "a": {"x": [1,  2]}}"#).expect("an object");
        let found: Vec<_> = found
            .iter()
            .map(|(key, value)| (key.as_str(), value.as_str()))
            .collect();
        assert_eq!(found, [("b", "1.50"), ("a", r#"{"x": [1,  2]}"#)]);
    }

    #[test]
    fn refuses_duplicates_however_they_are_written() {
        assert_eq!(members(r#"{"name":1,"name":1}"#), None);
        assert_eq!(members(r#"{"name":1,"n\u0061me":2}"#), None);
        assert!(members(r#"{"name":1,"Name":2}"#).is_some());
    }

    #[test]
    fn refuses_what_is_no_object_or_has_too_many_members() {
        for json in ["[]", "1", "null", "\"{}\""] {
            assert_eq!(members(json), None, "{json}");
        }
        let object = |n: usize| {
            let members: Vec<_> = (0..n).map(|i| format!("\"k{i}\":{i}")).collect();
            format!("{{{}}}", members.join(","))
        };
        assert!(members(&object(MAX_MEMBERS)).is_some());
        assert_eq!(members(&object(MAX_MEMBERS + 1)), None);
    }

    #[test]
    fn reads_strings_with_and_without_escapes() {
        let read = |json: &str| {
            let raw: &RawValue = serde_json::from_str(json).expect("JSON");
            text(raw).map(Cow::into_owned)
        };
        assert_eq!(read(r#""plain""#).as_deref(), Some("plain"));
        assert_eq!(read(r#""t\u006fols""#).as_deref(), Some("tools"));
        assert_eq!(read(r#""""#).as_deref(), Some(""));
        assert_eq!(read("7"), None);
        assert_eq!(read("null"), None);
    }
}
