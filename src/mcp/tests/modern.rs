//! Revision 2026-07-28.

use super::*;

/// A request to change: headers and body of a good `tools/list`.
struct Request {
    headers: Vec<(&'static str, String)>,
    body: Value,
}

fn good(method: &str, params: Value) -> Request {
    let (headers, body) = modern_request(method, params);
    Request {
        headers,
        body: serde_json::from_str(&body).expect("JSON"),
    }
}

impl Request {
    fn header(mut self, name: &'static str, value: &str) -> Self {
        self.headers.retain(|(known, _)| *known != name);
        self.headers.push((name, value.to_owned()));
        self
    }

    fn without_header(mut self, name: &str) -> Self {
        self.headers.retain(|(known, _)| *known != name);
        self
    }

    fn meta(mut self, key: &str, value: Value) -> Self {
        self.body["params"]["_meta"][key] = value;
        self
    }

    fn without_meta(mut self, key: &str) -> Self {
        let meta = self.body["params"]["_meta"].as_object_mut().expect("_meta");
        meta.remove(key);
        self
    }

    fn member(mut self, key: &str, value: Value) -> Self {
        self.body[key] = value;
        self
    }

    fn send(self, bench: &Bench) -> Got {
        let headers: Vec<_> = self
            .headers
            .iter()
            .map(|(name, value)| (*name, value.as_str()))
            .collect();
        bench.post(&headers, &self.body.to_string())
    }
}

const VERSION: &str = "io.modelcontextprotocol/protocolVersion";
const CAPABILITIES: &str = "io.modelcontextprotocol/clientCapabilities";
const CLIENT_INFO: &str = "io.modelcontextprotocol/clientInfo";
const LOG_LEVEL: &str = "io.modelcontextprotocol/logLevel";

fn list() -> Request {
    good("tools/list", json!({}))
}

#[test]
fn a_request_needs_version_and_capabilities_but_no_client_info() {
    let bench = Bench::new(Settings::default());
    let check = |request: Request, status: u16, error: i64| {
        let got = request.send(&bench);
        assert_eq!(
            (got.status.as_u16(), code(&got)),
            (status, error),
            "{got:?}"
        );
        assert_eq!(got.json["id"], 1);
    };
    check(list(), 200, 0);
    check(
        list().meta(CLIENT_INFO, json!({ "name": "t", "version": "1" })),
        200,
        0,
    );
    check(list().without_meta(VERSION), 400, -32602);
    check(list().without_meta(CAPABILITIES), 400, -32602);
    check(list().member("params", json!({})), 400, -32602);
    check(list().meta(CAPABILITIES, json!([])), 400, -32602);
    check(list().meta(VERSION, json!(20260728)), 400, -32602);
    check(list().meta(LOG_LEVEL, json!("debug")), 200, 0);
    check(list().meta(LOG_LEVEL, json!("loud")), 400, -32602);
    check(list().meta("traceparent", json!("00-0af7-b7ad-01")), 200, 0);
}

#[test]
fn the_version_header_must_be_there_and_agree() {
    let bench = Bench::new(Settings::default());
    let check = |request: Request, error: i64| {
        let got = request.send(&bench);
        assert_eq!((got.status.as_u16(), code(&got)), (400, error), "{got:?}");
    };
    check(list().without_header("mcp-protocol-version"), -32020);
    check(list().header("mcp-protocol-version", "2025-11-25"), -32020);
    check(list().meta(VERSION, json!("v999.0.0")), -32020);
    check(
        good("server/discover", json!({}))
            .without_meta(VERSION)
            .without_header("mcp-protocol-version"),
        -32020,
    );
}

#[test]
fn an_unsupported_version_is_told_what_is_supported() {
    let bench = Bench::new(Settings::default());
    for version in ["v999.0.0", "2027-01-01", "2025-11-25", "2024-11-05", ""] {
        let got = list()
            .meta(VERSION, json!(version))
            .header("mcp-protocol-version", version)
            .send(&bench);
        assert_eq!(
            (got.status.as_u16(), code(&got)),
            (400, -32022),
            "{version}"
        );
        // No legacy revision is among them: a client would retry it in `_meta` and loop.
        assert_eq!(
            got.json["error"]["data"],
            json!({ "supported": [MODERN], "requested": version })
        );
    }
}

#[test]
fn mirrored_headers_must_say_what_the_body_says() {
    let bench = Bench::new(Settings::default());
    let refused = |request: Request| {
        let got = request.send(&bench);
        assert_eq!((got.status.as_u16(), code(&got)), (400, -32020), "{got:?}");
    };
    refused(list().without_header("mcp-method"));
    refused(list().header("mcp-method", "prompts/list"));
    refused(list().header("mcp-method", "TOOLS/LIST"));
    refused(list().header("mcp-method", ""));
    for (method, params) in [
        ("tools/call", json!({ "name": "nothing" })),
        ("prompts/get", json!({ "name": "nothing" })),
        ("resources/read", json!({ "uri": "nothing" })),
    ] {
        let request = || good(method, params.clone());
        refused(request().without_header("mcp-name"));
        refused(request().header("mcp-name", "else"));
        refused(request().header("mcp-name", "Nothing"));
        refused(request().header("mcp-name", "=?base64?bm90aGluZw?="));
        refused(request().header("mcp-name", "=?base64?ZWxzZQ==?="));
        for name in ["nothing", "  nothing\t", "=?base64?bm90aGluZw==?="] {
            let got = request().header("mcp-name", name).send(&bench);
            assert_eq!(code(&got), -32602, "{name}: past the headers: {got:?}");
        }
    }
    // Unknown mirrored parameters are ignored, and so is what only legacy clients send.
    let got = list()
        .header("mcp-param-region", "us-west1")
        .header("mcp-session-id", "gone")
        .header("last-event-id", "7")
        .send(&bench);
    assert_eq!(got.status, StatusCode::OK);
    assert_eq!(got.answer.session_id, None);
}

#[test]
fn what_this_era_does_not_have_is_not_found() {
    let bench = Bench::new(Settings::default());
    for method in [
        "initialize",
        "ping",
        "logging/setLevel",
        "resources/subscribe",
        "resources/unsubscribe",
        "completion/complete",
        "tasks/get",
        "unknown/method",
        "Tools/List",
    ] {
        let got = good(method, json!({})).send(&bench);
        assert_eq!((got.status.as_u16(), code(&got)), (404, -32601), "{method}");
        assert_eq!(got.json["id"], 1);
        assert_eq!(
            got.answer.operation, None,
            "a stranger's word is not logged"
        );
        assert_eq!(got.answer.session_id, None);
    }
}

#[test]
fn discover_tells_versions_capabilities_and_who_answers() {
    let bench = Bench::new(Settings::default());
    let got = good("server/discover", json!({})).send(&bench);
    assert_eq!(got.status, StatusCode::OK);
    assert_eq!(
        got.json["result"],
        json!({
            "supportedVersions": [MODERN],
            "capabilities": { "tools": {}, "prompts": {}, "resources": {} },
            "instructions": Settings::default().instructions,
            "ttlMs": 300_000,
            "cacheScope": "private",
            "resultType": "complete",
            "_meta": { "io.modelcontextprotocol/serverInfo": server_info() },
        })
    );
}

#[test]
fn every_list_is_complete_private_and_signed() {
    let bench = Bench::new(Settings::default());
    for (method, key) in [
        ("tools/list", "tools"),
        ("prompts/list", "prompts"),
        ("resources/list", "resources"),
        ("resources/templates/list", "resourceTemplates"),
    ] {
        let got = good(method, json!({})).send(&bench);
        assert_eq!(got.status, StatusCode::OK);
        let result = &got.json["result"];
        assert!(result[key].is_array(), "{method}");
        assert_eq!(result["resultType"], "complete");
        assert_eq!(result["ttlMs"], 300_000);
        assert_eq!(result["cacheScope"], "private");
        assert_eq!(
            result["_meta"]["io.modelcontextprotocol/serverInfo"],
            server_info()
        );
        assert_eq!(result.get("nextCursor"), None);

        let first = good(method, json!({ "cursor": null })).send(&bench);
        assert_eq!(first.json["result"][key], result[key]);
        for cursor in [json!(""), json!("eyJwYWdlIjogMn0="), json!(7)] {
            let got = good(method, json!({ "cursor": cursor })).send(&bench);
            assert_eq!((got.status.as_u16(), code(&got)), (200, -32602), "{cursor}");
        }
    }
}

#[test]
fn what_does_not_exist_is_an_invalid_parameter() {
    let bench = Bench::new(Settings::default());
    let got = good("resources/read", json!({ "uri": "test://\"none\"" })).send(&bench);
    assert_eq!((got.status.as_u16(), code(&got)), (200, -32602));
    assert_eq!(
        got.json["error"]["data"],
        json!({ "uri": "test://\"none\"" })
    );
    for (method, params) in [
        ("resources/read", json!({})),
        ("prompts/get", json!({ "name": "none" })),
        ("tools/call", json!({ "name": "none" })),
        ("tools/call", json!({})),
        ("tools/call", json!({ "name": 7 })),
        ("tools/call", json!({ "name": "none", "arguments": [] })),
        (
            "tools/call",
            json!({ "name": "none", "requestState": "mine" }),
        ),
    ] {
        let got = good(method, params.clone()).send(&bench);
        assert_eq!((got.status.as_u16(), code(&got)), (200, -32602), "{params}");
    }
}

#[test]
fn notifications_are_accepted_and_responses_are_not() {
    let bench = Bench::new(Settings::default());
    let version = ("mcp-protocol-version", MODERN);
    let got = bench.post(
        &[version],
        r#"{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":1}}"#,
    );
    assert_eq!(got.status, StatusCode::ACCEPTED);
    assert!(matches!(got.answer.body, Body::Empty));
    let got = bench.post(&[version], r#"{"jsonrpc":"2.0","id":1,"result":{}}"#);
    assert_eq!((got.status.as_u16(), code(&got)), (400, -32600));
    assert_eq!(got.json.get("id"), None);
    let got = bench.post(
        &[("mcp-protocol-version", "2027-01-01")],
        r#"{"jsonrpc":"2.0","method":"notifications/x"}"#,
    );
    assert_eq!((got.status.as_u16(), code(&got)), (400, -32022));
}

#[test]
fn batches_are_refused() {
    let bench = Bench::new(Settings::default());
    let one = list().body;
    for version in [None, Some(MODERN), Some("2025-06-18"), Some("2025-11-25")] {
        let headers: Vec<_> = version
            .map(|version| ("mcp-protocol-version", version))
            .into_iter()
            .collect();
        let got = bench.post(&headers, &json!([one]).to_string());
        assert_eq!(
            (got.status.as_u16(), code(&got)),
            (400, -32600),
            "{version:?}: {got:?}"
        );
    }
}

#[test]
fn ids_come_back_as_they_were_written() {
    let bench = Bench::new(Settings::default());
    for id in [
        "1",
        "-7",
        "0",
        "123456789012345678901234567890",
        r#""a""#,
        r#""\u0061\n""#,
        r#""""#,
    ] {
        let (headers, body) = modern_request("tools/list", json!({}));
        let headers: Vec<_> = headers.iter().map(|(n, v)| (*n, v.as_str())).collect();
        let body = body.replacen("\"id\":1", &format!("\"id\": {id}"), 1);
        let got = bench.post(&headers, &body);
        let Body::Json(json) = &got.answer.body else {
            panic!("no JSON");
        };
        let begin = format!(r#"{{"jsonrpc":"2.0","id":{id},"result":"#);
        assert!(json.starts_with(begin.as_bytes()), "{id}");
    }
}
