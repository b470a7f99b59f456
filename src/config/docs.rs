//! `docs/configuration.md`: every key with type, default, unit, effect and environment variable, from the doc comments.

use std::fmt::Write as _;

use serde_json::Value;

use super::KeyPath;
use super::schema::{self, Field, Kind, Shape};

const OPENING: &str = include_str!("docs/opening.txt");

/// The whole page.
#[must_use]
pub fn markdown() -> String {
    let mut page = OPENING.to_owned();
    section(&mut page, "Top level", &schema::fields(), &KeyPath::root());
    page
}

fn section(page: &mut String, title: &str, fields: &[Field], path: &KeyPath) {
    let is_leaf = |field: &&Field| matches!(field.shape, Shape::Leaf { .. });
    push(page, format_args!("\n## {title}\n\n"));
    if fields.iter().any(|field| is_leaf(&field)) {
        page.push_str("| Key | Type | Default | Unit | Effect | Environment variable |\n");
        page.push_str("|---|---|---|---|---|---|\n");
    }
    for field in fields.iter().filter(is_leaf) {
        row(page, field, &path.key(&field.key));
    }
    for field in fields {
        let path = path.key(&field.key);
        match &field.shape {
            Shape::Leaf { .. } => {}
            Shape::Table(fields) => section(page, &heading("[", &path, "]", field), fields, &path),
            Shape::Tables(fields) => {
                let title = heading("[[", &path, "]]", field);
                section(page, &title, fields, &path.index(0));
            }
        }
    }
}

fn heading(open: &str, path: &KeyPath, close: &str, field: &Field) -> String {
    let name = path.to_string().replace("[0]", "");
    format!("`{open}{name}{close}`\n\n{}", field.effect)
}

fn row(page: &mut String, field: &Field, path: &KeyPath) {
    let Shape::Leaf {
        kind,
        default,
        optional,
    } = &field.shape
    else {
        return;
    };
    let shown = match default {
        Some(value) if field.effect.contains("Required.") && value == "" => "required".to_owned(),
        Some(value) => format!("`{value}`"),
        None if *optional => "none".to_owned(),
        None => "see there".to_owned(),
    };
    let example = field.example.as_ref().or(default.as_ref());
    let example = example
        .map(in_a_variable)
        .filter(|example| !example.is_empty());
    let example = example.unwrap_or_else(|| "…".to_owned());
    push(
        page,
        format_args!(
            "| `{}` | {} | {shown} | {} | {} | `{}={example}` |\n",
            field.key,
            in_a_cell(&kind.in_words()),
            unit(&field.key, kind),
            in_a_cell(&field.effect),
            path.variable(),
        ),
    );
}

fn push(page: &mut String, text: std::fmt::Arguments<'_>) {
    page.write_fmt(text)
        .expect("invariant: writing to a string cannot fail");
}

fn in_a_cell(text: &str) -> String {
    text.replace('|', "\\|")
}

/// A value as an environment variable spells it: lists with commas, strings without quotes.
fn in_a_variable(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Array(items) if items.is_empty() => "…".to_owned(),
        Value::Array(items) => items
            .iter()
            .map(in_a_variable)
            .collect::<Vec<_>>()
            .join(","),
        other => other.to_string(),
    }
}

/// The unit, which the last word of a key names.
fn unit(key: &str, kind: &Kind) -> &'static str {
    let units = [
        ("_seconds", "seconds"),
        ("_ms", "milliseconds"),
        ("_bytes", "bytes"),
        ("_kib", "KiB"),
        ("_characters", "characters"),
        ("_per_second", "per second"),
        ("_per_minute", "per minute"),
    ];
    let named = units
        .iter()
        .find(|(end, _)| key.ends_with(end))
        .map(|(_, unit)| *unit);
    match kind {
        Kind::Integer | Kind::Number => named.unwrap_or("count"),
        Kind::Boolean | Kind::Text | Kind::OneOf(_) | Kind::ListOf(_) => "",
    }
}
