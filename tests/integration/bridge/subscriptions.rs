//! Clients that want to be told of single resources, at upstreams of every kind: all cells of client and upstream.

use std::time::Duration;

use serde_json::{Value, json};
use usher::upstream::UpstreamSettings;

use super::elicitation::{Client, Stream};
use super::subscribing_child::child;
use super::token;
use crate::eventually::eventually;
use crate::gateway::{Reply, TestGateway};
use crate::old_upstream::OldUpstream;
use crate::raw_upstream::{RawUpstream, Recorded, Speaks};
use crate::upstream::{MODERN, over_http, start};

/// A modern client's subscription, on its way.
fn listening(
    gateway: &TestGateway,
    (path, token): (&str, &str),
    resources: &str,
) -> reqwest::RequestBuilder {
    let body = format!(
        r#"{{"jsonrpc":"2.0","id":"sub-1","method":"subscriptions/listen","params":{{"notifications":{{"resourceSubscriptions":{resources}}},"_meta":{{"io.modelcontextprotocol/protocolVersion":"{MODERN}","io.modelcontextprotocol/clientCapabilities":{{}}}}}}}}"#
    );
    gateway
        .request("POST", path)
        .bearer_auth(token)
        .header("content-type", "application/json")
        .header("accept", "application/json, text/event-stream")
        .header("mcp-protocol-version", MODERN)
        .header("mcp-method", "subscriptions/listen")
        .body(body)
}

/// The stream of a modern client, and which resources are acknowledged.
async fn subscribed(gateway: &TestGateway, resources: &str) -> (Stream, Value) {
    let bearer = token(gateway);
    let mut stream = Stream::of(listening(gateway, ("/mcp", &bearer), resources)).await;
    let first = stream.next().await;
    assert_eq!(first["method"], "notifications/subscriptions/acknowledged");
    let meta = &first["params"]["_meta"];
    assert_eq!(meta["io.modelcontextprotocol/subscriptionId"], "sub-1");
    let honoured = &first["params"]["notifications"]["resourceSubscriptions"];
    (stream, honoured.clone())
}

async fn until(what: &str, is_so: impl AsyncFn() -> bool) {
    eventually(what, async || is_so().await.then_some(())).await;
}

/// Returns once these are the subscriptions that are open at a modern upstream.
async fn until_subscribed(upstream: &RawUpstream, wanted: &[&[&str]]) {
    let look = |upstream: &RawUpstream| (upstream.subscriptions() == wanted).then_some(());
    let what = format!("{wanted:?} are subscribed to");
    upstream.until(&what, look).await;
}

