//! The JSON Schema of the configuration, generated from the settings structs, and the same as a list to walk along.

use schemars::generate::SchemaSettings;
use serde_json::Value;

use super::Settings;

/// The JSON Schema (2020-12) of the file. `docs/config.schema.json` holds it for editors.
#[must_use]
pub fn json_schema() -> String {
    let mut schema = SchemaSettings::draft2020_12()
        .into_generator()
        .into_root_schema_for::<Settings>();
    schema.insert("title".to_owned(), "usher.toml".into());
    let mut text = serde_json::to_string_pretty(&schema)
        .expect("invariant: a schema is JSON without maps of other keys than strings");
    text.push('\n');
    text
}

/// One key of a table.
#[derive(Clone, Debug)]
pub(super) struct Field {
    pub(super) key: String,
    /// Its doc comment, in one paragraph.
    pub(super) effect: String,
    pub(super) example: Option<Value>,
    pub(super) shape: Shape,
}

/// What a key holds.
#[derive(Clone, Debug)]
pub(super) enum Shape {
    /// A plain value or a list of them.
    Leaf {
        /// The type, for people.
        kind: Kind,
        /// What holds when nothing is written; nothing if the default is that nothing is set.
        default: Option<Value>,
        /// Whether it may be left unset.
        optional: bool,
    },
    /// A table with these keys.
    Table(Vec<Field>),
    /// A list of tables with these keys.
    Tables(Vec<Field>),
}

/// The type of a plain value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Boolean,
    Integer,
    Number,
    Text,
    OneOf(Vec<String>),
    ListOf(Box<Self>),
}

impl Kind {
    /// The type in words.
    pub(super) fn in_words(&self) -> String {
        match self {
            Self::Boolean => "boolean".to_owned(),
            Self::Integer => "whole number".to_owned(),
            Self::Number => "number".to_owned(),
            Self::Text => "string".to_owned(),
            Self::OneOf(names) => {
                let quoted: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
                quoted.join(", ")
            }
            Self::ListOf(kind) => format!("list of {}", kind.plural()),
        }
    }

    fn plural(&self) -> String {
        match self {
            Self::Boolean | Self::Integer | Self::Number | Self::Text => {
                format!("{}s", self.in_words())
            }
            Self::OneOf(_) | Self::ListOf(_) => self.in_words(),
        }
    }
}

/// All keys of the file.
pub(super) fn fields() -> Vec<Field> {
    let schema = SchemaSettings::draft2020_12()
        .with(|settings| settings.inline_subschemas = true)
        .into_generator()
        .into_root_schema_for::<Settings>();
    fields_of(schema.as_value())
}

fn fields_of(schema: &Value) -> Vec<Field> {
    let properties = schema.get("properties").and_then(Value::as_object);
    let properties = properties.into_iter().flatten();
    properties.map(|(key, schema)| field(key, schema)).collect()
}

fn field(key: &str, schema: &Value) -> Field {
    let effect = schema
        .get("description")
        .and_then(Value::as_str)
        .unwrap_or_default();
    let present = without_null(schema);
    let shape = if present.get("properties").is_some() {
        Shape::Table(fields_of(present))
    } else if let Some(items) = present
        .get("items")
        .filter(|items| items.get("properties").is_some())
    {
        Shape::Tables(fields_of(items))
    } else {
        let default = schema
            .get("default")
            .filter(|default| !default.is_null())
            .cloned();
        Shape::Leaf {
            kind: kind(present),
            default,
            optional: is_optional(schema),
        }
    };
    Field {
        key: key.to_owned(),
        effect: effect.split_whitespace().collect::<Vec<_>>().join(" "),
        example: schema.pointer("/examples/0").cloned(),
        shape,
    }
}

/// The schema of what is there if something is: an optional value is written as "this or null".
fn without_null(schema: &Value) -> &Value {
    let choices = schema.get("anyOf").and_then(Value::as_array);
    let present = choices.and_then(|choices| {
        choices
            .iter()
            .find(|choice| choice.get("type").and_then(Value::as_str) != Some("null"))
    });
    present.unwrap_or(schema)
}

fn is_optional(schema: &Value) -> bool {
    let of_types = |types: &Value| {
        types
            .as_array()
            .is_some_and(|types| types.contains(&"null".into()))
    };
    schema.get("anyOf").is_some() || schema.get("type").is_some_and(of_types)
}

fn kind(schema: &Value) -> Kind {
    if let Some(names) = names(schema) {
        return Kind::OneOf(names);
    }
    let named = schema.get("type");
    let named = named
        .and_then(Value::as_str)
        .or_else(|| named?.get(0)?.as_str());
    match named {
        Some("boolean") => Kind::Boolean,
        Some("integer") => Kind::Integer,
        Some("number") => Kind::Number,
        Some("array") => {
            let items = schema.get("items").map_or(Kind::Text, kind);
            Kind::ListOf(Box::new(items))
        }
        _ => Kind::Text,
    }
}

/// The names of an enumeration, however the generator writes it.
fn names(schema: &Value) -> Option<Vec<String>> {
    let of_enum = |schema: &Value| -> Vec<String> {
        let listed = schema
            .get("enum")
            .and_then(Value::as_array)
            .into_iter()
            .flatten();
        let listed = listed.chain(schema.get("const"));
        listed
            .filter_map(|name| name.as_str().map(str::to_owned))
            .collect()
    };
    let choices = schema.get("oneOf").and_then(Value::as_array);
    let names: Vec<String> = match choices {
        Some(choices) => choices.iter().flat_map(of_enum).collect(),
        None => of_enum(schema),
    };
    (!names.is_empty()).then_some(names)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::KeyPath;

    #[test]
    fn every_key_has_a_default_or_may_be_left_unset_and_says_what_it_does() {
        check(&fields(), &KeyPath::root());
    }

    fn check(fields: &[Field], path: &KeyPath) {
        assert!(!fields.is_empty(), "{path} has no keys");
        for field in fields {
            let path = path.key(&field.key);
            assert!(field.effect.len() > 8, "{path} has no doc comment");
            match &field.shape {
                Shape::Leaf {
                    default, optional, ..
                } => assert!(
                    default.is_some() || *optional,
                    "{path}: the schema has no default; derive Serialize for its type"
                ),
                Shape::Table(fields) | Shape::Tables(fields) => check(fields, &path),
            }
        }
    }
}
