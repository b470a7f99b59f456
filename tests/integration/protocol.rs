//! The MCP endpoint over HTTP: every revision by itself, and what HTTP has to say before MCP does.
#![expect(
    clippy::indexing_slicing,
    reason = "a missing member of a JSON value reads as null"
)]

use serde_json::{Value, json};

use super::eventually::eventually;
use super::gateway::{Reply, TestGateway, TestGatewayBuilder};

/// The revision without a handshake.
pub(crate) const MODERN: &str = "2026-07-28";
/// The revisions with one, that streamable HTTP carries.
pub(crate) const LEGACY: [&str; 4] = ["2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25"];

/// A modern request with all that it needs, headers and body.
pub(crate) fn modern(method: &str, mut params: Value) -> (Vec<(&'static str, String)>, Value) {
    params["_meta"] = json!({
        "io.modelcontextprotocol/protocolVersion": MODERN,
        "io.modelcontextprotocol/clientCapabilities": {},
    });
    let mut headers = vec![
        ("mcp-protocol-version", MODERN.to_owned()),
        ("mcp-method", method.to_owned()),
    ];
    if let Some(name) = params["name"].as_str().or_else(|| params["uri"].as_str()) {
        headers.push(("mcp-name", name.to_owned()));
    }
    let body = json!({ "jsonrpc": "2.0", "id": 1, "method": method, "params": params });
    (headers, body)
}

/// One POST to `path`.
pub(crate) async fn post(
    gateway: &TestGateway,
    path: &str,
    access_token: &str,
    headers: &[(&str, String)],
    body: &Value,
) -> Reply {
    let mut request = gateway
        .request("POST", path)
        .bearer_auth(access_token)
        .header("accept", "application/json, text/event-stream")
        .json(body);
    for (name, value) in headers {
        request = request.header(*name, value);
    }
    Reply::of(request).await
}

/// A server whose collection can be searched.
pub(crate) async fn searchable(builder: TestGatewayBuilder) -> TestGateway {
    let gateway = builder.start().await;
    let token = gateway.token().mint();
    let params = json!({ "name": "search", "arguments": { "query": "cupcakes" } });
    let look = async || {
        let call = request("tools/call", params.clone());
        let reply = gateway.call(&token, call).await;
        (reply.json()["result"]["isError"] == false).then_some(())
    };
    eventually("the index is built", look).await;
    gateway
}

fn request(method: &str, params: Value) -> Value {
    json!({ "jsonrpc": "2.0", "id": 1, "method": method, "params": params })
}

#[tokio::test]
async fn every_revision_lists_and_calls_tools_at_both_paths() {
    let gateway = searchable(TestGateway::builder()).await;
    let token = gateway.token().mint();
    let call = json!({ "name": "search", "arguments": { "query": "lemon cupcakes" } });
    for path in ["/mcp", "/"] {
        for version in LEGACY {
            let initialize = json!({
                "protocolVersion": version,
                "capabilities": {},
                "clientInfo": { "name": "test", "version": "1" },
            });
            let begun = post(
                &gateway,
                path,
                &token,
                &[],
                &request("initialize", initialize),
            )
            .await;
            assert_eq!(begun.status, 200, "{}", begun.text());
            assert_eq!(begun.json()["result"]["protocolVersion"], version);
            let id = begun
                .header("mcp-session-id")
                .expect("a session")
                .to_owned();
            let headers = [
                ("mcp-session-id", id),
                ("mcp-protocol-version", version.to_owned()),
            ];
            let note = json!({ "jsonrpc": "2.0", "method": "notifications/initialized" });
            let noted = post(&gateway, path, &token, &headers, &note).await;
            assert_eq!((noted.status, noted.body.len()), (202, 0));

            let listed = post(
                &gateway,
                path,
                &token,
                &headers,
                &request("tools/list", json!({})),
            )
            .await;
            assert_eq!(listed.header("content-type"), Some("application/json"));
            check_tools(&listed.json()["result"]);
            let called = post(
                &gateway,
                path,
                &token,
                &headers,
                &request("tools/call", call.clone()),
            )
            .await;
            let result = &called.json()["result"];
            check_call(result);
            assert_eq!(result.get("resultType"), None);

            let ended = gateway
                .request("DELETE", path)
                .bearer_auth(&token)
                .header("mcp-session-id", &headers[0].1);
            assert_eq!(Reply::of(ended).await.status, 204);
            let gone = post(
                &gateway,
                path,
                &token,
                &headers,
                &request("tools/list", json!({})),
            )
            .await;
            assert_eq!(gone.status, 404);
        }
        let (headers, body) = modern("tools/list", json!({}));
        let listed = post(&gateway, path, &token, &headers, &body).await;
        assert_eq!(listed.header("mcp-session-id"), None);
        check_tools(&listed.json()["result"]);
        let (headers, body) = modern("tools/call", call.clone());
        let called = post(&gateway, path, &token, &headers, &body).await;
        let result = &called.json()["result"];
        check_call(result);
        assert_eq!(result["resultType"], "complete");
        let server = &result["_meta"]["io.modelcontextprotocol/serverInfo"];
        assert_eq!(server["name"], "usher");
    }
}

/// `search` and `fetch` as ChatGPT wants them declared.
fn check_tools(result: &Value) {
    let tools = result["tools"].as_array().expect("tools");
    let names: Vec<_> = tools.iter().map(|tool| &tool["name"]).collect();
    assert_eq!(names, ["search", "fetch"]);
    let schemes = json!([{ "type": "oauth2", "scopes": ["mcp:read"] }]);
    for tool in tools {
        assert_eq!(tool["inputSchema"]["type"], "object");
        assert_eq!(tool["outputSchema"]["type"], "object");
        assert_eq!(tool["annotations"]["readOnlyHint"], true);
        assert_eq!(tool["annotations"]["destructiveHint"], false);
        assert_eq!(tool["annotations"]["openWorldHint"], false);
        assert_eq!(tool["securitySchemes"], schemes);
        assert_eq!(tool["_meta"]["securitySchemes"], schemes);
        assert!(tool["title"].is_string() && tool["description"].is_string());
    }
}

/// The same object in `structuredContent` and as one JSON text item.
fn check_call(result: &Value) {
    assert_eq!(result["isError"], false, "{result}");
    let content = result["content"].as_array().expect("content");
    assert_eq!(content.len(), 1);
    assert_eq!(content[0]["type"], "text");
    let text = content[0]["text"].as_str().expect("text");
    let read: Value = serde_json::from_str(text).expect("JSON in the text");
    assert_eq!(read, result["structuredContent"]);
    assert_eq!(read["results"][0]["title"], "Order 1001");
}

#[tokio::test]
async fn one_curl_line_is_enough_for_a_legacy_request() {
    let gateway = TestGateway::start().await;
    let request = gateway
        .request("POST", "/mcp")
        .bearer_auth(gateway.token().mint())
        .header("content-type", "application/json")
        .body(r#"{"jsonrpc":"2.0","id":1,"method":"tools/list"}"#);
    let listed = Reply::of(request).await;
    assert_eq!(listed.status, 200);
    check_tools(&listed.json()["result"]);
}

#[tokio::test]
async fn content_type_and_accept_must_allow_json() {
    let gateway = TestGateway::start().await;
    let token = gateway.token().mint();
    let send = async |content_type: Option<&str>, accept: Option<&str>| {
        let mut request = gateway
            .request("POST", "/mcp")
            .bearer_auth(&token)
            .body(r#"{"jsonrpc":"2.0","id":1,"method":"ping"}"#);
        if let Some(content_type) = content_type {
            request = request.header("content-type", content_type);
        }
        if let Some(accept) = accept {
            request = request.header("accept", accept);
        }
        Reply::of(request).await.status
    };
    let json = Some("application/json");
    for (content_type, accept, status) in [
        (json, None, 200),
        (json, Some("*/*"), 200),
        (json, Some("application/json"), 200),
        (json, Some("text/event-stream, application/json;q=0.5"), 200),
        (Some("application/json; charset=utf-8"), None, 200),
        (Some("Application/JSON"), None, 200),
        (json, Some("text/event-stream"), 406),
        (json, Some("text/html"), 406),
        (json, Some("application/json;q=0"), 406),
        (None, None, 415),
        (Some("text/plain"), None, 415),
        (Some("application/jsonp"), None, 415),
        (Some("application/x-www-form-urlencoded"), None, 415),
    ] {
        assert_eq!(
            send(content_type, accept).await,
            status,
            "{content_type:?} {accept:?}"
        );
    }
}

#[tokio::test]
async fn bad_bodies_get_json_rpc_errors() {
    let gateway = TestGateway::start().await;
    let token = gateway.token().mint();
    let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
    for (body, status, code) in [
        (&b"{\"jsonrpc\":"[..], 400, -32700),
        (b"\xff\xfe", 400, -32700),
        (deep.as_bytes(), 400, -32700),
        (b"", 400, -32700),
        (b"{}", 400, -32600),
        (
            b"{\"jsonrpc\":\"2.0\",\"id\":null,\"method\":\"ping\"}",
            400,
            -32600,
        ),
        (
            b"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"nothing\"}",
            200,
            -32601,
        ),
    ] {
        let request = gateway
            .request("POST", "/mcp")
            .bearer_auth(&token)
            .header("content-type", "application/json")
            .body(body.to_vec());
        let reply = Reply::of(request).await;
        assert_eq!(
            (reply.status, &reply.json()["error"]["code"]),
            (status, &json!(code))
        );
        assert_eq!(reply.header("content-type"), Some("application/json"));
    }
    let huge = format!(
        r#"{{"jsonrpc":"2.0","id":1,"method":"ping","params":{{"x":"{}"}}}}"#,
        "x".repeat(2 << 20)
    );
    let request = gateway
        .request("POST", "/mcp")
        .bearer_auth(&token)
        .header("content-type", "application/json")
        .body(huge);
    assert_eq!(Reply::of(request).await.status, 413);
}

#[tokio::test]
async fn modern_errors_have_their_status_and_code() {
    let gateway = TestGateway::start().await;
    let token = gateway.token().mint();
    let check = async |headers: &[(&str, String)], body: &Value, status: u16, code: i64| {
        let reply = post(&gateway, "/mcp", &token, headers, body).await;
        let found = (reply.status, reply.json()["error"]["code"].clone());
        assert_eq!(found, (status, json!(code)), "{body}");
        assert_eq!(reply.json()["id"], 1);
    };
    for method in [
        "initialize",
        "ping",
        "logging/setLevel",
        "resources/subscribe",
        "nothing",
    ] {
        let (headers, body) = modern(method, json!({}));
        check(&headers, &body, 404, -32601).await;
    }
    let (headers, body) = modern("tools/list", json!({}));
    check(&headers[1..], &body, 400, -32020).await;
    check(&headers[..1], &body, 400, -32020).await;
    let bare = request("tools/list", json!({}));
    check(&headers, &bare, 400, -32602).await;
    let mut other = body.clone();
    other["params"]["_meta"]["io.modelcontextprotocol/protocolVersion"] = json!("v999.0.0");
    check(&headers, &other, 400, -32020).await;
    let mut unsupported = headers.clone();
    unsupported[0].1 = "v999.0.0".into();
    check(&unsupported, &other, 400, -32022).await;
    let (headers, body) = modern("resources/read", json!({ "uri": "test://none" }));
    check(&headers, &body, 200, -32602).await;
}

#[tokio::test]
async fn what_is_wrong_with_arguments_is_a_tool_error_that_a_model_can_read() {
    let gateway = TestGateway::start().await;
    let token = gateway.token().mint();
    for params in [
        json!({ "name": "search", "arguments": {} }),
        json!({ "name": "search" }),
        json!({ "name": "search", "arguments": { "query": 7 } }),
        json!({ "name": "fetch", "arguments": { "id": "no-such-document" } }),
    ] {
        let (headers, body) = modern("tools/call", params);
        let reply = post(&gateway, "/mcp", &token, &headers, &body).await;
        let result = &reply.json()["result"];
        assert_eq!(
            (reply.status, &result["isError"]),
            (200, &json!(true)),
            "{body}"
        );
        assert_eq!(result["resultType"], "complete");
        assert!(result["content"][0]["text"].is_string());
        assert_eq!(result.get("structuredContent"), None);
    }
    let (headers, body) = modern("tools/call", json!({ "name": "nothing", "arguments": {} }));
    let reply = post(&gateway, "/mcp", &token, &headers, &body).await;
    assert_eq!(
        (reply.status, &reply.json()["error"]["code"]),
        (200, &json!(-32602))
    );
}

#[tokio::test]
async fn a_session_is_bound_to_its_principal() {
    let gateway = TestGateway::start().await;
    let begin = request("initialize", json!({ "protocolVersion": "2025-11-25" }));
    let begun = post(&gateway, "/mcp", &gateway.token().mint(), &[], &begin).await;
    let id = begun
        .header("mcp-session-id")
        .expect("a session")
        .to_owned();
    let headers = [("mcp-session-id", id)];
    let list = request("tools/list", json!({}));
    for (token, status) in [
        (gateway.token().mint(), 200),
        (gateway.token().subject("bob").mint(), 404),
        (gateway.token().client_id("another-client").mint(), 404),
    ] {
        let reply = post(&gateway, "/mcp", &token, &headers, &list).await;
        assert_eq!(reply.status, status);
    }
}

#[tokio::test]
async fn the_access_log_names_operations_but_no_strangers_words() {
    let gateway = TestGateway::start().await;
    let token = gateway.token().mint();
    for params in [
        json!({ "name": "search", "arguments": { "query": "secret-query" } }),
        json!({ "name": "strangers-tool" }),
    ] {
        gateway.call(&token, request("tools/call", params)).await;
    }
    gateway
        .call(&token, request("strangers/method", json!({})))
        .await;
    let log = gateway.access_log();
    assert!(log.contains("tools/call search"), "{log}");
    for word in ["strangers", "secret-query", &token] {
        assert!(!log.contains(word), "{word} in {log}");
    }
}
