//! What was written, and where: values from the file and the environment in one tree, each with its origin.

use std::collections::BTreeMap;
use std::fmt;

use super::key_path::{KeyPath, Step};

/// Where a value was written.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Origin {
    /// In the file; both count from 1, columns in characters.
    File {
        /// The line.
        line: usize,
        /// The column.
        column: usize,
    },
    /// In this environment variable.
    Variable(String),
}

/// A value and where it was written.
#[derive(Clone, Debug, PartialEq)]
pub struct Node {
    /// Where the value is.
    pub origin: Origin,
    /// What it is.
    pub value: Value,
}

/// A key of a table: where the key is, and its value.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    /// Where the key is.
    pub key_origin: Origin,
    /// Its value.
    pub node: Node,
}

/// The keys of a table.
pub type Table = BTreeMap<String, Entry>;

/// The text of an environment variable, as a whole and as the list it may be.
#[derive(Clone, Debug, PartialEq)]
pub struct Text {
    /// All of it.
    pub whole: String,
    /// What stands between the commas.
    pub pieces: Vec<Node>,
}

/// What a value is.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// The text of an environment variable: its type follows from the setting it is for.
    Text(Text),
    /// A string in the file.
    String(String),
    /// A whole number.
    Integer(i64),
    /// A number with a fraction or an exponent.
    Float(f64),
    /// True or false.
    Boolean(bool),
    /// A date or a time. No setting is one.
    Datetime(String),
    /// A list.
    List(Vec<Node>),
    /// A table.
    Table(Table),
}

impl Node {
    /// The text of the environment variable `name`.
    #[must_use]
    pub fn from_variable(name: &str, text: &str) -> Self {
        let node = |whole: &str, pieces| Self {
            origin: Origin::Variable(name.to_owned()),
            value: Value::Text(Text {
                whole: whole.to_owned(),
                pieces,
            }),
        };
        let pieces = text
            .split(',')
            .map(str::trim)
            .filter(|piece| !piece.is_empty());
        node(text, pieces.map(|piece| node(piece, Vec::new())).collect())
    }

    /// The node at `path`, if something was written there.
    #[must_use]
    pub fn at(&self, path: &KeyPath) -> Option<&Self> {
        path.steps()
            .iter()
            .try_fold(self, |node, step| match (&node.value, step) {
                (Value::Table(table), Step::Key(key)) => table.get(key).map(|entry| &entry.node),
                (Value::List(items), Step::Index(index)) => items.get(*index),
                (Value::Text(text), Step::Index(index)) => text.pieces.get(*index),
                _ => None,
            })
    }

    /// Where the key at the end of `path` is.
    #[must_use]
    pub fn key_origin(&self, path: &KeyPath) -> Option<Origin> {
        let (last, way) = path.steps().split_last()?;
        match (&self.at(&KeyPath::from_steps(way))?.value, last) {
            (Value::Table(table), Step::Key(key)) => Some(table.get(key)?.key_origin.clone()),
            _ => None,
        }
    }

    /// Takes out what was written at `path`. False if nothing was.
    pub fn remove(&mut self, path: &KeyPath) -> bool {
        let Some((last, way)) = path.steps().split_last() else {
            return false;
        };
        let parent = way
            .iter()
            .try_fold(self, |node, step| match (&mut node.value, step) {
                (Value::Table(table), Step::Key(key)) => {
                    table.get_mut(key).map(|entry| &mut entry.node)
                }
                (Value::List(items), Step::Index(index)) => items.get_mut(*index),
                _ => None,
            });
        match (parent.map(|parent| &mut parent.value), last) {
            (Some(Value::Table(table)), Step::Key(key)) => table.remove(key).is_some(),
            (Some(Value::List(items)), Step::Index(index)) if *index < items.len() => {
                items.remove(*index);
                true
            }
            _ => false,
        }
    }
}

impl Value {
    /// The text of a string, wherever it was written.
    #[must_use]
    pub fn as_text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(&text.whole),
            Self::String(text) => Some(text),
            Self::Integer(_)
            | Self::Float(_)
            | Self::Boolean(_)
            | Self::Datetime(_)
            | Self::List(_)
            | Self::Table(_) => None,
        }
    }
}

/// The value in TOML's spelling. Nothing is masked here; see [`super::mask`].
impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(text) => write!(f, "{}", toml::Value::from(text.whole.as_str())),
            Self::String(text) => write!(f, "{}", toml::Value::from(text.as_str())),
            Self::Integer(number) => write!(f, "{number}"),
            Self::Float(number) => write!(f, "{number}"),
            Self::Boolean(yes) => write!(f, "{yes}"),
            Self::Datetime(text) => f.write_str(text),
            Self::List(items) => {
                f.write_str("[")?;
                for (position, item) in items.iter().enumerate() {
                    let comma = if position == 0 { "" } else { ", " };
                    write!(f, "{comma}{}", item.value)?;
                }
                f.write_str("]")
            }
            Self::Table(_) => f.write_str("a table"),
        }
    }
}
