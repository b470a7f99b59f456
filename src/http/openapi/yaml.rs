//! JSON values as YAML 1.2: block style, every string quoted as JSON quotes it, which YAML reads the same way.

use serde_json::Value;

/// `value` as a YAML document.
pub(super) fn write(value: &Value) -> String {
    let mut text = String::new();
    block(&mut text, value, 0);
    text
}

/// `value` on lines of its own, indented.
fn block(text: &mut String, value: &Value, indent: usize) {
    match value {
        Value::Object(members) if !members.is_empty() => {
            for (name, member) in members {
                start(text, indent);
                text.push_str(&Value::from(name.as_str()).to_string());
                text.push(':');
                after(text, member, indent);
            }
        }
        Value::Array(items) if !items.is_empty() => {
            for item in items {
                start(text, indent);
                text.push('-');
                after(text, item, indent);
            }
        }
        scalar => {
            start(text, indent);
            text.push_str(&scalar.to_string());
            text.push('\n');
        }
    }
}

/// `value` behind a key or a dash: on the same line if it is a scalar or empty.
fn after(text: &mut String, value: &Value, indent: usize) {
    let nested = match value {
        Value::Object(members) => !members.is_empty(),
        Value::Array(items) => !items.is_empty(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => false,
    };
    if nested {
        text.push('\n');
        block(text, value, indent + 1);
    } else {
        text.push(' ');
        text.push_str(&value.to_string());
        text.push('\n');
    }
}

fn start(text: &mut String, indent: usize) {
    for _ in 0..indent {
        text.push_str("  ");
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn objects_and_lists_become_blocks_and_scalars_stay_json() {
        let value = json!({
            "a": { "b": [1, { "c": "no: comment # here" }, []], "empty": {} },
            "on": true,
            "line": "one\ntwo",
            "nothing": null,
        });
        insta::assert_snapshot!(write(&value), @r#"
        "a":
          "b":
            - 1
            -
              "c": "no: comment # here"
            - []
          "empty": {}
        "on": true
        "line": "one\ntwo"
        "nothing": null
        "#);
    }
}
