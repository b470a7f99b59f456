//! The servers that the official conformance suite breaks on purpose, as upstreams: what each does wrong stays its own.
//!
//! Of its `examples/servers` these are the ones that matter to a gateway; each test names the one whose fault it has.

use serde_json::json;

use super::{MODERN, RawUpstream, Reply, Speaks, TestGateway, call, over_http, start, token};

async fn before(upstream: &RawUpstream) -> TestGateway {
    start(vec![over_http("raw", &upstream.url)]).await
}

/// A request of a modern client; `members` are those of `params`, the first one its name.
async fn modern(gateway: &TestGateway, method: &str, name: Option<&str>, members: &str) -> Reply {
    let body = format!(
        r#"{{"jsonrpc":"2.0","id":"mine","method":"{method}","params":{{{members}"_meta":{{"io.modelcontextprotocol/protocolVersion":"{MODERN}","io.modelcontextprotocol/clientCapabilities":{{"elicitation":{{}}}}}}}}}}"#
    );
    let mut request = gateway
        .request("POST", "/mcp")
        .bearer_auth(token(gateway))
        .header("content-type", "application/json")
        .header("accept", "application/json, text/event-stream")
        .header("mcp-protocol-version", MODERN)
        .header("mcp-method", method);
    if let Some(name) = name {
        request = request.header("mcp-name", name);
    }
    Reply::of(request.body(body)).await
}

