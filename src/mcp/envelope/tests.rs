use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::any_json;

fn one(body: &str) -> Call<'_> {
    match parse(body.as_bytes()) {
        Ok(Body::One(Message::Call(call))) => call,
        other => panic!("{body}: {other:?}"),
    }
}

#[test]
fn depth_counts_brackets_outside_of_strings_only() {
    let brackets = r#"[{"#.repeat(500);
    let body =
        format!(r#"{{"jsonrpc":"2.0","id":1,"method":"ping","params":{{"x":"\"{brackets}\\"}}}}"#);
    one(&body);
    let nested = format!("{}1{}", "{\"a\":".repeat(65), "}".repeat(65));
    assert!(!is_shallow(&nested));
    let nested = format!("{}1{}", "{\"a\":".repeat(64), "}".repeat(64));
    assert!(is_shallow(&nested));
    let wide = format!("[{}1]", "[],".repeat(500));
    assert!(is_shallow(&wide));
}

#[test]
fn ids_are_strings_or_integers_of_sane_length() {
    let id = |written: &str| {
        let body = format!(r#"{{"jsonrpc":"2.0","id":{written},"method":"ping"}}"#);
        match parse(body.as_bytes()) {
            Ok(Body::One(Message::Call(call))) => call.id.map(|id| id.as_json().to_owned()),
            _ => None,
        }
    };
    let long = format!("\"{}\"", "x".repeat(254));
    for good in [
        "0",
        "-1",
        "18446744073709551616",
        "\"\"",
        "\"a b\"",
        "\"\\u0000\"",
        &long,
    ] {
        assert_eq!(id(good).as_deref(), Some(good));
    }
    let longer = format!("\"{}\"", "x".repeat(255));
    for bad in ["null", "true", "1.0", "1e1", "-", "[]", "{}", "01", &longer] {
        assert_eq!(id(bad), None, "{bad}");
    }
}

#[test]
fn only_the_call_of_a_tool_is_answered_before_it_is_authorized() {
    let id = |body: &str| {
        tool_call(body.as_bytes()).and_then(|call| call.id.map(Id::as_json).map(str::to_owned))
    };
    assert_eq!(
        id(r#"{"jsonrpc":"2.0","id":"a","method":"tools/call","params":{"name":"search"}}"#)
            .as_deref(),
        Some("\"a\"")
    );
    for other in [
        r#"{"jsonrpc":"2.0","id":"a","method":"tools/list"}"#,
        r#"{"jsonrpc":"2.0","method":"tools/call"}"#,
        r#"[{"jsonrpc":"2.0","id":"a","method":"tools/call"}]"#,
        "nonsense",
    ] {
        assert_eq!(id(other), None, "{other}");
    }
}

/// Bodies of members that a call has, some of them wrong, some of them twice, one of them another.
fn nearly_a_call() -> impl Strategy<Value = String> {
    let members = prop::sample::select(vec![
        r#""jsonrpc":"2.0""#,
        r#""jsonrpc":"2.0""#,
        r#""jsonrpc":"2\u002e0""#,
        r#""jsonrpc":2.0"#,
        r#""id":1"#,
        r#""id":"a""#,
        r#""id":null"#,
        r#""method":"ping""#,
        r#""method":"ping""#,
        r#""method":"p\u0069ng""#,
        r#""m\u0065thod":"list""#,
        r#""method":7"#,
        r#""params":{}"#,
        r#""params":{"a":[1, 2],"_meta":{"v":"1"},"b":"\u0061"}"#,
        r#""params":{"a":1,"a":2}"#,
        r#""params":{"_meta":{"v":1,"v":2}}"#,
        r#""params":{"_meta":{},"_meta":{}}"#,
        r#""params":{"_meta":null}"#,
        r#""params":null"#,
        r#""params":[]"#,
        r#""result":{}"#,
        r#""x":1"#,
    ]);
    prop::collection::vec(members, 0..6).prop_map(|members| format!("{{{}}}", members.join(", ")))
}

proptest! {
    #[test]
    fn a_request_reads_as_it_was_written(
        id in prop_oneof![any::<i128>().prop_map(|id| id.to_string()), ".{0,20}".prop_map(|id| json!(id).to_string())],
        method in ".{0,20}",
        members in prop::collection::btree_map("[^_].{0,6}", any_json::json(), 0..5),
        space in any_json::space(),
    ) {
        let member = |(key, value): (&String, &String)| format!("{}{space}:{value}{space}", json!(key));
        let params: Vec<_> = members.iter().map(member).collect();
        let params = format!("{{{space}{}}}", params.join(","));
        let method_json = json!(method).to_string();
        let body = format!(r#" {{"jsonrpc": "2.0", "params":{params}, "method":{method_json}, "id":{id} }} "#);
        let call = single_pass::call(&body).expect("the common form");
        prop_assert_eq!(call.id.map(Id::as_json), Some(id.as_str()));
        prop_assert_eq!(&call.method, &method);
        for (key, value) in &members {
            let raw = call.params.get(key).expect("the member");
            prop_assert_eq!(raw.get(), value, "verbatim");
        }
    }

    #[test]
    fn both_ways_of_reading_read_the_same(body in nearly_a_call()) {
        let quick = single_pass::call(&body).map(|call| format!("{call:?}"));
        let slow = match level_by_level(&body) {
            Ok(Body::One(Message::Call(call))) => Some(format!("{call:?}")),
            _ => None,
        };
        if !body.contains("\"x\":1") || quick.is_some() {
            prop_assert_eq!(quick, slow);
        }
    }

    #[test]
    fn no_bytes_make_it_panic(body in prop::collection::vec(any::<u8>(), 0..200)) {
        drop(parse(&body));
    }

    #[test]
    fn no_text_that_looks_like_json_makes_it_panic(body in r#"[\[\]{}",:0-9a-z\\ ]{0,80}"#) {
        match parse(body.as_bytes()) {
            Ok(_) => prop_assert!(serde_json::from_str::<Value>(&body).is_ok()),
            Err(refused) if refused.error == Error::Malformed => {
                prop_assert!(serde_json::from_str::<Value>(&body).is_err());
            }
            Err(_) => {}
        }
    }
}
