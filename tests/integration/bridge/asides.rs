//! What a legacy upstream says in a client's session, but in no answer: it reaches the stream of that session, and no other.

use serde_json::{Value, json};

use super::elicitation::{ALL, Client, Stream};
use super::{both, token};
use crate::gateway::TestGateway;
use crate::raw_upstream::{RawUpstream, Speaks};
use crate::upstream::{over_http, start};

const RESOURCES: &str = r#"{"tools":{},"resources":{"subscribe":true}}"#;

/// The upstream's session of the last call.
fn session(upstream: &RawUpstream) -> String {
    let session = upstream.last_call().headers["mcp-session-id"].clone();
    session.to_str().expect("text").to_owned()
}

/// A client that listens, and its session at the upstream, which is heard.
async fn listening<'a>(
    gateway: &'a TestGateway,
    upstream: &RawUpstream,
    capabilities: &str,
) -> (Client<'a>, Stream, String) {
    let client = Client::new(gateway, "2025-11-25", capabilities).await;
    let stream = client.listen().await;
    assert_eq!(client.call().await.status, 200);
    let session = session(upstream);
    upstream.until_heard_in(&session, true).await;
    (client, stream, session)
}

fn log(level: &str) -> String {
    format!(
        r#"{{"jsonrpc":"2.0","method":"notifications/message","params":{{ "level":"{level}","data":[1.50,1e2]}}}}"#
    )
}

fn updated(uri: &str) -> String {
    format!(
        r#"{{"jsonrpc":"2.0","method":"notifications/resources/updated","params":{{ "x":1.50,"uri" : "{uri}"}}}}"#
    )
}

