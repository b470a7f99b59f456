//! Clients and upstreams of different eras behind one server: all four cells of client and upstream.
#![expect(
    clippy::indexing_slicing,
    reason = "a missing member of a JSON value reads as null"
)]

mod asides;
mod carried;
mod elicitation;
mod mirrored_headers;
mod other_methods;
mod request_state;
mod subscribing_child;
mod subscriptions;

use serde_json::{Value, json};

use super::gateway::{Reply, TestGateway};
use super::raw_upstream::{RawUpstream, Speaks};
use super::upstream::{MODERN, over_http, start, token};

/// What a request of a modern client holds besides the name.
#[derive(Clone, Copy, Debug)]
struct Modern<'a> {
    /// Members of `params`, with a comma in front.
    members: &'a str,
    capabilities: &'a str,
    headers: &'a [(&'a str, &'a str)],
}

const PLAIN: Modern<'static> = Modern {
    members: "",
    capabilities: "{}",
    headers: &[],
};

/// A call of `raw__echo` by a modern client, under this token.
async fn call_modern_as(gateway: &TestGateway, token: &str, modern: Modern<'_>) -> Reply {
    let Modern {
        members,
        capabilities,
        headers,
    } = modern;
    let body = format!(
        r#"{{"jsonrpc":"2.0","id":"mine","method":"tools/call","params":{{"name":"raw__echo"{members},"_meta":{{"io.modelcontextprotocol/protocolVersion":"{MODERN}","io.modelcontextprotocol/clientInfo":{{"name":"theirs","version":"1"}},"io.modelcontextprotocol/clientCapabilities":{capabilities}}}}}}}"#
    );
    let mut request = gateway
        .request("POST", "/mcp")
        .bearer_auth(token)
        .header("content-type", "application/json")
        .header("accept", "application/json, text/event-stream")
        .header("mcp-protocol-version", MODERN)
        .header("mcp-method", "tools/call")
        .header("mcp-name", "raw__echo");
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    Reply::of(request.body(body)).await
}

async fn call_modern(gateway: &TestGateway, modern: Modern<'_>) -> Reply {
    call_modern_as(gateway, &token(gateway), modern).await
}

/// A call of `raw__echo` by a legacy client without a session.
async fn call_legacy(gateway: &TestGateway) -> Reply {
    let call = json!({ "jsonrpc": "2.0", "id": "mine", "method": "tools/call", "params": { "name": "raw__echo" } });
    gateway.call(&token(gateway), call).await
}

async fn both(speaks: Speaks) -> (RawUpstream, TestGateway) {
    let upstream = RawUpstream::start(speaks).await;
    let gateway = start(vec![over_http("raw", &upstream.url)]).await;
    (upstream, gateway)
}