fn whole(member: &str) -> String {
    format!(r#"{{"jsonrpc":"2.0","id":"mine",{member}}}"#)
}

/// `sep-2322-mrtr-broken-server`: it asks without saying that it does.
#[tokio::test]
async fn questions_without_a_result_type_are_passed_on_and_put_to_nobody() {
    let upstream = RawUpstream::start(Speaks::Modern).await;
    let gateway = before(&upstream).await;
    let asks = r#""result":{"inputRequests":{"user_name":{"method":"elicitation/create","params":{"message":"m"}}},"requestState":"theirs"}"#;
    upstream.answer(asks);
    let told = modern(
        &gateway,
        "tools/call",
        Some("raw__echo"),
        r#""name":"raw__echo","#,
    )
    .await;
    assert_eq!(told.text(), whole(asks));
    let told = call(&gateway, r#"{"name":"raw__echo"}"#).await;
    assert_eq!(told.header("content-type"), Some("application/json"));
    assert_eq!(told.text(), whole(asks));
    // Its state was not sealed for anybody, so nobody can hand it in.
    let calls = upstream.requests().len();
    let members = r#""name":"raw__echo","requestState":"theirs","inputResponses":{},"#;
    let refused = modern(&gateway, "tools/call", Some("raw__echo"), members).await;
    assert_eq!(
        refused.json()["error"]["code"],
        -32602,
        "{}",
        refused.text()
    );
    assert_eq!(upstream.requests().len(), calls);
}

/// `sep-2322-mrtr-broken-server`: it takes any state. Nobody gets to hand it another one than its own.
#[tokio::test]
async fn a_state_that_was_tampered_with_never_reaches_a_server_that_would_take_it() {
    let upstream = RawUpstream::start(Speaks::Modern).await;
    let gateway = before(&upstream).await;
    upstream.answer(
        r#""result":{"resultType":"input_required","inputRequests":{"confirm":{"method":"elicitation/create","params":{"message":"m","requestedSchema":{"type":"object"}}}},"requestState":"unprotected-state-1"}"#,
    );
    let asked = modern(
        &gateway,
        "tools/call",
        Some("raw__echo"),
        r#""name":"raw__echo","#,
    )
    .await;
    let sealed = asked.json()["result"]["requestState"]
        .as_str()
        .expect("a state")
        .to_owned();
    assert!(!sealed.contains("unprotected"), "{sealed}");
    let calls = upstream.requests().len();
    for state in [
        "unprotected-state-1",
        "unprotected-state-2",
        &format!("{sealed}A"),
        "",
    ] {
        let members = format!(
            r#""name":"raw__echo","inputResponses":{{"confirm":{{"action":"accept"}}}},"requestState":"{state}","#
        );
        let refused = modern(&gateway, "tools/call", Some("raw__echo"), &members).await;
        assert_eq!(
            refused.json()["error"]["code"],
            -32602,
            "{state} {}",
            refused.text()
        );
    }
    assert_eq!(upstream.requests().len(), calls);
}

/// `sep-2549-no-caching-hints`: it says of nothing how long it is good for.
#[tokio::test]
async fn lists_say_how_long_they_are_good_for_whether_their_upstreams_do_or_not() {
    let upstream = RawUpstream::start(Speaks::Modern).await;
    upstream.has_more();
    let gateway = before(&upstream).await;
    for method in [
        "tools/list",
        "prompts/list",
        "resources/list",
        "resources/templates/list",
    ] {
        let listed = modern(&gateway, method, None, "").await.json();
        let result = &listed["result"];
        assert_eq!(result["resultType"], "complete", "{method} {listed}");
        assert!(
            result["ttlMs"].is_u64() && result["cacheScope"].is_string(),
            "{method} {listed}"
        );
    }
    let read = r#""result":{"contents":[{"uri":"test://one","text":"t"}]}"#;
    upstream.answer(read);
    let told = modern(
        &gateway,
        "resources/read",
        Some("test://one"),
        r#""uri":"test://one","#,
    )
    .await;
    assert_eq!(
        told.text(),
        whole(read),
        "a result is the upstream's own word"
    );
}

/// `sep-2164-empty-contents`: a resource that is not there is an empty one.
#[tokio::test]
async fn a_resource_without_contents_stays_what_its_upstream_says_it_is() {
    let upstream = RawUpstream::start(Speaks::Modern).await;
    upstream.has_more();
    let gateway = before(&upstream).await;
    let read =
        r#""result":{"resultType":"complete","ttlMs":0,"cacheScope":"private","contents":[]}"#;
    upstream.answer(read);
    let told = modern(
        &gateway,
        "resources/read",
        Some("test://one"),
        r#""uri":"test://one","#,
    )
    .await;
    assert_eq!(told.text(), whole(read));
    let legacy = json!({ "jsonrpc": "2.0", "id": "mine", "method": "resources/read", "params": { "uri": "test://one" } });
    let told = gateway.call(&token(&gateway), legacy).await;
    assert_eq!(told.text(), whole(r#""result":{"contents":[]}"#));
}

/// `sep-2106-stripped-schema`: a schema that lost most of its keywords.
#[tokio::test]
async fn a_schema_is_listed_with_the_keywords_that_its_upstream_left_in_it() {
    let schema = r#"{"type":"object","properties":{"name":{"type":"string"},"address":{"type":"object","properties":{"street":{"type":"string"}}}}}"#;
    let upstream = RawUpstream::start(Speaks::Legacy).await;
    upstream.tools(&format!(
        r#"[{{"name":"json_schema_2020_12_tool","inputSchema":{schema}}}]"#
    ));
    let gateway = before(&upstream).await;
    let listed = modern(&gateway, "tools/list", None, "").await;
    let expected = format!(r#""inputSchema":{schema}"#);
    assert!(listed.text().contains(&expected), "{}", listed.text());
}

/// `no-dns-rebinding-protection`: it answers whatever name it is called by.
#[tokio::test]
async fn a_name_that_was_rebound_does_not_reach_a_server_that_takes_any() {
    let upstream = RawUpstream::start(Speaks::Legacy).await;
    let gateway = before(&upstream).await;
    let calls = upstream.requests().len();
    for (header, value) in [
        ("host", "evil.example.com"),
        ("origin", "http://evil.example.com"),
    ] {
        let request = gateway
            .request("POST", "/mcp")
            .bearer_auth(token(&gateway))
            .header("accept", "application/json, text/event-stream")
            .header(header, value)
            .json(&json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": { "name": "raw__echo" } }));
        assert_eq!(Reply::of(request).await.status, 403, "{header}");
    }
    assert_eq!(upstream.requests().len(), calls);
    call(&gateway, r#"{"name":"raw__echo"}"#).await;
    let own = upstream
        .url
        .trim_start_matches("http://")
        .trim_end_matches("/mcp");
    assert_eq!(upstream.last_call().headers["host"], own);
}
