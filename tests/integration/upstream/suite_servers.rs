//! The servers that the official conformance suite breaks on purpose, as upstreams: what each does wrong stays its own.
//!
//! Of its `examples/servers` these are the ones that matter to a gateway; each test names the one whose fault it has.

use serde_json::json;

use super::{RawUpstream, Reply, Speaks, TestGateway, ask_modern, call, over_http, start, token};

async fn before(upstream: &RawUpstream) -> TestGateway {
    start(vec![over_http("raw", &upstream.url)]).await
}

fn whole(member: &str) -> String {
    format!(r#"{{"jsonrpc":"2.0","id":"mine",{member}}}"#)
}

/// What a modern client is told when it calls the tool, with these members beside its name.
async fn called(gateway: &TestGateway, members: &str) -> Reply {
    let separator = if members.is_empty() { "" } else { "," };
    let members = format!(r#""name":"raw__echo"{separator}{members}"#);
    ask_modern(gateway, "tools/call", "raw__echo", &members).await
}

/// What it is told when it reads the resource.
async fn read(gateway: &TestGateway) -> Reply {
    ask_modern(
        gateway,
        "resources/read",
        "test://one",
        r#""uri":"test://one""#,
    )
    .await
}

/// Such a call is refused, and reaches nobody.
async fn is_refused(gateway: &TestGateway, upstream: &RawUpstream, members: &str) {
    let requests = upstream.requests().len();
    let refused = called(gateway, members).await;
    let code = &refused.json()["error"]["code"];
    assert_eq!(code, -32602, "{members} {}", refused.text());
    assert_eq!(upstream.requests().len(), requests);
}

/// `sep-2322-mrtr-broken-server`: it asks without saying that it does.
#[tokio::test]
async fn questions_without_a_result_type_are_passed_on_and_put_to_nobody() {
    let upstream = RawUpstream::start(Speaks::Modern).await;
    let gateway = before(&upstream).await;
    let asks = r#""result":{"inputRequests":{"user_name":{"method":"elicitation/create","params":{"message":"m"}}},"requestState":"theirs"}"#;
    upstream.answer(asks);
    assert_eq!(called(&gateway, "").await.text(), whole(asks));
    let told = call(&gateway, r#"{"name":"raw__echo"}"#).await;
    assert_eq!(told.header("content-type"), Some("application/json"));
    assert_eq!(told.text(), whole(asks));
    // Its state was not sealed for anybody, so nobody can hand it in.
    let members = r#""requestState":"theirs","inputResponses":{}"#;
    is_refused(&gateway, &upstream, members).await;
}

/// `sep-2322-mrtr-broken-server`: it takes any state. Nobody gets to hand it another one than its own.
#[tokio::test]
async fn a_state_that_was_tampered_with_never_reaches_a_server_that_would_take_it() {
    let upstream = RawUpstream::start(Speaks::Modern).await;
    let gateway = before(&upstream).await;
    upstream.answer(
        r#""result":{"resultType":"input_required","inputRequests":{"confirm":{"method":"elicitation/create","params":{"message":"m","requestedSchema":{"type":"object"}}}},"requestState":"unprotected-state-1"}"#,
    );
    let asked = called(&gateway, "").await;
    let sealed = asked.json()["result"]["requestState"]
        .as_str()
        .expect("a state")
        .to_owned();
    assert!(!sealed.contains("unprotected"), "{sealed}");
    for state in [
        "unprotected-state-1",
        "unprotected-state-2",
        &format!("{sealed}A"),
        "",
    ] {
        let members = format!(
            r#""inputResponses":{{"confirm":{{"action":"accept"}}}},"requestState":"{state}""#
        );
        is_refused(&gateway, &upstream, &members).await;
    }
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
        let listed = ask_modern(&gateway, method, "", "").await.json();
        let result = &listed["result"];
        assert_eq!(result["resultType"], "complete", "{method} {listed}");
        assert!(
            result["ttlMs"].is_u64() && result["cacheScope"].is_string(),
            "{method} {listed}"
        );
    }
    let contents = r#""result":{"contents":[{"uri":"test://one","text":"t"}]}"#;
    upstream.answer(contents);
    // A result is the upstream's own word.
    assert_eq!(read(&gateway).await.text(), whole(contents));
}

/// `sep-2164-empty-contents`: a resource that is not there is an empty one.
#[tokio::test]
async fn a_resource_without_contents_stays_what_its_upstream_says_it_is() {
    let upstream = RawUpstream::start(Speaks::Modern).await;
    upstream.has_more();
    let gateway = before(&upstream).await;
    let contents =
        r#""result":{"resultType":"complete","ttlMs":0,"cacheScope":"private","contents":[]}"#;
    upstream.answer(contents);
    assert_eq!(read(&gateway).await.text(), whole(contents));
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
    let listed = ask_modern(&gateway, "tools/list", "", "").await;
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