fn answer(member: &str) -> String {
    format!(r#"{{"jsonrpc":"2.0","id":"mine",{member}}}"#)
}

#[tokio::test]
async fn results_cross_with_all_but_the_protocols_own_members_untouched() {
    let rest = r#""z" : 1.50,"content":[ ],"big":123456789012345678901234567890"#;
    let meta = r#""_meta":{"io.modelcontextprotocol/serverInfo":{"name":"raw"},"x":[ 1]}"#;
    let modern =
        format!(r#"{{"resultType":"complete","ttlMs":5,{rest},{meta},"cacheScope":"public"}}"#);

    let (upstream, gateway) = both(Speaks::Legacy).await;
    upstream.answer(&format!(r#""result":{{{rest}}}"#));
    let told = call_modern(&gateway, PLAIN).await;
    let expected = answer(&format!(r#""result":{{"resultType":"complete",{rest}}}"#));
    assert_eq!(told.text(), expected);
    let told = call_legacy(&gateway).await;
    assert_eq!(told.text(), answer(&format!(r#""result":{{{rest}}}"#)));

    let (upstream, gateway) = both(Speaks::Modern).await;
    upstream.answer(&format!(r#""result":{modern}"#));
    let told = call_modern(&gateway, PLAIN).await;
    assert_eq!(told.text(), answer(&format!(r#""result":{modern}"#)));
    let told = call_legacy(&gateway).await;
    let expected = answer(&format!(r#""result":{{{rest},"_meta":{{"x":[ 1]}}}}"#));
    assert_eq!(told.text(), expected);
}

#[tokio::test]
async fn a_result_of_a_kind_that_was_never_offered_is_no_answer_to_a_legacy_client() {
    let (upstream, gateway) = both(Speaks::Modern).await;
    upstream.answer(r#""result":{"resultType":"task","taskId":"1"}"#);
    let told = call_legacy(&gateway).await;
    assert_eq!(told.json()["error"]["code"], 502);
}

#[tokio::test]
async fn errors_cross_with_the_code_that_the_other_side_has() {
    let error =
        |code: i64| format!(r#""error":{{ "message":"m","data":{{"n":1.50}},"code":{code}}}"#);

    let (upstream, gateway) = both(Speaks::Legacy).await;
    for (code, to_modern) in [(-32002, -32602), (-32042, 0), (-32601, -32601), (7, 7)] {
        upstream.answer(&error(code));
        assert_eq!(call_legacy(&gateway).await.text(), answer(&error(code)));
        let told = call_modern(&gateway, PLAIN).await;
        if to_modern == 0 {
            let result = &told.json()["result"];
            assert_eq!(result["isError"], true);
            assert_eq!(result["resultType"], "complete");
            assert_eq!(
                result["content"][0]["text"],
                "m\nThen call this tool again."
            );
        } else {
            assert_eq!(told.text(), answer(&error(to_modern)));
        }
    }

    let (upstream, gateway) = both(Speaks::Modern).await;
    for code in [-32602, -32601, 7] {
        upstream.answer(&error(code));
        assert_eq!(call_legacy(&gateway).await.text(), answer(&error(code)));
        assert_eq!(
            call_modern(&gateway, PLAIN).await.text(),
            answer(&error(code))
        );
    }
    upstream.answer(&error(-32022));
    for told in [
        call_legacy(&gateway).await,
        call_modern(&gateway, PLAIN).await,
    ] {
        assert_eq!(told.json()["error"]["code"], 502);
    }
}

#[tokio::test]
async fn a_missing_capability_is_400_to_a_modern_client_and_words_to_a_legacy_one() {
    let (upstream, gateway) = both(Speaks::Modern).await;
    let error = r#""error":{"code":-32021,"message":"m","data":{"requiredCapabilities":{"elicitation":{"url":{}}}}}"#;
    upstream.answer(error);
    let told = call_modern(&gateway, PLAIN).await;
    assert_eq!((told.status, told.text()), (400, &*answer(error)));
    let told = call_legacy(&gateway).await;
    assert_eq!(told.status, 200);
    let told = told.json()["error"].clone();
    assert_eq!(told["code"], -32021);
    let words = told["message"].as_str().expect("words");
    assert!(words.ends_with("elicitation (url)"), "{words}");
    assert_eq!(
        told["data"]["requiredCapabilities"]["elicitation"]["url"],
        json!({})
    );
}

fn meta(upstream: &RawUpstream) -> Value {
    let sent: Value = serde_json::from_str(&upstream.last_call().body).expect("JSON");
    sent["params"]["_meta"].clone()
}

#[tokio::test]
async fn a_modern_upstream_is_told_what_its_caller_can_be_asked_and_that_usher_asks() {
    let (upstream, gateway) = both(Speaks::Modern).await;
    let capabilities = r#"{"elicitation":{"url":{}},"extensions":{"x/y":{}},"roots":{}}"#;
    let modern = Modern {
        capabilities,
        ..PLAIN
    };
    call_modern(&gateway, modern).await;
    let told = meta(&upstream);
    assert_eq!(
        told["io.modelcontextprotocol/clientCapabilities"],
        json!({ "elicitation": { "url": {} }, "roots": {} })
    );
    assert_eq!(told["io.modelcontextprotocol/clientInfo"]["name"], "usher");
    call_legacy(&gateway).await;
    let told = meta(&upstream);
    assert_eq!(
        told["io.modelcontextprotocol/clientCapabilities"],
        json!({})
    );
    assert_eq!(told["io.modelcontextprotocol/protocolVersion"], MODERN);

    let unasked = json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {
        "name": "raw__echo", "inputResponses": { "k": { "action": "accept" } }, "x": 1,
    } });
    assert_eq!(gateway.call(&token(&gateway), unasked).await.status, 200);
    let sent: Value = serde_json::from_str(&upstream.last_call().body).expect("JSON");
    assert_eq!(sent["params"]["inputResponses"], Value::Null);
    assert_eq!(sent["params"]["x"], 1);

    let (upstream, gateway) = both(Speaks::Legacy).await;
    call_modern(&gateway, modern).await;
    assert_eq!(meta(&upstream), Value::Null);
    for sent in upstream.requests() {
        let sent: Value = serde_json::from_str(&sent.body).expect("JSON");
        if sent["method"] == "initialize" {
            assert_eq!(sent["params"]["capabilities"], json!({}));
        }
    }
}
