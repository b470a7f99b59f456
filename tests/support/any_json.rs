//! Any JSON, for property tests: the one generator of it.
//!
//! Include with `#[path = "../support/any_json.rs"] mod any_json;`; in the library it is `crate::any_json`.

use proptest::prelude::*;

/// White space between tokens.
pub(crate) fn space() -> impl Strategy<Value = String> {
    "[ \t\n\r]{0,3}"
}

/// Any JSON text: white space, escapes, what looks like JSON inside strings, numbers that no float holds, members that
/// other programs find special, and members that are there twice.
pub(crate) fn json() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        Just("null".to_owned()),
        prop::sample::select(vec!["true".to_owned(), "false".to_owned()]),
        "-?(0|[1-9][0-9]{0,30})(\\.[0-9]{1,20})?([eE][+-]?[0-9]{1,3})?",
        "\"([a-z é世{}\\[\\],:]|\\\\u[0-9a-f]{4}|\\\\n|\\\\/|\\\\\"|\\\\\\\\){0,12}\"",
    ];
    leaf.prop_recursive(4, 24, 4, |inner| {
        let key = prop_oneof![
            "\"[a-z$]{0,6}\"",
            Just("\"$defs\"".to_owned()),
            Just("\"$anchor\"".to_owned())
        ];
        let member = (key, space(), inner.clone());
        let member = member.prop_map(|(key, space, value)| format!("{key}{space}:{value}"));
        prop_oneof![
            prop::collection::vec(inner, 0..4).prop_map(|items| format!("[{}]", items.join(" , "))),
            (prop::collection::vec(member, 0..4), space())
                .prop_map(|(members, space)| format!("{{{space}{}}}", members.join(","))),
        ]
    })
}
