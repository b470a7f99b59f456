//! One form of a JSON text, whatever its white space and the order of its members: RFC 8785. Numbers are compared as JavaScript
//! reads them. What says something twice has no such form: two readers could read it differently.

use std::fmt;

use serde::de::{Error, MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::{Map, Number, Value};

use crate::sealing::sha256;

/// A value, its canonical text and the hash of that.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Canonical {
    /// The members of each object are sorted.
    pub(super) value: Value,
    /// SHA-256 of the canonical text, in hexadecimal digits.
    pub(super) sha256: String,
}

impl Canonical {
    /// Nothing if `json` is no JSON, says something twice, or has a number that no double holds.
    pub(super) fn of(json: &str) -> Option<Self> {
        let Strict(value) = serde_json::from_str(json).ok()?;
        let text = serde_json_canonicalizer::to_vec(&value).ok()?;
        let digits = sha256(&text).map(|byte| format!("{byte:02x}"));
        Some(Self {
            value: serde_json::from_slice(&text).ok()?,
            sha256: digits.concat(),
        })
    }
}

/// A value in which no object has a member twice, on any level.
struct Strict(Value);

impl<'de> Deserialize<'de> for Strict {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Strictly).map(Self)
    }
}

struct Strictly;

impl<'de> Visitor<'de> for Strictly {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON without repeated members")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(Value::from(value))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(Value::from(value))
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Value, E> {
        let number = Number::from_f64(value).map(Value::Number);
        number.ok_or_else(|| E::custom("no finite number"))
    }

    fn visit_str<E>(self, text: &str) -> Result<Value, E> {
        Ok(Value::from(text))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut all = Vec::new();
        while let Some(Strict(item)) = items.next_element()? {
            all.push(item);
        }
        Ok(Value::Array(all))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Value, A::Error> {
        let mut all = Map::new();
        while let Some((name, Strict(value))) = members.next_entry::<String, Strict>()? {
            if all.insert(name, value).is_some() {
                return Err(A::Error::custom("a member is there twice"));
            }
        }
        Ok(Value::Object(all))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn white_space_order_and_the_way_of_writing_do_not_matter() {
        let hash = |json: &str| Canonical::of(json).expect("a canonical form").sha256;
        let one = hash(r#"{"a":1.0,"b":[true,null,"\u00e9"]}"#);
        assert_eq!(one, hash("{ \"b\" : [true, null, \"é\"],\n \"a\" : 1 }"));
        for other in [
            r#"{"a":1.5,"b":[true,null,"é"]}"#,
            r#"{"a":1,"b":[null,true,"é"]}"#,
            r#"{"a":1,"b":[true,null,"e"]}"#,
            r#"{"a":1,"b":[true,null,"é"],"c":null}"#,
        ] {
            assert_ne!(one, hash(other), "{other}");
        }
        // The hash of `{}`, as everybody computes it.
        let empty = "44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a";
        assert_eq!(hash(" { } "), empty);
    }

    #[test]
    fn what_two_readers_could_read_differently_has_no_form() {
        for json in [
            "",
            "{",
            "1 2",
            r#"{"a":1,"a":1}"#,
            r#"{"a":[{"b":1,"\u0062":2}]}"#,
            r#"{"a":1e400}"#,
        ] {
            assert_eq!(Canonical::of(json), None, "{json}");
        }
    }

    #[test]
    fn the_form_of_a_form_is_the_same() {
        let json = r#"{"z":12345678901234567890,"a":{"y":1e21,"x":0.1}}"#;
        let once = Canonical::of(json).expect("a canonical form");
        let twice = Canonical::of(&once.value.to_string()).expect("a canonical form");
        assert_eq!(once, twice);
    }
}