async fn with_resources(names: &[&str]) -> (Vec<RawUpstream>, TestGateway) {
    let mut upstreams = Vec::new();
    for _ in names {
        let upstream = RawUpstream::start(Speaks::Legacy).await;
        upstream.capabilities(RESOURCES);
        upstream.answer_to(
            "resources/list",
            r#""result":{"resources":[{"uri":"test://one","name":"one"}]}"#,
        );
        upstream.answer_to(
            "resources/templates/list",
            r#""result":{"resourceTemplates":[]}"#,
        );
        for method in ["resources/subscribe", "resources/unsubscribe"] {
            upstream.answer_to(method, r#""result":{ "n":1.50}"#);
        }
        upstreams.push(upstream);
    }
    let settings = names.iter().zip(&upstreams);
    let settings = settings.map(|(name, upstream)| over_http(name, &upstream.url));
    let gateway = start(settings.collect()).await;
    (upstreams, gateway)
}

#[tokio::test]
async fn log_messages_reach_their_own_session_from_the_level_on_that_it_asked_for() {
    let (upstream, gateway) = both(Speaks::Legacy).await;
    let (one, mut heard, first) = listening(&gateway, &upstream, "{}").await;
    let (_two, mut other, second) = listening(&gateway, &upstream, "{}").await;
    assert_ne!(first, second, "each has a session of its own");
    let level = one.ask("logging/setLevel", r#"{"level":"warning"}"#).await;
    assert_eq!(level["result"], json!({}));
    one.call().await;
    let told = upstream.until_sent("logging/setLevel").await;
    assert_eq!(told.headers["mcp-session-id"], *first);
    for level in ["info", "warning", "unheard-of", "error"] {
        upstream.say_in(&first, &log(level));
    }
    // It asked for no level, and leaves it to the server.
    upstream.say_in(&second, &log("debug"));
    upstream.say_in(&first, r#"{"jsonrpc":"2.0","method":"notifications/progress","params":{"progressToken":1,"progress":1}}"#);
    assert_eq!(heard.next_text().await, log("warning"));
    assert_eq!(heard.next_text().await, log("error"));
    assert_eq!(other.next_text().await, log("debug"));
    // Whatever it is told first is what comes first: nothing of the above was for it.
    let done = r#"{"jsonrpc":"2.0","method":"notifications/elicitation/complete","params":{"elicitationId":"e"}}"#;
    for (session, stream) in [(&first, &mut heard), (&second, &mut other)] {
        upstream.say_in(session, done);
        assert_eq!(stream.next_text().await, done);
    }
}

#[tokio::test]
async fn a_client_hears_of_the_resources_that_it_subscribed_to() {
    let (upstreams, gateway) = with_resources(&["one", "two"]).await;
    let client = Client::new(&gateway, "2025-11-25", "{}").await;
    let mut stream = client.listen().await;
    // Two have it, so one is listed under another address.
    for (upstream, uri) in upstreams.iter().zip(["test://one", "usher+two:test://one"]) {
        let params = format!(r#"{{"uri":"{uri}","x":1.50}}"#);
        let reply = client.ask("resources/subscribe", &params).await;
        assert_eq!(reply["result"], json!({ "n": 1.5 }), "{reply}");
        let sent = upstream.until_sent("resources/subscribe").await;
        assert!(
            sent.body
                .contains(r#""params":{"uri":"test://one","x":1.50}"#),
            "{}",
            sent.body
        );
        let session = sent.headers["mcp-session-id"]
            .to_str()
            .expect("text")
            .to_owned();
        upstream.until_heard_in(&session, true).await;
        upstream.say_in(&session, &updated("test://one"));
        assert_eq!(stream.next_text().await, updated(uri));
        upstream.say_in(&session, &updated("test://one/../two"));
        let reply = client.ask("resources/unsubscribe", &params).await;
        assert_eq!(reply["result"], json!({ "n": 1.5 }));
        let ended = upstream.until_sent("resources/unsubscribe").await;
        assert_eq!(ended.headers["mcp-session-id"], *session);
    }
}

#[tokio::test]
async fn what_takes_no_subscriptions_is_said_before_and_when_it_is_asked() {
    let (_upstreams, gateway) = with_resources(&["raw"]).await;
    let subscribe = json!({ "jsonrpc": "2.0", "id": 1, "method": "resources/subscribe", "params": { "uri": "test://one" } });
    let without_session = gateway.call(&token(&gateway), subscribe.clone()).await;
    assert_eq!(without_session.json()["error"]["code"], -32600);
    let client = Client::new(&gateway, "2025-11-25", "{}").await;
    for (params, code) in [("{}", -32602), (r#"{"uri":"nobody's://x/../y"}"#, -32002)] {
        let reply = client.ask("resources/subscribe", params).await;
        assert_eq!(reply["error"]["code"], code, "{params}");
    }
    let initialize = |revision: &str| json!({ "jsonrpc": "2.0", "id": 0, "method": "initialize", "params": { "protocolVersion": revision, "capabilities": {} } });
    let capabilities = async |gateway: &TestGateway| {
        let reply = gateway
            .call(&token(gateway), initialize("2025-11-25"))
            .await;
        reply.json()["result"]["capabilities"]["resources"].clone()
    };
    assert_eq!(
        capabilities(&gateway).await,
        json!({ "listChanged": true, "subscribe": true })
    );

    // Modern, and one that does not say that it takes any.
    for speaks in [Speaks::Modern, Speaks::Legacy] {
        let upstream = RawUpstream::start(speaks).await;
        upstream.has_more();
        let gateway = start(vec![over_http("raw", &upstream.url)]).await;
        assert_eq!(capabilities(&gateway).await, json!({ "listChanged": true }));
        let reply = gateway.call(&token(&gateway), subscribe.clone()).await;
        assert_eq!(reply.json()["error"]["code"], -32601);
    }
}

#[tokio::test]
async fn nobody_hears_of_a_resource_that_rules_keep_from_them() {
    let upstream = RawUpstream::start(Speaks::Legacy).await;
    upstream.capabilities(RESOURCES);
    upstream.answer_to(
        "resources/list",
        r#""result":{"resources":[{"uri":"test://one","name":"one"},{"uri":"test://secret","name":"s"}]}"#,
    );
    upstream.answer_to("resources/subscribe", r#""result":{}"#);
    let rule: usher::policy::RuleSettings = serde_json::from_value(json!({
        "resources": ["test://secret"], "scopes": ["vault"],
    }))
    .expect("a rule");
    let raw = over_http("raw", &upstream.url);
    let gateway = TestGateway::builder()
        .settings(|settings| {
            settings.upstream = vec![raw];
            settings.rule = vec![rule];
        })
        .start()
        .await;
    crate::upstream::until_listed(&gateway, "raw__").await;
    let (client, mut stream, session) = listening(&gateway, &upstream, "{}").await;
    let refused = client
        .ask("resources/subscribe", r#"{"uri":"test://secret"}"#)
        .await;
    assert!(refused["error"].is_object(), "{refused}");
    client
        .ask("resources/subscribe", r#"{"uri":"test://one"}"#)
        .await;
    upstream.say_in(&session, &updated("test://secret"));
    upstream.say_in(&session, &updated("test://one"));
    assert_eq!(stream.next_text().await, updated("test://one"));
}

#[tokio::test]
async fn a_session_that_the_server_forgot_is_opened_again_with_what_was_subscribed_to() {
    let (upstreams, gateway) = with_resources(&["raw"]).await;
    let upstream = &upstreams[0];
    let (client, mut stream, before) = listening(&gateway, upstream, "{}").await;
    client
        .ask("resources/subscribe", r#"{"uri":"test://one"}"#)
        .await;
    upstream.forget_sessions();
    upstream.hang_up();
    let look = |upstream: &RawUpstream| {
        let requests = upstream.requests().into_iter();
        let sessions = requests
            .filter(|sent| sent.method == "resources/subscribe")
            .map(|sent| {
                sent.headers["mcp-session-id"]
                    .to_str()
                    .expect("text")
                    .to_owned()
            });
        sessions.last().filter(|session| *session != before)
    };
    let after = upstream.until("another session subscribes", look).await;
    upstream.until_heard_in(&after, true).await;
    // What happened in between nobody knows.
    let unknown = r#"{"jsonrpc":"2.0","method":"notifications/resources/updated","params":{"uri":"test://one"}}"#;
    assert_eq!(stream.next_text().await, unknown);
    upstream.say_in(&after, &updated("test://one"));
    assert_eq!(stream.next_text().await, updated("test://one"));
}

#[tokio::test]
async fn what_cannot_be_subscribed_to_again_keeps_no_call_out_of_the_next_session() {
    let (upstreams, gateway) = with_resources(&["raw"]).await;
    let upstream = &upstreams[0];
    let (client, _stream, before) = listening(&gateway, upstream, "{}").await;
    client
        .ask("resources/subscribe", r#"{"uri":"test://one"}"#)
        .await;
    upstream.answer_to("resources/subscribe", r#""result":7"#);
    upstream.forget_sessions();
    assert_eq!(client.call().await.status, 200);
    assert_ne!(session(upstream), before);
}

#[tokio::test]
async fn a_client_that_comes_back_is_heard_and_one_that_is_gone_is_not() {
    let (upstream, gateway) = both(Speaks::Legacy).await;
    let (client, first, session) = listening(&gateway, &upstream, ALL).await;
    let mut second = client.listen().await;
    drop(first);
    let gets = || {
        let all = upstream.requests().into_iter();
        all.filter(|sent| sent.method == "GET").count()
    };
    client.call().await;
    assert_eq!(gets(), 1, "one stream is enough");
    upstream.say_in(
        &session,
        r#"{"jsonrpc":"2.0","id":7,"method":"roots/list"}"#,
    );
    assert_eq!(second.next().await["method"], "roots/list");
    drop(second);
    upstream.until_heard_in(&session, false).await;
    // It is asked of the session that it has there already, without a call.
    let mut third = client.listen().await;
    upstream.until_heard_in(&session, true).await;
    upstream.say_in(
        &session,
        r#"{"jsonrpc":"2.0","id":8,"method":"roots/list"}"#,
    );
    assert_eq!(third.next().await["method"], "roots/list");
}

#[tokio::test]
async fn questions_in_a_session_are_carried_as_those_of_a_call_are() {
    let (upstream, gateway) = both(Speaks::Legacy).await;
    let (client, mut stream, session) = listening(&gateway, &upstream, r#"{"roots":{}}"#).await;
    let answered = async |count: usize| -> Value {
        let look = |upstream: &RawUpstream| upstream.answers().get(count - 1).cloned();
        let answer = upstream.until("it is answered", look).await;
        serde_json::from_str(&answer).expect("JSON")
    };
    upstream.say_in(
        &session,
        r#"{"jsonrpc":"2.0","id":"a","method":"roots/list","params":{ "n":1.50}}"#,
    );
    let question = stream.next_text().await;
    assert!(
        question.ends_with(r#","method":"roots/list","params":{ "n":1.50}}"#),
        "{question}"
    );
    let question: Value = serde_json::from_str(&question).expect("JSON");
    let roots = r#""result":{"roots":[]}"#;
    assert_eq!(client.answer(&question["id"], roots).await.status, 202);
    assert_eq!(
        answered(1).await,
        json!({ "jsonrpc": "2.0", "id": "a", "result": { "roots": [] } })
    );
    let last = upstream.requests().pop().expect("an answer");
    assert_eq!(last.headers["mcp-session-id"], *session);

    upstream.say_in(
        &session,
        r#"{"jsonrpc":"2.0","id":1,"method":"sampling/createMessage","params":{}}"#,
    );
    assert_eq!(answered(2).await["error"]["code"], -32601);
    upstream.say_in(&session, r#"{"jsonrpc":"2.0","id":2,"method":"ping"}"#);
    assert_eq!(answered(3).await["result"], json!({}));

    upstream.say_in(
        &session,
        r#"{"jsonrpc":"2.0","id":3,"method":"roots/list"}"#,
    );
    let question = stream.next().await;
    upstream.say_in(
        &session,
        r#"{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":3}}"#,
    );
    let taken_back = stream.next().await;
    assert_eq!(taken_back["params"]["requestId"], question["id"]);
}

#[tokio::test]
async fn a_server_without_such_a_stream_is_asked_for_it_once() {
    for status in [405, 404] {
        let (upstream, gateway) = both(Speaks::Legacy).await;
        upstream.has_no_stream(status);
        let client = Client::new(&gateway, "2025-11-25", "{}").await;
        let _stream = client.listen().await;
        for _ in 0..3 {
            assert_eq!(client.call().await.status, 200);
        }
        let all = upstream.requests().into_iter();
        assert_eq!(all.filter(|sent| sent.method == "GET").count(), 1);
        let opened = upstream.requests().into_iter();
        let opened = opened.filter(|sent| sent.method == "initialize").count();
        assert_eq!(opened, 2, "ours, and the client's");
    }
}
