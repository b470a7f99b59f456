//! The sessions that callers have at a legacy upstream over HTTP.

use axum::http::HeaderMap;
use serde_json::json;
use usher::upstream::UpstreamSettings;

use super::super::gateway::{Reply, TestGateway};
use super::super::raw_upstream::{RawUpstream, Speaks};
use super::{over_http, start};

/// A call of `subject`'s; the session in which it came to the upstream.
async fn call_as(gateway: &TestGateway, upstream: &RawUpstream, subject: &str) -> String {
    let token = gateway.token().subject(subject).scope("mcp:write").mint();
    let call = json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": { "name": "raw__echo" } });
    let reply: Reply = gateway.call(&token, call).await;
    assert_eq!(
        reply.json()["result"],
        json!({ "content": [] }),
        "{}",
        reply.text()
    );
    session(&upstream.last_call().headers)
}

fn session(headers: &HeaderMap) -> String {
    headers["mcp-session-id"].to_str().expect("text").to_owned()
}

/// How many messages with this method came, and the sessions of those that name one.
fn sent(upstream: &RawUpstream, method: &str) -> (usize, Vec<String>) {
    let requests = upstream.requests().into_iter();
    let found: Vec<_> = requests.filter(|sent| sent.method == method).collect();
    let named = found
        .iter()
        .filter(|sent| sent.headers.contains_key("mcp-session-id"));
    (
        found.len(),
        named.map(|sent| session(&sent.headers)).collect(),
    )
}

#[tokio::test]
async fn each_caller_has_one_of_its_own_and_keeps_it() {
    let upstream = RawUpstream::start(Speaks::Legacy).await;
    let gateway = start(vec![over_http("raw", &upstream.url)]).await;
    let alice = call_as(&gateway, &upstream, "alice").await;
    let bob = call_as(&gateway, &upstream, "bob").await;
    assert_ne!(alice, bob);
    assert_eq!(call_as(&gateway, &upstream, "alice").await, alice);
    assert_eq!(call_as(&gateway, &upstream, "bob").await, bob);
    let (lists, of_lists) = sent(&upstream, "tools/list");
    assert_eq!(lists, of_lists.len());
    assert!(!of_lists.contains(&alice) && !of_lists.contains(&bob));
    // One handshake each, and the gateway's own.
    assert_eq!(sent(&upstream, "initialize").0, 3);
    assert_eq!(sent(&upstream, "notifications/initialized").1.len(), 3);
}

#[tokio::test]
async fn calls_that_come_at_once_open_one_session() {
    let upstream = RawUpstream::start(Speaks::Legacy).await;
    let gateway = start(vec![over_http("raw", &upstream.url)]).await;
    let calls = (0..8).map(|_| call_as(&gateway, &upstream, "alice"));
    futures_util::future::join_all(calls).await;
    assert_eq!(sent(&upstream, "initialize").0, 2);
}

#[tokio::test]
async fn one_that_the_server_has_forgotten_is_opened_again_and_the_call_sent_once_more() {
    let upstream = RawUpstream::start(Speaks::Legacy).await;
    let gateway = start(vec![over_http("raw", &upstream.url)]).await;
    let before = call_as(&gateway, &upstream, "alice").await;
    upstream.forget_sessions();
    let after = call_as(&gateway, &upstream, "alice").await;
    assert!(
        before.starts_with("session-1-") && after.starts_with("session-2-"),
        "{after}"
    );
    assert_eq!(sent(&upstream, "tools/call").0, 3);
}

#[tokio::test]
async fn servers_that_answer_400_for_a_session_that_they_do_not_know_have_forgotten_it_too() {
    const WORDS: &str = "Bad Request: No valid session ID provided";
    let error = |id: &str| {
        format!(r#"{{"jsonrpc":"2.0","error":{{"code":-32000,"message":"{WORDS}"}},"id":{id}}}"#)
    };
    for (kind, body) in [
        // The examples of the SDK for TypeScript, and servers made after them; the first SDK for Python.
        ("application/json; charset=utf-8", error("null")),
        ("application/json", error("$ID")),
        ("text/plain", WORDS.to_owned()),
    ] {
        let upstream = RawUpstream::start(Speaks::Legacy).await;
        upstream.says_of_unknown_sessions(400, kind, &body);
        let gateway = start(vec![over_http("raw", &upstream.url)]).await;
        call_as(&gateway, &upstream, "alice").await;
        upstream.forget_sessions();
        let after = call_as(&gateway, &upstream, "alice").await;
        assert!(after.starts_with("session-2-"), "{body}: {after}");
        assert_eq!(sent(&upstream, "tools/call").0, 3, "{body}");
    }
}

#[tokio::test]
async fn one_that_is_idle_for_too_long_or_has_to_make_way_is_ended() {
    let upstream = RawUpstream::start(Speaks::Legacy).await;
    let settings = UpstreamSettings {
        max_sessions: 2,
        session_idle_seconds: 1,
        ..over_http("raw", &upstream.url)
    };
    let gateway = start(vec![settings]).await;
    let mut opened = Vec::new();
    for subject in ["alice", "bob", "carol"] {
        opened.push(call_as(&gateway, &upstream, subject).await);
    }
    let all_ended =
        |upstream: &RawUpstream| (sent(upstream, "DELETE").0 == opened.len()).then_some(());
    upstream.until("all sessions end", all_ended).await;
    let (_, mut ended) = sent(&upstream, "DELETE");
    ended.sort();
    opened.sort();
    assert_eq!(ended, opened);
}

#[tokio::test]
async fn all_of_them_end_when_the_gateway_stops() {
    let upstream = RawUpstream::start(Speaks::Legacy).await;
    let gateway = start(vec![over_http("raw", &upstream.url)]).await;
    let alice = call_as(&gateway, &upstream, "alice").await;
    let bob = call_as(&gateway, &upstream, "bob").await;
    gateway.stop().await;
    let (_, ended) = sent(&upstream, "DELETE");
    // And the gateway's own.
    assert_eq!(ended.len(), 3);
    assert!(ended.contains(&alice) && ended.contains(&bob), "{ended:?}");
}

#[tokio::test]
async fn an_id_that_is_too_long_to_be_kept_opens_none() {
    let upstream = RawUpstream::start(Speaks::Legacy).await;
    upstream.pad_sessions(4000);
    let gateway = start(vec![over_http("raw", &upstream.url)]).await;
    let alice = call_as(&gateway, &upstream, "alice").await;
    assert!(alice.len() > 4000);

    upstream.pad_sessions(5000);
    let settings = over_http("raw", &upstream.url);
    let gateway = TestGateway::builder()
        .settings(|all| all.upstream = vec![settings])
        .start()
        .await;
    let is_down = |reply: &Reply| reply.json()["upstreams"]["down"] == 1;
    gateway.until("/healthz?deep=1", is_down).await;
}
