//! What a body may be, in every revision.

use super::*;

/// No JSON.
const MALFORMED: &[&str] = &[
    "",
    "{",
    "nonsense",
    r#"{"jsonrpc":"2.0","id":1,"method":"ping"} x"#,
    r#"{"jsonrpc":"2.0","id":1,"method":"ping"}{"jsonrpc":"2.0","id":2,"method":"ping"}"#,
    "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"pi\nng\"}",
    r#"{"jsonrpc":"2.0","id":1,"method":"ping","params":{"x":NaN}}"#,
    r#"{"jsonrpc":"2.0","jsonrpc":"2.0",, }"#,
    "\u{feff}{}",
];

/// JSON, and no message.
const INVALID: &[&str] = &[
    "1",
    "null",
    "[]",
    "[1]",
    "{}",
    r#"{"jsonrpc":"1.0","id":1,"method":"ping"}"#,
    r#"{"id":1,"method":"ping"}"#,
    r#"{"jsonrpc":"2.0","id":null,"method":"ping"}"#,
    r#"{"jsonrpc":"2.0","id":1.5,"method":"ping"}"#,
    r#"{"jsonrpc":"2.0","id":1e3,"method":"ping"}"#,
    r#"{"jsonrpc":"2.0","id":{},"method":"ping"}"#,
    r#"{"jsonrpc":"2.0","id":true,"method":"ping"}"#,
    r#"{"jsonrpc":"2.0","id":1,"id":1,"method":"ping"}"#,
    r#"{"jsonrpc":"2.0","id":1,"method":"ping","method":"tools/list"}"#,
    r#"{"jsonrpc":"2.0","id":1,"method":"ping","m\u0065thod":"tools/list"}"#,
    r#"{"jsonrpc":"2.0","id":1,"method":7}"#,
    r#"{"jsonrpc":"2.0","id":1,"method":"\ud800"}"#,
    r#"{"jsonrpc":"2.0","id":1,"method":"ping","params":{"\ud800":1}}"#,
    r#"{"jsonrpc":"2.0","id":1,"method":"ping","x":1,"x":2}"#,
    r#"{"jsonrpc":"2.0","id":1,"method":"ping","params":null}"#,
    r#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"search","arguments":{},"arguments":{}}}"#,
    r#"{"jsonrpc":"2.0","id":1,"method":"ping","params":[]}"#,
    r#"{"jsonrpc":"2.0","id":1,"method":"ping","params":{"a":1,"a":2}}"#,
    r#"{"jsonrpc":"2.0","id":1,"method":"ping","params":{"_meta":1}}"#,
    r#"{"jsonrpc":"2.0","id":1,"method":"ping","params":{"_meta":{"a":1,"a":2}}}"#,
    r#"{"jsonrpc":"2.0","id":1}"#,
    r#"{"jsonrpc":"2.0","id":1,"result":{},"error":{}}"#,
    r#"{"jsonrpc":"2.0","id":1,"method":"ping","result":{}}"#,
    r#"{"jsonrpc":"2.0","id":1,"method":"ping","error":{}}"#,
];

#[test]
fn bad_bodies_are_told_apart() {
    let bench = Bench::new(Settings::default());
    let deep = |depth: usize| {
        let (open, close) = ("[".repeat(depth), "]".repeat(depth));
        format!(r#"{{"jsonrpc":"2.0","id":1,"method":"ping","params":{{"x":{open}{close}}}}}"#)
    };
    let deep_ones = [deep(10_000), deep(63)];
    let malformed = MALFORMED
        .iter()
        .copied()
        .chain(deep_ones.iter().map(String::as_str));
    let all = malformed
        .map(|body| (body, -32700))
        .chain(INVALID.iter().map(|body| (*body, -32600)));
    for (body, error) in all {
        let got = bench.post(&[], body);
        let start: String = body.chars().take(80).collect();
        assert_eq!((got.status.as_u16(), code(&got)), (400, error), "{start}");
    }
    assert_eq!(bench.post(&[], &deep(62)).status, StatusCode::OK);
    let bytes = b"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"p\xffing\"}";
    let post = Post {
        request_id: "0123",
        principal: &bench.alice,
        headers: &HeaderMap::new(),
        body: bytes,
        credential: None,
        takes_events: true,
    };
    let answer = now(bench.protocol.post(&post));
    assert_eq!(
        (answer.status.as_u16(), answer.reason),
        (400, Some("malformed_json"))
    );
}

#[test]
fn what_changes_nothing_is_left_alone() {
    let bench = Bench::new(Settings::default());
    for body in [
        "\r\n\t {\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools/list\"} \n",
        r#"{"method":"tools/list","id":1,"jsonrpc":"2.0"}"#,
        r#"{"jsonrpc":"2.0","id":1,"method":"tools\u002flist"}"#,
        r#"{"jsonrpc":"2\u002e0","id":1,"m\u0065thod":"tools\/list"}"#,
        r#"{"jsonrpc":"2.0","id":1,"method":"tools/list","extra":{"a":1,"a":2}}"#,
        r#"{"jsonrpc":"2.0","id":1,"method":"tools/list","params":{"extra":"\ud800","cursor":null}}"#,
        r#"{"jsonrpc":"2.0","id":1,"method":"tools/list","params":{"_meta":{"progressToken":7}}}"#,
        r#"{"jsonrpc":"2.0","id":1,"method":"tools/list","params":{"_meta":{"progressToken":"a","x/y":{}}}}"#,
    ] {
        let got = bench.post(&[], body);
        assert_eq!(got.status, StatusCode::OK, "{body}");
        assert!(got.json["result"]["tools"].is_array(), "{body}");
    }
}

#[test]
fn a_call_needs_a_name_and_an_object_of_arguments_if_any() {
    let bench = Bench::new(Settings::default());
    let call = |params: Value| bench.legacy("tools/call", params);
    for params in [
        json!({}),
        json!({ "arguments": { "query": "x" } }),
        json!({ "name": 7 }),
        json!({ "name": null }),
        json!({ "name": "" }),
        json!({ "name": "Search" }),
        json!({ "name": "search", "arguments": [] }),
        json!({ "name": "search", "arguments": "x" }),
    ] {
        let got = call(params.clone());
        assert_eq!((got.status.as_u16(), code(&got)), (200, -32602), "{params}");
    }
    for params in [
        json!({ "name": "search" }),
        json!({ "name": "search", "arguments": {} }),
        json!({ "name": "search", "arguments": null }),
    ] {
        let got = call(params.clone());
        assert_eq!(got.json["result"]["isError"], true, "{params}");
    }
}

#[test]
fn a_refusal_carries_the_id_where_it_can_be_read() {
    let bench = Bench::new(Settings::default());
    let id = |body: &str| bench.post(&[], body).json.get("id").cloned();
    assert_eq!(
        id(r#"{"jsonrpc":"1.0","id":"x","method":"ping"}"#),
        Some(json!("x"))
    );
    assert_eq!(id(r#"{"jsonrpc":"2.0","id":7,"method":1}"#), Some(json!(7)));
    assert_eq!(id(r#"{"jsonrpc":"2.0","id":null,"method":"ping"}"#), None);
    assert_eq!(
        id(r#"{"jsonrpc":"2.0","id":1,"id":2,"method":"ping"}"#),
        None
    );
    assert_eq!(id("nonsense"), None);
    let long = format!(
        r#"{{"jsonrpc":"2.0","id":"{}","method":"ping"}}"#,
        "x".repeat(300)
    );
    assert_eq!(id(&long), None);
}
