//! What changed between two JSON Schemas, in words, and whether it breaks somebody who knows the old one only.
//!
//! Whoever sends what the old schema allowed is broken when the new one allows less; whoever reads what the old schema
//! promised, when it allows more. What cannot be judged is taken to break: closed on doubt.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use super::diff::{Difference, quoted};

/// Who wrote down the old schema.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Side {
    /// The one who sends what it describes: arguments.
    Sender,
    /// The one who reads what it describes: results.
    Reader,
}

/// What a change does to the set of values that a schema allows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Effect {
    /// Nothing.
    None,
    /// There may be fewer.
    Fewer,
    /// There may be more.
    More,
    /// That cannot be told.
    Unknown,
}

impl Side {
    fn is_broken_by(self, effect: Effect) -> bool {
        match (self, effect) {
            (_, Effect::None) => false,
            (_, Effect::Unknown) => true,
            (Self::Sender, Effect::Fewer) | (Self::Reader, Effect::More) => true,
            (Self::Sender, Effect::More) | (Self::Reader, Effect::Fewer) => false,
        }
    }
}

/// Collects what changed.
pub(super) struct Comparison<'a> {
    pub(super) side: Side,
    pub(super) found: &'a mut Vec<Difference>,
}

/// Keywords that describe and do not restrict.
const DESCRIBING: [&str; 9] = [
    "$comment",
    "$schema",
    "default",
    "deprecated",
    "description",
    "examples",
    "format",
    "readOnly",
    "title",
];
/// Bounds that allow fewer values when they grow, and when they shrink.
const LOWER_BOUNDS: [&str; 6] = [
    "exclusiveMinimum",
    "minContains",
    "minItems",
    "minLength",
    "minProperties",
    "minimum",
];
const UPPER_BOUNDS: [&str; 6] = [
    "exclusiveMaximum",
    "maxContains",
    "maxItems",
    "maxLength",
    "maxProperties",
    "maximum",
];

impl Comparison<'_> {
    fn add(&mut self, effect: Effect, words: String) {
        let breaks = self.side.is_broken_by(effect);
        self.found.push(Difference { words, breaks });
    }

    /// Compares two schemas. `place` names the value that they describe.
    pub(super) fn compare(&mut self, place: &str, old: &Value, new: &Value) {
        if old == new {
            return;
        }
        let (Value::Object(old), Value::Object(new)) = (old, new) else {
            let words = format!(
                "{place}: its schema was {}, is {}",
                quoted(old),
                quoted(new)
            );
            return self.add(Effect::Unknown, words);
        };
        self.properties(place, old, new);
        let keywords: BTreeSet<_> = old.keys().chain(new.keys()).collect();
        for keyword in keywords {
            let (before, after) = (old.get(keyword), new.get(keyword));
            if before != after {
                self.keyword((place, keyword), before, after);
            }
        }
    }

    fn keyword(
        &mut self,
        (place, keyword): (&str, &str),
        old: Option<&Value>,
        new: Option<&Value>,
    ) {
        let effect = match keyword {
            "properties" | "required" => return,
            "items" => {
                if let (Some(old), Some(new)) = (old, new) {
                    return self.compare(&format!("each item of {place}"), old, new);
                }
                added_or_taken(new)
            }
            "type" => of_sets(old.map(types), new.map(types)),
            "enum" => of_sets(old.map(values), new.map(values)),
            "additionalProperties" => match (old, new) {
                (None | Some(Value::Bool(true)), Some(Value::Bool(false))) => Effect::Fewer,
                (Some(Value::Bool(false)), None | Some(Value::Bool(true))) => Effect::More,
                (None, Some(Value::Bool(true))) | (Some(Value::Bool(true)), None) => Effect::None,
                _ => Effect::Unknown,
            },
            _ if DESCRIBING.contains(&keyword) => Effect::None,
            _ if LOWER_BOUNDS.contains(&keyword) => of_bounds(old, new),
            _ if UPPER_BOUNDS.contains(&keyword) => of_bounds(new, old).or_as(old, new),
            "const" | "pattern" | "uniqueItems" => match (old, new) {
                (Some(_), Some(_)) => Effect::Unknown,
                _ => added_or_taken(new),
            },
            _ => Effect::Unknown,
        };
        let words = match (old, new) {
            (None, Some(new)) => format!("{place}: {keyword} {} was added", quoted(new)),
            (Some(old), None) => format!("{place}: {keyword} {} was removed", quoted(old)),
            (Some(old), Some(new)) => {
                format!("{place}: {keyword} was {}, is {}", quoted(old), quoted(new))
            }
            (None, None) => return,
        };
        self.add(effect, words);
    }

    fn properties(&mut self, place: &str, old: &Map<String, Value>, new: &Map<String, Value>) {
        let nothing = Map::new();
        let of = |schema: &'_ Map<String, Value>| match schema.get("properties") {
            Some(Value::Object(properties)) => properties.clone(),
            _ => nothing.clone(),
        };
        let (old_properties, new_properties) = (of(old), of(new));
        let (old_required, new_required) = (required(old), required(new));
        let is_closed = old.get("additionalProperties") == Some(&Value::Bool(false));
        for (name, before) in &old_properties {
            let property = inside(place, name);
            match new_properties.get(name) {
                Some(after) => self.compare(&property, before, after),
                None => {
                    let effect = match self.side {
                        Side::Sender => Effect::Fewer,
                        Side::Reader if old_required.contains(name) => Effect::More,
                        Side::Reader => Effect::None,
                    };
                    self.add(effect, format!("{property} was removed"));
                }
            }
        }
        for name in new_properties
            .keys()
            .filter(|name| !old_properties.contains_key(*name))
        {
            let property = inside(place, name);
            let (effect, how) = match (self.side, new_required.contains(name)) {
                (Side::Sender, true) => (Effect::Fewer, "required"),
                (Side::Sender, false) => (Effect::More, "optional"),
                (Side::Reader, _) if is_closed => (Effect::More, "new"),
                (Side::Reader, is_required) => (
                    Effect::None,
                    if is_required { "required" } else { "optional" },
                ),
            };
            self.add(effect, format!("{property} was added ({how})"));
        }
        let is_old = |name: &&String| {
            old_properties.contains_key(*name) && new_properties.contains_key(*name)
        };
        let undeclared = |name: &&String| !new_properties.contains_key(*name);
        for name in new_required
            .difference(&old_required)
            .filter(|name| is_old(name) || undeclared(name))
        {
            self.add(
                Effect::Fewer,
                format!("{} is required now", inside(place, name)),
            );
        }
        for name in old_required.difference(&new_required).filter(is_old) {
            self.add(
                Effect::More,
                format!("{} is optional now", inside(place, name)),
            );
        }
    }
}

