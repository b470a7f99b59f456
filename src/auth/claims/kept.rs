//! The claims that rules ask for: their values as texts, and no others.

use super::super::strict_json::{Object, Value};

/// More values of one claim are not kept: a rule that asks for one of the rest is not satisfied.
const MAX_VALUES: usize = 4096;

/// The claims `names`, those that are there. `iss` may come from elsewhere: an issuer that was asked need not write it.
pub(super) fn kept(
    claims: &Object<'_>,
    issuer: &str,
    names: &[String],
) -> Vec<(String, Vec<String>)> {
    let values = |name: &str| match find(claims, name) {
        None if name == "iss" => vec![issuer.to_owned()],
        None => Vec::new(),
        Some(value) => texts(value),
    };
    let pairs = names.iter().map(|name| (name.clone(), values(name)));
    pairs.filter(|(_, values)| !values.is_empty()).collect()
}

/// The claim of exactly this name; else the dots lead into objects.
fn find<'c>(claims: &'c Object<'c>, name: &str) -> Option<&'c Value<'c>> {
    if let Some(value) = claims.get(name) {
        return Some(value);
    }
    let (first, rest) = name.split_once('.')?;
    match claims.get(first)? {
        Value::Object(inner) => find(inner, rest),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => {
            None
        }
    }
}

/// The texts of a value or a list of values. What cannot be compared as a text is none.
fn texts(value: &Value<'_>) -> Vec<String> {
    match value {
        Value::Array(items) => items.iter().filter_map(text).take(MAX_VALUES).collect(),
        single => text(single).into_iter().collect(),
    }
}

fn text(value: &Value<'_>) -> Option<String> {
    match value {
        Value::Bool(yes) => Some(yes.to_string()),
        // Beyond 2^53 a number is no longer exactly what was written.
        Value::Number(number)
            if number.fract() == 0.0 && number.abs() < 9_007_199_254_740_992.0 =>
        {
            Some(format!("{number:.0}"))
        }
        Value::String(text) => Some(text.clone().into_owned()),
        Value::Array(_) | Value::Null | Value::Number(_) | Value::Object(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_what_is_asked_for_as_texts_and_nothing_else() {
        let json = r#"{"department":"hr","level":3,"staff":true,"half":0.5,"none":null,"big":9007199254740993,
            "roles":["a",1,{"b":2},false],"realm_access":{"roles":["auditor"],"x":{"y":"z"}},"a.b":"dotted","a":{"b":"deep"}}"#;
        let claims = Object::parse(json.as_bytes()).expect("JSON");
        for (name, values) in [
            ("department", &["hr"][..]),
            ("level", &["3"]),
            ("staff", &["true"]),
            ("half", &[]),
            ("none", &[]),
            ("big", &[]),
            ("roles", &["a", "1", "false"]),
            ("realm_access", &[]),
            ("realm_access.roles", &["auditor"]),
            ("realm_access.x.y", &["z"]),
            ("realm_access.y", &[]),
            ("department.x", &[]),
            ("a.b", &["dotted"]),
            ("iss", &["https://id.test"]),
            ("absent", &[]),
        ] {
            let found = kept(&claims, "https://id.test", &[name.to_owned()]);
            let expected: Vec<_> = (!values.is_empty())
                .then(|| {
                    (
                        name.to_owned(),
                        values.iter().map(|v| (*v).to_owned()).collect(),
                    )
                })
                .into_iter()
                .collect();
            assert_eq!(found, expected, "{name}");
        }
        assert_eq!(kept(&claims, "https://id.test", &[]), []);
    }
}
