//! What a token's scopes allow, and how a refusal reads: 403 with a challenge, and the same challenge in the body of a call.

use serde_json::{Value, json};
use usher::mcp::settings::DeniedCall;

use super::gateway::{Reply, TestGateway};
use super::protocol::{modern, post, searchable};

fn call(tool: &str) -> Value {
    let params = json!({ "name": tool, "arguments": { "query": "cupcakes" } });
    json!({ "jsonrpc": "2.0", "id": "c1", "method": "tools/call", "params": params })
}

fn list() -> Value {
    json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/list" })
}

fn challenge(reply: &Reply) -> &str {
    reply.header("www-authenticate").expect("a challenge")
}

/// A challenge that names everything a client needs to ask for a better token.
fn check_challenge(challenge: &str, gateway: &TestGateway) {
    let metadata = format!(
        "{}/.well-known/oauth-protected-resource/mcp",
        gateway.public_url
    );
    for part in [
        "Bearer error=\"insufficient_scope\"".to_owned(),
        "error_description=\"".to_owned(),
        "scope=\"mcp:read\"".to_owned(),
        format!("resource_metadata=\"{metadata}\""),
    ] {
        assert!(challenge.contains(&part), "{part} in {challenge}");
    }
}

#[tokio::test]
async fn a_token_without_any_scope_is_refused_everything() {
    let gateway = TestGateway::start().await;
    let token = gateway.token().scope("openid profile").mint();
    let (headers, discover) = modern("server/discover", json!({}));
    for (headers, body) in [
        (&headers[..], discover),
        (&[], list()),
        (&[], call("search")),
    ] {
        let reply = post(&gateway, "/mcp", &token, headers, &body).await;
        assert_eq!(reply.status, 403, "{body}");
        check_challenge(challenge(&reply), &gateway);
        assert_eq!(reply.json()["id"], body["id"]);
    }
    for path in ["/mcp", "/sse"] {
        let stream = gateway
            .request("GET", path)
            .bearer_auth(&token)
            .header("accept", "text/event-stream");
        assert_eq!(Reply::of(stream).await.status, 403, "{path}");
    }
    assert!(gateway.access_log().contains("insufficient_scope"));
}

#[tokio::test]
async fn a_token_to_write_sees_no_tool_that_reads_and_calls_none() {
    let gateway = searchable(TestGateway::builder()).await;
    let token = gateway.token().scope("mcp:write").mint();
    let listed = gateway.call(&token, list()).await;
    assert_eq!(listed.status, 200);
    assert_eq!(listed.json()["result"], json!({ "tools": [] }));
    for tool in ["search", "fetch", "nothing"] {
        let refused = gateway.call(&token, call(tool)).await;
        assert_eq!(refused.status, 403, "{tool}");
        check_challenge(challenge(&refused), &gateway);
    }
    let both = gateway.token().scope("mcp:write mcp:read").mint();
    assert_eq!(
        gateway.call(&both, call("search")).await.json()["result"]["isError"],
        false
    );
}

#[tokio::test]
async fn a_refused_call_carries_the_challenge_in_its_body() {
    let gateway = TestGateway::start().await;
    let token = gateway.token().scope("mcp:write").mint();
    let refused = gateway.call(&token, call("search")).await;
    let answer = refused.json();
    assert_eq!(
        (&answer["jsonrpc"], &answer["id"]),
        (&json!("2.0"), &json!("c1"))
    );
    let result = &answer["result"];
    assert_eq!(result["isError"], true);
    assert!(result["content"][0]["text"].is_string());
    assert_eq!(
        result["_meta"]["mcp/www_authenticate"],
        json!([challenge(&refused)])
    );
    assert_eq!(result.get("resultType"), None);

    let (headers, body) = modern("tools/call", json!({ "name": "search", "arguments": {} }));
    let refused = post(&gateway, "/mcp", &token, &headers, &body).await;
    let result = &refused.json()["result"];
    assert_eq!(result["resultType"], "complete");
    assert_eq!(
        result["_meta"]["mcp/www_authenticate"],
        json!([challenge(&refused)])
    );
    let server = &result["_meta"]["io.modelcontextprotocol/serverInfo"];
    assert_eq!(server["name"], "usher");
}

