//! The configuration in force, as a TOML file with a comment for where each value came from.

use std::fmt::Write as _;
use std::path::Path;

use serde_json::Value as Json;

use super::schema::{self, Field, Kind, Shape};
use super::tree::{Node, Origin, Value};
use super::{KeyPath, mask};

/// Writes all keys: what was written, else the default. `file` names the file in the comments.
pub(super) fn effective(root: &Node, file: Option<&Path>) -> String {
    let mut page = Page {
        root,
        file,
        text: String::new(),
    };
    page.table(&schema::fields(), &KeyPath::root());
    page.text
}

struct Page<'a> {
    root: &'a Node,
    file: Option<&'a Path>,
    text: String,
}

impl Page<'_> {
    fn table(&mut self, fields: &[Field], path: &KeyPath) {
        for field in fields {
            if let Shape::Leaf { kind, default, .. } = &field.shape {
                self.leaf(&path.key(&field.key), kind, default.as_ref());
            }
        }
        for field in fields {
            let path = path.key(&field.key);
            match &field.shape {
                Shape::Leaf { .. } => {}
                Shape::Table(fields) => {
                    self.heading("[", &path, "]");
                    self.table(fields, &path);
                }
                Shape::Tables(fields) => self.tables(fields, &path),
            }
        }
    }

    fn tables(&mut self, fields: &[Field], path: &KeyPath) {
        let length = match self.root.at(path).map(|node| &node.value) {
            Some(Value::List(items)) => items.len(),
            _ => 0,
        };
        for index in 0..length {
            self.heading("[[", path, "]]");
            self.table(fields, &path.index(index));
        }
    }

    fn heading(&mut self, open: &str, path: &KeyPath, close: &str) {
        // TOML counts the items of a list by itself.
        let keys: Vec<&str> = path.keys().collect();
        self.push(format_args!("\n{open}{}{close}\n", keys.join(".")));
    }

    fn leaf(&mut self, path: &KeyPath, kind: &Kind, default: Option<&Json>) {
        let key = path.last_key();
        match (self.root.at(path), default) {
            (Some(node), _) => {
                let value = written(key, &node.value, kind);
                let place = self.place(&node.origin);
                self.push(format_args!("{key} = {value}  # {place}\n"));
            }
            (None, Some(default)) => {
                let value = in_toml(default);
                self.push(format_args!("{key} = {value}  # default\n"));
            }
            (None, None) => self.push(format_args!("# {key} is not set\n")),
        }
    }

    fn place(&self, origin: &Origin) -> String {
        match (origin, self.file) {
            (Origin::File { line, .. }, Some(file)) => format!("{}:{line}", file.display()),
            (Origin::File { line, .. }, None) => format!("line {line}"),
            (Origin::Variable(name), _) => name.clone(),
        }
    }

    fn push(&mut self, text: std::fmt::Arguments<'_>) {
        self.text
            .write_fmt(text)
            .expect("invariant: writing to a string cannot fail");
    }
}

/// A value as TOML, masked; the text of a variable in the type of its key.
fn written(key: &str, value: &Value, kind: &Kind) -> String {
    if mask::hides(key, value) {
        return format!("{:?}", mask::HIDDEN);
    }
    let text = match (value, kind) {
        (Value::Text(text), Kind::Boolean | Kind::Integer | Kind::Number) => text.whole.clone(),
        (Value::Text(text), Kind::ListOf(_)) => Value::List(text.pieces.clone()).to_string(),
        _ => value.to_string(),
    };
    mask::without_user_info(&text)
}

/// A default as TOML.
fn in_toml(value: &Json) -> String {
    match value {
        Json::String(text) => toml::Value::from(text.as_str()).to_string(),
        Json::Array(items) => {
            format!(
                "[{}]",
                items.iter().map(in_toml).collect::<Vec<_>>().join(", ")
            )
        }
        other => other.to_string(),
    }
}
