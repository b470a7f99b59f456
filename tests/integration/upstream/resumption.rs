//! Legacy upstreams that close the stream of a call before they have answered, and want to be asked again (SEP-1699).

use std::time::Duration;

use serde_json::Value;
use tokio::sync::mpsc::UnboundedReceiver;
use usher::upstream::UpstreamSettings;

use super::super::gateway::TestGateway;
use super::super::raw_upstream::{OpenAnswer, RawUpstream, Speaks};
use super::{call, over_http, start};

const PARAMS: &str = r#"{"name":"raw__echo"}"#;
const ANSWER: &str = r#"{"jsonrpc":"2.0","id":"mine","result":{ "n":1.50}}"#;

fn answer_to(id: &Value) -> String {
    format!(r#"{{"jsonrpc":"2.0","id":{id},"result":{{ "n":1.50}}}}"#)
}

type Calls = UnboundedReceiver<OpenAnswer>;
type Resumed = UnboundedReceiver<(String, OpenAnswer)>;

async fn by_hand(speaks: Speaks, seconds: u64) -> (RawUpstream, Calls, Resumed, TestGateway) {
    let upstream = RawUpstream::start(speaks).await;
    let settings = UpstreamSettings {
        call_timeout_seconds: seconds,
        ..over_http("raw", &upstream.url)
    };
    let gateway = start(vec![settings]).await;
    let (calls, resumed) = (upstream.by_hand(), upstream.resumes());
    (upstream, calls, resumed, gateway)
}

#[tokio::test]
async fn a_stream_that_the_upstream_closes_is_taken_up_where_it_was() {
    for times in [1, 5] {
        let (upstream, mut calls, mut resumed, gateway) = by_hand(Speaks::Legacy, 55).await;
        let answer = async {
            let open = calls.recv().await.expect("a call");
            let id = open.id.clone();
            open.write("id: first 0\nretry: 1\ndata: \n\n");
            drop(open);
            for time in 1..=times {
                let (last_id, rest) = resumed.recv().await.expect("another request");
                assert_eq!(last_id, format!("first {}", time - 1));
                if time == times {
                    rest.say(&answer_to(&id));
                    // A server may leave the stream open.
                    return rest;
                }
                // An event that is not whole counts for nothing.
                rest.write(&format!("id: first {time}\ndata: \n\nid: lost\ndata: {{"));
            }
            unreachable!("it is answered at last");
        };
        let (reply, _rest) = tokio::join!(call(&gateway, PARAMS), answer);
        assert_eq!(reply.text(), ANSWER);
        let last = upstream.until_sent("GET").await;
        assert_eq!(
            last.headers["mcp-session-id"], "session-1-2",
            "the caller's"
        );
        assert_eq!(last.headers["accept"], "text/event-stream");
        assert_eq!(last.headers["mcp-protocol-version"], "2025-11-25");
        assert!(!last.headers.contains_key("content-type"));
        let requests = upstream.requests();
        let sent = |method: &str| requests.iter().filter(|sent| sent.method == method).count();
        assert_eq!((sent("tools/call"), sent("GET")), (1, times));
        assert_eq!(sent("notifications/cancelled"), 0);
    }
}

/// Calls, and closes the stream after these bytes. What the caller hears.
async fn closed_after(gateway: &TestGateway, calls: &mut Calls, text: &str) -> Value {
    let close = async {
        let open = calls.recv().await.expect("a call");
        open.write(text);
    };
    let (reply, ()) = tokio::join!(call(gateway, PARAMS), close);
    reply.json()["error"].clone()
}

#[tokio::test]
async fn a_server_that_does_not_take_up_the_stream_costs_the_call_an_error_that_says_to_try_again()
{
    for status in [405, 404, 400] {
        let (upstream, mut calls, _resumed, gateway) = by_hand(Speaks::Legacy, 55).await;
        upstream.has_no_stream(status);
        let error = closed_after(&gateway, &mut calls, "id: 1\nretry: 1\ndata: \n\n").await;
        assert_eq!(error["code"], 502, "{status} {error}");
        assert!(
            error["message"]
                .as_str()
                .expect("words")
                .contains("try again later")
        );
        let requests = upstream.requests();
        let gets = requests.iter().filter(|sent| sent.method == "GET");
        assert_eq!(gets.count(), 1, "{status}");
    }
}

#[tokio::test]
async fn a_server_that_is_busy_or_away_is_asked_again_and_then_no_more() {
    let (upstream, mut calls, _resumed, gateway) = by_hand(Speaks::Legacy, 55).await;
    upstream.has_no_stream(503);
    let error = closed_after(&gateway, &mut calls, "id: 1\nretry: 1\ndata: \n\n").await;
    assert_eq!(error["code"], 503, "{error}");
    let requests = upstream.requests();
    let gets = requests.iter().filter(|sent| sent.method == "GET");
    assert_eq!(gets.count(), 6);
}

#[tokio::test]
async fn a_stream_without_ids_and_one_of_a_modern_server_are_over_when_they_end() {
    for (speaks, text) in [
        (Speaks::Legacy, "data: \n\n"),
        (Speaks::Legacy, "id: 1\ndata: \n\nid:\n\n"),
        (Speaks::Modern, "id: 1\nretry: 1\ndata: \n\n"),
    ] {
        let (upstream, mut calls, _resumed, gateway) = by_hand(speaks, 55).await;
        let error = closed_after(&gateway, &mut calls, text).await;
        assert_eq!(error["code"], 502, "{text:?} {error}");
        let message = error["message"].as_str().expect("words");
        assert!(message.contains("try again later"), "{message}");
        let requests = upstream.requests();
        assert!(requests.iter().all(|sent| sent.method != "GET"));
    }
}

#[tokio::test]
async fn a_server_that_wants_to_be_asked_after_the_deadline_is_not_waited_for() {
    // An hour is more than HTTP gives a request, which is then answered otherwise.
    let (upstream, mut calls, _resumed, gateway) = by_hand(Speaks::Legacy, 3_600).await;
    let error = closed_after(&gateway, &mut calls, "id: 1\nretry: 3600000\ndata: \n\n").await;
    assert_eq!(error["code"], 504, "{error}");
    upstream.until_sent("notifications/cancelled").await;
    let requests = upstream.requests();
    assert!(requests.iter().all(|sent| sent.method != "GET"));
}

#[tokio::test]
async fn the_deadline_of_a_call_bounds_how_often_its_stream_is_taken_up() {
    let (upstream, mut calls, mut resumed, gateway) = by_hand(Speaks::Legacy, 1).await;
    let hang = async {
        calls
            .recv()
            .await
            .expect("a call")
            .write("id: 1\nretry: 1\ndata: \n\n");
        // Closes each of them at once, for ever.
        while resumed.recv().await.is_some() {}
    };
    let reply = tokio::select! {
        reply = call(&gateway, PARAMS) => reply,
        () = hang => unreachable!("the upstream goes on"),
    };
    assert_eq!(reply.json()["error"]["code"], 504, "{}", reply.text());
    upstream.until_sent("notifications/cancelled").await;
}

#[tokio::test]
async fn a_call_whose_stream_is_taken_up_can_be_cancelled() {
    let (upstream, mut calls, mut resumed, gateway) = by_hand(Speaks::Legacy, 55).await;
    let close = async {
        let open = calls.recv().await.expect("a call");
        open.write("id: 1\nretry: 1\ndata: \n\n");
        drop(open);
        let (_last_id, rest) = resumed.recv().await.expect("another request");
        let note = serde_json::json!({ "jsonrpc": "2.0", "method": "notifications/cancelled", "params": { "requestId": "mine" } });
        gateway.call(&super::token(&gateway), note).await;
        rest.closed().await;
    };
    let both = async { tokio::join!(call(&gateway, PARAMS), close) };
    let (reply, ()) = tokio::time::timeout(Duration::from_secs(50), both)
        .await
        .expect("an end");
    assert_eq!((reply.status, reply.text()), (202, ""));
    upstream.until_sent("notifications/cancelled").await;
}

#[tokio::test]
async fn what_the_upstream_lists_may_come_on_a_stream_that_is_taken_up() {
    let upstream = RawUpstream::start(Speaks::Legacy).await;
    let mut resumed = upstream.resumes();
    upstream.list_by_hand();
    let settings = over_http("raw", &upstream.url);
    let gateway = TestGateway::builder()
        .settings(|all| all.upstream = vec![settings])
        .start()
        .await;
    let (last_id, rest) = resumed.recv().await.expect("another request");
    assert_eq!(last_id, "list");
    let sent = upstream.until_sent("tools/list").await;
    let sent: Value = serde_json::from_str(&sent.body).expect("JSON");
    let tools = r#"{"tools":[{"name":"echo","inputSchema":{"type":"object"}}]}"#;
    rest.say(&format!(
        r#"{{"jsonrpc":"2.0","id":{},"result":{tools}}}"#,
        sent["id"]
    ));
    super::until_listed(&gateway, "raw__echo").await;
}
