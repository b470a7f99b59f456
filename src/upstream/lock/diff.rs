//! What changed between two descriptions of a tool, in words.

use std::collections::BTreeSet;
use std::fmt;

use serde_json::Value;

use super::schema::{Comparison, Side};

/// One thing that changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// What it is.
    pub words: String,
    /// True if a client that froze the old description may not work any more.
    pub breaks: bool,
}

/// How a tool is not as it was approved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// It is described differently.
    Changed(Vec<Difference>),
    /// It is not there any more.
    Gone,
    /// Nobody has approved it.
    New,
    /// Its description says something twice, or cannot be read in one way only: it cannot be approved.
    Unreadable,
}

impl Change {
    /// True if a client that froze the old descriptions may not work any more.
    #[must_use]
    pub fn breaks(&self) -> bool {
        match self {
            Self::Changed(differences) => differences.iter().any(|difference| difference.breaks),
            Self::Gone | Self::Unreadable => true,
            Self::New => false,
        }
    }
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Changed(_) => "changed",
            Self::Gone => "gone",
            Self::New => "new",
            Self::Unreadable => {
                "cannot be approved: its description can be read in more than one way"
            }
        })
    }
}

/// A value as people read it: on one line, and with nothing in it that cannot be seen.
pub(super) fn quoted(value: &Value) -> String {
    let mut out = String::new();
    for c in value.to_string().chars() {
        match c {
            ' '..='~' => out.push(c),
            // Control characters, and those that have no shape or turn the direction of what follows.
            c => out.extend(c.escape_debug()),
        }
    }
    out
}

/// What changed from `old` to `new`, both whole descriptions of one tool.
pub(super) fn differences(old: &Value, new: &Value) -> Vec<Difference> {
    let mut found = Vec::new();
    let nothing = serde_json::Map::new();
    let members = |value: &'_ Value| value.as_object().unwrap_or(&nothing).clone();
    let (old, new) = (members(old), members(new));
    let names: BTreeSet<_> = old.keys().chain(new.keys()).collect();
    for name in names {
        let (before, after) = (old.get(name), new.get(name));
        if before == after {
            continue;
        }
        let side = match name.as_str() {
            "inputSchema" => Some((Side::Sender, "argument")),
            "outputSchema" => Some((Side::Reader, "result")),
            _ => None,
        };
        match (side, before, after) {
            (Some((side, what)), Some(before), Some(after)) => {
                let mut here = Vec::new();
                let found_here = &mut here;
                let mut comparison = Comparison {
                    side,
                    found: found_here,
                };
                comparison.compare("", before, after);
                let name_it = |Difference { words, breaks }| Difference {
                    words: match words.strip_prefix(": ") {
                        Some(words) => format!("{name}: {words}"),
                        None => format!("{what} {words}"),
                    },
                    breaks,
                };
                found.extend(here.into_iter().map(name_it));
            }
            // Without a promise before, or with one more, nobody is broken; a promise that is gone was relied on.
            (Some((Side::Reader, _)), before, _) => found.push(Difference {
                words: format!(
                    "outputSchema was {}",
                    if before.is_some() { "removed" } else { "added" }
                ),
                breaks: before.is_some(),
            }),
            (Some((Side::Sender, _)), ..) => found.push(Difference {
                words: "inputSchema was added or removed".to_owned(),
                breaks: true,
            }),
            (None, Some(Value::Object(before)), Some(Value::Object(after))) => {
                found.extend(members_of(name, before, after));
            }
            (None, before, after) => found.push(told(name, before, after)),
        }
    }
    found
}

/// Annotations and the like: nothing that a call depends on.
fn members_of(
    name: &str,
    old: &serde_json::Map<String, Value>,
    new: &serde_json::Map<String, Value>,
) -> Vec<Difference> {
    let names: BTreeSet<_> = old.keys().chain(new.keys()).collect();
    let changed = names
        .into_iter()
        .filter(|member| old.get(*member) != new.get(*member));
    changed
        .map(|member| {
            told(
                &format!("{name}.{member}"),
                old.get(member),
                new.get(member),
            )
        })
        .collect()
}

