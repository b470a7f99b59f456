//! `x-mcp-header`: tools that break its rules are left out, and the headers are checked, passed on, written or left out.

use serde_json::json;

use super::{Modern, PLAIN, call_modern};
use crate::gateway::TestGateway;
use crate::raw_upstream::{RawUpstream, Speaks};
use crate::upstream::{listed, over_http, start, token};

const TOOLS: &str = r#"[{"name":"echo","inputSchema":{"type":"object","properties":{"region":{"type":"string","x-mcp-header":"Region"},"deep":{"type":"object","properties":{"n":{"type":"integer","x-mcp-header":"N"}}}}}},{"name":"bad","inputSchema":{"type":"object","properties":{"a":{"type":"number","x-mcp-header":"A"}}}},{"name":"worse","inputSchema":{"type":"object","items":{"x-mcp-header":"A"}}}]"#;

async fn both(speaks: Speaks) -> (RawUpstream, TestGateway) {
    let upstream = RawUpstream::start(speaks).await;
    upstream.tools(TOOLS);
    let gateway = start(vec![over_http("raw", &upstream.url)]).await;
    (upstream, gateway)
}

fn sent(upstream: &RawUpstream) -> Vec<(String, String)> {
    let headers = upstream.last_call().headers;
    let mirrors = headers
        .iter()
        .filter(|(name, _)| name.as_str().starts_with("mcp-param-"));
    let text = |value: &http::HeaderValue| value.to_str().expect("ASCII").to_owned();
    let mut mirrors: Vec<_> = mirrors
        .map(|(name, value)| (name.to_string(), text(value)))
        .collect();
    mirrors.sort();
    mirrors
}

fn pairs(of: &[(&str, &str)]) -> Vec<(String, String)> {
    of.iter()
        .map(|(a, b)| ((*a).to_owned(), (*b).to_owned()))
        .collect()
}

#[tokio::test]
async fn a_tool_whose_schema_breaks_a_rule_is_left_out() {
    for speaks in [Speaks::Legacy, Speaks::Modern] {
        let (_upstream, gateway) = both(speaks).await;
        let names: Vec<_> = listed(&gateway)
            .await
            .iter()
            .map(|tool| tool["name"].clone())
            .collect();
        assert_eq!(names, ["search", "fetch", "raw__echo"]);
        let health = gateway.get("/healthz?deep=1").await.json();
        assert_eq!(health["upstreams"]["leftOut"], 2);
        let call = json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": { "name": "raw__bad" } });
        let reply = gateway.call(&token(&gateway), call).await;
        assert_eq!(reply.json()["error"]["code"], -32602);
    }
}

#[tokio::test]
async fn the_headers_of_a_legacy_client_are_written_for_a_modern_upstream_only() {
    for speaks in [Speaks::Legacy, Speaks::Modern] {
        let (upstream, gateway) = both(speaks).await;
        let call = json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {
            "name": "raw__echo", "arguments": { "region": "Zürich", "deep": { "n": 42 }, "x": null },
        } });
        let reply = gateway.call(&token(&gateway), call).await;
        assert_eq!(reply.status, 200);
        let expected: &[_] = match speaks {
            Speaks::Legacy => &[],
            Speaks::Modern => &[
                ("mcp-param-n", "42"),
                ("mcp-param-region", "=?base64?WsO8cmljaA==?="),
            ],
        };
        assert_eq!(sent(&upstream), pairs(expected));
    }
}

#[tokio::test]
async fn the_headers_of_a_modern_client_are_checked_and_passed_on() {
    for speaks in [Speaks::Legacy, Speaks::Modern] {
        let (upstream, gateway) = both(speaks).await;
        let calls = || {
            upstream
                .requests()
                .iter()
                .filter(|sent| sent.method == "tools/call")
                .count()
        };
        let good = Modern {
            members: r#","arguments":{"region":"eu","deep":{"n":42}}"#,
            headers: &[
                ("mcp-param-region", "=?base64?ZXU=?="),
                ("mcp-param-n", "42.0"),
                ("mcp-param-unknown", "any"),
            ],
            ..PLAIN
        };
        let reply = call_modern(&gateway, good).await;
        assert_eq!(reply.status, 200, "{}", reply.text());
        let expected: &[_] = match speaks {
            Speaks::Legacy => &[],
            Speaks::Modern => &[
                ("mcp-param-n", "42.0"),
                ("mcp-param-region", "=?base64?ZXU=?="),
                ("mcp-param-unknown", "any"),
            ],
        };
        assert_eq!(sent(&upstream), pairs(expected));
        let before = calls();
        let bad: [(&str, &[(&str, &str)]); 5] = [
            (r#","arguments":{"region":"eu"}"#, &[]),
            (
                r#","arguments":{"region":"eu"}"#,
                &[("mcp-param-region", "us")],
            ),
            (
                r#","arguments":{"region":"eu"}"#,
                &[("mcp-param-region", "=?base64?!?=")],
            ),
            (
                r#","arguments":{"region":null}"#,
                &[("mcp-param-region", "null")],
            ),
            ("", &[("mcp-param-n", "1")]),
        ];
        for (members, headers) in bad {
            let reply = call_modern(
                &gateway,
                Modern {
                    members,
                    headers,
                    ..PLAIN
                },
            )
            .await;
            assert_eq!(reply.status, 400, "{members} {headers:?}");
            assert_eq!(reply.json()["error"]["code"], -32020);
        }
        assert_eq!(calls(), before, "nothing was sent");
    }
}

#[tokio::test]
async fn an_upstream_that_finds_other_headers_is_asked_what_it_has_by_now() {
    let (upstream, gateway) = both(Speaks::Modern).await;
    upstream.tools(r#"[{"name":"echo","inputSchema":{"type":"object"}},{"name":"new","inputSchema":{"type":"object"}}]"#);
    upstream.answer(r#""error":{"code":-32020,"message":"m"}"#);
    let reply = super::call_legacy(&gateway).await;
    assert_eq!(reply.json()["error"]["code"], -32020);
    crate::upstream::until_listed(&gateway, "raw__new").await;
}
