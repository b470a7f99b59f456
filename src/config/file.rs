//! The TOML file, read into a [`tree`](super::tree) that remembers lines and columns.

use std::collections::BTreeMap;
use std::ops::Range;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::KeyPath;
use super::mistake::{Mistake, Problem};
use super::tree::{Entry, Node, Origin, Table, Value};

/// Reads `text`. What is not TOML is told with its place; the rest is still read, so that all mistakes come at once.
#[must_use]
pub(super) fn parse(text: &str) -> (Node, Vec<Mistake>) {
    let places = Places::new(text);
    let (document, errors) = DeTable::parse_recoverable(text);
    let mistakes = errors
        .iter()
        .map(|error| Mistake {
            path: KeyPath::root(),
            origin: Some(places.origin(&error.span().unwrap_or_default())),
            problem: Problem::Syntax(error.message().to_owned()),
        })
        .collect();
    let root = Node {
        origin: places.origin(&(0..0)),
        value: Value::Table(places.table(document.get_ref())),
    };
    (root, mistakes)
}

/// Where each line begins.
struct Places<'a> {
    text: &'a str,
    line_starts: Vec<usize>,
}

impl<'a> Places<'a> {
    fn new(text: &'a str) -> Self {
        let after_breaks = text.match_indices('\n').map(|(at, _)| at + 1);
        Self {
            text,
            line_starts: std::iter::once(0).chain(after_breaks).collect(),
        }
    }

    fn origin(&self, span: &Range<usize>) -> Origin {
        let line = self
            .line_starts
            .partition_point(|start| *start <= span.start);
        let start = self
            .line_starts
            .get(line.saturating_sub(1))
            .copied()
            .unwrap_or_default();
        let before = self.text.get(start..span.start).unwrap_or_default();
        Origin::File {
            line,
            column: before.chars().count() + 1,
        }
    }

    fn table(&self, table: &DeTable<'_>) -> Table {
        let entries = table.iter().map(|(key, value)| {
            let entry = Entry {
                key_origin: self.origin(&key.span()),
                node: self.node(value),
            };
            (key.get_ref().clone().into_owned(), entry)
        });
        entries.collect::<BTreeMap<_, _>>()
    }

    fn node(&self, value: &Spanned<DeValue<'_>>) -> Node {
        let found = match value.get_ref() {
            DeValue::String(text) => Value::String(text.clone().into_owned()),
            DeValue::Integer(number) => {
                match i64::from_str_radix(number.as_str(), number.radix()) {
                    Ok(number) => Value::Integer(number),
                    // Beyond 64 bits: no setting takes it, and its type is told all the same.
                    Err(_) => Value::Float(number.as_str().parse().unwrap_or(f64::INFINITY)),
                }
            }
            DeValue::Float(number) => Value::Float(number.as_str().parse().unwrap_or(f64::NAN)),
            DeValue::Boolean(yes) => Value::Boolean(*yes),
            DeValue::Datetime(datetime) => Value::Datetime(datetime.to_string()),
            DeValue::Array(items) => {
                Value::List(items.iter().map(|item| self.node(item)).collect())
            }
            DeValue::Table(table) => Value::Table(self.table(table)),
        };
        Node {
            origin: self.origin(&value.span()),
            value: found,
        }
    }
}
