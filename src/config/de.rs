//! From the [`tree`](super::tree) to settings structs, by serde.
//!
//! Two things no ready-made deserializer does: an error knows the path of its value, and the text of an environment
//! variable takes the type that the setting asks for (a number, a boolean, a list with commas).

use std::fmt;

use serde::de::value::StrDeserializer;
use serde::de::{
    self, Deserialize, DeserializeSeed, EnumAccess, IntoDeserializer, MapAccess, SeqAccess,
    Unexpected, VariantAccess, Visitor,
};

use super::KeyPath;
use super::key_path::Step;
use super::mistake::{Mistake, Problem};
use super::tree::{Entry, Node, Value};

/// Reads settings from `root`. A value that is wrong is noted and taken out, so that its default stands in for it and
/// the next mistake is found.
pub(super) fn read<T: for<'de> Deserialize<'de> + Default>(root: &Node) -> (T, Vec<Mistake>) {
    let mut remaining = root.clone();
    let mut mistakes = Vec::new();
    loop {
        match T::deserialize(Reader(&remaining)) {
            Ok(settings) => return (settings, mistakes),
            Err(error) => {
                let path = error.path.clone();
                mistakes.push(error.into_mistake(&remaining));
                if mistakes.len() >= MOST_MISTAKES || !remaining.remove(&path) {
                    return (T::default(), mistakes);
                }
            }
        }
    }
}

/// Nobody reads more, and each costs a pass.
const MOST_MISTAKES: usize = 100;

/// What serde says of a value, and the way to it.
#[derive(Debug)]
struct Error {
    path: KeyPath,
    kind: Kind,
}

#[derive(Debug)]
enum Kind {
    UnknownKey(&'static [&'static str]),
    Missing(&'static str),
    Expected(String),
    OneOf(&'static [&'static str]),
    Other(String),
}

impl Error {
    fn new(kind: Kind) -> Self {
        Self {
            path: KeyPath::root(),
            kind,
        }
    }

    fn within(self, step: Step) -> Self {
        Self {
            path: self.path.within(step),
            kind: self.kind,
        }
    }

    fn into_mistake(self, root: &Node) -> Mistake {
        let node = root.at(&self.path);
        let found = node.map(|node| node.value.clone());
        let origin = node.map(|node| node.origin.clone());
        let quoted = |names: &[&str]| {
            names
                .iter()
                .map(|name| format!("{name:?}"))
                .collect::<Vec<_>>()
                .join(", ")
        };
        let (path, origin, problem) = match self.kind {
            Kind::UnknownKey(known) => {
                let known = known.iter().map(|&name| name.to_owned()).collect();
                (
                    self.path.clone(),
                    root.key_origin(&self.path).or(origin),
                    Problem::UnknownKey { known },
                )
            }
            Kind::Missing(key) => (
                self.path.key(key),
                origin,
                Problem::Missing {
                    expected: "this key".to_owned(),
                },
            ),
            Kind::Expected(expected) => (self.path, origin, Problem::Value { found, expected }),
            Kind::Other(message) => {
                let advice = String::new();
                (
                    self.path,
                    origin,
                    Problem::Meaning {
                        found,
                        message,
                        advice,
                    },
                )
            }
            Kind::OneOf(known) => {
                let expected = format!("one of {}", quoted(known));
                (self.path, origin, Problem::Value { found, expected })
            }
        };
        Mistake {
            path,
            origin,
            problem,
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {:?}", self.path, self.kind)
    }
}

impl std::error::Error for Error {}

impl de::Error for Error {
    fn custom<T: fmt::Display>(message: T) -> Self {
        Self::new(match message.to_string().as_str() {
            "invalid socket address syntax" => Kind::Expected(SOCKET_ADDRESS.to_owned()),
            "invalid IP address syntax" => Kind::Expected("an IP address".to_owned()),
            other => Kind::Other(other.to_owned()),
        })
    }

    fn invalid_type(_: Unexpected<'_>, expected: &dyn de::Expected) -> Self {
        Self::new(Kind::Expected(in_words(expected)))
    }

    fn invalid_value(_: Unexpected<'_>, expected: &dyn de::Expected) -> Self {
        Self::new(Kind::Expected(in_words(expected)))
    }

    fn unknown_field(_: &str, known: &'static [&'static str]) -> Self {
        Self::new(Kind::UnknownKey(known))
    }

    fn unknown_variant(_: &str, known: &'static [&'static str]) -> Self {
        Self::new(Kind::OneOf(known))
    }

    fn missing_field(key: &'static str) -> Self {
        Self::new(Kind::Missing(key))
    }
}

const SOCKET_ADDRESS: &str = "an IP address and a port, such as 127.0.0.1:8080";

/// serde's words for what it expects, in the reader's words.
fn in_words(expected: &dyn de::Expected) -> String {
    let text = expected.to_string();
    match text.as_str() {
        "u8" | "u16" | "u32" | "u64" | "usize" => "a whole number, zero or more".to_owned(),
        "i8" | "i16" | "i32" | "i64" | "isize" => "a whole number".to_owned(),
        "f32" | "f64" => "a number".to_owned(),
        "a boolean" => "true or false".to_owned(),
        "a sequence" => "a list".to_owned(),
        "a map" => "a table".to_owned(),
        "socket address" => SOCKET_ADDRESS.to_owned(),
        "path string" => "a path".to_owned(),
        other if other.starts_with("struct ") => "a table".to_owned(),
        _ => text,
    }
}

/// Reads one node.
struct Reader<'a>(&'a Node);

