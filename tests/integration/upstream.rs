//! Upstream MCP servers behind the whole server: what reaches them, what comes back, and what one of them can do.
#![expect(
    clippy::indexing_slicing,
    reason = "a missing member of a JSON value reads as null"
)]

mod bytes;
mod catalogue;
mod changes;
mod command_line;
mod credentials;
mod endpoint;
mod hostile;
mod lock;
#[cfg(target_os = "linux")]
mod memory;
mod old_transport;
mod resumption;
mod rmcp_server;
mod rough;
mod sessions;
pub(super) mod stdio;
mod streams;
mod suite_servers;
mod supervision;

use serde_json::{Value, json};
use usher::upstream::UpstreamSettings;

use super::eventually::eventually;
use super::gateway::{Reply, TestGateway};
use super::raw_upstream::{RawUpstream, Speaks};

pub(super) const MODERN: &str = "2026-07-28";

pub(super) fn over_http(name: &str, url: &str) -> UpstreamSettings {
    UpstreamSettings {
        name: name.to_owned(),
        http: Some(url.to_owned()),
        ..UpstreamSettings::default()
    }
}

/// A server with these upstreams, all of them listed.
pub(super) async fn start(upstreams: Vec<UpstreamSettings>) -> TestGateway {
    let names: Vec<_> = upstreams
        .iter()
        .map(|upstream| upstream.name.clone())
        .collect();
    let gateway = TestGateway::builder()
        .settings(|settings| settings.upstream = upstreams)
        .start()
        .await;
    for name in names {
        until_listed(&gateway, &format!("{name}__")).await;
    }
    gateway
}

pub(super) fn token(gateway: &TestGateway) -> String {
    gateway.token().scope("mcp:read mcp:write").mint()
}

pub(super) async fn listed(gateway: &TestGateway) -> Vec<Value> {
    let list = json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/list" });
    let reply = gateway.call(&token(gateway), list).await;
    reply.json()["result"]["tools"]
        .as_array()
        .expect("tools")
        .clone()
}

/// Returns once a tool whose name begins so is listed.
pub(super) async fn until_listed(gateway: &TestGateway, start: &str) {
    let is_it = |tool: &Value| {
        let name = tool["name"].as_str();
        name.is_some_and(|name| name.starts_with(start))
    };
    let look = async || listed(gateway).await.iter().any(is_it).then_some(());
    eventually(&format!("{start} is listed"), look).await;
}