fn told(name: &str, old: Option<&Value>, new: Option<&Value>) -> Difference {
    let name = quoted(&Value::from(name));
    let name = name.trim_matches('"');
    let words = match (old, new) {
        (Some(old), Some(new)) => format!("{name} was {}, is {}", quoted(old), quoted(new)),
        (None, Some(new)) => format!("{name} {} was added", quoted(new)),
        (Some(old), None) => format!("{name} {} was removed", quoted(old)),
        (None, None) => format!("{name} is the same"),
    };
    Difference {
        words,
        breaks: false,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// Each difference, and `!` in front of those that break.
    fn told(old: Value, new: Value) -> Vec<String> {
        let differences = differences(&old, &new).into_iter();
        differences
            .map(|difference| match difference.breaks {
                true => format!("! {}", difference.words),
                false => difference.words,
            })
            .collect()
    }

    fn input(old: Value, new: Value, expected: &[&str]) {
        let found = told(json!({ "inputSchema": old }), json!({ "inputSchema": new }));
        assert_eq!(found, expected, "{old} → {new}");
    }

    fn output(old: Value, new: Value, expected: &[&str]) {
        let found = told(
            json!({ "outputSchema": old }),
            json!({ "outputSchema": new }),
        );
        assert_eq!(found, expected, "{old} → {new}");
    }

    fn object(properties: Value, required: &[&str]) -> Value {
        json!({ "type": "object", "properties": properties, "required": required })
    }

    #[test]
    fn arguments_that_are_asked_for_or_not_taken_any_more_break() {
        let string = json!({ "type": "string" });
        let one = object(json!({ "a": string }), &[]);
        let two = object(json!({ "a": string, "b": string }), &[]);
        input(
            one.clone(),
            two.clone(),
            &["argument \"b\" was added (optional)"],
        );
        let required = object(json!({ "a": string, "b": string }), &["b"]);
        input(
            one.clone(),
            required.clone(),
            &["! argument \"b\" was added (required)"],
        );
        input(two.clone(), one, &["! argument \"b\" was removed"]);
        input(
            two.clone(),
            required.clone(),
            &["! argument \"b\" is required now"],
        );
        input(required, two, &["argument \"b\" is optional now"]);
    }

    #[test]
    fn arguments_that_may_be_less_break_and_those_that_may_be_more_do_not() {
        let of = |schema: Value| object(json!({ "a": schema }), &[]);
        let check = |old: Value, new: Value, breaks: [bool; 2]| {
            let [forth, back] = [(&old, &new), (&new, &old)].map(|(old, new)| {
                let (old, new) = (
                    json!({ "inputSchema": of(old.clone()) }),
                    json!({ "inputSchema": of(new.clone()) }),
                );
                let found = differences(&old, &new);
                assert!(!found.is_empty(), "{old} → {new}");
                found.iter().any(|difference| difference.breaks)
            });
            assert_eq!([forth, back], breaks, "{old} → {new}");
        };
        let widens = [false, true];
        let harmless = [false, false];
        let doubtful = [true, true];
        check(
            json!({ "type": "integer" }),
            json!({ "type": "number" }),
            widens,
        );
        check(
            json!({ "type": "string" }),
            json!({ "type": ["string", "null"] }),
            widens,
        );
        check(
            json!({ "type": "string" }),
            json!({ "type": "object" }),
            doubtful,
        );
        check(json!({ "type": "string" }), json!({}), widens);
        check(
            json!({ "enum": ["a"] }),
            json!({ "enum": ["a", "b"] }),
            widens,
        );
        check(json!({ "enum": ["a"] }), json!({ "enum": ["b"] }), doubtful);
        check(json!({ "enum": ["a"] }), json!({}), widens);
        check(json!({ "minimum": 2 }), json!({ "minimum": 1 }), widens);
        check(json!({ "maximum": 1 }), json!({ "maximum": 2 }), widens);
        check(json!({ "maxLength": 1 }), json!({}), widens);
        check(json!({ "minLength": 1 }), json!({}), widens);
        check(json!({ "pattern": "a" }), json!({}), widens);
        check(
            json!({ "pattern": "a" }),
            json!({ "pattern": "b" }),
            doubtful,
        );
        check(json!({ "additionalProperties": false }), json!({}), widens);
        check(
            json!({ "items": { "type": "integer" } }),
            json!({ "items": { "type": "number" } }),
            widens,
        );
        check(
            json!({ "anyOf": [{}] }),
            json!({ "anyOf": [{}, {}] }),
            doubtful,
        );
        check(json!({ "x-mcp-header": "Region" }), json!({}), doubtful);
        check(
            json!({ "description": "a" }),
            json!({ "description": "b" }),
            harmless,
        );
        check(json!({ "default": 1 }), json!({ "default": 2 }), harmless);
        check(json!(true), json!({}), doubtful);
    }

    #[test]
    fn places_are_named_from_the_outside_in() {
        let deep = |kind: &str| {
            object(
                json!({ "filter": object(json!({ "tags": { "items": { "type": kind } } }), &[]) }),
                &[],
            )
        };
        input(
            deep("string"),
            deep("integer"),
            &["! argument each item of \"filter\" › \"tags\": type was \"string\", is \"integer\""],
        );
        input(
            json!({ "type": "object" }),
            json!({ "type": "object", "additionalProperties": false }),
            &["! inputSchema: additionalProperties false was added"],
        );
    }

    #[test]
    fn results_that_may_be_more_break_and_those_that_may_be_less_do_not() {
        let string = json!({ "type": "string" });
        let promised = object(json!({ "a": string }), &["a"]);
        let offered = object(json!({ "a": string }), &[]);
        let more = object(json!({ "a": string, "b": string }), &["a"]);
        output(
            promised.clone(),
            more.clone(),
            &["result \"b\" was added (optional)"],
        );
        output(more, promised.clone(), &["result \"b\" was removed"]);
        output(
            promised.clone(),
            offered,
            &["! result \"a\" is optional now"],
        );
        output(
            promised.clone(),
            json!({ "type": "object" }),
            &["! result \"a\" was removed"],
        );
        let wider = object(json!({ "a": { "type": ["string", "null"] } }), &["a"]);
        output(
            promised,
            wider,
            &["! result \"a\": type was \"string\", is [\"string\",\"null\"]"],
        );
        let with = json!({ "name": "n", "outputSchema": {} });
        assert_eq!(
            told(json!({ "name": "n" }), with.clone()),
            ["outputSchema was added"]
        );
        assert_eq!(
            told(with, json!({ "name": "n" })),
            ["! outputSchema was removed"]
        );
    }

    #[test]
    fn words_for_people_are_shown_whole_and_with_nothing_hidden() {
        let old = json!({ "description": "Reads.", "annotations": { "readOnlyHint": true, "title": "R" } });
        let new = json!({ "description": "Reads.\u{1b}[2J\nThen \u{202e}sends, é.", "annotations": { "readOnlyHint": false, "title": "R" }, "icons": [] });
        assert_eq!(
            told(old, new),
            [
                "annotations.readOnlyHint was true, is false",
                "description was \"Reads.\", is \"Reads.\\u001b[2J\\nThen \\u{202e}sends, é.\"",
                "icons [] was added",
            ]
        );
    }
}
