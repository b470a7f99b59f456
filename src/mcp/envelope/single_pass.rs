//! The form that nearly every message has, read in one pass: `jsonrpc`, `id`, `method` and `params`, once each.
//!
//! Whatever is not of that form (other members, duplicates, wrong types, no JSON) is nothing here; the caller then reads
//! the body level by level, which tells what is wrong with it. Both ways read the same from what both can read.

use std::borrow::Cow;
use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, Error, MapAccess, Visitor};
use serde_json::value::RawValue;

use super::{Call, Id};
use crate::mcp::members::{Key, Members};

/// The call that `body` is, if it has the common form.
pub(super) fn call(body: &str) -> Option<Call<'_>> {
    let Common(call) = serde_json::from_str(body).ok()?;
    Some(call)
}

struct Common<'a>(Call<'a>);

impl<'de: 'a, 'a> Deserialize<'de> for Common<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(CommonVisitor).map(Self)
    }
}

struct CommonVisitor;

impl<'de> Visitor<'de> for CommonVisitor {
    type Value = Call<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a request or a notification")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let (mut version, mut id, mut method, mut params) = (None, None, None, None);
        while let Some(Key(key)) = map.next_key()? {
            match key.as_ref() {
                "jsonrpc" => once(&mut version, map.next_value::<Key<'de>>()?.0)?,
                "id" => once(&mut id, map.next_value::<&'de RawValue>()?)?,
                "method" => once(&mut method, map.next_value::<Key<'de>>()?.0)?,
                "params" => once(&mut params, map.next_value::<Params<'de>>()?)?,
                _ => return Err(A::Error::custom("another member")),
            }
        }
        if version.as_deref() != Some("2.0") {
            return Err(A::Error::custom("another version"));
        }
        let id = match id {
            None => None,
            Some(raw) => Some(Id::parse(raw).ok_or_else(|| A::Error::custom("no id"))?),
        };
        let method: Cow<'de, str> = method.ok_or_else(|| A::Error::missing_field("method"))?;
        let params = params.unwrap_or_default();
        Ok(Call {
            id,
            method,
            params: params.members,
            meta: params.meta,
        })
    }
}

fn once<T, E: Error>(place: &mut Option<T>, value: T) -> Result<(), E> {
    match place.replace(value) {
        None => Ok(()),
        Some(_) => Err(E::custom("duplicate key")),
    }
}

/// The members of `params`, with `_meta` already read.
#[derive(Default)]
struct Params<'a> {
    members: Members<'a>,
    meta: Members<'a>,
}

impl<'de: 'a, 'a> Deserialize<'de> for Params<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(ParamsVisitor)
    }
}

struct ParamsVisitor;

impl<'de> Visitor<'de> for ParamsVisitor {
    type Value = Params<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let (mut members, mut meta) = (Members::default(), None);
        while let Some(Key(key)) = map.next_key()? {
            if key == "_meta" {
                once(&mut meta, map.next_value()?)?;
            } else {
                let value = map.next_value()?;
                members.add(key, value).map_err(A::Error::custom)?;
            }
        }
        let meta = meta.unwrap_or_default();
        Ok(Params { members, meta })
    }
}