impl Effect {
    /// A bound that appears or disappears has the same effect whichever bound it is.
    fn or_as(self, old: Option<&Value>, new: Option<&Value>) -> Self {
        match (old, new) {
            (Some(_), Some(_)) => self,
            _ => added_or_taken(new),
        }
    }
}

fn inside(place: &str, name: &str) -> String {
    let name = Value::from(name);
    match place {
        "" => quoted(&name),
        place => format!("{place} › {}", quoted(&name)),
    }
}

fn required(schema: &Map<String, Value>) -> BTreeSet<String> {
    let names = schema.get("required").and_then(Value::as_array);
    let names = names.into_iter().flatten().filter_map(Value::as_str);
    names.map(str::to_owned).collect()
}

/// A restriction that is there now, or is not any more.
fn added_or_taken(new: Option<&Value>) -> Effect {
    match new {
        Some(_) => Effect::Fewer,
        None => Effect::More,
    }
}

/// The types of a schema. Every integer is a number.
fn types(value: &Value) -> BTreeSet<String> {
    let mut types = values(value);
    if types.contains("\"number\"") {
        types.insert("\"integer\"".to_owned());
    }
    types
}

fn values(value: &Value) -> BTreeSet<String> {
    match value {
        Value::Array(values) => values.iter().map(Value::to_string).collect(),
        one => BTreeSet::from([one.to_string()]),
    }
}

/// Sets of what is allowed; where there is none, everything is.
fn of_sets(old: Option<BTreeSet<String>>, new: Option<BTreeSet<String>>) -> Effect {
    match (old, new) {
        (None, None) => Effect::None,
        (None, Some(_)) => Effect::Fewer,
        (Some(_), None) => Effect::More,
        (Some(old), Some(new)) if old == new => Effect::None,
        (Some(old), Some(new)) if old.is_subset(&new) => Effect::More,
        (Some(old), Some(new)) if new.is_subset(&old) => Effect::Fewer,
        (Some(_), Some(_)) => Effect::Unknown,
    }
}

/// Lower bounds: more of it is fewer values.
fn of_bounds(old: Option<&Value>, new: Option<&Value>) -> Effect {
    match (old, new) {
        (Some(old), Some(new)) => match (old.as_f64(), new.as_f64()) {
            (Some(old), Some(new)) if new > old => Effect::Fewer,
            (Some(old), Some(new)) if new < old => Effect::More,
            (Some(_), Some(_)) => Effect::None,
            _ => Effect::Unknown,
        },
        (_, new) => added_or_taken(new),
    }
}