/// What an upstream that speaks this says of `uri`, for a legacy client and for a modern one.
fn told(speaks: Speaks, uri: &str) -> (String, String) {
    let message = |params: &str| {
        format!(
            r#"{{"jsonrpc":"2.0","method":"notifications/resources/updated","params":{params}}}"#
        )
    };
    let id = r#""io.modelcontextprotocol/subscriptionId""#;
    match speaks {
        Speaks::Legacy => (
            message(&format!(r#"{{ "x":1.50,"uri" : "{uri}"}}"#)),
            message(&format!(
                r#"{{"_meta":{{{id}:"sub-1"}}, "x":1.50,"uri" : "{uri}"}}"#
            )),
        ),
        Speaks::Modern => (
            message(&format!(
                r#"{{ "x":1.50,"uri" : "{uri}","_meta" : {{"y":1e2}}}}"#
            )),
            message(&format!(
                r#"{{ "x":1.50,"uri" : "{uri}","_meta" : {{"y":1e2,{id}: "sub-1"}}}}"#
            )),
        ),
    }
}

/// What clients are told of a resource when nobody knows what became of it meanwhile.
const PERHAPS: &str =
    r#"{"jsonrpc":"2.0","method":"notifications/resources/updated","params":{"uri":"test://one"}}"#;
const PERHAPS_MODERN: &str = r#"{"jsonrpc":"2.0","method":"notifications/resources/updated","params":{"_meta":{"io.modelcontextprotocol/subscriptionId":"sub-1"},"uri":"test://one"}}"#;
const ONE: &str = r#"{"uri":"test://one"}"#;

/// A client of each era subscribes to `test://one`, hears of it, and leaves.
async fn hear_of_one(gateway: &TestGateway, speaks: Speaks, update: impl AsyncFn()) {
    let (for_legacy, for_modern) = told(speaks, "test://one");
    let client = Client::new(gateway, "2025-11-25", "{}").await;
    let mut heard = client.listen().await;
    let reply = client.ask("resources/subscribe", ONE).await;
    assert_eq!(reply["result"], json!({}), "{reply}");
    let (mut modern, honoured) = subscribed(gateway, r#"["test:\/\/one"]"#).await;
    assert_eq!(honoured, json!(["test://one"]));
    update().await;
    assert_eq!(heard.next_text().await, for_legacy);
    // Under the very address that the client wrote.
    let as_written = for_modern.replace("test://one", r"test:\/\/one");
    assert_eq!(modern.next_text().await, as_written);
    let reply = client.ask("resources/unsubscribe", ONE).await;
    assert_eq!(reply["result"], json!({}), "{reply}");
}

async fn with_resources(speaks: Speaks, name: &str) -> (RawUpstream, UpstreamSettings) {
    let upstream = RawUpstream::start(speaks).await;
    upstream.has_resources();
    let settings = over_http(name, &upstream.url);
    (upstream, settings)
}

#[tokio::test]
async fn a_legacy_server_over_http_tells_clients_of_both_eras() {
    let (upstream, settings) = with_resources(Speaks::Legacy, "raw").await;
    let gateway = start(vec![settings]).await;
    hear_of_one(&gateway, Speaks::Legacy, async || {
        for session in ["session-1-2", "session-1-3"] {
            upstream.until_heard_in(session, true).await;
        }
        upstream.update("test://one");
    })
    .await;
    // Of a modern client nothing is left there.
    let ended = upstream.until_sent("DELETE").await;
    assert_eq!(ended.headers["mcp-session-id"], "session-1-3");
}

#[tokio::test]
async fn a_modern_server_over_http_tells_clients_of_both_eras() {
    let (upstream, settings) = with_resources(Speaks::Modern, "raw").await;
    let gateway = start(vec![settings]).await;
    hear_of_one(&gateway, Speaks::Modern, async || {
        assert_eq!(upstream.subscriptions(), [["test://one"], ["test://one"]]);
        upstream.update("test://one");
    })
    .await;
    until_subscribed(&upstream, &[]).await;
    let sent = upstream.until_sent("subscriptions/listen").await;
    assert_eq!(sent.headers["mcp-method"], "subscriptions/listen");
    assert!(!sent.headers.contains_key("authorization"));
}

/// Has the child say that a resource was updated; what is subscribed to there.
async fn touch(gateway: &TestGateway, uri: &str) -> Value {
    let call = json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {
        "name": "child__touch", "arguments": { "uri": uri },
    } });
    let reply = gateway.call(&token(gateway), call).await;
    reply.json()["result"]["subscribed"].clone()
}

#[tokio::test]
async fn a_child_of_either_era_tells_clients_of_both() {
    for (speaks, kind) in [(Speaks::Legacy, "legacy"), (Speaks::Modern, "modern")] {
        let gateway = start(vec![child("child", kind)]).await;
        hear_of_one(&gateway, speaks, async || {
            assert_eq!(
                touch(&gateway, "test://one").await,
                json!(["test://one", "test://one"])
            );
        })
        .await;
        until("nothing is subscribed to any more", async || {
            touch(&gateway, "test://x").await == json!([])
        })
        .await;
    }
}

#[tokio::test]
async fn an_old_server_over_sse_tells_clients_of_both_eras() {
    let upstream = OldUpstream::start("/messages?session=1").await;
    upstream.has_resources();
    let settings = UpstreamSettings {
        name: "old".to_owned(),
        sse: Some(upstream.url.clone()),
        ..UpstreamSettings::default()
    };
    let gateway = start(vec![settings]).await;
    hear_of_one(&gateway, Speaks::Legacy, async || {
        upstream.say(&told(Speaks::Legacy, "test://one").0);
    })
    .await;
    let methods = || {
        let sent = upstream.sent().into_iter();
        sent.filter_map(|(_, message)| message["method"].as_str().map(str::to_owned))
            .filter(|method| method.starts_with("resources/") && method.ends_with("subscribe"))
            .collect::<Vec<_>>()
    };
    until("the last one ends it", async || {
        methods()
            == [
                "resources/subscribe",
                "resources/subscribe",
                "resources/unsubscribe",
            ]
    })
    .await;
}

#[tokio::test]
async fn only_what_a_client_may_read_and_the_upstream_tells_of_is_acknowledged() {
    let (one, first) = with_resources(Speaks::Modern, "one").await;
    let (two, second) = with_resources(Speaks::Legacy, "two").await;
    let (mute, third) = with_resources(Speaks::Modern, "mute").await;
    mute.capabilities(r#"{"tools":{},"resources":{}}"#);
    one.refuse("test://two");
    two.refuse("test://three");
    let rule: usher::policy::RuleSettings = serde_json::from_value(json!({
        "resources": ["test://four"], "scopes": ["vault"],
    }))
    .expect("a rule");
    let gateway = TestGateway::builder()
        .settings(|settings| {
            settings.upstream = vec![first, second, third];
            settings.rule = vec![rule];
        })
        .start()
        .await;
    for name in ["one__", "two__", "mute__"] {
        crate::upstream::until_listed(&gateway, name).await;
    }
    let asked = json!([
        "usher+two:test://one",
        "test://two",
        "test://four",
        "usher+two:test://three",
        "test://one",
        "usher+mute:test://one",
        "nobody's://x/../y",
        "test://one",
        "usher+two:test://two",
    ]);
    let (mut stream, honoured) = subscribed(&gateway, &asked.to_string()).await;
    assert_eq!(
        honoured,
        json!(["usher+two:test://one", "test://one", "usher+two:test://two"])
    );
    assert_eq!(one.subscriptions(), [["test://one"]]);
    let sent: Vec<_> = two.requests().into_iter().map(|sent| sent.body).collect();
    assert!(
        !sent.iter().any(|body| body.contains("test://four")),
        "{sent:?}"
    );
    one.update("test://one");
    assert_eq!(
        stream.next_text().await,
        told(Speaks::Modern, "test://one").1
    );
    // What rules keep from it is not told of, whatever the upstream says.
    two.update("test://four");
    two.update("test://two");
    assert_eq!(
        stream.next_text().await,
        told(Speaks::Legacy, "usher+two:test://two").1
    );
    // A client that subscribes to nothing that is told of costs nothing upstream.
    let (_nothing, honoured) = subscribed(&gateway, r#"["test://two"]"#).await;
    assert_eq!(honoured, Value::Null);
    until_subscribed(&one, &[&["test://one"]]).await;
}

#[tokio::test]
async fn the_endpoint_of_one_upstream_tells_of_its_resources_under_its_own_addresses() {
    let (_one, first) = with_resources(Speaks::Modern, "one").await;
    let (two, second) = with_resources(Speaks::Modern, "two").await;
    let gateway = start(vec![first, second]).await;
    let audience = format!("{}/mcp/two", gateway.public_url);
    let bearer = gateway.issuer.token().audience(audience);
    let bearer = bearer.scope("mcp:read mcp:write").mint();
    let request = listening(&gateway, ("/mcp/two", &bearer), r#"["test://one"]"#);
    let mut stream = Stream::of(request).await;
    let first = stream.next().await;
    assert_eq!(
        first["params"]["notifications"],
        json!({ "resourceSubscriptions": ["test://one"] })
    );
    two.update("test://one");
    assert_eq!(
        stream.next_text().await,
        told(Speaks::Modern, "test://one").1
    );
    let foreign = listening(&gateway, ("/mcp/two", &token(&gateway)), "[]");
    assert_eq!(Reply::of(foreign).await.status, 401);
}

#[tokio::test]
async fn both_eras_read_in_the_handshake_that_there_are_subscriptions() {
    for speaks in [Speaks::Legacy, Speaks::Modern] {
        let (_upstream, settings) = with_resources(speaks, "raw").await;
        let gateway = start(vec![settings]).await;
        let initialize = json!({ "jsonrpc": "2.0", "id": 0, "method": "initialize", "params": { "protocolVersion": "2025-11-25", "capabilities": {} } });
        let reply = gateway.call(&token(&gateway), initialize).await.json();
        let expected = json!({ "listChanged": true, "subscribe": true });
        assert_eq!(reply["result"]["capabilities"]["resources"], expected);
        let body = json!({ "jsonrpc": "2.0", "id": 0, "method": "server/discover", "params": { "_meta": {
            "io.modelcontextprotocol/protocolVersion": MODERN, "io.modelcontextprotocol/clientCapabilities": {},
        } } });
        let discover = gateway
            .request("POST", "/mcp")
            .bearer_auth(token(&gateway))
            .header("accept", "application/json, text/event-stream")
            .header("mcp-protocol-version", MODERN)
            .header("mcp-method", "server/discover")
            .json(&body);
        let reply = Reply::of(discover).await.json();
        assert_eq!(reply["result"]["capabilities"]["resources"], expected);
    }
}

#[tokio::test]
async fn no_subscriptions_are_offered_over_the_old_transport() {
    let (_upstream, settings) = with_resources(Speaks::Legacy, "raw").await;
    let gateway = start(vec![settings]).await;
    let bearer = token(&gateway);
    let opened = gateway.request("GET", "/sse").bearer_auth(&bearer);
    let mut stream = Stream::of(opened.header("accept", "text/event-stream")).await;
    let address = stream.next_text().await;
    let initialize = json!({ "jsonrpc": "2.0", "id": 1, "method": "initialize", "params": { "protocolVersion": "2024-11-05", "capabilities": {} } });
    let post = gateway.request("POST", &address).bearer_auth(&bearer);
    let accepted = Reply::of(post.json(&initialize)).await;
    assert_eq!(accepted.status, 202, "{}", accepted.text());
    let hello = stream.next().await;
    let resources = &hello["result"]["capabilities"]["resources"];
    assert_eq!(*resources, json!({ "listChanged": true }));
}

#[tokio::test]
async fn a_subscription_is_made_again_and_its_client_told_that_something_may_have_changed() {
    let (upstream, settings) = with_resources(Speaks::Modern, "raw").await;
    let gateway = start(vec![settings]).await;
    let client = Client::new(&gateway, "2025-11-25", "{}").await;
    let mut legacy = client.listen().await;
    client.ask("resources/subscribe", ONE).await;
    let (mut modern, _) = subscribed(&gateway, r#"["test://one"]"#).await;
    for ends_in_order in [false, true] {
        match ends_in_order {
            true => upstream.end_subscriptions(),
            false => upstream.hang_up(),
        }
        assert_eq!(legacy.next_text().await, PERHAPS);
        assert_eq!(modern.next_text().await, PERHAPS_MODERN);
        upstream.update("test://one");
        let (for_legacy, for_modern) = told(Speaks::Modern, "test://one");
        assert_eq!(legacy.next_text().await, for_legacy);
        assert_eq!(modern.next_text().await, for_modern);
    }
}

#[tokio::test]
async fn an_upstream_that_tells_of_more_than_one_answer_may_hold_is_subscribed_to_again() {
    for speaks in [Speaks::Modern, Speaks::Legacy] {
        let (upstream, mut settings) = with_resources(speaks, "raw").await;
        settings.max_message_bytes = 32 * 1024;
        let gateway = start(vec![settings]).await;
        let (mut modern, _) = subscribed(&gateway, r#"["test://one","test://two"]"#).await;
        // How often somebody came to listen: that nobody does in between may be over before anybody looks.
        let until_listened_to = async |times: usize| {
            let is_it = |sent: &Recorded| match speaks {
                Speaks::Legacy => {
                    sent.method == "GET" && sent.headers["mcp-session-id"] == "session-1-2"
                }
                Speaks::Modern => sent.method == "subscriptions/listen",
            };
            let look = |upstream: &RawUpstream| {
                let requests = upstream.requests().into_iter();
                (requests.filter(is_it).count() >= times).then_some(())
            };
            upstream.until("it is listened to", look).await;
            match speaks {
                Speaks::Legacy => upstream.until_heard_in("session-1-2", true).await,
                Speaks::Modern => {
                    until_subscribed(&upstream, &[&["test://one", "test://two"]]).await;
                }
            }
        };
        until_listened_to(1).await;
        for _ in 0..400 {
            upstream.update("test://one");
        }
        until_listened_to(2).await;
        upstream.update("test://two");
        let (_, for_modern) = told(speaks, "test://two");
        loop {
            let next = modern.next_text().await;
            if next == for_modern {
                break;
            }
            assert!(next.contains("resources/updated"), "it goes on: {next}");
        }
    }
}

#[tokio::test]
async fn a_child_that_died_is_subscribed_to_again() {
    for (speaks, kind) in [(Speaks::Legacy, "legacy"), (Speaks::Modern, "modern")] {
        let gateway = start(vec![child("child", kind)]).await;
        let client = Client::new(&gateway, "2025-11-25", "{}").await;
        let mut legacy = client.listen().await;
        client.ask("resources/subscribe", ONE).await;
        let (mut modern, _) = subscribed(&gateway, r#"["test://one"]"#).await;
        let die = json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": { "name": "child__die" } });
        gateway.call(&token(&gateway), die).await;
        assert_eq!(legacy.next_text().await, PERHAPS);
        assert_eq!(modern.next_text().await, PERHAPS_MODERN);
        touch(&gateway, "test://one").await;
        let (for_legacy, for_modern) = told(speaks, "test://one");
        assert_eq!(legacy.next_text().await, for_legacy);
        assert_eq!(modern.next_text().await, for_modern);
    }
}

#[tokio::test]
async fn a_subscription_that_an_upstream_does_not_honour_any_more_is_ended_with_its_result() {
    let (upstream, settings) = with_resources(Speaks::Modern, "raw").await;
    let gateway = start(vec![settings]).await;
    let (modern, _) = subscribed(&gateway, r#"["test://one","test://two"]"#).await;
    upstream.refuse("test://one");
    upstream.hang_up();
    let last: Value = serde_json::from_str(&modern.end().await).expect("JSON");
    assert_eq!(last["id"], "sub-1");
    assert_eq!(last["result"]["resultType"], "complete");
    until_subscribed(&upstream, &[]).await;
}

#[tokio::test]
async fn what_an_upstream_does_not_acknowledge_in_time_is_not_claimed() {
    let (slow, first) = with_resources(Speaks::Modern, "slow").await;
    let (_quick, second) = with_resources(Speaks::Modern, "quick").await;
    slow.fall_silent();
    let gateway = start(vec![first, second]).await;
    let asked = r#"["test://one","usher+quick:test://one"]"#;
    let (_stream, honoured) = subscribed(&gateway, asked).await;
    assert_eq!(honoured, json!(["usher+quick:test://one"]));
    until_subscribed(&slow, &[]).await;
}

#[tokio::test]
async fn a_legacy_client_is_told_of_more_and_of_less() {
    let (upstream, settings) = with_resources(Speaks::Modern, "raw").await;
    upstream.refuse("test://three");
    let gateway = start(vec![settings]).await;
    let client = Client::new(&gateway, "2025-11-25", "{}").await;
    // Without a stream nothing is asked for; once there is one, everything is.
    client.ask("resources/subscribe", ONE).await;
    assert_eq!(upstream.subscriptions().len(), 0);
    let mut heard = client.listen().await;
    until_subscribed(&upstream, &[&["test://one"]]).await;
    let two = r#"{"uri":"test://two"}"#;
    client.ask("resources/subscribe", two).await;
    until_subscribed(&upstream, &[&["test://one", "test://two"]]).await;
    let refused = client
        .ask("resources/subscribe", r#"{"uri":"test://three"}"#)
        .await;
    assert_eq!(refused["error"]["code"], -32602, "{refused}");
    for uri in ["test://one", "test://two"] {
        upstream.update(uri);
        assert_eq!(heard.next_text().await, told(Speaks::Modern, uri).0);
    }
    client.ask("resources/unsubscribe", ONE).await;
    until_subscribed(&upstream, &[&["test://two"]]).await;
    client.ask("resources/unsubscribe", two).await;
    until_subscribed(&upstream, &[]).await;
    client.ask("resources/subscribe", two).await;
    upstream.update("test://two");
    assert_eq!(
        heard.next_text().await,
        told(Speaks::Modern, "test://two").0
    );
    drop(heard);
    until_subscribed(&upstream, &[]).await;
}

#[tokio::test]
async fn a_client_is_told_of_so_many_resources_and_no_more() {
    let (upstream, settings) = with_resources(Speaks::Modern, "raw").await;
    let resource = |n: usize| format!("test://{n}");
    let listed: Vec<_> = (0..=200)
        .map(|n| json!({ "uri": resource(n), "name": "n" }))
        .collect();
    let listed = json!({ "resources": listed });
    upstream.answer_to("resources/list", &format!(r#""result":{listed}"#));
    let gateway = start(vec![settings]).await;
    let all: Vec<_> = (0..=200).map(resource).collect();
    let (_stream, honoured) = subscribed(&gateway, &json!(all).to_string()).await;
    assert_eq!(honoured.as_array().map(Vec::len), Some(200));
    let client = Client::new(&gateway, "2025-11-25", "{}").await;
    let subscribe = async |n: usize| {
        let params = json!({ "uri": resource(n) }).to_string();
        client.ask("resources/subscribe", &params).await
    };
    for n in 0..200 {
        assert_eq!(subscribe(n).await["result"], json!({}));
    }
    assert_eq!(subscribe(200).await["error"]["code"], 503);
}

#[tokio::test]
async fn children_on_demand_run_while_somebody_is_subscribed() {
    let mut settings = child("child", "legacy");
    settings.stdio.start = usher::upstream::StartSetting::OnDemand;
    settings.stdio.idle_seconds = 1;
    let gateway = start(vec![settings]).await;
    let idle = |health: &Reply| health.json()["upstreams"]["idle"] == 1;
    gateway.until("/healthz?deep=1", idle).await;
    let (mut stream, honoured) = subscribed(&gateway, r#"["test://one","test://refused"]"#).await;
    assert_eq!(honoured, json!(["test://one"]));
    // Twice as long as it takes to be ended.
    tokio::time::sleep(Duration::from_secs(3)).await;
    touch(&gateway, "test://one/part").await;
    assert_eq!(
        stream.next_text().await,
        told(Speaks::Legacy, "test://one/part").1
    );
    drop(stream);
    gateway.until("/healthz?deep=1", idle).await;
}