#[tokio::test]
async fn a_refused_call_is_a_tool_error_where_configured() {
    let gateway = TestGateway::builder()
        .settings(|settings| settings.mcp.denied_call = DeniedCall::ToolError)
        .start()
        .await;
    let token = gateway.token().scope("mcp:write").mint();
    let refused = gateway.call(&token, call("search")).await;
    assert_eq!(refused.status, 200);
    assert_eq!(refused.header("www-authenticate"), None);
    let result = &refused.json()["result"];
    assert_eq!(result["isError"], true);
    let challenges = result["_meta"]["mcp/www_authenticate"]
        .as_array()
        .expect("challenges");
    assert_eq!(challenges.len(), 1);
    check_challenge(challenges[0].as_str().expect("a challenge"), &gateway);
    // Everything but calls is refused as always.
    let nobody = gateway.token().scope("openid").mint();
    assert_eq!(gateway.call(&nobody, list()).await.status, 403);
}

#[tokio::test]
async fn one_denied_member_refuses_the_whole_batch() {
    let gateway = searchable(TestGateway::builder()).await;
    let token = gateway.token().scope("mcp:write").mint();
    let reply = gateway.call(&token, json!([list(), call("search")])).await;
    assert_eq!(reply.status, 403);
    check_challenge(challenge(&reply), &gateway);
    let answers = reply.json();
    assert_eq!(answers.as_array().map(Vec::len), Some(2));
    assert_eq!(
        (&answers[0]["id"], &answers[0]["error"]["code"]),
        (&json!(1), &json!(403))
    );
    assert_eq!(answers[0].get("result"), None, "nothing ran");
    assert_eq!(answers[1]["id"], "c1");
    assert_eq!(
        answers[1]["result"]["_meta"]["mcp/www_authenticate"][0],
        challenge(&reply)
    );

    let reader = gateway.token().mint();
    let reply = gateway.call(&reader, json!([list(), call("search")])).await;
    assert_eq!(reply.status, 200);
    assert_eq!(reply.json()[1]["result"]["isError"], false);
}

#[tokio::test]
async fn calls_of_one_tool_are_limited() {
    let gateway = TestGateway::builder()
        .settings(|settings| {
            settings.rate_limit.tool_per_minute = 1;
            settings.rate_limit.burst_seconds = 60;
        })
        .start()
        .await;
    let token = gateway.token().mint();
    assert_eq!(gateway.call(&token, call("search")).await.status, 200);
    let limited = gateway.call(&token, call("search")).await;
    assert_eq!(limited.status, 429);
    assert_eq!(limited.json()["error"]["code"], 429);
    assert_eq!(limited.json()["id"], "c1");
    let wait: u64 = limited
        .header("retry-after")
        .expect("a time")
        .parse()
        .expect("seconds");
    assert!((1..=60).contains(&wait));
    assert!(gateway.access_log().contains("rate_limited_tool"));
    // Other tools, other callers and everything else go on; in a batch the limit refuses all of it.
    assert_eq!(gateway.call(&token, list()).await.status, 200);
    let bob = gateway.token().subject("bob").mint();
    assert_eq!(gateway.call(&bob, call("search")).await.status, 200);
    let batch = gateway.call(&token, json!([list(), call("search")])).await;
    assert_eq!(batch.status, 429);
}

#[tokio::test]
async fn a_call_with_a_token_that_is_not_accepted_is_answered_in_json_rpc_as_well() {
    let gateway = TestGateway::start().await;
    let expired = gateway.token().expires_in(-3600).mint();
    let refused = gateway.call(&expired, call("search")).await;
    assert_eq!(refused.status, 401);
    assert!(challenge(&refused).contains("error=\"invalid_token\""));
    let answer = refused.json();
    assert_eq!(answer["id"], "c1");
    let result = &answer["result"];
    assert_eq!(result["isError"], true);
    assert_eq!(
        result["_meta"]["mcp/www_authenticate"],
        json!([challenge(&refused)])
    );
    // Anything but a call has no such result: it is refused by HTTP alone.
    let refused = gateway.call(&expired, list()).await;
    assert_eq!(refused.status, 401);
    assert_eq!(refused.json().get("result"), None);
}
