//! A token's own words for a person: without anything that moves a cursor or hides text, and not endless.

use crate::auth::strict_json::{Object, Value};
use crate::harmless::harmless;

/// The most characters of one value.
const MOST: usize = 160;

/// The most values of one list.
const MOST_VALUES: usize = 8;

/// A text, escaped and cut.
pub(super) fn text(text: &str) -> String {
    harmless(text, MOST)
}

/// A claim as it is written, if it is there.
pub(super) fn claim(claims: &Object<'_>, name: &str) -> Option<String> {
    claims.get(name).map(value)
}

/// Any value.
pub(super) fn value(value: &Value<'_>) -> String {
    match value {
        Value::Null => "null".to_owned(),
        Value::Bool(yes) => yes.to_string(),
        Value::Number(number) => number.to_string(),
        Value::String(string) if string.is_empty() => "an empty text".to_owned(),
        Value::String(string) => text(string),
        Value::Array(items) => list(items.iter().map(self::value)),
        Value::Object(members) => {
            format!("an object with {}", list(members.names().map(text)))
        }
    }
}

/// Several, the first few.
pub(super) fn list(mut items: impl Iterator<Item = String>) -> String {
    let first: Vec<_> = items.by_ref().take(MOST_VALUES).collect();
    let more = items.count();
    match (first.is_empty(), more) {
        (true, _) => "none".to_owned(),
        (false, 0) => first.join(", "),
        (false, more) => format!("{} and {more} more", first.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_moves_no_cursor_hides_nothing_and_ends() {
        for (written, expected) in [
            ("https://id.test", "https://id.test"),
            ("\u{1b}[2J\u{7}x", "\\u{1b}[2J\\u{7}x"),
            (
                "a\u{202e}b\u{200b}\u{feff}",
                "a\\u{202e}b\\u{200b}\\u{feff}",
            ),
            ("Grüße", "Grüße"),
        ] {
            assert_eq!(text(written), expected);
        }
        assert_eq!(text(&"x".repeat(MOST)), "x".repeat(MOST));
        assert_eq!(
            text(&"x".repeat(MOST + 1)),
            format!("{}…", "x".repeat(MOST))
        );
    }

    #[test]
    fn values_of_every_type_are_told() {
        let json = r#"{"a":null,"b":true,"c":1,"d":"","e":["x",1],"f":{"g":1},"h":[],
            "i":[1,2,3,4,5,6,7,8,9,10]}"#;
        let claims = Object::parse(json.as_bytes()).expect("JSON");
        for (name, expected) in [
            ("a", Some("null")),
            ("b", Some("true")),
            ("c", Some("1")),
            ("d", Some("an empty text")),
            ("e", Some("x, 1")),
            ("f", Some("an object with g")),
            ("h", Some("none")),
            ("i", Some("1, 2, 3, 4, 5, 6, 7, 8 and 2 more")),
            ("z", None),
        ] {
            assert_eq!(claim(&claims, name).as_deref(), expected, "{name}");
        }
    }
}