/// Methods for one number type: the text of a variable is parsed, anything else is offered as it is.
macro_rules! numbers {
    ($($method:ident $visit:ident $number:ty),* $(,)?) => {$(
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
            match &self.0.value {
                Value::Text(text) => match text.whole.trim().parse::<$number>() {
                    Ok(number) => visitor.$visit(number),
                    Err(_) => Err(de::Error::invalid_type(Unexpected::Other("text"), &visitor)),
                },
                _ => self.deserialize_any(visitor),
            }
        }
    )*};
}

impl<'de> de::Deserializer<'de> for Reader<'de> {
    type Error = Error;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match &self.0.value {
            Value::Text(text) => visitor.visit_borrowed_str(&text.whole),
            Value::String(text) => visitor.visit_borrowed_str(text),
            Value::Integer(number) => visitor.visit_i64(*number),
            Value::Float(number) => visitor.visit_f64(*number),
            Value::Boolean(yes) => visitor.visit_bool(*yes),
            Value::Datetime(text) => {
                Err(de::Error::invalid_type(Unexpected::Other(text), &visitor))
            }
            Value::List(items) => visitor.visit_seq(Items::new(items, false)),
            Value::Table(table) => visitor.visit_map(Keys {
                entries: table.iter(),
                value: None,
            }),
        }
    }

    numbers! {
        deserialize_u8 visit_u8 u8, deserialize_u16 visit_u16 u16, deserialize_u32 visit_u32 u32,
        deserialize_u64 visit_u64 u64, deserialize_i8 visit_i8 i8, deserialize_i16 visit_i16 i16,
        deserialize_i32 visit_i32 i32, deserialize_i64 visit_i64 i64, deserialize_f32 visit_f32 f32,
        deserialize_f64 visit_f64 f64, deserialize_bool visit_bool bool,
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        visitor.visit_some(self)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, Error> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match &self.0.value {
            Value::Text(text) => visitor.visit_seq(Items::new(&text.pieces, true)),
            _ => self.deserialize_any(visitor),
        }
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        match &self.0.value {
            Value::Text(text) => visitor.visit_enum(text.whole.as_str().into_deserializer()),
            Value::String(text) => visitor.visit_enum(text.as_str().into_deserializer()),
            Value::Table(table) => match table.first_key_value() {
                Some((name, entry)) if table.len() == 1 => visitor.visit_enum(Variant {
                    name,
                    node: &entry.node,
                }),
                _ => self.deserialize_any(visitor),
            },
            _ => self.deserialize_any(visitor),
        }
    }

    serde::forward_to_deserialize_any! {
        i128 u128 char str string bytes byte_buf unit unit_struct tuple tuple_struct map struct
        identifier ignored_any
    }
}

/// The items of a list.
struct Items<'a> {
    items: &'a [Node],
    next: usize,
    /// They are pieces of one variable's text: a mistake in one is a mistake of the whole.
    of_one_text: bool,
}

impl<'a> Items<'a> {
    fn new(items: &'a [Node], of_one_text: bool) -> Self {
        Self {
            items,
            next: 0,
            of_one_text,
        }
    }
}

impl<'de> SeqAccess<'de> for Items<'de> {
    type Error = Error;

    fn next_element_seed<S: DeserializeSeed<'de>>(
        &mut self,
        seed: S,
    ) -> Result<Option<S::Value>, Error> {
        let index = self.next;
        let Some(item) = self.items.get(index) else {
            return Ok(None);
        };
        self.next += 1;
        let read = seed.deserialize(Reader(item));
        read.map(Some).map_err(|error| {
            if self.of_one_text {
                error
            } else {
                error.within(Step::Index(index))
            }
        })
    }
}

/// The keys and values of a table.
struct Keys<'a> {
    entries: std::collections::btree_map::Iter<'a, String, Entry>,
    value: Option<(&'a String, &'a Node)>,
}

impl<'de> MapAccess<'de> for Keys<'de> {
    type Error = Error;

    fn next_key_seed<S: DeserializeSeed<'de>>(
        &mut self,
        seed: S,
    ) -> Result<Option<S::Value>, Error> {
        let Some((key, entry)) = self.entries.next() else {
            return Ok(None);
        };
        self.value = Some((key, &entry.node));
        let read = seed.deserialize(StrDeserializer::<Error>::new(key));
        read.map(Some)
            .map_err(|error| error.within(Step::Key(key.clone())))
    }

    fn next_value_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<S::Value, Error> {
        let Some((key, node)) = self.value.take() else {
            return Err(de::Error::custom("a key before its value"));
        };
        let read = seed.deserialize(Reader(node));
        read.map_err(|error| error.within(Step::Key(key.clone())))
    }
}

/// An enum variant with content: `{ variant = content }`.
struct Variant<'a> {
    name: &'a str,
    node: &'a Node,
}

impl<'de> EnumAccess<'de> for Variant<'de> {
    type Error = Error;
    type Variant = Reader<'de>;

    fn variant_seed<S: DeserializeSeed<'de>>(
        self,
        seed: S,
    ) -> Result<(S::Value, Reader<'de>), Error> {
        let name = seed.deserialize(StrDeserializer::<Error>::new(self.name))?;
        Ok((name, Reader(self.node)))
    }
}

impl<'de> VariantAccess<'de> for Reader<'de> {
    type Error = Error;

    fn unit_variant(self) -> Result<(), Error> {
        Err(de::Error::custom("a name without a value"))
    }

    fn newtype_variant_seed<S: DeserializeSeed<'de>>(self, seed: S) -> Result<S::Value, Error> {
        seed.deserialize(self)
    }

    fn tuple_variant<V: Visitor<'de>>(self, _: usize, visitor: V) -> Result<V::Value, Error> {
        de::Deserializer::deserialize_any(self, visitor)
    }

    fn struct_variant<V: Visitor<'de>>(
        self,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        de::Deserializer::deserialize_any(self, visitor)
    }
}