/// A call as a legacy client sends it: these very bytes as parameters.
async fn call(gateway: &TestGateway, params: &str) -> Reply {
    let body =
        format!(r#"{{"jsonrpc":"2.0","id":"mine","method":"tools/call","params":{params}}}"#);
    let request = gateway
        .request("POST", "/mcp")
        .bearer_auth(token(gateway))
        .header("content-type", "application/json")
        .header("accept", "application/json, text/event-stream")
        .header("cookie", "a=b")
        .body(body);
    Reply::of(request).await
}

/// A request of a modern client that can be asked: in the name of what it is about, if it names anything, with these members
/// of `params`.
pub(super) async fn ask_modern(
    gateway: &TestGateway,
    method: &str,
    name: &str,
    members: &str,
) -> Reply {
    let separator = if members.is_empty() { "" } else { "," };
    let body = format!(
        r#"{{"jsonrpc":"2.0","id":"mine","method":"{method}","params":{{{members}{separator}"_meta":{{"io.modelcontextprotocol/protocolVersion":"{MODERN}","io.modelcontextprotocol/clientCapabilities":{{"elicitation":{{}}}}}}}}}}"#
    );
    let mut request = gateway
        .request("POST", "/mcp")
        .bearer_auth(token(gateway))
        .header("content-type", "application/json")
        .header("accept", "application/json, text/event-stream")
        .header("mcp-protocol-version", MODERN)
        .header("mcp-method", method);
    if !name.is_empty() {
        request = request.header("mcp-name", name);
    }
    Reply::of(request.body(body)).await
}

/// Calls a tool until there is a result: also after one of these errors, which it may meet meanwhile. Besides 503 while its
/// server is away that is 504 where calls have a second, because something is to hang: a slow machine may need more.
async fn until_result(gateway: &TestGateway, tool: &str, errors: &[i64]) -> Value {
    let params = format!(r#"{{"name":"{tool}","arguments":{{}}}}"#);
    let look = async || {
        let answer = call(gateway, &params).await.json();
        let code = answer["error"]["code"].as_i64();
        let is_met = code.is_none_or(|code| errors.contains(&code));
        assert!(is_met, "{tool} {answer}");
        answer["result"]
            .is_object()
            .then(|| answer["result"].clone())
    };
    eventually("its call has a result", look).await
}

/// The same of a modern client.
async fn call_modern(gateway: &TestGateway, name: &str, members: &str) -> Reply {
    let body = format!(
        r#"{{"jsonrpc":"2.0","id":"mine","method":"tools/call","params":{{"name":"{name}",{members},"_meta":{{"io.modelcontextprotocol/protocolVersion":"{MODERN}","io.modelcontextprotocol/clientCapabilities":{{"elicitation":{{}}}},"traceparent":"00-1","progressToken":5}}}}}}"#
    );
    let request = gateway
        .request("POST", "/mcp")
        .bearer_auth(token(gateway))
        .header("content-type", "application/json")
        .header("accept", "application/json, text/event-stream")
        .header("mcp-protocol-version", MODERN)
        .header("mcp-method", "tools/call")
        .header("mcp-name", name)
        .header("mcp-param-region", "eu")
        .body(body);
    Reply::of(request).await
}

/// Odd, but JSON: unknown members, numbers that no float holds, escapes, white space.
const ODD: &str = r#"{ "$defs" : {"a":1.50,"b":123456789012345678901234567890} , "z":"\u00e9\/","a":[1e400, -0.0], "_meta":{"x":[ ]},"$anchor":null}"#;

#[tokio::test]
async fn calls_and_results_keep_their_bytes_in_both_eras() {
    for speaks in [Speaks::Legacy, Speaks::Modern] {
        let upstream = RawUpstream::start(speaks).await;
        let gateway = start(vec![over_http("raw", &upstream.url)]).await;
        upstream.answer(&format!(r#""result":{ODD}"#));
        for streams in [false, true] {
            upstream.stream(streams);
            let params = format!(r#"{{"x-new": 1.0,"arguments":{ODD},"name":"raw__echo"}}"#);
            let reply = call(&gateway, &params).await;
            assert_eq!(
                reply.text(),
                format!(r#"{{"jsonrpc":"2.0","id":"mine","result":{ODD}}}"#)
            );
            let sent = upstream.last_call().body;
            let expected = format!(r#""params":{{"x-new":1.0,"arguments":{ODD},"name":"echo""#);
            assert!(sent.contains(&expected), "{sent}");
        }
        let error = r#"{ "code":-32042,"message":"m","data":{"n":1.50}}"#;
        upstream.answer(&format!(r#""error":{error}"#));
        let reply = call(&gateway, r#"{"name":"raw__echo"}"#).await;
        assert_eq!(reply.status, 200);
        assert_eq!(
            reply.text(),
            format!(r#"{{"jsonrpc":"2.0","id":"mine","error":{error}}}"#)
        );
    }
}

#[tokio::test]
async fn each_era_gets_the_metadata_and_headers_that_it_knows() {
    for speaks in [Speaks::Legacy, Speaks::Modern] {
        let upstream = RawUpstream::start(speaks).await;
        let gateway = start(vec![over_http("raw", &upstream.url)]).await;
        let reply = call_modern(&gateway, "raw__echo", r#""arguments":{}"#).await;
        assert_eq!(reply.status, 200, "{}", reply.text());
        let sent = upstream.last_call();
        let body: Value = serde_json::from_str(&sent.body).expect("JSON");
        let meta = &body["params"]["_meta"];
        assert_eq!(meta["traceparent"], "00-1");
        // Not the caller's own.
        assert_eq!(meta["progressToken"], body["id"]);
        let header = |name: &str| {
            sent.headers
                .get(name)
                .map(|value| value.to_str().expect("text"))
        };
        match speaks {
            Speaks::Legacy => {
                assert_eq!(header("mcp-param-region"), None);
                assert_eq!(reply.json()["result"]["resultType"], "complete");
                assert_eq!(
                    meta.as_object().map(serde_json::Map::len),
                    Some(2),
                    "{meta}"
                );
                assert_eq!(header("mcp-session-id"), Some("session-1-2"));
                assert_eq!(header("mcp-protocol-version"), Some("2025-11-25"));
                assert_eq!(header("mcp-method"), None);
            }
            Speaks::Modern => {
                assert_eq!(header("mcp-param-region"), Some("eu"));
                assert_eq!(meta["io.modelcontextprotocol/protocolVersion"], MODERN);
                assert_eq!(
                    meta["io.modelcontextprotocol/clientCapabilities"],
                    json!({ "elicitation": {} })
                );
                assert_eq!(header("mcp-protocol-version"), Some(MODERN));
                assert_eq!(header("mcp-method"), Some("tools/call"));
                assert_eq!(header("mcp-name"), Some("echo"));
                assert_eq!(header("mcp-session-id"), None);
            }
        }
    }
}

#[tokio::test]
async fn the_callers_token_never_reaches_an_upstream() {
    let upstream = RawUpstream::start(Speaks::Legacy).await;
    let gateway = start(vec![over_http("raw", &upstream.url)]).await;
    call(&gateway, r#"{"name":"raw__echo","arguments":{"a":1}}"#).await;
    call_modern(&gateway, "raw__echo", r#""arguments":{}"#).await;
    let token = token(&gateway);
    let signature = token.rsplit('.').next().expect("a signature");
    for sent in upstream.requests() {
        for name in [
            "authorization",
            "cookie",
            "mcp-method",
            "forwarded",
            "x-forwarded-for",
        ] {
            assert!(
                !sent.headers.contains_key(name) || sent.method == "server/discover",
                "{name}: {sent:?}"
            );
        }
        let all = format!("{sent:?}");
        assert!(!all.contains(signature) && !all.contains("Bearer"), "{all}");
    }
}

#[tokio::test]
async fn lists_show_an_upstreams_tools_after_the_built_in_ones_to_those_who_may_call_them() {
    let upstream = RawUpstream::start(Speaks::Legacy).await;
    upstream.tools(r#"[{"name":"write","inputSchema":{"n":1.50}},{"name":"read","annotations":{"readOnlyHint":true},"x":1},{"name":"no way","inputSchema":{}},{"name":"read"},7,{"name":"twice","a":1,"a":2}]"#);
    let trusted = UpstreamSettings {
        trust_annotations: true,
        ..over_http("b", &upstream.url)
    };
    let gateway = start(vec![over_http("a", &upstream.url), trusted]).await;
    let names = |tools: &[Value]| -> Vec<String> {
        tools
            .iter()
            .map(|tool| tool["name"].as_str().expect("a name").to_owned())
            .collect()
    };
    let all = listed(&gateway).await;
    assert_eq!(
        names(&all),
        [
            "search", "fetch", "a__write", "a__read", "b__write", "b__read"
        ]
    );
    assert_eq!(
        all[2]["inputSchema"].to_string(),
        r#"{"n":1.50}"#.replace("1.50", "1.5")
    );
    assert_eq!(all[3]["securitySchemes"][0]["scopes"], json!(["mcp:write"]));
    assert_eq!(all[5]["securitySchemes"][0]["scopes"], json!(["mcp:read"]));

    let reader = gateway.token().scope("mcp:read").mint();
    let list = json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/list" });
    let seen = gateway.call(&reader, list).await.json()["result"]["tools"].clone();
    assert_eq!(
        names(seen.as_array().expect("tools")),
        ["search", "fetch", "b__read"]
    );
    for (tool, status) in [("a__read", 403), ("b__write", 403), ("b__read", 200)] {
        let body = json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": { "name": tool } });
        let reply = gateway.call(&reader, body).await;
        assert_eq!(reply.status, status, "{tool}");
    }
    assert_eq!(
        upstream
            .requests()
            .iter()
            .filter(|sent| sent.method == "tools/call")
            .count(),
        1
    );
}

#[tokio::test]
async fn calls_in_a_batch_run_side_by_side_and_answer_in_order() {
    let upstream = RawUpstream::start(Speaks::Legacy).await;
    let gateway = start(vec![over_http("raw", &upstream.url)]).await;
    let call = |id: i32, name: &str| json!({ "jsonrpc": "2.0", "id": id, "method": "tools/call", "params": { "name": name, "arguments": { "query": "lemon" } } });
    let ping = json!({ "jsonrpc": "2.0", "id": 2, "method": "ping" });
    let batch = json!([
        call(1, "raw__echo"),
        ping,
        call(3, "search"),
        call(4, "raw__echo")
    ]);
    let reply = gateway.call(&token(&gateway), batch).await.json();
    let ids: Vec<_> = reply
        .as_array()
        .expect("a batch")
        .iter()
        .map(|answer| answer["id"].clone())
        .collect();
    assert_eq!(ids, [1, 2, 3, 4]);
    assert_eq!(reply[0]["result"], json!({ "content": [] }));
    assert_eq!(reply[1]["result"], json!({}));
    assert_eq!(reply[3]["result"], json!({ "content": [] }));
}

#[tokio::test]
async fn a_batch_can_cancel_a_call_that_runs() {
    let upstream = RawUpstream::start(Speaks::Legacy).await;
    let gateway = start(vec![over_http("raw", &upstream.url)]).await;
    let mut calls = upstream.by_hand();
    let cancelled = json!({ "jsonrpc": "2.0", "method": "notifications/cancelled", "params": { "requestId": "mine" } });
    let ping = json!({ "jsonrpc": "2.0", "id": 2, "method": "ping" });
    for batch in [json!([cancelled]), json!([ping, cancelled])] {
        let cancel = async {
            let open = calls.recv().await.expect("a call");
            let reply = gateway.call(&token(&gateway), batch).await;
            assert!(matches!(reply.status, 200 | 202), "{}", reply.status);
            open.closed().await;
        };
        let (reply, ()) = tokio::join!(call(&gateway, r#"{"name":"raw__echo"}"#), cancel);
        assert_eq!((reply.status, reply.text()), (202, ""));
    }
}

#[tokio::test]
async fn arguments_that_are_none_are_refused_before_anything_is_sent() {
    let upstream = RawUpstream::start(Speaks::Legacy).await;
    let gateway = start(vec![over_http("raw", &upstream.url)]).await;
    for params in [
        r#"{"name":"raw__echo","arguments":[]}"#,
        r#"{"name":"raw__echo","requestState":"x"}"#,
    ] {
        let reply = call(&gateway, params).await;
        assert_eq!(reply.json()["error"]["code"], -32602, "{params}");
    }
    assert!(
        upstream
            .requests()
            .iter()
            .all(|sent| sent.method != "tools/call")
    );
}

#[tokio::test]
async fn arguments_that_are_null_pass_as_they_are() {
    for speaks in [Speaks::Legacy, Speaks::Modern] {
        let upstream = RawUpstream::start(speaks).await;
        let gateway = start(vec![over_http("raw", &upstream.url)]).await;
        let reply = call(&gateway, r#"{"name":"raw__echo","arguments":null}"#).await;
        assert_eq!(reply.json()["error"], Value::Null, "{}", reply.text());
        assert!(upstream.last_call().body.contains(r#""arguments":null"#));
    }
}
